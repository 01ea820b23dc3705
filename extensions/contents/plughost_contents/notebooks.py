"""Notebooks: from bytes to what clients read and back, with nbformat; and whom to trust.

nbformat takes a fifth of a second to import, so it is imported when the first notebook is
read. All functions here take their time and belong into a worker thread.
"""

# nbformat's functions carry no types.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_core.paths import jupyter_data_dir
from jupyter_core.utils import ensure_dir_exists

from plughost import BadRequest
from plughost_contents import cells

if TYPE_CHECKING:
    from nbformat.sign import NotebookNotary

FORMAT = 4
"""Older notebooks are upgraded to this major version of the format when they are read."""


class NotANotebook(BadRequest):
    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(
            f"{path!r} is not a notebook: {why}",
            hint="Open it as text (Open With > Editor) to see and repair it.",
        )


def new_notebook() -> bytes:
    """An empty notebook as it is stored."""
    import nbformat.v4

    return _stored(nbformat.v4.new_notebook())


def read(data: bytes, path: str) -> tuple[msgspec.Raw, str | None]:
    """A stored notebook as JSON for clients, and what is not valid in it.

    It is upgraded to format 4 where it is older. Its code cells are marked as trusted
    when Jupyter's signature database knows the notebook. Raises NotANotebook for what
    cannot be shown as one at all.
    """
    with _shape_of(path), _notary() as notary:
        with contextlib.suppress(cells.Unusual):
            return cells.read(data, notary), None
        notebook, message = _parsed(data)
        known = _signable(notebook) and notary.check_signature(notebook)
        notary.mark_cells(notebook, known)
        return _json(notebook), message


def write(content: msgspec.Raw, path: str) -> tuple[bytes, str | None]:
    """A client's notebook as it is stored, and what is not valid in it.

    A notebook all of whose cells the client trusts is signed. Raises NotANotebook.
    """
    import nbformat
    from nbformat.v4 import rwbase

    with _shape_of(path), _notary() as notary:
        with contextlib.suppress(cells.Unusual):
            return cells.write(content, notary), None
        raw = json.loads(bytes(content))
        if raw["nbformat"] == FORMAT:
            message = _repaired(raw)
            notebook = nbformat.from_dict(raw)
        else:
            notebook, message = _parsed(bytes(content))
        trusted = notary.check_cells(notebook)
        # What is not stored must not be signed either.
        rwbase.strip_transient(notebook)
        if trusted and _signable(notebook):
            notary.sign(notebook)
        return _stored(notebook), message


def trust(data: bytes, path: str) -> None:
    """Sign a stored notebook: its outputs may run as they are. Raises NotANotebook."""
    with _shape_of(path):
        notebook, _ = _parsed(data)
        if not _signable(notebook):
            raise BadRequest(
                f"{path!r} cannot be signed: it has half a character in it.",
                hint="Run the cells again whose output has a character cut in two.",
            )
        with _notary() as notary:
            notary.sign(notebook)


def _parsed(data: bytes) -> tuple[Any, str | None]:
    import nbformat
    from nbformat import reader
    from nbformat.v4 import nbjson

    raw = json.loads(data.decode("utf-8"))
    if raw["nbformat"] == FORMAT:
        message = _repaired(raw)
        return nbjson.to_notebook(raw), message
    notebook = nbformat.convert(reader.reads(data.decode("utf-8")), FORMAT)
    return notebook, _repaired(notebook)


def _repaired(raw: Any) -> str | None:
    """Add what is missing and everybody relies on; nbformat's complaint about how it was.

    An invalid notebook is shown with a message: a refusal would help nobody to mend it.
    """
    import nbformat

    _complete_ids(raw)
    message = None
    if raw["nbformat"] == FORMAT:
        try:
            nbformat.validate(raw)
        except nbformat.ValidationError as error:
            message = f"Notebook validation failed: {error.message}:\n{_excerpt(error.instance)}"
    raw.setdefault("metadata", {})
    for cell in raw["cells"]:
        cell.setdefault("metadata", {})
        cell.setdefault("source", "")
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
    return message


def _excerpt(value: Any) -> str:
    text = json.dumps(value, indent=1, default=str)
    return text if len(text) < 1000 else f"{text[:1000]}…"


def _complete_ids(notebook: Any) -> None:
    """Give an id to each cell without one, and another to one that repeats an id.

    nbformat would draw random ones, and the notebook's signature would never match again.
    """
    if (notebook["nbformat"], notebook.get("nbformat_minor", 0)) < (4, 5):
        return
    seen = set()
    for number, cell in enumerate(notebook["cells"]):
        identity = cell.get("id")
        if identity is None or identity in seen:
            source = f"{number} {cell.get('source', '')}"
            identity = cell["id"] = hashlib.sha256(source.encode(errors="replace")).hexdigest()[:16]
        seen.add(identity)


@contextlib.contextmanager
def _shape_of(path: str) -> Iterator[None]:
    """Say in one sentence why something is no notebook, whatever tripped over it."""
    try:
        yield
    except KeyError as error:
        raise NotANotebook(path, f"it has no {error}.") from error
    except UnicodeDecodeError as error:
        raise NotANotebook(path, "it is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise NotANotebook(path, f"it is not JSON ({error}).") from error
    except ValueError as error:  # nbformat's own errors among them
        raise NotANotebook(path, f"{str(error)[:200]}.") from error
    except (TypeError, AttributeError, RecursionError) as error:
        raise NotANotebook(path, "its parts are not of the right shape.") from error


def _signable(notebook: Any) -> bool:
    """Whether all of it is text that can be encoded; JSON may hold half a surrogate pair."""
    try:
        msgspec.json.encode(notebook)
    except UnicodeEncodeError:
        return False
    return True


def _json(notebook: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(notebook))
    except UnicodeEncodeError:
        return msgspec.Raw(json.dumps(notebook).encode())  # escapes what is not text


def _stored(notebook: Any) -> bytes:
    from nbformat.v4 import nbjson

    text: str = nbjson.writes(notebook)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{nbjson.writes(notebook, ensure_ascii=True)}\n".encode()


@contextlib.contextmanager
def _notary() -> Iterator[NotebookNotary]:
    """Jupyter's own signatures: what one server trusts, the others trust."""
    from nbformat.sign import NotebookNotary

    folder = jupyter_data_dir()
    ensure_dir_exists(folder, mode=0o700)
    notary = NotebookNotary(data_dir=folder)
    try:
        yield notary
    finally:
        notary.store.close()

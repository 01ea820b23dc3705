"""Notebooks, cell by cell: the same results as nbformat's for the notebooks people have.

Parsing 20 MB of JSON in one go holds the interpreter, and every other client, for as long as
it takes; and checking 5,000 cells against a JSON schema is most of the time that reading
takes. So a notebook that is plainly valid is read and written here in small steps. Whatever
is unusual in any way is left to nbformat (`notebooks.py`), whose word is the law: the tests
compare the two.

Sources: the notebook format 4.5 (nbformat's JSON schema); nbformat's `sign.py` for what a
signature covers.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from nbformat.sign import NotebookNotary

KEYS = {"cells", "metadata", "nbformat", "nbformat_minor"}
TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")
"""What is in the metadata of a notebook while it is open, and is not stored."""

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_JSON_TYPE = re.compile(r"application/(.*\+)?json")
_SPLIT_TYPES = ("application/javascript", "image/svg+xml")

_TEXT_CELL = {"cell_type", "metadata", "source"}
_CODE_CELL = {"cell_type", "metadata", "source", "outputs", "execution_count"}
_OUTPUTS = {
    "stream": {"output_type", "name", "text"},
    "display_data": {"output_type", "data", "metadata"},
    "execute_result": {"output_type", "data", "metadata", "execution_count"},
    "error": {"output_type", "ename", "evalue", "traceback"},
}
_UNTRUSTED, _TRUSTED = b'{"metadata":{"trusted":false', b'{"metadata":{"trusted":true'


class Unusual(Exception):
    """Not a notebook for this module: ask nbformat."""


def read(data: bytes, notary: NotebookNotary) -> msgspec.Raw:
    """A stored notebook as clients get it: lines joined, code cells marked as trusted or not.

    Raises Unusual.
    """
    minor, metadata, cells = _taken_apart(data)
    signature = _Signature(notary)
    pieces = []
    for cell in _plain_cells(cells, minor):
        _join_lines(cell)
        cell["metadata"].pop("trusted", None)
        signature.add(cell)
        if cell["cell_type"] == "code":
            # Whether it is trusted is known at the end: the mark comes first in the text.
            marked = {"metadata": {"trusted": False, **cell.pop("metadata")}, **cell}
            pieces.append((_TRUSTED, _encoded(marked)[len(_UNTRUSTED) :]))
        else:
            pieces.append((b"", _encoded(cell)))
    trusted = notary.store.check_signature(signature.digest(metadata, minor), notary.algorithm)
    if not trusted:
        pieces = [(mark and _UNTRUSTED, text) for mark, text in pieces]
    listed = b",".join([mark + text for mark, text in pieces])
    return msgspec.Raw(
        b'{"cells":[%b],"metadata":%b,"nbformat":4,"nbformat_minor":%d}'
        % (listed, _encoded(metadata), minor)
    )


def write(content: bytes | msgspec.Raw, notary: NotebookNotary) -> bytes:
    """A client's notebook as it is stored; signed when all its code cells are trusted.

    Raises Unusual.
    """
    minor, metadata, cells = _taken_apart(content)
    signature = _Signature(notary)
    trusted = True
    pieces = []
    for cell in _plain_cells(cells, minor):
        marked = cell["metadata"].pop("trusted", False)
        trusted = trusted and (bool(marked) or not _can_do_harm(cell))
        signature.add(cell)
        _split_lines(cell)
        pieces.append(_indented(cell))
    if trusted:
        notary.store.store_signature(signature.digest(metadata, minor), notary.algorithm)
    rest = {"metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    listed = b"[\n%b\n ]" % b",\n".join(pieces) if pieces else b"[]"
    # Its first line is the brace that opens it.
    return b'{\n "cells": %b,\n%b\n' % (listed, _formatted(rest).partition(b"\n")[2])


def _taken_apart(
    content: bytes | msgspec.Raw,
) -> tuple[int, dict[str, Any], list[msgspec.Raw]]:
    """Minor version, metadata and cells of a notebook of format 4; the cells still as JSON."""
    try:
        parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        if parts.keys() != KEYS or bytes(parts["nbformat"]) != b"4":
            raise Unusual
        minor = msgspec.json.decode(parts["nbformat_minor"], type=int)
        metadata = msgspec.json.decode(parts["metadata"], type=dict[str, Any])
        cells = msgspec.json.decode(parts["cells"], type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unusual from None
    for key in TRANSIENT:
        metadata.pop(key, None)
    if not 0 <= minor <= 5 or not _plain_metadata(metadata):
        raise Unusual
    return minor, metadata, cells


def _plain_cells(cells: list[msgspec.Raw], minor: int) -> Iterator[dict[str, Any]]:
    """The cells one by one, each of which surely fits the schema. Raises Unusual."""
    seen = set()
    for number, text in enumerate(cells):
        cells[number] = msgspec.Raw(b"")  # it is not needed twice
        try:
            cell = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unusual from None
        if not isinstance(cell, dict) or not _plain_cell(cell, with_id=minor >= 5):
            raise Unusual
        if minor >= 5:
            if cell["id"] in seen:
                raise Unusual
            seen.add(cell["id"])
        yield cell


def _plain_metadata(metadata: dict[str, Any]) -> bool:
    kernelspec = metadata.get("kernelspec", {"name": "", "display_name": ""})
    language = metadata.get("language_info", {"name": ""})
    return (
        isinstance(kernelspec, dict)
        and isinstance(kernelspec.get("name"), str)
        and isinstance(kernelspec.get("display_name"), str)
        and isinstance(language, dict)
        and isinstance(language.get("name"), str)
        and isinstance(language.get("codemirror_mode", ""), str | dict)
        and all(
            isinstance(language.get(key, ""), str)
            for key in ("file_extension", "mimetype", "pygments_lexer")
        )
        and isinstance(metadata.get("title", ""), str)
        and isinstance(metadata.get("authors", []), list)
    )


def _plain_cell(cell: dict[str, Any], *, with_id: bool) -> bool:
    kind = cell.get("cell_type")
    keys = cell.keys() - {"id"} if with_id else cell.keys()
    if with_id and not (isinstance(cell.get("id"), str) and _ID.fullmatch(cell["id"])):
        return False
    if kind == "code":
        if keys != _CODE_CELL or not _is_count(cell["execution_count"]):
            return False
        outputs = cell["outputs"]
        if not isinstance(outputs, list) or not all(map(_plain_output, outputs)):
            return False
    elif kind in ("markdown", "raw"):
        if keys - {"attachments"} != _TEXT_CELL:
            return False
        attachments = cell.get("attachments", {})
        if not isinstance(attachments, dict) or not all(map(_is_bundle, attachments.values())):
            return False
    else:
        return False
    return _is_text(cell["source"]) and _plain_cell_metadata(cell["metadata"])


def _plain_cell_metadata(metadata: Any) -> bool:
    if not isinstance(metadata, dict):
        return False
    if not metadata:
        return True
    name, tags = metadata.get("name", "-"), metadata.get("tags", [])
    execution = metadata.get("execution", {})
    return (
        isinstance(name, str)
        and name != ""
        and "\n" not in name
        and isinstance(tags, list)
        and all(isinstance(tag, str) and tag and "," not in tag for tag in tags)
        and len(set(tags)) == len(tags)
        and isinstance(metadata.get("jupyter", {}), dict)
        and isinstance(metadata.get("format", ""), str)
        and isinstance(execution, dict)
        and all(isinstance(value, str) for value in execution.values())
        and isinstance(metadata.get("collapsed", False), bool)
        and (isinstance(s := metadata.get("scrolled", False), bool) or s == "auto")
    )


def _plain_output(output: Any) -> bool:
    if not isinstance(output, dict):
        return False
    kind = output.get("output_type")
    if not isinstance(kind, str) or output.keys() != _OUTPUTS.get(kind):
        return False
    if kind == "stream":
        return isinstance(output["name"], str) and _is_text(output["text"])
    if kind == "error":
        return (
            isinstance(output["ename"], str)
            and isinstance(output["evalue"], str)
            and isinstance(output["traceback"], list)
            and all(isinstance(line, str) for line in output["traceback"])
        )
    return (
        _is_bundle(output["data"])
        and isinstance(output["metadata"], dict)
        and _is_count(output.get("execution_count"))
    )


def _is_text(value: Any) -> bool:
    """Whether it is a text, or the lines of one."""
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(line, str) for line in value)
    )


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _is_bundle(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_text(data) or _JSON_TYPE.fullmatch(kind) for kind, data in value.items()
    )


def _bundles(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What maps media types to data in a cell."""
    yield from cell.get("attachments", {}).values()
    for output in cell.get("outputs", ()):
        if "data" in output:
            yield output["data"]


def _join_lines(cell: dict[str, Any]) -> None:
    _join(cell, "source")
    for output in cell.get("outputs", ()):
        if "text" in output:
            _join(output, "text")
    for bundle in _bundles(cell):
        for kind, value in bundle.items():
            if isinstance(value, list) and not _JSON_TYPE.fullmatch(kind):
                bundle[kind] = "".join(value)


def _join(owner: MutableMapping[str, Any], key: str) -> None:
    if isinstance(owner[key], list):
        owner[key] = "".join(owner[key])


def _split_lines(cell: dict[str, Any]) -> None:
    _split(cell, "source")
    for output in cell.get("outputs", ()):
        if "text" in output:
            _split(output, "text")
    for bundle in _bundles(cell):
        for kind in bundle:
            if kind.startswith("text/") or kind in _SPLIT_TYPES:
                _split(bundle, kind)


def _split(owner: MutableMapping[str, Any], key: str) -> None:
    if isinstance(owner[key], str):
        owner[key] = owner[key].splitlines(keepends=True)


def _can_do_harm(cell: dict[str, Any]) -> bool:
    """Whether a cell has outputs that can be more than text."""
    return any("data" in output for output in cell.get("outputs", ()))


class _Signature:
    """Jupyter's signature of a notebook, from its cells in their order and the rest at the end."""

    def __init__(self, notary: NotebookNotary) -> None:
        self._hmac = hmac.new(notary.secret, b"cells", notary.digestmod)

    def add(self, value: Any) -> None:
        parts: list[str] = []
        _everything(value, parts)
        self._hmac.update("".join(parts).encode())

    def digest(self, metadata: dict[str, Any], minor: int) -> str:
        self.add({"metadata": metadata, "nbformat": 4, "nbformat_minor": minor})
        return self._hmac.hexdigest()


def _everything(value: Any, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, dict):
        for key in sorted(value):
            parts.append(key)
            _everything(value[key], parts)
    elif isinstance(value, list):
        for element in value:
            _everything(element, parts)
    else:
        parts.append(str(value))


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _formatted(value: Any) -> bytes:
    """JSON as nbformat stores it: keys in order, one space for each level."""
    # The json module's numbers in msgspec's layout: its own indentation is ten times slower.
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return msgspec.json.format(text.encode(), indent=1)


def _indented(cell: dict[str, Any]) -> bytes:
    """A cell as it stands in the list of cells of a stored notebook."""
    return _formatted([[cell]])[len(b"[\n [\n") : -len(b"\n ]\n]")]

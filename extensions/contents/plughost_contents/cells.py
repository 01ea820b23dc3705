"""Notebooks, cell by cell: the same results as nbformat's for the notebooks people have.

Parsing 20 MB of JSON in one go holds the interpreter, and every other client, for as long as
it takes; and checking 5,000 cells against a JSON schema is most of the time that reading
takes. So a notebook that is plainly valid is read and written here in small steps: each cell
is decoded into one of the types below, which are the schema. Whatever is unusual in any way is
left to nbformat (`notebooks.py`), whose word is the law: the tests compare the two.

Sources: the notebook format 4.5 (nbformat's JSON schema); nbformat's `sign.py` for what a
signature covers.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

if TYPE_CHECKING:
    from nbformat.sign import NotebookNotary

TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")
"""What is in the metadata of a notebook while it is open, and is not stored."""

_JSON_TYPE = re.compile(r"application/(.*\+)?json")
_SPLIT_TYPES = ("application/javascript", "image/svg+xml")

Id = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]+\Z", max_length=64)]
Count = Annotated[int, Meta(ge=0)] | None
Text = str | list[str]
Bundle = dict[str, Any]
"""Data by media type; text, or the lines of one, unless the type is a JSON type."""


class Stream(Struct, tag_field="output_type", tag="stream", forbid_unknown_fields=True):
    name: str
    text: Text


class DisplayData(Struct, tag_field="output_type", tag="display_data", forbid_unknown_fields=True):
    data: Bundle
    metadata: dict[str, Any]


class ExecuteResult(
    Struct, tag_field="output_type", tag="execute_result", forbid_unknown_fields=True
):
    data: Bundle
    execution_count: Count
    metadata: dict[str, Any]


class Error(Struct, tag_field="output_type", tag="error", forbid_unknown_fields=True):
    ename: str
    evalue: str
    traceback: list[str]


Output = Stream | DisplayData | ExecuteResult | Error
_WITH_DATA = (DisplayData, ExecuteResult)


class CodeCell(Struct, tag_field="cell_type", tag="code", forbid_unknown_fields=True):
    metadata: dict[str, Any]  # the first key after the tag, see `_UNTRUSTED`
    execution_count: Count
    outputs: list[Output]
    source: Text
    id: Id | UnsetType = UNSET

    @property
    def bundles(self) -> Iterator[Bundle]:
        return (each.data for each in self.outputs if isinstance(each, _WITH_DATA))


class _TextCell(Struct, forbid_unknown_fields=True):
    metadata: dict[str, Any]
    source: Text
    id: Id | UnsetType = UNSET
    attachments: dict[str, Bundle] | UnsetType = UNSET

    @property
    def bundles(self) -> Iterator[Bundle]:
        return iter(self.attachments.values() if self.attachments else ())


class MarkdownCell(_TextCell, tag_field="cell_type", tag="markdown"):
    pass


class RawCell(_TextCell, tag_field="cell_type", tag="raw"):
    pass


Cell = CodeCell | MarkdownCell | RawCell


class Notebook(Struct, forbid_unknown_fields=True):
    """A notebook whose cells are still text."""

    cells: list[msgspec.Raw]
    metadata: dict[str, Any]
    nbformat: Annotated[int, Meta(ge=4, le=4)]
    nbformat_minor: Annotated[int, Meta(ge=0, le=5)]

    @property
    def version(self) -> dict[str, int]:
        return {"nbformat": self.nbformat, "nbformat_minor": self.nbformat_minor}


_MARKED = {"trusted"}
"""The keys in the metadata of most cells that clients send."""

_notebooks = msgspec.json.Decoder(Notebook)
_cells = msgspec.json.Decoder(Cell)

_UNTRUSTED = b'{"cell_type":"code","metadata":{"trusted":false'
_TRUSTED = b'{"cell_type":"code","metadata":{"trusted":true'


class Unusual(Exception):
    """Not a notebook for this module: ask nbformat."""


def read(data: bytes, notary: NotebookNotary) -> msgspec.Raw:
    """A stored notebook as clients get it: lines joined, code cells marked as trusted or not.

    Raises Unusual.
    """
    notebook = _notebook(data)
    signature = _Signature(notary)
    pieces = []
    for cell in _plain_cells(notebook):
        _join_lines(cell)
        cell.metadata.pop("trusted", None)
        signature.add(cell)
        if isinstance(cell, CodeCell):
            # Whether it is trusted is known at the end: the mark comes first in the text.
            cell.metadata = {"trusted": False, **cell.metadata}
            pieces += [_TRUSTED, msgspec.json.encode(cell)[len(_UNTRUSTED) :], b","]
        else:
            pieces += [msgspec.json.encode(cell), b","]
    if not notary.store.check_signature(signature.digest(notebook), notary.algorithm):
        pieces = [_UNTRUSTED if piece is _TRUSTED else piece for piece in pieces]
    rest = msgspec.json.encode({"metadata": notebook.metadata, **notebook.version})
    # Joined once: a copy of 20 MB costs as much as anything else here.
    return msgspec.Raw(b"".join([b'{"cells":[', *pieces[:-1], b"],", rest[1:]]))


def write(content: bytes | msgspec.Raw, notary: NotebookNotary) -> bytes:
    """A client's notebook as it is stored; signed when all its code cells are trusted.

    Raises Unusual.
    """
    notebook = _notebook(content)
    signature = _Signature(notary)
    trusted = True
    pieces = []
    for cell in _plain_cells(notebook):
        marked = cell.metadata.pop("trusted", False)
        # Without data there is nothing but text to trust.
        if isinstance(cell, CodeCell) and not marked and any(True for _ in cell.bundles):
            trusted = False
        if trusted:
            signature.add(cell)
        _split_lines(cell)
        pieces += [_indented(cell), b",\n"]
    if trusted:
        notary.store.store_signature(signature.digest(notebook), notary.algorithm)
    rest = _formatted({"metadata": notebook.metadata, **notebook.version})
    head, tail = (b'{\n "cells": [\n', b"\n ],\n") if pieces else (b'{\n "cells": [', b"],\n")
    # The first line of the rest is the brace that opens it.
    return b"".join([head, *pieces[:-1], tail, rest[2:], b"\n"])


def _notebook(content: bytes | msgspec.Raw) -> Notebook:
    try:
        notebook = _notebooks.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unusual from None
    for key in TRANSIENT:
        notebook.metadata.pop(key, None)
    if not _plain_metadata(notebook.metadata):
        raise Unusual
    return notebook


def _plain_cells(notebook: Notebook) -> Iterator[Cell]:
    """The cells one by one, each of which surely fits the schema. Raises Unusual."""
    with_ids = notebook.nbformat_minor >= 5
    seen: set[str] = set()
    for number, text in enumerate(notebook.cells):
        notebook.cells[number] = msgspec.Raw(b"")  # it is not needed twice
        try:
            cell = _cells.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unusual from None
        if (cell.id is not UNSET) != with_ids or cell.id in seen:
            raise Unusual
        if with_ids:
            seen.add(str(cell.id))
        keys = cell.metadata.keys()
        if keys and keys != _MARKED and not _plain_cell_metadata(cell.metadata):
            raise Unusual
        if not all(map(_is_plain, cell.bundles)):
            raise Unusual
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


def _plain_cell_metadata(metadata: dict[str, Any]) -> bool:
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


def _is_plain(bundle: Bundle) -> bool:
    return all(
        isinstance(data, str)
        or (isinstance(data, list) and all(isinstance(line, str) for line in data))
        or _JSON_TYPE.fullmatch(kind)
        for kind, data in bundle.items()
    )


def _join_lines(cell: Cell) -> None:
    cell.source = _joined(cell.source)
    if isinstance(cell, CodeCell):
        for output in cell.outputs:
            if isinstance(output, Stream):
                output.text = _joined(output.text)
    for bundle in cell.bundles:
        for kind, value in bundle.items():
            if isinstance(value, list) and not _JSON_TYPE.fullmatch(kind):
                bundle[kind] = "".join(value)


def _joined(text: Text) -> str:
    return text if isinstance(text, str) else "".join(text)


def _split_lines(cell: Cell) -> None:
    cell.source = _split(cell.source)
    if isinstance(cell, CodeCell):
        for output in cell.outputs:
            if isinstance(output, Stream):
                output.text = _split(output.text)
    for bundle in cell.bundles:
        for kind, value in bundle.items():
            if kind.startswith("text/") or kind in _SPLIT_TYPES:
                bundle[kind] = _split(value)


def _split(text: Text) -> Text:
    return text.splitlines(keepends=True) if isinstance(text, str) else text


class _Signature:
    """Jupyter's signature of a notebook, from its cells in their order and the rest at the end.

    It covers all keys, in their order, and all values as text, with nothing in between.
    """

    def __init__(self, notary: NotebookNotary) -> None:
        self._hmac = hmac.new(notary.secret, b"cells", notary.digestmod)

    def add(self, cell: Cell) -> None:
        parts: list[str] = []
        if isinstance(cell, CodeCell):
            parts += ("cell_type", "code", "execution_count", str(cell.execution_count))
        else:
            if cell.attachments is not UNSET:
                parts.append("attachments")
                _everything(cell.attachments, parts)
            parts += ("cell_type", "markdown" if isinstance(cell, MarkdownCell) else "raw")
        if cell.id is not UNSET:
            parts += ("id", cell.id)
        parts.append("metadata")
        _everything(cell.metadata, parts)
        if isinstance(cell, CodeCell):
            parts.append("outputs")
            for output in cell.outputs:
                _output(output, parts)
        parts += ("source", _joined(cell.source))
        self._hmac.update("".join(parts).encode())

    def digest(self, notebook: Notebook) -> str:
        parts = ["metadata"]
        _everything(notebook.metadata, parts)
        parts += ("nbformat", "4", "nbformat_minor", str(notebook.nbformat_minor))
        self._hmac.update("".join(parts).encode())
        return self._hmac.hexdigest()


def _output(output: Output, parts: list[str]) -> None:
    """Add an output, its keys in their order."""
    if isinstance(output, Stream):
        parts += ("name", output.name, "output_type", "stream", "text", _joined(output.text))
        return
    if isinstance(output, Error):
        parts += ("ename", output.ename, "evalue", output.evalue, "output_type", "error")
        parts += ("traceback", *output.traceback)
        return
    parts.append("data")
    _everything(output.data, parts)
    kind = "display_data"
    if isinstance(output, ExecuteResult):
        parts += ("execution_count", str(output.execution_count))
        kind = "execute_result"
    parts.append("metadata")
    _everything(output.metadata, parts)
    parts += ("output_type", kind)


def _everything(value: Any, parts: list[str]) -> None:
    """Add all keys and values as text."""
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


def _formatted(value: Any, *, with_floats: bool = True) -> bytes:
    """JSON as nbformat stores it: keys in order, one space for each level."""
    if with_floats:  # which the json module and msgspec write in different ways
        value = msgspec.to_builtins(value)
        dumped = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        text = dumped.encode()
    else:
        text = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(text, indent=1)


def _indented(cell: Cell) -> bytes:
    """A cell as it stands in the list of cells of a stored notebook."""
    text = _formatted([[cell]], with_floats=_has_floats(cell))
    return text[len(b"[\n [\n") : -len(b"\n ]\n]")]


def _has_floats(cell: Cell) -> bool:
    if _floats_in(cell.metadata) or any(map(_floats_in, cell.bundles)):
        return True
    if not isinstance(cell, CodeCell):
        return False
    return any(_floats_in(each.metadata) for each in cell.outputs if isinstance(each, _WITH_DATA))


def _floats_in(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_floats_in, value.values()))
    if isinstance(value, list):
        return any(map(_floats_in, value))
    return isinstance(value, float)

"""Files for servers that read files: what a client sends of documents that are in none.

A notebook's code is one document to a language server, and in no file. Servers should not
mind (LSP 3.17, `textDocument/didOpen`: the client's text is the truth), but some look at
the disk all the same, those for R and Julia among them. For these the page lets such
documents lie in a folder of ours (`places.py`), and they are written there as they change.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from plughost_lsp.places import ShadowFolder

CLOSE = "textDocument/didClose"
FOLLOWED = {
    "initialize",
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didSave",
    CLOSE,
}
"""The methods that matter to the files."""

log = logging.getLogger("plughost.lsp")


class _Position(msgspec.Struct):
    line: int
    character: int  # in UTF-16 code units


class _Range(msgspec.Struct):
    start: _Position
    end: _Position


class _Change(msgspec.Struct):
    text: str
    range: _Range | None = None


class _Document(msgspec.Struct):
    uri: str
    text: str | None = None


class _Params(msgspec.Struct, rename="camel"):
    root_uri: str | None = None
    text_document: _Document | None = None
    text: str | None = None
    content_changes: list[_Change] = []


class _Message(msgspec.Struct):
    params: _Params


class Shadow:
    """What one client's documents have left in the folder."""

    def __init__(self, folder: ShadowFolder) -> None:
        self._folder = folder
        self._written: set[Path] = set()
        self._roots: set[Path] = set()

    def follow(self, method: str, body: bytes) -> None:
        """Do to the files what a message does to the documents. Blocks.

        What cannot be read or written is logged: the server still gets the message.
        """
        try:
            params = msgspec.json.decode(body, type=_Message).params
            if method == "initialize":
                self._make_root(params.root_uri or "")
            elif params.text_document is not None:
                path = self._path(params.text_document.uri)
                if path is not None:
                    self._change(method, path, params)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("A document is not written for its language server: %s", error)

    def clear(self) -> None:
        """Remove its files. Blocks."""
        for path in self._written:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for folder in (*(path.parent for path in self._written), *self._roots):
            _remove_empty(folder, self._folder.path)
        self._written.clear()

    def _make_root(self, uri: str) -> None:
        """Some servers want the folder they are to work in to be there."""
        root = self._path(uri)
        if root is not None:
            self._folder.make()
            root.mkdir(parents=True, exist_ok=True)
            self._roots.add(root)

    def _change(self, method: str, path: Path, params: _Params) -> None:
        document = params.text_document
        assert document is not None, "`follow` has seen to that"
        if method == CLOSE:
            path.unlink(missing_ok=True)
            self._written.discard(path)
            return
        text = document.text if document.text is not None else params.text
        if text is None:
            if not params.content_changes:
                return
            text = path.read_text("utf-8") if path in self._written else ""
            for change in params.content_changes:
                text = change.text if change.range is None else _edited(text, change, change.range)
        self._folder.make()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.add(path)
        with open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)

    def _path(self, uri: str) -> Path | None:
        """The file that a URI names, if it lies in our folder; a client can name any."""
        parts = urlsplit(uri)
        path = Path(os.path.normpath(unquote(parts.path)))
        return path if parts.scheme == "file" and self._folder.path in path.parents else None


def _edited(text: str, change: _Change, where: _Range) -> str:
    start, end = _offset(text, where.start), _offset(text, where.end)
    return text[:start] + change.text + text[max(start, end) :]


def _offset(text: str, position: _Position) -> int:
    """Where in the text a position is; one beyond the end of its line is that end."""
    start = 0
    for _ in range(position.line):
        newline = text.find("\n", start)
        if newline < 0:
            return len(text)
        start = newline + 1
    newline = text.find("\n", start)
    line = text[start : newline if newline >= 0 else len(text)]
    units = line.encode("utf-16-le", "surrogatepass")[: 2 * position.character]
    return start + len(units.decode("utf-16-le", "replace"))


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove folders that are empty, upwards and not beyond `root`."""
    with contextlib.suppress(OSError):
        while root in folder.parents:
            folder.rmdir()
            folder = folder.parent

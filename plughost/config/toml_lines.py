"""TOML, with the line on which each key stands, which tomllib does not tell.

`key_lines` reads only as much of the grammar as it takes to tell keys from values, and relies on
tomllib having accepted the text before.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Token = tuple[str, int]
"""A piece of text and its line; the end of the text is an endless row of empty ones."""

# Strings before anything else: whatever is in them means nothing here.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=,.\n]"
    r"|[^\s\[\]{}=,.\#\"']+",
    re.DOTALL,
)


def parse(text: str) -> dict[str, Any]:
    """Raises ValueError, with line and column, for what is not TOML."""
    table: dict[str, Any] = tomllib.loads(text)
    return table


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every table and key, by its path; where it occurs first."""
    reader = _Reader(text)
    reader.document()
    return reader.lines


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines: dict[tuple[str, ...], int] = {}
        self._tokens = _tokens(text)
        self._token: Token = next(self._tokens)

    def document(self) -> None:
        table: tuple[str, ...] = ()
        while self._token[0]:
            if self._token[0] == "\n":
                self._take()
            elif self._token[0] == "[":
                while self._token[0] == "[":  # two open an element of an array of tables
                    self._take()
                table = self._key(())
                while self._token[0] == "]":
                    self._take()
            else:
                self._pair(table)

    def _pair(self, table: tuple[str, ...]) -> None:
        path = self._key(table)
        self._take()  # the equals sign
        self._value(path)

    def _key(self, table: tuple[str, ...]) -> tuple[str, ...]:
        path = table
        while self._token[0] not in ("=", "]", "\n", ""):
            text, line = self._take()
            if text != ".":
                path = (*path, _unquoted(text))
                self.lines.setdefault(path, line)
        return path

    def _value(self, path: tuple[str, ...]) -> None:
        opening = self._token[0]
        if opening not in ("[", "{"):
            while self._token[0] not in (",", "]", "}", "\n", ""):
                self._take()
            return
        self._take()
        while self._token[0] not in ("]", "}", ""):
            if self._token[0] in (",", "\n"):
                self._take()
            elif opening == "{":
                self._pair(path)
            else:
                self._value(path)
        self._take()

    def _take(self) -> Token:
        taken, self._token = self._token, next(self._tokens)
        return taken


def _tokens(text: str) -> Iterator[Token]:
    line, seen = 1, 0
    for match in _TOKEN.finditer(text):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        if not match[0].startswith("#"):
            yield match[0], line
    while True:
        yield "", line


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] == '"' else key

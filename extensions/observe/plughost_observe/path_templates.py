"""A route's pattern, a regular expression, as the path templates of OpenAPI.

`/api/contents(?:/(?P<path>.*))?` becomes `/api/contents` and `/api/contents/{path}`. What
has no name in the pattern, and is no literal text, is called `part1` and so on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_CLASSES = frozenset("wWdDsSbBAZ")
_QUANTIFIER = re.compile(r"[?*+][?+]?|\{\d*,?\d*\}[?+]?")
_WORDS = re.compile(r"(?:[\w-]|\\[.-])+(?:\|(?:[\w-]|\\[.-])+)*", re.ASCII)
MOST = 32
"""Templates for one pattern; more alternatives than that tell nobody anything."""
_NOT_ELSEWHERE = re.compile(r"\(\?[P<#(ai]|\\[AZ]|[*+?}]\+")
"""What JavaScript's regular expressions (ECMA-262, which OpenAPI means) do not have."""


@dataclass(frozen=True)
class Template:
    """One path, with `{name}` where something is to be filled in, and a schema for each name."""

    path: str = ""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __add__(self, other: Template) -> Template:
        return Template(self.path + other.path, {**self.parameters, **other.parameters})


def templates_of(pattern: str) -> list[Template]:
    """Every path that a pattern stands for, the longest first."""
    found = {template.path: template for template in _Reader(pattern).read()}
    return sorted(found.values(), key=lambda template: -len(template.path))


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._unnamed = 0

    def read(self) -> list[Template]:
        """The alternatives from here to the end, or to the bracket that closes this group."""
        alternatives: list[Template] = []
        so_far = [Template()]
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at += 1
                alternatives += so_far
                so_far = [Template()]
            else:
                pieces = self._piece()
                so_far = [before + piece for before in so_far for piece in pieces][:MOST]
        return alternatives + so_far

    def _piece(self) -> list[Template]:
        """What the next piece stands for: several when it may be missing."""
        pieces, literal = self._atom()
        match = _QUANTIFIER.match(self._text, self._at)
        if match is None:
            return pieces
        self._at = match.end()
        if not literal and match[0][0] in "*+{" and not any(p.parameters for p in pieces):
            pieces = [self._part()]
        return [*pieces, Template()] if match[0][0] == "?" else pieces

    def _atom(self) -> tuple[list[Template], bool]:
        """One character, class or group; and whether it stands for its own text."""
        character = self._text[self._at]
        if character == "(":
            return self._group(), False
        if character == "[":
            self._skip_class()
            return [self._part()], False
        self._at += 1
        if character == "\\":
            character = self._text[self._at : self._at + 1]
            self._at += 1
            return (
                ([self._part()], False) if character in _CLASSES else ([Template(character)], True)
            )
        if character == ".":
            return [self._part()], False
        return [Template("" if character in "^$" else character)], True

    def _group(self) -> list[Template]:
        named = re.compile(r"\(\?P<(\w+)>").match(self._text, self._at)
        if named is None:
            opening = re.compile(r"\((?:\?(?:[aiLmsux-]*:|[=!]|<[=!]))?").match(
                self._text, self._at
            )
            assert opening is not None, "it begins with a bracket"
            self._at = opening.end()
            inside = self.read()
            self._at += 1
            looks = opening[0][2:] in ("=", "!", "<=", "<!")  # around, and takes nothing
            return [Template()] if looks else inside
        begin = self._at = named.end()
        self.read()
        inner = self._text[begin : self._at]
        self._at += 1
        if _WORDS.fullmatch(inner):  # a choice of few, each a path of its own
            return [Template(word) for word in inner.replace("\\", "").split("|")]
        slash = "/" if inner.startswith("/") else ""
        return [Template(f"{slash}{{{named[1]}}}", {named[1]: _schema(inner.removeprefix("/"))})]

    def _part(self) -> Template:
        self._unnamed += 1
        name = f"part{self._unnamed}"
        return Template(f"{{{name}}}", {name: {"type": "string"}})

    def _skip_class(self) -> None:
        self._at += 1
        if self._text[self._at : self._at + 1] == "^":
            self._at += 1
        self._at += 1  # a bracket that comes first is itself
        while self._text[self._at] != "]":
            self._at += 2 if self._text[self._at] == "\\" else 1
        self._at += 1


def _schema(inner: str) -> dict[str, Any]:
    """What may be filled in, as JSON Schema."""
    if inner in (".*", ".+", "[^/]+", "[^/]*") or _NOT_ELSEWHERE.search(inner):
        return {"type": "string"}
    return {"type": "string", "pattern": f"^(?:{inner})$"}

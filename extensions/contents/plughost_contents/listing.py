"""Listings: which part of a folder is wanted, and in what order.

A folder can have a hundred thousand files. Its names come with one scan; facts cost a
system call each, so that a page asks for those of its own files only. All of it runs off the
loop, in steps that are short enough for the loop to go on between them.

The place of an entry is bytes: places compare as the entries are to stand, and no two are
the same. A cursor is the group and the place of the last entry that was given out.
"""

from __future__ import annotations

import asyncio
import base64
import bisect
import fnmatch
import heapq
import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, TypeVar

import msgspec

from plughost import BadRequest
from plughost_contents.paths import addressable
from plughost_contents.provider import Choose, Entry

T = TypeVar("T")

LARGEST_PAGE = 10_000
"""Entries of the largest page."""

Sort = Literal["name", "last_modified", "created", "size"]

_FIRST_DAY = datetime(1, 1, 1, tzinfo=timezone.utc)

_FACTS: dict[str, Callable[[Entry], int]] = {
    "last_modified": lambda entry: (entry.modified - _FIRST_DAY) // timedelta(microseconds=1),
    "created": lambda entry: (entry.created - _FIRST_DAY) // timedelta(microseconds=1),
    "size": lambda entry: 0 if entry.folder else entry.size,
}
"""Numbers, none below zero, by which entries can be sorted."""

_MOST = 10**20
"""More than any fact: what is left of it sorts the other way round."""

_LEFT_BEHIND = frozenset(("__pycache__", ".DS_Store"))
_LEFT_BEHIND_ENDINGS = (".pyc", ".pyo", "~")

_STEP = 5_000
"""Names to sort in one go: a single sort of all would hold the interpreter for too long."""

_DIGITS = re.compile(rb"([0-9]+)")

_PUNCTUATION = b" _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
"""In the order of the Unicode collation algorithm (UTS 10), which browsers sort by."""

_order = bytearray(bytes(range(256)).lower())
for _number, _character in enumerate(_PUNCTUATION, start=1):
    _order[_character] = _number  # before the digits and letters; 0 ends a name
_ORDER = bytes(_order)

_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h"})


class BadCursor(BadRequest):
    def __init__(self) -> None:
        super().__init__(
            "The `cursor` does not belong to this listing.",
            hint="Send what the page before said, with the same sort, filter and so on; "
            "or leave it away to begin anew.",
        )


@dataclass(frozen=True)
class Wanted:
    """A part of a folder: `limit` entries, from one place on.

    That place is `offset`; or after the page that gave this `cursor`; or the page, counted in
    pages of `limit`, with the entry that is called `at` or with the first whose name begins
    with `prefix`.

    Folders come before files, and with `notebooks_first` notebooks before other files; in
    each group the order is that of `sort`, reversed where it is `descending`. Names are
    compared without letter case and accents, with `natural` the numbers in them by value.
    `filter` is words, all of which are in the name, or a pattern with `*` and `?`; letter
    case does not count. With `all_folders` it is for files only.
    """

    limit: int
    offset: int = 0
    cursor: str | None = None
    at: str | None = None
    prefix: str | None = None
    sort: Sort = "name"
    descending: bool = False
    natural: bool = False
    notebooks_first: bool = False
    filter: str = ""
    all_folders: bool = False


@dataclass(frozen=True)
class Page:
    """The entries of one page, the first of which is number `offset` of the `total`.

    `cursor` is where the next page begins, None where there is none.
    """

    entries: list[Entry]
    offset: int
    total: int
    cursor: str | None


def left_out(name: str) -> bool:
    """Whether a name is never listed: what programs leave behind, and what no path can hold."""
    return name.endswith(_LEFT_BEHIND_ENDINGS) or name in _LEFT_BEHIND or not addressable(name)


def listed(found: Iterable[tuple[str, bool]], *, hidden: bool) -> list[str]:
    """The names that a whole listing has."""
    return [name for name, _ in found if (hidden or name[0] != ".") and not left_out(name)]


async def page(
    entries: Callable[[Choose], Awaitable[list[Entry]]], wanted: Wanted, *, hidden: bool
) -> Page:
    """One page of the folder whose entries are those.

    Raises BadCursor for a cursor of another listing, and what `entries` raises.
    """
    part = _ByFacts(wanted, hidden) if wanted.sort in _FACTS else _ByName(wanted, hidden)
    return await asyncio.to_thread(part.page, await entries(part.choose))


class _Part:
    """What the two ways to sort have in common."""

    def __init__(self, wanted: Wanted, hidden: bool) -> None:
        self._wanted = wanted
        self._hidden = hidden
        self._key = _natural_key if wanted.natural else _key
        # The same listing goes on only where all of this is the same.
        self._kind = [
            wanted.sort,
            wanted.descending,
            wanted.natural,
            wanted.notebooks_first,
            wanted.filter,
            wanted.all_folders,
        ]
        self._last = None if wanted.cursor is None else self._decoded(wanted.cursor)

    def _grouped(self, found: list[tuple[str, bool]]) -> list[list[str]]:
        """The names that are listed and match the filter: folders, notebooks, other files."""
        hidden, first = self._hidden, self._wanted.notebooks_first
        matches = _filter(self._wanted.filter)
        every_folder = matches is None or self._wanted.all_folders
        groups: list[list[str]] = [[], [], []]
        folders, notebooks, files = groups
        for name, folder in found:
            # As `listed` has it, but written out: calls would cost as much as the scan.
            if (name[0] == "." and not hidden) or name.endswith(_LEFT_BEHIND_ENDINGS):
                continue
            if "\\" in name or name in _LEFT_BEHIND or not (name.isascii() or addressable(name)):
                continue
            if folder:
                if every_folder or matches is None or matches(name):
                    folders.append(name)
            elif matches is None or matches(name):
                (notebooks if first and name.endswith(".ipynb") else files).append(name)
        return groups

    def _sought(self, groups: list[list[str]]) -> tuple[int, str] | None:
        """The group and name of the entry whose page is wanted, where there is such a one."""
        wanted = self._wanted
        for number, group in enumerate(groups):
            if wanted.at is not None:
                if wanted.at in group:
                    return number, wanted.at
            elif wanted.prefix is not None:
                prefix = _folded(wanted.prefix)
                found = [name for name in group if _folded(name).startswith(prefix)]
                if found:
                    return number, min(found, key=self._name_place)
        return None

    def _name_place(self, name: str) -> bytes:
        return b"%b\0%b" % (self._key(name), name.encode())

    def _cursor(self, group: int, place: bytes) -> str:
        text = msgspec.json.encode([self._kind, [group, place]])
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    def _decoded(self, cursor: str) -> tuple[int, bytes]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            kind, last = msgspec.json.decode(text, type=tuple[list[Any], tuple[int, bytes]])
        except (ValueError, msgspec.DecodeError, RecursionError):
            raise BadCursor from None
        if kind != self._kind or last[0] < 0:
            raise BadCursor
        return last


class _ByName(_Part):
    """Sorted by names: of the groups only those are sorted that the page touches."""

    def choose(self, found: list[tuple[str, bool]]) -> list[str]:
        groups = self._grouped(found)
        self._total = sum(map(len, groups))
        self._start = self._first(groups)
        stop = self._start + self._wanted.limit
        names: list[str] = []
        before = 0
        for number, group in enumerate(groups):
            first, last = max(0, self._start - before), min(len(group), stop - before)
            if first < last:
                places = self._sorted(group, last)[first:last]
                names += map(_name_at, places)
                cursor = (number, places[-1])
            before += len(group)
        self._next = self._cursor(*cursor) if names and stop < self._total else None
        return names

    def page(self, entries: list[Entry]) -> Page:
        return Page(entries, self._start, self._total, self._next)

    def _first(self, groups: list[list[str]]) -> int:
        """The number of the first entry that is wanted."""
        wanted = self._wanted
        if self._last is not None:
            return self._up_to(groups, *self._last)  # it may be gone meanwhile
        if wanted.at is None and wanted.prefix is None:
            return wanted.offset
        sought = self._sought(groups)
        if sought is None:
            return self._total
        number = self._up_to(groups, sought[0], self._name_place(sought[1])) - 1
        return number - number % wanted.limit

    def _up_to(self, groups: list[list[str]], group: int, place: bytes) -> int:
        """How many entries come up to and including a place."""
        places = map(self._name_place, groups[group] if group < len(groups) else ())
        within = sum(p >= place if self._wanted.descending else p <= place for p in places)
        return within + sum(map(len, groups[:group]))

    def _sorted(self, group: list[str], number: int) -> list[bytes]:
        """The places of at least the first `number` names of a group, in order."""
        descending = self._wanted.descending
        if number * 20 < len(group):
            # Which names come first is told by a part of their places, which is cheaper.
            keys = [*map(self._key, group)]
            take = heapq.nlargest if descending else heapq.nsmallest
            last = take(number, keys)[-1]
            group = [
                name
                for key, name in zip(keys, group, strict=True)
                if (key >= last if descending else key <= last)
            ]
        return _in_order(group, self._name_place, descending=descending)


class _ByFacts(_Part):
    """Sorted by what only a look at each file tells, then by name."""

    def choose(self, found: list[tuple[str, bool]]) -> list[str]:
        groups = self._grouped(found)
        self._target = self._sought(groups)
        self._group = {name: number for number, group in enumerate(groups) for name in group}
        return list(self._group)

    def page(self, entries: list[Entry]) -> Page:
        by_name = {entry.name: entry for entry in entries}
        places = _in_order(entries, self._place)
        start = self._first(places, by_name)
        part = places[start : start + self._wanted.limit]
        more = bool(part) and start + len(part) < len(places)
        cursor = self._cursor(0, part[-1]) if more else None
        return Page([by_name[_name_at(place)] for place in part], start, len(places), cursor)

    def _first(self, places: list[bytes], by_name: dict[str, Entry]) -> int:
        wanted = self._wanted
        if self._last is not None:
            return bisect.bisect_right(places, self._last[1])
        if wanted.at is None and wanted.prefix is None:
            return wanted.offset
        if self._target is None or self._target[1] not in by_name:
            return len(places)
        number = bisect.bisect_left(places, self._place(by_name[self._target[1]]))
        return number - number % wanted.limit

    def _place(self, entry: Entry) -> bytes:
        fact = _FACTS[self._wanted.sort](entry)
        if self._wanted.descending:
            fact = _MOST - fact
        return b"%d%021d%b" % (self._group[entry.name], fact, self._name_place(entry.name))


def _in_order(
    things: Sequence[T], place: Callable[[T], bytes], *, descending: bool = False
) -> list[bytes]:
    """The places of all things, sorted."""
    places: list[bytes] = []
    for begin in range(0, len(things), _STEP):
        places += sorted(map(place, things[begin : begin + _STEP]), reverse=descending)
    places.sort(reverse=descending)  # merges what is sorted already, which is quick
    return places


def _name_at(place: bytes) -> str:
    return place[place.rindex(b"\0") + 1 :].decode()


def _filter(text: str) -> Callable[[str], bool] | None:
    """Whether a name is what somebody looks for; None: any is."""
    text = _folded(text.strip())
    if not text:
        return None
    if "*" in text or "?" in text:
        # A pattern is looked for anywhere in the name, as words are. Brackets are letters.
        pattern = re.compile(fnmatch.translate(f"*{text.replace('[', '[[]')}*")).match
        return lambda name: pattern(_folded(name)) is not None
    words = text.split()
    if len(words) == 1:
        return lambda name: text in _folded(name)
    return lambda name: all(word in _folded(name) for word in words)


def _folded(name: str) -> str:
    """What names are searched by: letter case does not count, nor how an accent is put on."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name.casefold())


def _key(name: str) -> bytes:
    """What names are compared by: neither letter case nor accents count."""
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
        name = "".join(c for c in letters if not unicodedata.combining(c))
    return name.encode().translate(_ORDER)


def _natural_key(name: str) -> bytes:
    """The same with numbers in a width at which they compare by their value."""
    parts = _DIGITS.split(_key(name))
    parts[1::2] = [digits.zfill(20) for digits in parts[1::2]]
    return b"".join(parts)

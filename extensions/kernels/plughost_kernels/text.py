"""Text that grows piece by piece, as a terminal would show it, for readers that come later.

A carriage return goes back to the start of the line, and what follows overwrites it. A
progress bar writes its line ten thousand times; once a newer state of a line covers an older
one, the older one is let go of.

Clients differ in whether escape sequences take up room, and the text may begin in the middle
of a line, with a colour switched on; a state goes only where nobody can see that it is gone.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

FULL = 64 * 1024
"""Characters after which a text takes no more: a client gets it as one message."""
LONG = 4 * 1024
"""Characters of a piece, or of a line, that is no progress bar, but is kept as it is."""
STATES = 16
"""States of a line that are kept because none covers another, before all are."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPE = re.compile(r"\x1b\[(?:[0-9;]*m|[02]?K)")
_RESET = re.compile(r"\x1b\[0*m")


class _State(NamedTuple):
    """What follows a carriage return, from the offset `start` in its line.

    `at_start`: it begins in the first column, for certain; `plain`: with no colour on.
    """

    start: int
    at_start: bool
    plain: bool


class Text:
    """A text whose pieces have numbers, consecutive from the first one.

    `since()` gives what a reader of the pieces below a number needs.
    """

    def __init__(self, number: int, piece: str) -> None:
        self._kept: list[str] = []
        self._length = 0  # of what is kept
        self._line = ""  # what follows: the line that may still change
        self._states = [_State(0, at_start=False, plain=False)]
        self._width = 1
        # Where pieces end: after the piece _numbers[i], the text was _ends[i] long. Of several
        # with the same end the first is kept.
        self._numbers = array("Q")
        self._ends = array("Q")
        self.add(number, piece)

    def __len__(self) -> int:
        return self._length + len(self._line)

    @property
    def value(self) -> str:
        """All of it, but for what was overwritten."""
        return "".join(self._kept) + self._line

    @property
    def has_room(self) -> bool:
        """Whether another piece may be added."""
        return len(self) < FULL

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return len(self) * self._width + 64 * len(self._kept) + 16 * len(self._ends)

    def add(self, number: int, piece: str) -> None:
        """Add a piece with the number that comes next."""
        if not piece.isascii():
            self._width = 4
        if len(piece) > LONG:
            self._line += piece
            self._keep_line(at_start=piece.endswith("\n"), plain=False)
        else:
            self._write(piece)
        if not self._ends or self._ends[-1] != len(self):
            self._numbers.append(number)
            self._ends.append(len(self))

    def since(self, position: int) -> str:
        """What a reader lacks who has all pieces with numbers below `position`."""
        index = bisect_left(self._numbers, position) - 1
        return self.value[self._ends[index] :] if index >= 0 else self.value

    # -- the line that may still change

    def _write(self, piece: str) -> None:
        for index, line in enumerate(piece.split("\n")):
            if index:
                plain = self._is_plain_after(self._states[-1])
                self._line += "\n"
                self._keep_line(at_start=True, plain=plain)
            for number, text in enumerate(line.split("\r")):
                if number:
                    plain = self._is_plain_after(self._states[-1])
                    self._states.append(_State(len(self._line), at_start=True, plain=plain))
                    self._line += "\r"
                self._line += text
                if len(self._states) > 1:
                    self._let_go()
        if len(self._line) > LONG or len(self._states) > STATES:
            self._keep_line(at_start=False, plain=self._is_plain_after(self._states[-1]))

    def _keep_line(self, *, at_start: bool, plain: bool) -> None:
        self._kept.append(self._line)
        self._length += len(self._line)
        if len(self._kept) > 256:
            self._kept = ["".join(self._kept)]
        self._line = ""
        self._states = [_State(0, at_start, plain)]

    def _content(self, state: _State, end: int | None = None) -> str:
        return self._line[state.start : end].removeprefix("\r")

    def _is_plain_after(self, state: _State) -> bool:
        """Whether no colour is on, for certain, after the latest state."""
        if "\x1b" not in self._line[state.start :]:
            return state.plain
        content = self._content(state)
        colours = _colours(content)
        if _CONTROL.search(_ESCAPE.sub("", content)):
            return False
        return _RESET.fullmatch(colours[-1]) is not None if colours else state.plain

    def _let_go(self) -> None:
        """Let go of the states before the latest one that it covers."""
        while len(self._states) > 1:
            old, new = self._states[-2:]
            before, after = self._content(old, new.start), self._content(new)
            if not old.at_start or not _covers(after, before, old.plain):
                return
            if "\x1b" in before and self._has_end_between(old.start, new.start):
                return  # who has seen half of it has a colour on that the rest switches off
            self._line = self._line[: old.start] + self._line[new.start :]
            self._states[-2:] = [new._replace(start=old.start)]
            self._cut(self._length + old.start, self._length + new.start)

    def _has_end_between(self, start: int, end: int) -> bool:
        """Whether a piece has ended between two offsets in the line."""
        index = bisect_right(self._ends, self._length + start)
        return index < len(self._ends) and self._ends[index] < self._length + end

    def _cut(self, start: int, end: int) -> None:
        """The text between two offsets is gone."""
        index = bisect_right(self._ends, start)
        moved = [
            (number, max(start, at - (end - start)))
            for number, at in zip(self._numbers[index:], self._ends[index:], strict=True)
        ]
        del self._numbers[index:], self._ends[index:]
        for number, at in moved:
            if not self._ends or self._ends[-1] != at:
                self._numbers.append(number)
                self._ends.append(at)


def _colours(text: str) -> list[str]:
    return [escape for escape in _ESCAPE.findall(text) if escape.endswith("m")]


def _covers(new: str, old: str, plain: bool) -> bool:
    """Whether nothing of one state of a line shows behind a newer one; `plain`: of the old one."""
    if len(new) < len(old):
        return False
    visible_new, visible_old = _ESCAPE.sub("", new), _ESCAPE.sub("", old)
    if len(visible_new) < len(visible_old):
        return False
    if _CONTROL.search(visible_new) or _CONTROL.search(visible_old):
        return False
    if "\x1b" not in old:
        return True
    escapes = _ESCAPE.findall(old)
    if any(escape.endswith("K") for escape in escapes) and not re.search(r"\x1b\[[02]?K", new):
        return False  # it has erased what an even older one has left
    # The colours it has switched on or off go on in what follows.
    colours = _colours(old)
    return not colours or (plain and _RESET.fullmatch(colours[-1]) is not None)

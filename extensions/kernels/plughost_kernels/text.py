"""Text that grows piece by piece, as a terminal would show it, for readers that come later.

A carriage return goes back to the start of the line, and what follows overwrites it. A
progress bar writes its line ten thousand times; once a newer state covers an older one,
the older one is let go of.
"""

from __future__ import annotations

import re
import sys
from array import array
from bisect import bisect_left, bisect_right

FULL = 64 * 1024
"""Characters after which a text takes no more: a client gets it as one message."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_HARMLESS = re.compile(r"\x1b\[[0-9;]*[mK]")
_RESET = re.compile(r"\x1b\[0*m")


class Text:
    """A text whose pieces have numbers, consecutive from the first one.

    `value` may lack what was overwritten. `since()` gives what a reader of the pieces below
    a number needs.
    """

    def __init__(self, number: int, piece: str) -> None:
        self.value = ""
        # Where pieces end: after the piece _numbers[i], the text was _ends[i] long. Of several
        # with the same end the first is kept.
        self._numbers = array("Q")
        self._ends = array("Q")
        self.add(number, piece)

    @property
    def has_room(self) -> bool:
        """Whether another piece may be added."""
        return len(self.value) < FULL

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return sys.getsizeof(self.value) + 2 * 8 * len(self._ends)

    def add(self, number: int, piece: str) -> None:
        """Add a piece with the number that comes next."""
        line = self.value.rfind("\n") + 1
        self.value += piece
        if "\r" in piece or self.value.find("\r", line) >= 0:
            for start, end in reversed(list(_overwritten(self.value, line))):
                self._cut(start, end)
        if not self._ends or self._ends[-1] != len(self.value):
            self._numbers.append(number)
            self._ends.append(len(self.value))

    def since(self, position: int) -> str:
        """What a reader lacks who has all pieces with numbers below `position`."""
        index = bisect_left(self._numbers, position) - 1
        return self.value[self._ends[index] :] if index >= 0 else self.value

    def _cut(self, start: int, end: int) -> None:
        self.value = self.value[:start] + self.value[end:]
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


def _overwritten(text: str, start: int) -> list[tuple[int, int]]:
    """What does not show any more of the lines from `start` on, as ascending ranges."""
    cuts: list[tuple[int, int]] = []
    for line in text[start:].split("\n"):
        states: list[tuple[int, str]] = []
        at = start
        for index, state in enumerate(line.split("\r")):
            covered = at
            while states and _covers(state, states[-1][1]):
                covered = states.pop()[0]
            if covered < at:
                while cuts and cuts[-1][0] >= covered:
                    cuts.pop()
                cuts.append((covered, at))
            states.append((at, state))
            at += len(state) + (index > 0)
        start += len(line) + 1
    return cuts


def _covers(new: str, old: str) -> bool:
    """Whether nothing of one state of a line shows behind a newer one.

    Clients differ in whether escape sequences take up room, so it has to hold either way.
    """
    if len(new) < len(old):
        return False
    visible_new, visible_old = _HARMLESS.sub("", new), _HARMLESS.sub("", old)
    if len(visible_new) < len(visible_old):
        return False
    if _CONTROL.search(visible_new) or _CONTROL.search(visible_old):
        return False
    escapes = _HARMLESS.findall(old)
    # A colour that is left switched on goes on in what follows.
    colours = [escape for escape in escapes if escape.endswith("m")]
    return not colours or _RESET.fullmatch(colours[-1]) is not None

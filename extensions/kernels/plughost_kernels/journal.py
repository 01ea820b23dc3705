"""The numbered history of what a kernel sent: coalesced, kept in memory, bounded in bytes.

Everything a kernel sends gets an `(epoch, number)`. Numbers grow by one; the epoch changes
whenever numbers may have been given and not kept, so that none is ever used twice.

A reader is a number, too: one that has all messages below `n` asks for what comes next with
`read(n, …)`. Whoever has everything gets the next message as it was sent. For whoever
comes later, one entry stands for text that was written piece by piece, and what
a later message has made void is gone: an update of a display by a newer one, outputs by
`clear_output`, a line of text by what a carriage return has written over it. Nothing else
is left out until the bytes exceed the limit; then the oldest output goes, and `lost` says so.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from plughost_kernels import framing
from plughost_kernels.bounded import remember
from plughost_kernels.messages import Message, Stream, numbered, with_content
from plughost_kernels.text import FULL, Text

OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error", "clear_output"})
"""What `clear_output` makes void, earlier ones of its kind included."""
EXPENDABLE = OUTPUTS | {"update_display_data", "comm_msg"}
"""What goes when there is too much; without any of the rest a client would wait for ever."""
RESERVED = 1 / 8
"""The part of the limit that messages which are not expendable may fill."""
STRETCH = 4
"""How many times the limit there may be while a client is taking it."""
ENTRY_BYTES = 300
"""About what an entry needs besides its frame."""
REMEMBERED = 1_000
"""Displays whose latest update is remembered, to be replaced by the next, and requests whose
outputs were cleared."""


class Entry(msgspec.Struct, gc=False):
    """A message and its number. `to` is a client's session, None where it is for everyone.

    `kind` is its message type, `parent` the id of the request that caused it, `frame` the
    message in the binary WebSocket framing (`framing.py`), so that it exists once however
    many clients get it. A void entry has none.

    A journal has a hundred thousand of them, and they refer to nothing that refers to
    others: looking through them would hold up everybody with each garbage collection.
    """

    number: int
    to: str | None
    kind: str
    parent: str
    frame: bytes | None
    size: int

    def read(self, position: int, epoch: str) -> bytes | None:
        """The frame for a reader at `position`."""
        return self.frame

    def void(self) -> None:
        """Let go of everything but the number."""
        self.frame = None
        self.size = 0


class TextEntry(Entry):
    """Text that was written piece by piece, from the message `first` to `number`.

    One message stands for all of it: with the header of the last, and in its number the
    first. Its `parts` and its `name` (of the stream) are the last one's.
    """

    first: int
    name: str
    parts: Sequence[bytes]
    text: Text

    def goes_on_with(self, number: int, message: Message, stream: Stream) -> bool:
        """Whether a message is the next piece of this text."""
        return (
            self.frame is not None
            and self.number == number - 1
            and self.name == stream.name
            and self.text.has_room
            and belong_together(self.parts, message.parts)
        )

    def add(self, number: int, message: Message, stream: Stream) -> None:
        """Add the next piece."""
        self.number = number
        self.parts = message.parts
        self.text.add(number, stream.text)
        self.size = self.text.size + sum(map(len, message.parts)) + ENTRY_BYTES

    def read(self, position: int, epoch: str) -> bytes | None:
        if self.frame is None:
            return None
        content = {"name": self.name, "text": self.text.since(position)}
        first = max(position, self.first)
        parts = numbered(with_content(self.parts, content), epoch, self.number, first)
        return framing.encode("iopub", parts)

    def void(self) -> None:
        super().void()
        self.parts = ()
        self.text = Text(self.number, "")


def belong_together(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    """Whether two messages differ in their headers and contents only."""
    return len(one) == len(other) == 4 and one[2] == other[2]


class Read(NamedTuple):
    """What a reader gets next, and its position then; a frame of None: it has everything."""

    frame: bytes | None
    position: int


class Journal:
    """The history of one kernel.

    `next` is the number that the next message gets, `lost` the number of the latest one
    that was given up for want of room, `bytes` what the entries need, at most about `limit`,
    or `STRETCH` times as much of what is on `hold()`.
    """

    def __init__(self, limit: int) -> None:
        self.epoch = secrets.token_hex(4)
        self.next = 1
        self.lost = 0
        self.bytes = 0
        self.limit = limit
        self._held = 1 << 62  # nobody takes anything
        self._reserved = 0
        self._latest: Message | None = None  # if it was text
        self._entries: list[Entry] = []  # numbers ascend
        self._void = 0
        self._swept = 0  # before this place nothing is expendable
        self._past = 0  # before this place all is void
        self._updates: dict[str, Entry] = {}
        self._cleared: dict[str, int] = {}
        self._clearing: dict[str, int] = {}
        self._routed = 0

    def append(self, message: Message, to: str | None = None) -> None:
        """Number a message and keep it; the oldest output makes room for it."""
        number = self.next
        self.next += 1
        stream = message.stream() if message.channel == "iopub" and to is None else None
        if stream is None or not self._goes_on(number, message, stream):
            self._add(number, message, to)
        self._latest = message if stream is not None else None
        if self.bytes > self.limit:
            self._make_room()
        if self._void > 64 and self._void * 2 > len(self._entries):
            self._close_gaps()

    def hold(self, position: int) -> None:
        """Keep what comes from `position` on, which somebody is about to take.

        For them there is `STRETCH` times the limit.
        """
        self._held = position
        if self.bytes > self.limit:
            self._make_room()

    def read(self, position: int, session: str) -> Read:
        """What the client `session`, which has everything below `position`, gets next."""
        entries = self._entries
        index = len(entries) - 1
        if index > 0 and entries[index - 1].number >= position:
            index = bisect_left(entries, position, key=_number)
        while 0 <= index < len(entries):
            entry = entries[index]
            if entry.frame is not None and entry.number >= position and entry.to in (None, session):
                return Read(entry.read(position, self.epoch), entry.number + 1)
            index += 1
        return Read(None, self.next)

    # -- what comes

    def _goes_on(self, number: int, message: Message, stream: Stream) -> bool:
        """Add a piece of text to the text before it, if there is one that it belongs to."""
        last = self._entries[-1] if self._entries else None
        if last is None or last.kind != "stream" or last.parent != message.parent.msg_id:
            return False
        if not isinstance(last, TextEntry):
            last = self._text_of(last)
            if last is None or not last.goes_on_with(number, message, stream):
                return False
            self._entries[-1] = last
        elif not last.goes_on_with(number, message, stream):
            return False
        self.bytes -= last.size
        last.add(number, message, stream)
        self.bytes += last.size
        return True

    def _text_of(self, entry: Entry) -> TextEntry | None:
        """The latest entry as a text that may grow; None if its message is none."""
        before = self._latest
        if before is None or entry.frame is None or len(before.parts[3]) > FULL:
            return None
        stream = before.stream()
        if stream is None:
            return None
        return TextEntry(
            number=entry.number,
            to=None,
            kind=entry.kind,
            parent=entry.parent,
            frame=b"",
            size=entry.size,
            first=entry.number,
            name=stream.name,
            parts=before.parts,
            text=Text(entry.number, stream.text),
        )

    def _add(self, number: int, message: Message, to: str | None) -> None:
        parent = message.parent.msg_id
        if self._entries and self._entries[-1].parent == parent:
            parent = self._entries[-1].parent  # one string for all that have the same
        frame = framing.encode(message.channel, numbered(message.parts, self.epoch, number))
        kind = message.header.msg_type
        entry = Entry(number, to, kind, parent, frame, len(frame) + ENTRY_BYTES)
        self._entries.append(entry)
        self.bytes += entry.size
        if kind not in EXPENDABLE:
            self._reserved += entry.size
        if message.channel == "iopub" and to is None:
            self._void_what_is_past(message, entry)

    # -- what goes

    def _void_what_is_past(self, message: Message, entry: Entry) -> None:
        """Drop what a message has made void, for those who have not seen it yet."""
        kind, parent = entry.kind, entry.parent
        if kind == "update_display_data":
            display = message.display_id()
            if display is not None:
                older = self._updates.pop(display, None)
                if older is not None:
                    self._drop(older)
                remember(self._updates, display, entry, REMEMBERED)
        elif kind == "clear_output":
            waits = message.waits()
            if waits:
                # Once there is something new to see.
                remember(self._clearing, parent, entry.number, REMEMBERED)
            elif waits is not None:
                self._clearing.pop(parent, None)
                self._clear(parent, entry.number)
        elif kind in OUTPUTS:
            cleared = self._clearing.pop(parent, None)
            if cleared is not None:
                self._clear(parent, cleared)
        elif kind.startswith("comm_"):
            # A widget may take over a cell's outputs, and give them back, in this way.
            self._routed = entry.number
            self._clearing.clear()
        elif kind == "status" and message.execution_state() == "idle":
            self._cleared.pop(parent, None)
            self._clearing.pop(parent, None)

    def _clear(self, parent: str, number: int) -> None:
        """Drop the outputs of a request that came before its `clear_output`."""
        since = max(self._routed, self._cleared.get(parent, 0))
        remember(self._cleared, parent, number, REMEMBERED)
        index = bisect_left(self._entries, number, key=_number)
        for entry in self._entries[bisect_left(self._entries, since, key=_number) : index]:
            if entry.parent == parent and entry.kind in OUTPUTS:
                self._drop(entry)

    def _make_room(self) -> None:
        """Drop output, the oldest first, until the rest fits; the newest message stays.

        What somebody is about to take may stay for longer.
        Where messages that are not expendable fill more than their part, they go as well.
        """
        anything = self._reserved > self.limit * RESERVED
        while self._past < len(self._entries) - 1 and self._entries[self._past].frame is None:
            self._past += 1
        index = self._past if anything else max(self._swept, self._past)
        while self.bytes > self.limit and index < len(self._entries) - 1:
            entry = self._entries[index]
            if entry.number >= self._held and self.bytes <= self.limit * STRETCH:
                break
            index += 1
            if entry.frame is not None and (anything or entry.kind in EXPENDABLE):
                self.lost = max(self.lost, entry.number)
                self._drop(entry)
        self._swept = index

    def _drop(self, entry: Entry) -> None:
        if entry.frame is None:
            return
        self.bytes -= entry.size
        if entry.kind not in EXPENDABLE:
            self._reserved -= entry.size
        entry.void()
        self._void += 1

    def _close_gaps(self) -> None:
        """Forget void entries, once they are half of all: seldom enough to cost little."""
        before = sum(1 for entry in self._entries[: self._swept] if entry.frame is not None)
        self._entries = [entry for entry in self._entries if entry.frame is not None]
        self._swept = before
        self._past = 0
        self._void = 0


def _number(entry: Entry) -> int:
    return entry.number

"""The numbered history of what a kernel sent: kept in memory, bounded in bytes.

Everything a kernel sends gets an `(epoch, number)`. Numbers grow by one; the epoch changes
whenever numbers may have been given and not kept, so that none is ever used twice.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its number, whom it is for (a client's session; None: everyone), its frame.

    The frame is the message in the binary WebSocket framing (`framing.py`), so that it
    exists once however many clients get it.
    """

    number: int
    to: str | None
    frame: bytes


class Journal:
    """The latest entries of one kernel, oldest first, up to `limit` bytes.

    `first` is the number of the oldest entry that is kept, `next` the one that the next
    message gets; they are equal while it is empty.
    """

    def __init__(self, limit: int) -> None:
        self.epoch = secrets.token_hex(4)
        self.first = 1
        self.next = 1
        self.bytes = 0
        self._limit = limit
        self._entries: deque[Entry] = deque()

    def append(self, to: str | None, frame: bytes) -> Entry:
        """Keep a message under the next number; the oldest ones make room for it."""
        entry = Entry(self.next, to, frame)
        self.next += 1
        self._entries.append(entry)
        self.bytes += len(frame)
        # The newest stays, however large it is: it is about to be sent.
        while self.bytes > self._limit and len(self._entries) > 1:
            self.bytes -= len(self._entries.popleft().frame)
            self.first += 1
        return entry

    def __getitem__(self, number: int) -> Entry:
        """The entry with a number from `first` up to, without, `next`; raises IndexError."""
        if not self.first <= number < self.next:
            raise IndexError(f"No entry {number}: {self.first} to {self.next - 1} are kept.")
        # A deque is quick at both ends, which is where readers are.
        return self._entries[number - self.first]

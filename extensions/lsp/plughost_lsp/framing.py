"""How messages are told apart on a pipe: LSP 3.17, "Base Protocol".

A header, `Content-Length: <bytes>` among its lines, a blank line, and that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HEADER_BYTES = 8 * 1024
"""The longest line of a header; more than that is none."""

# At the end of a line: what a server prints without a newline stands before it.
_LENGTH = re.compile(rb"Content-Length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE)
_OTHER = re.compile(rb"Content-Type:.*", re.IGNORECASE)


class Oversized(int):
    """Stands for a message that was left out: its size in bytes."""


class Garbage(bytes):
    """A line that belongs to no message, such as one that a server has printed."""


Piece = bytes | Oversized | Garbage


def encode(body: bytes) -> bytes:
    """One message with its header."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Frames:
    """Takes what comes out of a pipe, in pieces of any size, and gives whole messages.

    It holds no more than `limit` bytes and what was fed last: a longer message is passed over.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._length: int | None = None  # from the header that is being read
        self._body = False
        self._skipping = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """What has become complete, in order."""
        self._buffer += data
        while True:
            if self._skipping:
                passed = min(self._skipping, len(self._buffer))
                del self._buffer[:passed]
                self._skipping -= passed
            if self._body and self._length is not None:
                if len(self._buffer) < self._length:
                    return
                yield self._take(self._length)
                self._length, self._body = None, False
                continue
            line = self._line()
            if line is None:
                return
            yield from self._header(line)

    def _header(self, line: bytes) -> Iterator[Piece]:
        found = _LENGTH.search(line)
        if found is not None:
            self._length = int(found[1])
            line = line[: found.start()]
        elif not line and self._length is not None:
            if self._length > self._limit:
                yield Oversized(self._length)
                self._skipping, self._length = self._length, None
            else:
                self._body = True
        if line and not _OTHER.fullmatch(line):
            yield Garbage(line)

    def _line(self) -> bytes | None:
        """The next line without its end; what is too long to be one comes in pieces."""
        end = self._buffer.find(b"\n", 0, HEADER_BYTES)
        if end < 0:
            return self._take(HEADER_BYTES) if len(self._buffer) >= HEADER_BYTES else None
        return self._take(end + 1).rstrip(b"\r\n")

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

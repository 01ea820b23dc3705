"""Logs: what everybody logs, in a file, in memory, and live for those who follow.

Whoever logs waits for neither disk nor client: lines are handed to a thread that writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from queue import SimpleQueue

import msgspec

from plughost_observe.lines import Author, Entry, Line, Wanted, line_of
from plughost_observe.log_file import LineFile
from plughost_observe.redaction import Redactor, TerminalGuard

WAITING = 20_000
"""Lines that wait for a slow disk; more are counted and left out."""
BACKLOG = 1000
"""Lines that wait for a slow client before it is let go; it can come back."""
AGAIN_SECONDS = 10.0
"""So long after a failure a file is tried again."""
END_SECONDS = 2.0
END_PIECES = 20
"""What still waits when the logs end has this long to be written, and how often is looked."""

log = logging.getLogger("plughost.observe")

_encode = msgspec.json.Encoder().encode


class Writer:
    """A thread that writes lines to a file, so that nobody else waits for the disk.

    Log lines come as what they are and when and how grave they were; they are kept in `tail`
    as well. Bytes are written as they are.
    """

    def __init__(self, file: LineFile | None, tail: Tail | None = None) -> None:
        self._file = file
        self._tail = tail
        self._waiting: SimpleQueue[tuple[float, int, Line] | bytes | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._left_out = 0
        self._broken = False
        self._again = 0.0

    def put(self, item: tuple[float, int, Line] | bytes) -> None:
        """Have a line written; from any thread."""
        if self._waiting.qsize() < WAITING:
            self._waiting.put(item)
        else:
            self._left_out += 1

    def start(self) -> None:
        """Write from now on, what waits already first."""
        self._thread = threading.Thread(target=self._write, name="log writer", daemon=True)
        self._thread.start()

    def without_file(self) -> None:
        """Keep lines in memory only."""
        self._file = None

    def close(self) -> None:
        """Write what waits, for END_SECONDS at most, and end."""
        if self._thread is not None:
            self._waiting.put(None)
            # In pieces: a process that is stopped and goes on loses one of them, and no lines.
            for _ in range(END_PIECES):
                self._thread.join(END_SECONDS / END_PIECES)
            self._thread = None

    def _write(self) -> None:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, bytes):
                self._to_file(item)
            else:
                created, level, line = item
                try:
                    encoded = _encode(line)
                except (UnicodeError, TypeError, ValueError):  # a line of a stranger's making
                    self._left_out += 1
                    continue
                self._to_file(encoded)
                if self._tail is not None:
                    self._tail.add(created, level, line, encoded)
            if self._left_out and self._waiting.empty() and not self._broken:
                left_out, self._left_out = self._left_out, 0
                log.error("%d log lines could not be written and are lost.", left_out)
        if self._file is not None:
            self._file.close()

    def _to_file(self, line: bytes) -> None:
        if self._file is None:
            return
        if self._broken and time.monotonic() < self._again:
            self._left_out += 1
            return
        try:
            if self._broken:
                self._file.open()
            self._file.write(line)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()
            self._left_out += 1
            self._again = time.monotonic() + AGAIN_SECONDS
            if not self._broken:
                self._broken = True
                log.error("%r cannot be written for now: %s", str(self._file.path), error)
        else:
            if self._broken:
                self._broken = False
                log.warning("%r is written again.", str(self._file.path))


class Tail:
    """The last lines, at most `size` bytes of them, and those who follow them."""

    def __init__(self, size: int) -> None:
        self._limit = size
        self._size = 0
        self._entries: deque[Entry] = deque()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._followers: set[Follower] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Tell followers on this loop."""
        self._loop = asyncio.get_running_loop()

    def add(self, created: float, level: int, line: Line, encoded: bytes) -> None:
        """Keep a line, in place of the oldest ones; from any thread."""
        entry = Entry(next(self._numbers), created, level, line, encoded)
        with self._lock:
            self._entries.append(entry)
            self._size += len(encoded)
            while self._size > self._limit and len(self._entries) > 1:
                self._size -= len(self._entries.popleft().json)
        if self._followers and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the host has stopped
                self._loop.call_soon_threadsafe(self._tell, entry)

    def last(self, wanted: Wanted, limit: int) -> list[Entry]:
        """The last lines that are wanted, `limit` at most, the oldest first."""
        with self._lock:
            entries = list(self._entries)
        found = [*itertools.islice(filter(wanted.fits, reversed(entries)), limit)]
        return found[::-1]

    def follow(self, wanted: Wanted) -> Follower:
        """Begin to follow: with what is kept and wanted `since` then, else with what comes.

        Iterate over what this returns, and close it in the end.
        """
        follower = Follower(wanted, self._followers)
        self._followers.add(follower)  # before the look at what is kept, so that none is missed
        with self._lock:
            entries = list(self._entries)
        follower.seen = entries[-1].number if entries else 0
        if wanted.since is not None:
            follower.begin([entry for entry in entries if wanted.fits(entry)][-BACKLOG:])
        return follower

    def stop(self) -> None:
        """Let all followers go."""
        for follower in [*self._followers]:
            follower.close()

    def _tell(self, entry: Entry) -> None:
        for follower in [*self._followers]:
            follower.put(entry)


class Follower:
    """Lines as they come, for one client; ends when closed or too far `behind`."""

    def __init__(self, wanted: Wanted, followers: set[Follower]) -> None:
        self._wanted = wanted
        self._followers = followers
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.seen = 0
        self.behind = False

    def begin(self, entries: list[Entry]) -> None:
        for entry in entries:
            self._waiting.put_nowait(entry.json)

    def put(self, entry: Entry) -> None:
        if entry.number <= self.seen or not self._wanted.fits(entry):
            return
        if self._waiting.qsize() >= BACKLOG:
            self.behind = True
            self.close()
        else:
            self._waiting.put_nowait(entry.json)

    def close(self) -> None:
        """Follow no more; what has come is still given out."""
        if self in self._followers:
            self._followers.remove(self)
            self._waiting.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (line := await self._waiting.get()) is not None:
            yield line


class Intake(logging.Handler):
    """The handler that gets everybody's records and hands them on as lines."""

    def __init__(self, author: Author, redactor: Redactor, writer: Writer) -> None:
        super().__init__()
        self._author = author
        self._writer = writer
        self._terminal = TerminalGuard(redactor)
        self._guarding = False
        self.addFilter(self._terminal.filter)

    def guard_terminal(self) -> None:
        """Keep secrets out of what other handlers write, until this one is closed."""
        self._guarding = True
        self._terminal.attach()

    def emit(self, record: logging.LogRecord) -> None:
        if self._guarding:
            self._terminal.attach()  # some handler may be new
        try:
            self._writer.put((record.created, record.levelno, line_of(record, self._author)))
        except Exception:  # what a stranger has put into a record stops nobody else's lines
            self.handleError(record)

    def close(self) -> None:
        self._guarding = False
        self._terminal.detach()
        self._writer.close()
        super().close()


class Logs:
    """What is logged on this server: kept, written, and handed to who asks for it."""

    def __init__(
        self, author: Author, redactor: Redactor, file: LineFile | None, memory: int
    ) -> None:
        self.tail = Tail(memory)
        self.redactor = redactor
        self._file = file
        self._writer = Writer(file, self.tail)
        self.handler = Intake(author, redactor, self._writer)

    async def start(self) -> None:
        self.tail.start()
        if self._file is not None:
            try:
                await asyncio.to_thread(self._file.open)
            except OSError as error:
                # A full disk is no reason to have no logs at all.
                self._writer.without_file()
                log.error("No log is written to %r: %s", str(self._file.path), error)
        self._writer.start()
        self.handler.guard_terminal()

    async def stop(self) -> None:
        # The writer goes on: what others log while they stop is the end of the story. The
        # host closes the handler, and with it the writer, when everything has stopped.
        self.tail.stop()

"""One language server as a process that we speak to by its standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from plughost_lsp import framing

STDIN, STDOUT, STDERR = 0, 1, 2
WAITING_BYTES = 8 * 1024 * 1024
"""What may wait for a server that is busy, before whoever writes has to wait as well."""
LINES = 20
LINE_CHARACTERS = 500
"""What is kept of its standard error, and of each line."""
LAST_WORDS_SECONDS = 0.5
"""A process that has ended is read from this much longer: its children may hold the pipe."""


class Process(asyncio.SubprocessProtocol):
    """A running server. Reading from it stops while nobody takes its messages.

    Made by `start`. `exited` is set when the process is gone.
    """

    def __init__(self, limit: int, on_stderr: Callable[[str], None]) -> None:
        self.exited = asyncio.Event()
        self._frames = framing.Frames(limit)
        self._on_stderr = on_stderr
        self._partial = bytearray()  # of a line on its standard error
        self._pieces: deque[framing.Piece] = deque()
        self._news = asyncio.Event()
        self._ended = False  # its standard output
        self._room = asyncio.Event()
        self._room.set()

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        limit: int,
        on_stderr: Callable[[str], None],
    ) -> Process:
        """Run a program in a folder; `limit` is the size of its largest message.

        `on_stderr` gets each line that it writes to its standard error. Raises OSError.
        """
        loop = asyncio.get_running_loop()
        _, process = await loop.subprocess_exec(
            lambda: cls(limit, on_stderr),
            argv[0],
            *argv[1:],
            cwd=folder,
            env=dict(environment),
            start_new_session=True,  # a group of its own, to be ended with all that it has started
        )
        return process

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._transport.get_returncode()

    async def messages(self) -> AsyncIterator[framing.Piece]:
        """What it says, until it has no more to say."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._ended:
                return
            self._news.clear()
            self._reading(True)
            await self._news.wait()

    async def write(self, body: bytes) -> None:
        """Say something to it; returns once it has taken enough of what was said before.

        What is said to a process that is gone is lost.
        """
        self.write_soon(body)
        await self._room.wait()

    def write_soon(self, body: bytes) -> None:
        """The same without waiting."""
        stdin = self._transport.get_pipe_transport(STDIN)
        if stdin is not None and not stdin.is_closing():
            assert isinstance(stdin, asyncio.WriteTransport), "it is the end we write to"
            stdin.write(framing.encode(body))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and what it has started."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)

    async def gone(self, seconds: float) -> bool:
        """Wait for its end; whether it came within `seconds`."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.exited.wait(), max(seconds, 0))
        return self.exited.is_set()

    def close(self) -> None:
        """Give back the pipes; by force where it still runs."""
        self.signal(signal.SIGKILL)
        self._transport.close()
        self._end()

    # -- asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport), "that is what we asked for"
        self._transport = transport
        stdin = transport.get_pipe_transport(STDIN)
        if isinstance(stdin, asyncio.WriteTransport):
            stdin.set_write_buffer_limits(high=WAITING_BYTES)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == STDERR:
            self._take_stderr(data)
            return
        self._pieces.extend(self._frames.feed(data))
        if self._pieces:
            self._reading(False)
            self._news.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == STDOUT:
            self._end()
        elif fd == STDIN:
            self._room.set()
        elif self._partial:
            self._take_stderr(b"\n")

    def process_exited(self) -> None:
        self.exited.set()
        self._room.set()
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._end)

    def pause_writing(self) -> None:
        if not self.exited.is_set():
            self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()

    def _reading(self, on: bool) -> None:
        stdout = self._transport.get_pipe_transport(STDOUT)
        if isinstance(stdout, asyncio.ReadTransport) and not stdout.is_closing():
            (stdout.resume_reading if on else stdout.pause_reading)()

    def _take_stderr(self, data: bytes) -> None:
        *lines, rest = bytes(self._partial + data).split(b"\n")
        self._partial = bytearray(rest[:LINE_CHARACTERS])
        for line in lines:
            self._on_stderr(line.decode("utf-8", "replace").rstrip()[:LINE_CHARACTERS])

"""terminado's manager of pseudo-terminals, with what it does on the loop done without waiting,
and with bounds on what is kept of what they print.

Importing this module takes a tenth of a second and more, so it waits for the first
terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ptyprocess.ptyprocess import PtyProcessError
from terminado.management import NamedTermManager, PtyWithClients
from tornado.ioloop import IOLoop

KEPT = 1024 * 1024
"""Characters of a terminal's output, about, that are kept for clients that come later."""


class Ptys(NamedTermManager):
    """Pseudo-terminals by name. `last_activity` is when each printed or read something.

    `on_activity` is told whenever one does. A terminal is not read while one of its clients
    is behind: then its program waits, as it would for a slow line, and no output piles up.
    """

    def __init__(self, shell_command: list[str], on_activity: Callable[[], None]) -> None:
        super().__init__(shell_command=shell_command)
        self.last_activity: dict[str, datetime] = {}
        self._on_activity = on_activity
        self._active: dict[str, float] = {}
        self._paused: set[int] = set()
        self._typing: dict[str, asyncio.Lock] = {}
        self._full: dict[int, asyncio.Future[None]] = {}

    def open(
        self, name: str | None, cwd: str, environment: dict[str, str | None]
    ) -> PtyWithClients:
        """Start a shell in a new pseudo-terminal; a value of None removes a variable."""
        names = {} if name is None else {"name": name}
        name, pty = self.new_named_terminal(cwd=cwd, extra_env=environment, **names)
        os.set_blocking(pty.ptyproc.fd, False)
        self._typing[name] = asyncio.Lock()
        self.note_activity(name)
        return pty

    def idle(self, name: str) -> float:
        """Seconds since a terminal printed or read something; not those that the machine slept."""
        return time.monotonic() - self._active[name]

    async def write(self, name: str, text: str) -> None:
        """Type something into a terminal; returns when it has taken it, or has ended.

        Not with terminado's thread: a program that does not read would keep that thread
        forever, and with it the input of all terminals.
        """
        pty = self.terminals[name]
        fd = pty.ptyproc.fd
        data = text.encode(errors="replace")
        async with self._typing[name]:
            # Its number alone is not enough: the next terminal can get the same one.
            while data and self.ptys_by_fd.get(fd) is pty:
                try:
                    data = data[os.write(fd, data) :]
                except BlockingIOError:
                    await self._room(fd)
        if name in self.terminals:
            self.note_activity(name)

    async def end(self, pty: PtyWithClients) -> None:
        """End a terminal's shell, by force if need be."""
        # Where its end was noticed meanwhile, the thread that closes it has taken its exit code.
        with contextlib.suppress(PtyProcessError):
            await pty.terminate(force=True)

    def pre_pty_read_hook(self, ptywclients: PtyWithClients) -> None:
        self.note_activity(_name(ptywclients))

    def pty_read(self, fd: int, events: Any = None) -> None:
        super().pty_read(fd, events)
        pty = self.ptys_by_fd.get(fd)
        if pty is not None:
            kept = sum(map(len, pty.read_buffer))
            while kept > KEPT and len(pty.read_buffer) > 1:
                kept -= len(pty.read_buffer.popleft())
            if any(client.behind for client in pty.clients):
                self._paused.add(fd)
                IOLoop.current().remove_handler(fd)

    def read_on(self, pty: PtyWithClients) -> None:
        """Read a terminal again, if it was only a slow client that kept us from it."""
        fd = pty.ptyproc.fd
        if fd in self._paused and not any(client.behind for client in pty.clients):
            self._paused.discard(fd)
            IOLoop.current().add_handler(fd, self.pty_read, IOLoop.READ)

    def on_eof(self, ptywclients: PtyWithClients) -> None:
        """The shell has ended, or is to be forgotten.

        Not terminado's own: closing sleeps until the process is gone, on the loop there.
        """
        process, name = ptywclients.ptyproc, _name(ptywclients)
        del self.ptys_by_fd[process.fd]
        IOLoop.current().remove_handler(process.fd)
        self._end_wait(process.fd)
        self._paused.discard(process.fd)
        for known in (self.terminals, self.last_activity, self._active, self._typing):
            known.pop(name, None)
        asyncio.get_running_loop().run_in_executor(None, _close, process)

    def note_activity(self, name: str) -> None:
        """Somebody or something uses a terminal."""
        self.last_activity[name] = datetime.now(timezone.utc)
        self._active[name] = time.monotonic()
        self._on_activity()

    async def _room(self, fd: int) -> None:
        """Wait until the terminal takes more input, or has ended."""
        loop = asyncio.get_running_loop()
        self._full[fd] = waiting = loop.create_future()
        loop.add_writer(fd, self._end_wait, fd)
        try:
            await waiting
        finally:
            if self._full.get(fd) is waiting:
                self._end_wait(fd)

    def _end_wait(self, fd: int) -> None:
        waiting = self._full.pop(fd, None)
        if waiting is not None:
            asyncio.get_running_loop().remove_writer(fd)
            if not waiting.done():
                waiting.set_result(None)


def _name(pty: PtyWithClients) -> str:
    assert pty.term_name is not None, "`open` names every terminal"
    return pty.term_name


def _close(process: Any) -> None:
    """Close a pseudo-terminal, and wait until its process is gone."""
    # `end` asks for the exit code, too, and whoever comes second finds none.
    with contextlib.suppress(PtyProcessError):
        process.close()

"""terminado's manager of pseudo-terminals, with what it does on the loop done without waiting.

Importing this module takes a tenth of a second and more, so it waits for the first
terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import datetime, timezone

from ptyprocess.ptyprocess import PtyProcessError
from terminado.management import NamedTermManager, PtyWithClients
from tornado.ioloop import IOLoop


class Ptys(NamedTermManager):
    """Pseudo-terminals by name. `last_activity` is when each printed or read something."""

    def __init__(self, shell_command: list[str]) -> None:
        super().__init__(shell_command=shell_command)
        self.last_activity: dict[str, datetime] = {}
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
        self._note_activity(name)
        return pty

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
            self._note_activity(name)

    async def end(self, pty: PtyWithClients) -> None:
        """End a terminal's shell, by force if need be."""
        # Where its end was noticed meanwhile, the thread that closes it has taken its exit code.
        with contextlib.suppress(PtyProcessError):
            await pty.terminate(force=True)

    def pre_pty_read_hook(self, ptywclients: PtyWithClients) -> None:
        self._note_activity(_name(ptywclients))

    def on_eof(self, ptywclients: PtyWithClients) -> None:
        """The shell has ended, or is to be forgotten.

        Not terminado's own: closing sleeps until the process is gone, on the loop there.
        """
        process, name = ptywclients.ptyproc, _name(ptywclients)
        del self.ptys_by_fd[process.fd]
        IOLoop.current().remove_handler(process.fd)
        self._end_wait(process.fd)
        self.terminals.pop(name, None)
        self.last_activity.pop(name, None)
        self._typing.pop(name, None)
        asyncio.get_running_loop().run_in_executor(None, process.close)

    def _note_activity(self, name: str) -> None:
        self.last_activity[name] = datetime.now(timezone.utc)

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

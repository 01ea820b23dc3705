"""Terminals: shells by name, each with its clients, all in the root folder's world."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from plughost import (
    BadRequest,
    Conflict,
    Forbidden,
    HostError,
    NotFound,
    child_environment,
    running_servers,
)
from plughost_terminals.settings import Settings

if TYPE_CHECKING:
    from terminado.management import PtyWithClients

    from plughost_terminals.ptys import Ptys

USUAL_INTERVAL = 300.0
"""Seconds between looks for inactive terminals, where what is set makes no sense."""

_NAME = re.compile(r"(?!\.+$)[\w.-]{1,100}")

log = logging.getLogger("plughost.terminals")


class TerminalModel(msgspec.Struct):
    """A terminal on the wire (Jupyter's REST API, `/api/terminals`)."""

    name: str
    last_activity: datetime


class Client(Protocol):
    """Somebody who looks at a terminal; the smallest `size` (rows, columns) is its size.

    While one is `behind`, the terminal's program waits.
    """

    size: tuple[int | None, int | None]

    @property
    def behind(self) -> bool:
        """Whether much of what was printed has not reached them yet."""

    def on_pty_read(self, text: str) -> None:
        """The terminal has printed something."""

    def on_pty_died(self) -> None:
        """The terminal is gone."""


class TerminalNotFound(NotFound):
    def __init__(self, name: str, open_names: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"There is no terminal named {name!r}.",
            hint=f"Open terminals: {', '.join(open_names) or 'none'}.",
        )


class Terminals:
    """The open terminals. They end with the host; `on_activity` is told when one is used."""

    def __init__(
        self, root: Path, settings: Settings, on_activity: Callable[[], None] = lambda: None
    ) -> None:
        self._root = root
        self._settings = settings
        self._on_activity = on_activity
        self._ptys: Ptys | None = None
        self._culling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to close what nobody has used for long, where that is set."""
        if self._settings.cull_inactive_timeout > 0:
            self._culling = asyncio.ensure_future(self._cull_all())

    async def stop(self) -> None:
        """End all terminals."""
        if self._culling is not None:
            self._culling.cancel()
            await asyncio.wait([self._culling])
        await asyncio.gather(*(self.close(model.name) for model in self.list()))

    def objection(self) -> HostError | None:
        """Why no terminal can be opened here, if so."""
        if not self._settings.terminals_enabled:
            return Forbidden(
                "Terminals are switched off on this server.",
                hint="Its administrator has set `terminals_enabled`, or Jupyter's "
                "`ServerApp.terminals_enabled`, to false.",
            )
        program = _command(self._settings)[0]
        if shutil.which(program) is None:
            return HostError(
                f"The shell {program!r} cannot be started: there is no such program.",
                hint="Correct $SHELL, or set `shell_command` under [extensions.terminals] "
                "in plughost.toml.",
            )
        try:
            for descriptor in os.openpty():
                os.close(descriptor)
        except OSError as error:
            return HostError(
                f"This machine gives us no pseudo-terminal: {error.strerror}.",
                hint="In a container, mount /dev/pts; elsewhere, close some terminals.",
            )
        return None

    async def create(self, name: str | None = None, cwd: str | None = None) -> TerminalModel:
        """Start a shell; `cwd` is relative to the root folder, and used if it exists.

        Raises BadRequest for an odd name, Conflict for one that is taken, and what `objection`
        says when none can be opened.
        """
        if name is not None and not _NAME.fullmatch(name):
            raise BadRequest(
                f"A terminal cannot be named {name!r}.",
                hint="Use letters, digits, '_', '-' and '.', or let the server choose.",
            )
        objection = self.objection()
        if objection is not None:
            raise objection
        folder, url = await asyncio.to_thread(lambda: (self._folder(cwd), _own_url()))
        if self._ptys is None:
            ptys = await asyncio.to_thread(_import_ptys)
            self._ptys = self._ptys or ptys(_command(self._settings), self._on_activity)
        if name in self._ptys.terminals:
            raise Conflict(
                f"There is already a terminal named {name!r}.",
                hint="Connect to it, or choose another name.",
            )
        # A value of None takes a variable away.
        environment: dict[str, str | None] = dict.fromkeys({*os.environ} - {*child_environment()})
        environment["JUPYTER_SERVER_ROOT"] = str(self._root)
        environment["JUPYTER_SERVER_URL"] = url
        try:
            pty = self._ptys.open(name, str(folder), environment)
        except OSError as error:
            raise HostError(
                f"The shell {_command(self._settings)[0]!r} cannot be started in {str(folder)!r}: "
                f"{error.strerror or error}.",
                hint="Look at the rights of the two.",
            ) from None
        assert pty.term_name is not None, "`open` names every terminal"
        return self.get(pty.term_name)

    def list(self) -> list[TerminalModel]:
        """All open terminals."""
        return [self.get(name) for name in (self._ptys.terminals if self._ptys else ())]

    def get(self, name: str) -> TerminalModel:
        """One terminal. Raises TerminalNotFound."""
        _, ptys = self._find(name)
        return TerminalModel(name, ptys.last_activity[name])

    async def close(self, name: str) -> None:
        """End a terminal's shell, by force if need be. Raises TerminalNotFound."""
        pty, ptys = self._find(name)
        await ptys.end(pty)
        # A program that the shell has left behind can keep the terminal open: forget it.
        if ptys.terminals.get(name) is pty:
            ptys.on_eof(pty)
            for client in [*pty.clients]:
                client.on_pty_died()

    def attach(self, name: str, client: Client) -> str:
        """Let somebody look at a terminal; returns what it has printed so far.

        Raises TerminalNotFound.
        """
        pty, ptys = self._find(name)
        ptys.note_activity(name)
        pty.clients.append(client)
        return "".join(pty.read_buffer)

    def detach(self, name: str, client: Client) -> None:
        """Somebody looks away; the terminal may grow, and go on."""
        pty = self._ptys.terminals.get(name) if self._ptys else None
        if self._ptys is not None and pty is not None and client in pty.clients:
            pty.clients.remove(client)
            pty.resize_to_smallest()
            self._ptys.read_on(pty)

    def resize(self, name: str) -> None:
        """A client's size has changed. Raises TerminalNotFound."""
        pty, ptys = self._find(name)
        ptys.note_activity(name)
        pty.resize_to_smallest()

    def caught_up(self, name: str) -> None:
        """A client is not behind any more. Raises TerminalNotFound."""
        pty, ptys = self._find(name)
        ptys.read_on(pty)

    async def write(self, name: str, text: str) -> None:
        """Type something; returns when the terminal has taken it. Raises TerminalNotFound."""
        _, ptys = self._find(name)
        await ptys.write(name, text)

    def _find(self, name: str) -> tuple[PtyWithClients, Ptys]:
        if self._ptys is None or name not in self._ptys.terminals:
            raise TerminalNotFound(name, self._ptys.terminals if self._ptys else ())
        return self._ptys.terminals[name], self._ptys

    async def _cull_all(self) -> None:
        """Look again and again for terminals that nobody and nothing uses."""
        interval = self._settings.cull_interval
        if interval <= 0:
            log.warning("cull_interval is %s; %s seconds are used.", interval, USUAL_INTERVAL)
            interval = USUAL_INTERVAL
        while True:
            await asyncio.sleep(interval)
            await asyncio.gather(*(self._cull(model.name) for model in self.list()))

    async def _cull(self, name: str) -> None:
        with contextlib.suppress(TerminalNotFound):  # it has ended meanwhile
            _, ptys = self._find(name)
            idle = ptys.idle(name)
            if idle > self._settings.cull_inactive_timeout:
                log.warning("Terminal %r is closed: nothing happened for %.0f s.", name, idle)
                await self.close(name)

    def _folder(self, cwd: str | None) -> Path:
        """The folder that is meant: the text as it is, nothing in it is decoded."""
        if cwd:
            for folder in (os.path.expanduser(cwd), os.path.join(self._root, cwd.lstrip("/"))):
                if os.path.isabs(folder) and os.path.isdir(folder):
                    return Path(folder)
        return self._root


def _command(settings: Settings) -> list[str]:
    """What is run: what is set, else the user's shell."""
    return settings.shell or [
        os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    ]


def _own_url() -> str | None:
    """Where this very server answers, if it is listed among those that run."""
    return next((server.url for server in running_servers() if server.pid == os.getpid()), None)


def _import_ptys() -> type[Ptys]:
    from plughost_terminals.ptys import Ptys

    return Ptys

"""Terminals: shells by name, each with its clients, all in the root folder's world."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from plughost import BadRequest, Conflict, HostError, NotFound
from plughost_terminals.settings import Settings

if TYPE_CHECKING:
    from terminado.management import PtyWithClients

    from plughost_terminals.ptys import Ptys

SECRETS = re.compile(r"JUPYTER_TOKEN|JPY_\w+|PLUGHOST_(?:TOKEN|HASHED_PASSWORD|EXTENSIONS__\w+)")
"""Variables of the server's environment that its shells do not get."""

_NAME = re.compile(r"[\w.-]+")


class TerminalModel(msgspec.Struct):
    """A terminal on the wire (Jupyter's REST API, `/api/terminals`)."""

    name: str
    last_activity: datetime


class Client(Protocol):
    """Somebody who looks at a terminal; the smallest `size` (rows, columns) is its size."""

    size: tuple[int | None, int | None]

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
    """The open terminals. They end with the host."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root = root
        self._settings = settings
        self._ptys: Ptys | None = None

    async def create(self, name: str | None = None, cwd: str | None = None) -> TerminalModel:
        """Start a shell; `cwd` is relative to the root folder, and used if it exists.

        Raises BadRequest for an odd name, Conflict for one that is taken, and HostError
        when the shell cannot be started.
        """
        if name is not None and not _NAME.fullmatch(name):
            raise BadRequest(
                f"A terminal cannot be named {name!r}.",
                hint="Use letters, digits, '_', '-' and '.', or let the server choose.",
            )
        if self._ptys is None:
            self._ptys = await self._start_ptys()
        if name in self._ptys.terminals:
            raise Conflict(
                f"There is already a terminal named {name!r}.",
                hint="Connect to it, or choose another name.",
            )
        environment: dict[str, str | None] = dict.fromkeys(filter(SECRETS.fullmatch, os.environ))
        environment["JUPYTER_SERVER_ROOT"] = str(self._root)
        pty = self._ptys.open(name, str(self._folder(cwd)), environment)
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

    async def stop(self) -> None:
        await asyncio.gather(*(self.close(model.name) for model in self.list()))

    def attach(self, name: str, client: Client) -> str:
        """Let somebody look at a terminal; returns what it has printed so far.

        Raises TerminalNotFound.
        """
        pty, _ = self._find(name)
        pty.clients.append(client)
        return "".join(pty.read_buffer)

    def detach(self, name: str, client: Client) -> None:
        """Somebody looks away; the terminal may grow."""
        pty = self._ptys.terminals.get(name) if self._ptys else None
        if pty is not None and client in pty.clients:
            pty.clients.remove(client)
            pty.resize_to_smallest()

    def resize(self, name: str) -> None:
        """A client's size has changed. Raises TerminalNotFound."""
        self._find(name)[0].resize_to_smallest()

    async def write(self, name: str, text: str) -> None:
        """Type something; returns when the terminal has taken it. Raises TerminalNotFound."""
        _, ptys = self._find(name)
        await ptys.write(name, text)

    def _find(self, name: str) -> tuple[PtyWithClients, Ptys]:
        if self._ptys is None or name not in self._ptys.terminals:
            raise TerminalNotFound(name, self._ptys.terminals if self._ptys else ())
        return self._ptys.terminals[name], self._ptys

    async def _start_ptys(self) -> Ptys:
        command = self._settings.shell_command or [_shell()]
        if shutil.which(command[0]) is None:
            raise HostError(
                f"The shell {command[0]!r} cannot be started: there is no such program.",
                hint="Correct $SHELL, or set `shell_command` under [extensions.terminals] "
                "in plughost.toml.",
            )
        ptys = await asyncio.to_thread(_import_ptys)
        return self._ptys or ptys(command)

    def _folder(self, cwd: str | None) -> Path:
        if cwd:
            for folder in (Path(cwd).expanduser(), self._root / cwd.lstrip("/")):
                if folder.is_absolute() and folder.is_dir():
                    return folder
        return self._root


def _shell() -> str:
    return os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"


def _import_ptys() -> type[Ptys]:
    from plughost_terminals.ptys import Ptys

    return Ptys

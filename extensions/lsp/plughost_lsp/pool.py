"""All language servers: who may have one, and what is running."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from plughost import child_environment
from plughost_lsp.catalogue import Catalogue
from plughost_lsp.errors import NotInstalled, ServerNotFound, TooManyServers
from plughost_lsp.known import search_path
from plughost_lsp.places import ShadowFolder
from plughost_lsp.server import Server
from plughost_lsp.session import Client, Launch, Session
from plughost_lsp.settings import Settings
from plughost_lsp.shadow import Shadow
from plughost_lsp.specs import VERSION, Spec


class Pool:
    """One process for each client, ended with the client or with the host."""

    def __init__(self, root: Path, settings: Settings, shadows: ShadowFolder) -> None:
        self.catalogue = Catalogue(settings)
        self._root = root
        self._settings = settings
        self._shadows = shadows
        self._servers: dict[str, Server] = {}
        self._running: dict[Session, asyncio.Task[None]] = {}
        self._stopped = False

    def __len__(self) -> int:
        """How many processes there are."""
        return len(self._running)

    async def status(self) -> dict[str, Any]:
        """What `GET /lsp/status` says: jupyter-lsp's reply, and besides it `failures`."""
        specs = await self.catalogue.specs()
        installed = {name: self._server(spec) for name, spec in specs.items() if spec.installed}
        return {
            "version": VERSION,
            "sessions": {name: server.to_json() for name, server in installed.items()},
            "specs": {name: spec.to_json() for name, spec in specs.items()},
            "failures": {name: s.failure for name, s in installed.items() if s.failure},
        }

    async def check(self, name: str) -> Server:
        """The server of that name, if a client may have one now.

        Raises ServerNotFound, NotInstalled, KeepsDying or TooManyServers.
        """
        specs = await self.catalogue.specs()
        if name not in specs:
            raise ServerNotFound(name, [each for each, spec in specs.items() if spec.installed])
        if not specs[name].installed:
            raise NotInstalled(name, specs[name].about.get("install", {}))
        server = self._server(specs[name])
        server.check(self._settings.restart_limit)
        if len(self) >= self._settings.max_processes:
            raise TooManyServers(self._settings.max_processes)
        return server

    def connect(self, server: Server, client: Client) -> Session:
        """Start a process for a client; it ends when `Session.leave` is called."""
        shadow = Shadow(self._shadows) if server.spec.on_disk else None
        session = Session(server.spec, client, self._launch(), server, shadow)
        server.add(session)
        task = self._running[session] = asyncio.create_task(session.run())

        def over(_: asyncio.Task[None]) -> None:
            server.remove(session)
            del self._running[session]

        task.add_done_callback(over)
        if self._stopped:
            session.leave()
        return session

    async def stop(self) -> None:
        """End all processes."""
        self._stopped = True
        for session in [*self._running]:
            session.leave()
        if self._running:
            await asyncio.wait([*self._running.values()])

    def _server(self, spec: Spec) -> Server:
        """The server of a specification, which may have changed since it was last started."""
        server = self._servers.setdefault(spec.name, Server(spec))
        server.spec = spec
        return server

    def _launch(self) -> Launch:
        return Launch(
            folder=self._root,
            environment={**child_environment(), "PATH": search_path()},
            max_message_bytes=self._settings.max_message_bytes,
            shutdown_wait=self._settings.shutdown_wait,
        )

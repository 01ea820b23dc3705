"""Programs that have an event loop of their own, and plughost in it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.routing import AnyMatches, PathMatches, Rule, RuleRouter

from plughost import Config, Host


@contextlib.asynccontextmanager
async def one_host(root: Path, sockets: list[socket.socket]) -> AsyncIterator[Host]:
    """A host with everything that is installed, on sockets that the program has bound."""
    host = Host(config=Config(root=root, token="of-the-program"))
    host.listen(sockets)
    try:
        await host.load()
        yield host
    finally:
        await host.close()


class FrontPage(web.RequestHandler):
    def initialize(self, names: list[str]) -> None:
        self.names = names

    def get(self) -> None:
        self.finish(f"Rooms: {', '.join(self.names)}")


@contextlib.asynccontextmanager
async def rooms(
    folders: Mapping[str, Path], sockets: list[socket.socket], extensions: Mapping[str, object]
) -> AsyncIterator[Mapping[str, Host]]:
    """A host for each folder, below a path of its own, behind the program's front page."""
    hosts = {
        name: Host(extensions, Config(root=folder, base_url=f"/{name}/", token=f"of-{name}"))
        for name, folder in folders.items()
    }
    front = web.Application([("/", FrontPage, {"names": [*hosts]})])
    ways = [Rule(PathMatches(f"/{name}/.*"), host.application) for name, host in hosts.items()]
    server = HTTPServer(RuleRouter([*ways, Rule(AnyMatches(), front)]))
    server.add_sockets(sockets)
    try:
        await asyncio.gather(*(host.settle() for host in hosts.values()))
        yield hosts
    finally:
        server.stop()
        await asyncio.gather(*(host.close() for host in hosts.values()))
        await server.close_all_connections()

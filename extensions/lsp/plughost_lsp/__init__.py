"""LSP: language servers, for completion and diagnostics in notebooks and editors.

To read it in order: `specs.py` (what a server is), `known.py`, `finders.py` and
`catalogue.py` (which there are), `framing.py`, `messages.py` and `process.py` (how one is
spoken to), `session.py` (a client and its process), `server.py`, `pool.py` and `servers.py`
(one by its name, and all), `places.py` and `shadow.py` (files for servers that read files),
`handlers.py` (HTTP and WebSocket).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import PageConfig, Route, Service, Status, hookimpl
from plughost_lsp.handlers import ServerSocket, StatusHandler
from plughost_lsp.places import page_values
from plughost_lsp.servers import LanguageServers
from plughost_lsp.settings import Settings

if TYPE_CHECKING:
    from plughost import Host


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    return [Service(LanguageServers(host.config.root, host.config.extension("lsp", Settings)))]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    servers = host.service(LanguageServers)
    settings: Settings = host.config.extension("lsp", Settings)
    return [
        Route(r"/lsp/status", StatusHandler, servers=servers),
        Route(
            r"/lsp/ws/(?P<name>.+)",
            ServerSocket,
            servers=servers,
            max_message_bytes=settings.max_message_bytes,
        ),
    ]


@hookimpl
def plughost_status(host: Host) -> list[Status]:
    servers = host.service(LanguageServers)
    return [Status(lambda: {"language_servers": len(servers)})]


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    servers = host.service(LanguageServers)
    return [PageConfig("lab", lambda visit: page_values(host.config.root, servers.shadows))]

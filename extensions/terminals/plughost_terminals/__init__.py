"""Terminals: shells that run on the server and are drawn in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import PageConfig, Route, Service, Status, hookimpl
from plughost_terminals.handlers import TerminalHandler, TerminalsHandler, TerminalSocket
from plughost_terminals.settings import Settings
from plughost_terminals.terminals import Terminals

if TYPE_CHECKING:
    from plughost import Host


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    return [Service(Terminals(host.config.root, host.config.extension("terminals", Settings)))]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    terminals = host.service(Terminals)
    return [
        Route(r"/api/terminals", TerminalsHandler, terminals=terminals),
        Route(r"/api/terminals/(?P<name>[^/]+)", TerminalHandler, terminals=terminals),
        # Jupyter's clients connect here, without `/api`.
        Route(r"/terminals/websocket/(?P<name>[^/]+)", TerminalSocket, terminals=terminals),
    ]


@hookimpl
def plughost_status(host: Host) -> list[Status]:
    terminals = host.service(Terminals)
    return [Status(lambda: {"terminals": len(terminals.list())}, work={"terminals": False})]


@hookimpl
def plughost_page_config() -> list[PageConfig]:
    return [PageConfig("lab", lambda visit: {"terminalsAvailable": True})]

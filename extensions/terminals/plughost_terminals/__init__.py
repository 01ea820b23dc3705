"""Terminals: shells that run on the server and are drawn in the browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from plughost import PageConfig, Route, Service, Status, hookimpl
from plughost_terminals.handlers import TerminalHandler, TerminalsHandler, TerminalSocket
from plughost_terminals.settings import Settings
from plughost_terminals.terminals import TerminalModel, Terminals

if TYPE_CHECKING:
    from plughost import Host


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("terminals", Settings)
    return [Service(Terminals(host.config.root, settings, host.note_activity))]


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
def plughost_page_config(host: Host) -> list[PageConfig]:
    terminals = host.service(Terminals)
    available = PageConfig(
        "lab", lambda visit: {"terminalsAvailable": terminals.objection() is None}
    )
    return [available]


@hookimpl(optionalhook=True)
def settings_startup(host: Host) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    terminals = host.service(Terminals)

    async def listed() -> list[TerminalModel]:
        return terminals.list()

    return [("/api/terminals", listed)]

"""Every hook an extension can implement, in the order the host calls them.

A hook is synchronous, runs once when the extension is added, and returns values; slow
or asynchronous work lives in the objects it returns. An implementation takes only the
arguments it uses. One that raises is recorded against its extension and nobody else.
"""

# A hook specification is its signature and docstring; it has no body on purpose.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from plughost.contributions import Frontend, Page, PageConfig, Route, Service, Status
    from plughost.host import Host

hookspec = pluggy.HookspecMarker("plughost")
hookimpl = pluggy.HookimplMarker("plughost")


@hookspec
def plughost_services(host: Host) -> list[Service]:
    """Long-lived objects, such as a kernel manager.

    The host awaits each one's `start()` before it answers on the extension's routes,
    and its `stop()` on the way out, in reverse order.

        @hookimpl
        def plughost_services(host):
            return [Service(TerminalPool(host.config.root))]
    """


@hookspec
def plughost_routes(host: Host) -> list[Route]:
    """URLs to answer. The extension's services already exist: ask `host.service(Kind)`.

    @hookimpl
    def plughost_routes(host):
        pool = host.service(TerminalPool)
        return [Route(r"/api/terminals", TerminalsHandler, pool=pool)]
    """


@hookspec
def plughost_pages(host: Host) -> list[Page]:
    """HTML pages, each with an app that the browser host builds in it.

    @hookimpl
    def plughost_pages():
        return [Page("dashboard", r"/dashboard", url="/dashboard", title="Dashboard")]
    """


@hookspec
def plughost_page_config(host: Host) -> list[PageConfig]:
    """Values that a page's scripts read at start.

    @hookimpl
    def plughost_page_config():
        return [PageConfig("lab", lambda visit: {"terminalsAvailable": True})]
    """


@hookspec
def plughost_frontends(host: Host) -> list[Frontend]:
    """Compiled browser halves in unusual places.

    The usual place, `<package>/frontend/`, is found without this hook.

        @hookimpl
        def plughost_frontends():
            return [Frontend(Path(__file__).parent / "themes" / "dark")]
    """


@hookspec
def plughost_status(host: Host) -> list[Status]:
    """Facts for `GET /api/status`.

    @hookimpl
    def plughost_status(host):
        pool = host.service(TerminalPool)
        return [Status(lambda: {"terminals": len(pool)})]
    """

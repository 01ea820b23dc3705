"""Every hook an extension can implement, in the order the host calls them.

A hook is synchronous, is asked when the extension is added or added again, and returns
values; slow or asynchronous work lives in the objects it returns. A running host calls it in
a thread of its own, so that one that hangs holds nobody up. An implementation takes only the
arguments it uses. One that raises is recorded against its extension and nobody else.

A hook that looks up a service nobody provides yet (`host.service` raises ServiceNotFound) is
asked again, with all others of its extension, when somebody does.
"""

# A hook specification is its signature and docstring; it has no body on purpose.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pluggy

if TYPE_CHECKING:
    from plughost.contributions import (
        Authenticator,
        Frontend,
        Guests,
        HookSpecs,
        LogHandler,
        Observer,
        Page,
        PageConfig,
        Route,
        Service,
        Status,
    )
    from plughost.host import Host

Hook = TypeVar("Hook", bound=Callable[..., object])

hookspec = pluggy.HookspecMarker("plughost")
hookimpl = pluggy.HookimplMarker("plughost")


def since(version: str) -> Callable[[Hook], Hook]:
    """The version of plughost in which a hook appeared; the reference shows it."""

    def mark(hook: Hook) -> Hook:
        hook.since = version  # type: ignore[attr-defined]  # functions take attributes
        return hook

    return mark


@since("0.1")
@hookspec
def plughost_hookspecs(host: Host) -> list[HookSpecs]:
    """Hooks of this extension's own, for others to implement.

    @hookimpl
    def plughost_hookspecs():
        return [HookSpecs(plughost_kernels.hookspecs)]
    """


@since("0.1")
@hookspec
def plughost_services(host: Host) -> list[Service]:
    """Long-lived objects, such as a kernel manager.

    The host awaits each one's `start()` before it answers on the extension's routes,
    and its `stop()` on the way out, in reverse order.

        @hookimpl
        def plughost_services(host):
            return [Service(TerminalPool(host.config.root))]
    """


@since("0.1")
@hookspec
def plughost_authenticators(host: Host) -> list[Authenticator]:
    """Ways to prove who one is, besides the token and the cookie it leads to.

    @hookimpl
    def plughost_authenticators():
        return [Authenticator(user_of_the_hub, login="/hub/login")]
    """


@since("0.1")
@hookspec
def plughost_routes(host: Host) -> list[Route]:
    """URLs to answer. The extension's services already exist: ask `host.service(Kind)`.

    @hookimpl
    def plughost_routes(host):
        pool = host.service(TerminalPool)
        return [Route(r"/api/terminals", TerminalsHandler, pool=pool)]
    """


@since("0.1")
@hookspec
def plughost_pages(host: Host) -> list[Page]:
    """HTML pages, each with an app that the browser host builds in it.

    @hookimpl
    def plughost_pages():
        return [Page("dashboard", r"/dashboard", url="/dashboard", title="Dashboard")]
    """


@since("0.1")
@hookspec
def plughost_page_config(host: Host) -> list[PageConfig]:
    """Values that a page's scripts read at start.

    @hookimpl
    def plughost_page_config():
        return [PageConfig("lab", lambda visit: {"terminalsAvailable": True})]
    """


@since("0.1")
@hookspec
def plughost_frontends(host: Host) -> list[Frontend]:
    """Compiled browser halves in unusual places.

    The usual place, `<package>/frontend/`, is found without this hook.

        @hookimpl
        def plughost_frontends():
            return [Frontend(Path(__file__).parent / "themes" / "dark")]
    """


@since("0.1")
@hookspec
def plughost_guests(host: Host) -> list[Guests]:
    """What this extension loads for others, to be listed beside the extensions.

    @hookimpl
    def plughost_guests(host):
        return [Guests(lambda: [ExtensionRecord(name, state=State.ACTIVE) for name in themes()])]
    """


@since("0.1")
@hookspec
def plughost_status(host: Host) -> list[Status]:
    """Facts for `GET /api/status`.

    @hookimpl
    def plughost_status(host):
        pool = host.service(TerminalPool)
        return [Status(lambda: {"terminals": len(pool)})]
    """


@since("0.1")
@hookspec
def plughost_observers(host: Host) -> list[Observer]:
    """Who is told of each request after its reply, for metrics or an audit.

    @hookimpl
    def plughost_observers(host):
        counts = host.service(Counts)
        return [Observer(lambda answered: counts.add(answered.extension, answered.seconds))]
    """


@since("0.1")
@hookspec
def plughost_log_handlers(host: Host) -> list[LogHandler]:
    """Where log records go besides the terminal.

    @hookimpl
    def plughost_log_handlers(host):
        return [LogHandler(RotatingFileHandler(host.config.root / "plughost.log"))]
    """

"""plughost: a small server that finds extensions, asks them what they offer, serves the sum.

This is the whole public API: what `__all__` lists, and nothing else. A name is imported when
it is first used, so that `plughost --help` does not pay for a web server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from plughost._version import __version__

if TYPE_CHECKING:
    from plughost.auth import Caller, User
    from plughost.config import Config
    from plughost.context import Doing, doing
    from plughost.contributions import (
        Answered,
        Authenticator,
        Frontend,
        Guests,
        HookSpecs,
        LogHandler,
        Observer,
        Page,
        PageConfig,
        PageRequest,
        Route,
        Service,
        Status,
    )
    from plughost.cookies import forget_logins
    from plughost.environment import child_environment
    from plughost.errors import (
        BadRequest,
        Conflict,
        ExtensionError,
        Forbidden,
        Gone,
        HostError,
        NotFound,
        NotSupported,
        PreconditionFailed,
        ServiceNotFound,
        TooLarge,
        Unavailable,
    )
    from plughost.handlers import Handler, JSONHandler, WebSocketHandler
    from plughost.hookspecs import hookimpl, hookspec
    from plughost.host import Host
    from plughost.records import ExtensionRecord, State
    from plughost.servers import RunningServer, running_servers
    from plughost.static import FileHandler

__all__ = [
    "Answered",
    "Authenticator",
    "BadRequest",
    "Caller",
    "Config",
    "Conflict",
    "Doing",
    "ExtensionError",
    "ExtensionRecord",
    "FileHandler",
    "Forbidden",
    "Frontend",
    "Gone",
    "Guests",
    "Handler",
    "HookSpecs",
    "Host",
    "HostError",
    "JSONHandler",
    "LogHandler",
    "NotFound",
    "NotSupported",
    "Observer",
    "Page",
    "PageConfig",
    "PageRequest",
    "PreconditionFailed",
    "Route",
    "RunningServer",
    "Service",
    "ServiceNotFound",
    "State",
    "Status",
    "TooLarge",
    "Unavailable",
    "User",
    "WebSocketHandler",
    "__version__",
    "child_environment",
    "doing",
    "forget_logins",
    "hookimpl",
    "hookspec",
    "running_servers",
]

_HOMES = {
    "Caller": "auth",
    "User": "auth",
    "Config": "config",
    "Doing": "context",
    "doing": "context",
    "Answered": "contributions",
    "Authenticator": "contributions",
    "Frontend": "contributions",
    "Guests": "contributions",
    "HookSpecs": "contributions",
    "LogHandler": "contributions",
    "Observer": "contributions",
    "Page": "contributions",
    "PageConfig": "contributions",
    "PageRequest": "contributions",
    "Route": "contributions",
    "Service": "contributions",
    "Status": "contributions",
    "forget_logins": "cookies",
    "child_environment": "environment",
    "BadRequest": "errors",
    "Conflict": "errors",
    "ExtensionError": "errors",
    "Forbidden": "errors",
    "Gone": "errors",
    "HostError": "errors",
    "NotFound": "errors",
    "NotSupported": "errors",
    "PreconditionFailed": "errors",
    "ServiceNotFound": "errors",
    "TooLarge": "errors",
    "Unavailable": "errors",
    "Handler": "handlers",
    "JSONHandler": "handlers",
    "WebSocketHandler": "handlers",
    "hookimpl": "hookspecs",
    "hookspec": "hookspecs",
    "Host": "host",
    "ExtensionRecord": "records",
    "State": "records",
    "RunningServer": "servers",
    "running_servers": "servers",
    "FileHandler": "static",
}


def __getattr__(name: str) -> object:
    """Import a public name from the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'plughost' has no attribute {name!r}")
    value = getattr(import_module(f"plughost.{_HOMES[name]}"), name)
    globals()[name] = value
    return value

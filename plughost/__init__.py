"""plughost: a small server that finds extensions, asks them what they offer, serves the sum.

This is the whole public API: what `__all__` lists, and nothing else.
"""

from plughost._version import __version__
from plughost.config import Config
from plughost.contributions import (
    Frontend,
    Page,
    PageConfig,
    PageRequest,
    Route,
    Service,
    Status,
)
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
from plughost.hookspecs import hookimpl
from plughost.host import Host
from plughost.static import FileHandler
from plughost.web import Handler, JSONHandler, WebSocketHandler

__all__ = [
    "BadRequest",
    "Config",
    "Conflict",
    "ExtensionError",
    "FileHandler",
    "Forbidden",
    "Frontend",
    "Gone",
    "Handler",
    "Host",
    "HostError",
    "JSONHandler",
    "NotFound",
    "NotSupported",
    "Page",
    "PageConfig",
    "PageRequest",
    "PreconditionFailed",
    "Route",
    "Service",
    "ServiceNotFound",
    "Status",
    "TooLarge",
    "Unavailable",
    "WebSocketHandler",
    "__version__",
    "hookimpl",
]

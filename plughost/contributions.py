"""The frozen values that hooks return: what an extension can offer to the host."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

if TYPE_CHECKING:
    from plughost.auth import User

Key = type | str
"""What names a service: its type, or the type's qualified name as text.

Extensions do not import each other, so across their border the name is used:
`host.service("plughost_contents.contents.Contents")`.
"""


@dataclass(frozen=True, init=False)
class Route:
    """A URL to answer.

    `pattern` is a regular expression for the whole path below the base URL; its named
    groups become the arguments of the handler's methods, percent-decoded. `arguments`
    reach the handler's `initialize()` by name.

    Only an authenticated caller gets through, whatever the handler is, unless `public`.

        Route(r"/api/terminals/(?P<name>\\w+)", TerminalHandler, pool=pool)
    """

    pattern: str
    handler: type[RequestHandler]
    public: bool
    arguments: Mapping[str, Any]

    def __init__(
        self,
        pattern: str,
        handler: type[RequestHandler],
        *,
        public: bool = False,
        **arguments: Any,
    ) -> None:
        object.__setattr__(self, "pattern", pattern)
        object.__setattr__(self, "handler", handler)
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "arguments", arguments)


@dataclass(frozen=True)
class Service:
    """A long-lived object that others look up by type, as a token is looked up in the browser.

    The host awaits `value.start()` before it answers on the routes of the extension, and
    `value.stop()` on the way out, in reverse order; both are optional coroutines.
    `provides` is the type it is found under, its own by default. `requires` names the
    services that must have started before this one.

    Of several extensions that provide the same type one is used: the one that `[services]`
    in plughost.toml names, else the one that came first. The others' are not started.
    """

    value: Any
    provides: Key | None = None
    requires: tuple[Key, ...] = ()

    @property
    def key(self) -> str:
        return service_key(type(self.value) if self.provides is None else self.provides)


@dataclass(frozen=True)
class PageRequest:
    """One visit of a page: what its configuration may depend on.

    `arguments` are the named groups of the page's pattern; `query` has the first value of
    each query argument.
    """

    path: str
    arguments: Mapping[str, str]
    query: Mapping[str, str]
    base_url: str


@dataclass(frozen=True)
class Page:
    """An HTML page: a URL, and the app that the browser host builds in it.

    Frontends say by `name` which pages load them; exactly one of those is an app.
    `template` is a Jinja2 file that extends `page.html`; without one the page is plain.
    `policy` overrides directives of the page's Content-Security-Policy (CSP level 3),
    which otherwise runs scripts with the page's nonce and nothing else.
    `open` is where the page shows a file, with `{path}` in it. The page with the lowest
    `rank` is the one that `/` leads to.
    """

    name: str
    pattern: str
    url: str
    title: str
    template: Path | None = None
    policy: Mapping[str, str] = field(default_factory=dict)
    open: str | None = None
    rank: int = 100

    def __post_init__(self) -> None:
        for name in ("name", "pattern", "url", "title"):
            _require(self, name, str)
        _require(self, "rank", int)


@dataclass(frozen=True)
class PageConfig:
    """Values for one page's configuration, asked for at each visit.

    `values` gets the visit and returns names and JSON values, or is a coroutine function that
    does; the page waits for it. Mappings are merged by key, later extensions winning; anything
    else is replaced.
    """

    page: str
    values: Callable[[PageRequest], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Frontend:
    """A folder with a `plughost.json`, beside the one the host finds by itself.

    Most extensions need none: `<package>/frontend/plughost.json` is found without a hook.
    """

    folder: Path


@dataclass(frozen=True)
class Status:
    """Facts for `GET /api/status`, asked for at each request. `values` must be quick.

    `work` names those facts that count what is running, each the plural of a noun, and says
    whether it can outlive the host: whoever stops the server is asked what is to become of it.

        Status(lambda: {"kernels": len(kernels)}, work={"kernels": True})
    """

    values: Callable[[], Mapping[str, Any]]
    work: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Authenticator:
    """One more way for callers to prove who they are, asked when token and cookie said nothing.

    `identify` gets the request and returns the user, or None when it cannot tell; it may be a
    coroutine function. It raises `plughost.Forbidden` for a caller who must not come in.

    `ambient` says that a browser sends the proof along with requests that other sites cause,
    as it does with cookies, client certificates and what a proxy adds: it then counts only
    for requests of our own pages. `login` is the path, below the base URL, of a page where a
    person can log in; a page that is asked for without proof leads there, with `?next=`.
    """

    identify: Callable[[HTTPServerRequest], User | Awaitable[User | None] | None]
    ambient: bool = True
    login: str | None = None


@dataclass(frozen=True)
class LogHandler:
    """Where log records go besides the terminal, as long as the extension is active.

    `handler` is any `logging.Handler`; it is attached to the logger named `logger`, all of
    them by default, and closed when the extension is stopped.
    """

    handler: logging.Handler
    logger: str = ""

    def __post_init__(self) -> None:
        _require(self, "handler", logging.Handler)


@dataclass(frozen=True)
class Answered:
    """One request after its reply: what an Observer is told.

    `route` is the pattern that matched, `extension` whose it is; both are empty for what
    nobody answers. `user` and `proof` say who asked; `seconds` is how long it took.
    """

    method: str
    path: str
    route: str
    extension: str
    user: str
    proof: str
    status: int
    seconds: float


@dataclass(frozen=True)
class Observer:
    """Somebody who is told of every request when it has been answered.

    `answered` must be quick: it runs on the event loop, in the way of the next request.
    """

    answered: Callable[[Answered], None]


@dataclass(frozen=True)
class HookSpecs:
    """Hooks that this extension declares for others.

    `namespace` is a module or object whose functions are marked with `plughost.hookspec`.
    Their names begin with the extension's name and an underscore, so that one search finds
    every use: `kernels_launchers`. The owner calls `host.ask("kernels_launchers", Launcher)`.
    """

    namespace: Any


def _require(value: Any, name: str, kind: type[Any]) -> None:
    """Raise TypeError where an extension has put something else: later it would hit others."""
    found = getattr(value, name)
    if not isinstance(found, kind):
        raise TypeError(
            f"{type(value).__name__}.{name} is a {kind.__name__}, not {type(found).__name__}."
        )


def service_key(key: Key) -> str:
    """The text a service is registered under: `module.QualifiedName`."""
    return key if isinstance(key, str) else f"{key.__module__}.{key.__qualname__}"

"""The Tornado edge: the route table, the way of a request, and the base handlers.

A request is routed by path, held while nobody has claimed the path and extensions are
still loading, checked for who is asking, held until the services behind the route have
started, and only then handed to its handler. Handlers are edges: parse, call the domain,
reply. They catch nothing; the base class turns an error into a reply.
"""

from __future__ import annotations

import http.client
import logging
import re
import weakref
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from tornado import httputil, web, websocket
from tornado.escape import url_unescape

from plughost.auth import Caller
from plughost.contributions import Route
from plughost.errors import BadRequest, DuplicateError, Forbidden, HostError, NoRoute, Unavailable
from plughost.extensions import ExtensionRecord

if TYPE_CHECKING:
    from plughost.host import Host

T = TypeVar("T")

MAX_BODY = 512 * 1024 * 1024
"""Bytes of the largest request body, and of the largest WebSocket message."""
PING_SECONDS = 30

_API = re.compile(r"(?:/[^/]+)*?/api(?:/.*)?")

log = logging.getLogger("plughost.web")


class RouteTable:
    """All routes in one immutable table; a change makes a new table that takes its place."""

    def __init__(self, entries: Iterable[tuple[Route, ExtensionRecord]] = ()) -> None:
        self._entries = tuple(entries)
        self._compiled = [(re.compile(r.pattern), r, owner) for r, owner in self._entries]

    def __iter__(self) -> Iterator[Route]:
        return (route for route, _ in self._entries)

    def with_routes(self, routes: Iterable[Route], owner: ExtensionRecord) -> RouteTable:
        """A table with these as well.

        Raises DuplicateError for a pattern that is taken, `re.error` for one that is not
        a regular expression.
        """
        added = [*self._entries]
        taken = {route.pattern: record.name for route, record in self._entries}
        for route in routes:
            if route.pattern in taken:
                raise DuplicateError("route", route.pattern, taken[route.pattern])
            taken[route.pattern] = owner.name
            added.append((route, owner))
        return RouteTable(added)

    def match(self, path: str) -> tuple[Route, ExtensionRecord, dict[str, str]] | None:
        """The first route whose pattern is the whole `path`, its owner, and the groups."""
        for pattern, route, owner in self._compiled:
            match = pattern.fullmatch(path)
            if match:
                return route, owner, match.groupdict(default="")
        return None


@dataclass(frozen=True)
class Target:
    """Where one request goes: the handler and its arguments, whose it is, and who asks."""

    handler: type[web.RequestHandler]
    arguments: dict[str, Any]
    groups: dict[str, str]
    owner: ExtensionRecord | None = None
    caller: Caller | None = None


class Application(web.Application):
    """Tornado's application with our routing; holds nothing that belongs to a feature."""

    def __init__(self, host: Host) -> None:
        super().__init__(
            cookie_secret=host.auth.cookie_secret,
            websocket_ping_interval=PING_SECONDS,
            websocket_max_message_size=MAX_BODY,
            log_function=_log_request,
        )
        self.host = host
        self.targets: weakref.WeakKeyDictionary[httputil.HTTPServerRequest, Target] = (
            weakref.WeakKeyDictionary()
        )

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> Any:
        return _Dispatch(self, request)

    async def resolve(self, request: httputil.HTTPServerRequest) -> Target:
        """Where a request goes; an error is a target of its own, so that it gets a reply."""
        try:
            return await self._resolve(request)
        except HostError as error:
            return Target(_Refusal, {"error": error}, {})

    async def _resolve(self, request: httputil.HTTPServerRequest) -> Target:
        host = self.host
        host.auth.check_host(request)
        path = below(host.config.base_url, request.path)
        if request.method == "OPTIONS" and path is not None and is_api(path):
            return Target(_Preflight, {}, {})
        match = await self._claimed(path) if path is not None else None
        caller = None
        if match is None or not match[0].public:
            caller = host.auth.identify(request)
        if match is None:
            if path is not None and len(path) > 1 and path.endswith("/"):
                # One slash in front: two would name another host (RFC 3986, 4.2).
                bare = host.config.base_url.rstrip("/") + "/" + path.strip("/")
                query = f"?{request.query}" if request.query else ""
                return Target(_Redirect, {"url": bare + query}, {}, caller=caller)
            raise NoRoute(request.path)
        if (
            caller is not None
            and caller.proof == "token"
            and "token" in request.query_arguments
            and request.headers.get("Sec-Fetch-Mode") == "navigate"
        ):
            # What is shown, a file of the user's perhaps, must not find the token in its address.
            return Target(_Redirect, {"url": without_token(request.uri or "")}, {}, caller=caller)
        route, owner, groups = match
        await self._ready(owner)
        if caller and "no_track_activity" not in request.query_arguments:
            host.note_activity()
        return Target(route.handler, dict(route.arguments), groups, owner, caller)

    async def _claimed(self, path: str) -> tuple[Route, ExtensionRecord, dict[str, str]] | None:
        """Hold a path nobody has claimed while extensions load: one of them may claim it.

        JupyterLab takes an early 503 for a lost connection and a 404 for gone.
        """
        host = self.host
        if await host.until(lambda: host.routes.match(path) is not None or not host.loading):
            return host.routes.match(path)
        names = ", ".join(r.name for r in host.records.values() if not r.settled)
        raise Unavailable(
            f"Nobody answers at {path!r} yet; still loading: {names}.",
            hint="Ask again in a moment.",
        )

    async def _ready(self, owner: ExtensionRecord) -> None:
        await self.host.until(lambda: owner.settled)
        if not owner.settled:
            raise Unavailable(
                f"The extension {owner.name!r} is still starting.", hint="Ask again in a moment."
            )
        if owner.state != "active":
            raise Unavailable(
                f"The extension {owner.name!r} is not running: {owner.error}",
                hint=owner.next_step,
                retry_after=60,
            )


class _Dispatch(httputil.HTTPMessageDelegate):
    """One request on its way: waits for its target, then is what Tornado would have used."""

    def __init__(self, application: Application, request: httputil.HTTPServerRequest) -> None:
        self._application = application
        self._request = request
        self._delegate: httputil.HTTPMessageDelegate | None = None

    async def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
    ) -> None:
        target = await self._application.resolve(self._request)
        self._application.targets[self._request] = target
        self._delegate = self._application.get_handler_delegate(
            self._request,
            target.handler,
            target.arguments,
            path_kwargs={
                name: url_unescape(value, encoding=None, plus=False)
                for name, value in target.groups.items()
            },
        )
        pending = self._delegate.headers_received(start_line, headers)
        if pending is not None:
            await pending

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        assert self._delegate is not None, "a body comes after its headers"
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        assert self._delegate is not None, "a message ends after its headers"
        try:
            self._delegate.finish()
        except Exception as error:  # a handler that cannot even be made still owes a reply
            self._refuse(error)

    def on_connection_close(self) -> None:
        if self._delegate is not None:
            self._delegate.on_connection_close()

    def _refuse(self, error: Exception) -> None:
        owner = self._application.targets[self._request].owner
        if owner is not None:
            owner.note("request", error)
        message = f"The extension {owner.name if owner else 'plughost'!r} cannot answer here."
        refusal = HostError(message, hint="`GET /plughost/api/extensions` shows what went wrong.")
        target = Target(_Refusal, {"error": refusal}, {})
        self._application.targets[self._request] = target
        delegate = self._application.get_handler_delegate(
            self._request, target.handler, target.arguments
        )
        delegate.finish()


class Handler(web.RequestHandler):
    """What all handlers share: who is asking, headers, and errors that explain themselves."""

    application: Application

    @property
    def host(self) -> Host:
        return self.application.host

    @property
    def caller(self) -> Caller | None:
        """Who is asking; None on a public route."""
        target = self.application.targets.get(self.request)
        return target.caller if target else None

    def get_current_user(self) -> Any:
        return self.caller.user if self.caller else None

    def check_xsrf_cookie(self) -> None:
        """Nothing: `auth.py` has checked the origin of every request that a cookie proves."""

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        try:
            return super().decode_argument(value, name)
        except web.HTTPError:
            raise BadRequest(f"The argument {name or 'in the path'!r} is not UTF-8.") from None

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        origin = self.request.headers.get("Origin")
        if origin and self.host.auth.allows_origin(origin):
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Vary", "Origin")

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = _error_of(kwargs)
        super().send_error(error.status if isinstance(error, HostError) else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The Jupyter error reply, or a page for a person: what was wrong and what to do."""
        error = _error_of(kwargs)
        message = http.client.responses.get(status_code, "Unknown")
        hint = None
        reason = None
        if isinstance(error, HostError):
            message, hint, reason = error.message, error.hint, error.reason
            if isinstance(error, Unavailable):
                self.set_header("Retry-After", str(error.retry_after))
        elif isinstance(error, web.HTTPError):
            message = error.log_message % error.args if error.log_message else message
            reason = error.reason
        elif error is not None:
            message, hint = "Unhandled error", "The server's log has the details."
        path = below(self.host.config.base_url, self.request.path) or self.request.path
        if is_api(path) or self.request.headers.get("Upgrade"):
            self.set_header("Content-Type", "application/json")
            facts = error.facts if isinstance(error, HostError) else {}
            body: dict[str, Any] = {**facts, "message": message, "reason": reason}
            if hint:
                body["hint"] = hint
            if error is not None and not isinstance(error, HostError | web.HTTPError):
                body["traceback"] = ""  # Jupyter clients look for the key; the text is ours
            self.finish(msgspec.json.encode(body))
        else:
            self.set_header("Content-Type", "text/html; charset=UTF-8")
            self.set_header(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'",
            )
            self.finish(
                self.host.renderer.error(
                    status=status_code,
                    reason=http.client.responses.get(status_code, "Error"),
                    message=message,
                    hint=hint,
                    ask_token=isinstance(error, Forbidden) and self.request.method == "GET",
                    base_url=self.host.config.base_url,
                )
            )

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        summary = f"{self.request.method} {self.request.path}"  # no query: it may hold the token
        if isinstance(value, HostError):
            # JupyterLab asks for what is not there as a matter of course; refusals are rare.
            level = logging.DEBUG if value.status < 500 else logging.WARNING
            level = logging.INFO if isinstance(value, Forbidden) else level
            log.log(level, "%s: %s", summary, value.message)
        elif isinstance(value, web.HTTPError):
            log.info("%s: %s", summary, value)
        else:
            log.error("%s: %s", summary, typ.__name__, exc_info=(typ, value, tb))
            target = self.application.targets.get(self.request)
            if target is not None and target.owner is not None:
                target.owner.note("request", value)


class JSONHandler(Handler):
    """A REST endpoint: JSON in, JSON out."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Type", "application/json")
        self.set_header(
            "Content-Security-Policy",
            f"frame-ancestors 'self'; report-uri {self.host.config.base_url}"
            "api/security/csp-report; default-src 'none'",
        )

    def body(self, kind: type[T], *, default: T | None = None) -> T:
        """The request's body as a `kind` that msgspec knows, whatever its content type says.

        JupyterLab sends JSON as text/plain. An empty body is `default` where one is given.
        Raises BadRequest with the place and what was expected there.
        """
        if not self.request.body.strip() and default is not None:
            return default
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except msgspec.DecodeError as error:
            raise BadRequest(f"The request's body cannot be used: {error}") from None

    def reply(self, value: Any, status: int = 200) -> None:
        """Finish with `value` as JSON; dates become ISO 8601, None with 204 an empty body."""
        self.set_status(status)
        if value is None and status == 204:
            self.clear_header("Content-Type")
            self.finish()
        else:
            self.finish(msgspec.json.encode(value))


class WebSocketHandler(Handler, websocket.WebSocketHandler):
    """A WebSocket endpoint; the upgrade has passed the same checks as any request."""

    def check_origin(self, origin: str) -> bool:
        """True: `auth.py` has judged the origin together with what the caller presented."""
        return True

    async def prepare(self) -> None:
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise BadRequest(
                "This path speaks WebSocket only.", hint="Connect with a WebSocket client."
            )

    def open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        # Nagle's algorithm holds small messages back for up to 40 ms.
        self.set_nodelay(True)
        return None


class _Refusal(Handler):
    """Replies with an error that was found before any handler was."""

    def initialize(self, error: HostError) -> None:
        self._error = error

    async def prepare(self) -> None:
        raise self._error


class _Redirect(Handler):
    """Sends a browser elsewhere on this server; a token it came with becomes a cookie."""

    def initialize(self, url: str) -> None:
        self._url = url

    def get(self) -> None:
        if self.caller is not None:
            self.host.auth.remember(self, self.caller)
        self.redirect(self._url)

    head = get


class _Preflight(Handler):
    """Answers OPTIONS for API paths (Fetch standard, CORS preflight)."""

    def options(self) -> None:
        self.set_header(
            "Access-Control-Allow-Headers", "accept, content-type, authorization, x-xsrftoken"
        )
        self.set_header("Access-Control-Allow-Methods", "GET, PUT, POST, PATCH, DELETE, OPTIONS")
        self.finish()


def below(base_url: str, path: str) -> str | None:
    """The part of `path` below the base URL, with its leading slash; None if it is not below."""
    if base_url == "/":
        return path
    return path[len(base_url) - 1 :] if f"{path}/".startswith(base_url) else None


def without_token(url: str) -> str:
    """The same URL for the address bar, the history and what is sent as referrer."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, True) if name != "token"]
    return urlunsplit(parts._replace(query=urlencode(query)))


def is_api(path: str) -> bool:
    """Whether programs, not people, ask for this path: one of its segments is `api`."""
    return _API.fullmatch(path) is not None


def _error_of(kwargs: dict[str, Any]) -> BaseException | None:
    info = kwargs.get("exc_info")
    return info[1] if info else None


def _log_request(handler: web.RequestHandler) -> None:
    level = logging.WARNING if handler.get_status() >= 500 else logging.DEBUG
    log.log(
        level,
        "%d %s %s %.1f ms",
        handler.get_status(),
        handler.request.method,
        handler.request.path,  # never the query: it may hold the token
        handler.request.request_time() * 1000,
    )

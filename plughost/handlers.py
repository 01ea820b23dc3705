"""The base handlers: edges that parse, call the domain, and reply.

They catch nothing: the base class turns an error into a reply that explains itself.
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from tornado import web, websocket
from tornado.httputil import HTTPServerRequest

from plughost.auth import Caller
from plughost.errors import BadRequest, ExtensionError, Forbidden, HostError, Unavailable
from plughost.frontend import report_uri
from plughost.records import ExtensionRecord

if TYPE_CHECKING:
    from plughost.host import Host
    from plughost.web import Application

T = TypeVar("T")

_TARGET = "plughost_target"
_API = re.compile(r"(?:/[^/]+)*?/api(?:/.*)?")
_ERROR_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

log = logging.getLogger("plughost.web")


@dataclass(frozen=True)
class Target:
    """Where one request goes: the handler and its arguments, whose it is, and who asks."""

    handler: type[web.RequestHandler]
    arguments: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    owner: ExtensionRecord | None = None
    caller: Caller | None = None
    route: str = ""


def send_to(request: HTTPServerRequest, target: Target) -> None:
    """Note on a request where it goes."""
    setattr(request, _TARGET, target)


def target_of(request: HTTPServerRequest) -> Target | None:
    """Where a request goes, once that is known."""
    return getattr(request, _TARGET, None)


class Handler(web.RequestHandler):
    """What all handlers share: who is asking, headers, and errors that explain themselves."""

    application: Application

    clean_address = False
    """Whether this is shown to people: they get there without the token in the address."""

    @property
    def host(self) -> Host:
        """The host that answers."""
        return self.application.host

    @property
    def caller(self) -> Caller | None:
        """Who is asking; None on a public route."""
        target = target_of(self.request)
        return target.caller if target else None

    @property
    def report_uri(self) -> str:
        """Where a Content-Security-Policy has violations reported."""
        return report_uri(self.host.config.base_url)

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
            self.set_header("Content-Security-Policy", _ERROR_POLICY)
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
        log_failure(self, typ, value, tb)


class JSONHandler(Handler):
    """A REST endpoint: JSON in, JSON out."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Type", "application/json")
        self.set_header(
            "Content-Security-Policy",
            f"frame-ancestors 'self'; report-uri {self.report_uri}; default-src 'none'",
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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
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

    _is_gone = False

    def check_origin(self, origin: str) -> bool:
        """True: `auth.py` has judged the origin together with what the caller presented."""
        return True

    async def prepare(self) -> None:
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise BadRequest(
                "This path speaks WebSocket only.", hint="Connect with a WebSocket client."
            )

    async def get(self, *args: Any, **kwargs: Any) -> None:
        # Whoever has gone while we got ready would be opened, and never closed again.
        if not self._is_gone:
            await super().get(*args, **kwargs)

    def on_connection_close(self) -> None:
        self._is_gone = True
        super().on_connection_close()

    def open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        # Nagle's algorithm holds small messages back for up to 40 ms.
        self.set_nodelay(True)
        return None


def log_failure(handler: web.RequestHandler, typ: Any, value: Any, tb: Any) -> None:
    """Log what a handler raised, and note a bug in the record of whose it is."""
    # Neither the query nor what Tornado would log, the whole request: they may hold the token.
    summary = f"{handler.request.method} {handler.request.path}"
    if isinstance(value, HostError) and not isinstance(value, ExtensionError):
        # JupyterLab asks for what is not there as a matter of course; refusals are rare.
        level = logging.DEBUG if value.status < 500 else logging.WARNING
        level = logging.INFO if isinstance(value, Forbidden) else level
        log.log(level, "%s: %s", summary, value.message)
    elif isinstance(value, web.HTTPError):
        log.info("%s: %s", summary, value)
    else:
        log.error("%s: %s", summary, typ.__name__, exc_info=(typ, value, tb))
        target = target_of(handler.request)
        if target is not None and target.owner is not None:
            target.owner.note("request", value)


def below(base_url: str, path: str) -> str | None:
    """The part of `path` below the base URL, with its leading slash; None if it is not below."""
    if base_url == "/":
        return path
    return path[len(base_url) - 1 :] or "/" if f"{path}/".startswith(base_url) else None


def is_api(path: str) -> bool:
    """Whether programs, not people, ask for this path: one of its segments is `api`."""
    return _API.fullmatch(path) is not None


def _error_of(kwargs: dict[str, Any]) -> BaseException | None:
    info = kwargs.get("exc_info")
    return info[1] if info else None

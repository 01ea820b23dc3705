"""The way of a request: routed, held, checked for who is asking, handed over.

A request is routed by path, held while nobody has claimed the path and extensions are
still loading, checked for who is asking, held until the services behind the route have
started, and only then handed to its handler.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import weakref
from collections import Counter
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tornado import httputil, web, websocket
from tornado.escape import url_unescape

from plughost.auth import Caller
from plughost.context import answering
from plughost.contributions import Answered
from plughost.errors import HostError, NoRoute, TooLarge, Unauthenticated, Unavailable
from plughost.guard import guard, no_exit
from plughost.handlers import Handler, Target, below, is_api, send_to, target_of
from plughost.records import ExtensionRecord
from plughost.routes import Match

if TYPE_CHECKING:
    from plughost.host import Host

MAX_BODY = 512 * 1024 * 1024
"""Bytes of the largest request body, and of the largest WebSocket message."""
UNKNOWN_BODY = 1024 * 1024
"""Bytes of the largest body from a caller nobody knows, at a public route."""

_numbers = itertools.count(1)

log = logging.getLogger("plughost.web")


class Application(web.Application):
    """Tornado's application with our routing; holds nothing that belongs to a feature.

    A program that embeds a host gives this to a Tornado `HTTPServer` of its own.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(
            cookie_secret=host.auth.cookies.secret,
            websocket_ping_interval=host.config.websocket_ping_interval,
            websocket_max_message_size=MAX_BODY,
            xsrf_cookie_kwargs={"path": host.config.base_url},
            log_function=self._answered,
        )
        self.host = host
        self._nobody = ExtensionRecord("")
        self._sockets: weakref.WeakSet[websocket.WebSocketHandler] = weakref.WeakSet()

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> Any:
        return _Dispatch(self, request)

    def opened(self, socket: websocket.WebSocketHandler) -> None:
        """Keep an open WebSocket in mind."""
        self._sockets.add(socket)

    def end_logins(self) -> None:
        """Close the WebSockets that a cookie has opened: no cookie counts any more."""
        for socket in [*self._sockets]:
            target = target_of(socket.request)
            if target and target.caller and target.caller.proof == "cookie":
                self._close(socket, 1008, "This login has been ended.")

    def close_sockets(self, owner: ExtensionRecord | None = None) -> None:
        """Close all open WebSockets, or those of one extension, and ask clients to come back."""
        for socket in [*self._sockets]:
            target = target_of(socket.request)
            if owner is None or (target is not None and target.owner is owner):
                self._close(socket, 1012, "This is being restarted.")

    def _close(self, socket: websocket.WebSocketHandler, code: int, reason: str) -> None:
        self._sockets.discard(socket)
        target = target_of(socket.request)
        with guard((target and target.owner) or self._nobody, "close", fatal=False):
            # Not `socket.close`, which a stranger may have made something else.
            websocket.WebSocketHandler.close(socket, code, reason)

    @property
    def open_sockets(self) -> dict[str, int]:
        """How many WebSockets each extension has open."""
        owners = [target_of(socket.request) for socket in self._sockets]
        return Counter(target.owner.name for target in owners if target and target.owner)

    def _answered(self, handler: web.RequestHandler) -> None:
        """Log a request that has its reply, and tell who observes."""
        _log_request(handler)
        if not self.host.observers:
            return
        request, target = handler.request, target_of(handler.request)
        caller = target.caller if target else None
        answered = Answered(
            method=request.method or "",
            path=request.path,
            route=target.route if target else "",
            extension=target.owner.name if target and target.owner else "",
            user=caller.user.username if caller else "",
            proof=caller.proof if caller else "",
            status=handler.get_status(),
            seconds=request.request_time(),
        )
        for record, observer in self.host.observers:
            with guard(record, "observe", fatal=False):
                observer.answered(answered)

    async def resolve(self, request: httputil.HTTPServerRequest) -> Target:
        """Where a request goes; an error is a target of its own, so that it gets a reply."""
        try:
            return await self._resolve(request)
        except Unauthenticated as error:
            login = self.host.auth.login_page(request)
            if login is not None and not _is_for_programs(request):
                return Target(_Redirect, {"url": login})
            return Target(_Refusal, {"error": error})
        except TooLarge as error:
            return Target(_EarlyRefusal, {"error": error})
        except HostError as error:
            return Target(_Refusal, {"error": error})
        except Exception as error:  # a reply is owed, whatever has gone wrong on the way to it
            log.exception("%s %s", request.method, request.path)
            refusal = HostError(
                "The server could not find out where this request goes.",
                hint=f"The server's log has the details ({type(error).__name__}).",
            )
            return Target(_Refusal, {"error": refusal})

    async def _resolve(self, request: httputil.HTTPServerRequest) -> Target:
        host = self.host
        host.auth.believe_proxy(request)
        host.auth.check_host(request)
        if host.stopping:
            raise Unavailable("This server is stopping.", hint="Start it again.")
        path = below(host.config.base_url, request.path)
        if request.method == "OPTIONS" and path is not None and is_api(path):
            return Target(_Preflight)
        match = await self._claimed(request, path) if path is not None else None
        caller = None
        if match is None or not match[0].public:
            caller = await self._identified(request)
        if match is None:
            if path is not None and len(path) > 1 and path.endswith("/"):
                # One slash in front: two would name another host (RFC 3986, 4.2).
                bare = host.config.base_url.rstrip("/") + "/" + path.strip("/\\")
                query = f"?{request.query}" if request.query else ""
                return Target(_Redirect, {"url": bare + query}, caller=caller)
            raise NoRoute(request.path)
        route, handler, owner, groups = match
        if caller is not None and _shows_token(request, caller, handler):
            return Target(_Redirect, {"url": without_token(request.uri or "")}, caller=caller)
        _check_size(request, MAX_BODY if caller else UNKNOWN_BODY)
        if owner.state != "active" or not host.may_answer(owner):
            await self._ready(owner, caller)
        if caller and "no_track_activity" not in request.query_arguments:
            host.note_activity()
        return Target(handler, dict(route.arguments), groups, owner, caller, route.pattern)

    async def _identified(self, request: httputil.HTTPServerRequest) -> Caller:
        """The caller, asked for again once all extensions are there: one may know them."""
        try:
            return await self.host.auth.identify(request)
        except Unauthenticated:
            if not self.host.loading:
                raise
        await self.host.until(lambda: not self.host.loading)
        return await self.host.auth.identify(request)

    async def _claimed(self, request: httputil.HTTPServerRequest, path: str) -> Match | None:
        """Hold a path nobody has claimed while extensions load: one of them may claim it.

        JupyterLab takes an early 503 for a lost connection and a 404 for gone.
        """
        host = self.host
        match = host.routes.match(path)
        if match is not None or not (host.loading or host.exchanging):
            return match
        if await host.until(
            lambda: host.routes.match(path) is not None or not (host.loading or host.exchanging)
        ):
            return host.routes.match(path)
        await host.auth.identify(request)  # what is loading is no stranger's business
        names = ", ".join(r.name for r in host.records.values() if not r.settled)
        raise Unavailable(
            f"Nobody answers at {path!r} yet; still loading: {names}.",
            hint="Ask again in a moment.",
        )

    async def _ready(self, owner: ExtensionRecord, caller: Caller | None) -> None:
        host = self.host
        await host.until(lambda: owner.settled and host.may_answer(owner))
        if not owner.settled or not host.may_answer(owner):
            raise Unavailable(
                f"The extension {owner.name!r} is still starting.", hint="Ask again in a moment."
            )
        if owner.state != "active":
            # What went wrong may name files and more: that is for callers we know.
            why = f": {owner.error}" if caller else "."
            raise Unavailable(
                f"The extension {owner.name!r} is not running{why}",
                hint=owner.next_step if caller else "Log in to see why.",
                retry_after=60,
            )


class _Dispatch(httputil.HTTPMessageDelegate):
    """One request on its way: waits for its target, then is what Tornado would have used."""

    def __init__(self, application: Application, request: httputil.HTTPServerRequest) -> None:
        self._application = application
        self._request = request
        self._delegate: httputil.HTTPMessageDelegate | None = None
        self._refused = False
        self._number = f"{next(_numbers):x}"

    async def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
    ) -> None:
        target = await self._application.resolve(self._request)
        self._refused = issubclass(target.handler, _Refusal | _Redirect | _Preflight)
        self._delegate = self._delegate_for(target)
        with self._answering():
            pending = self._delegate.headers_received(start_line, headers)
        if pending is not None:
            await pending

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        assert self._delegate is not None, "a body comes after its headers"
        if self._refused:
            return None  # up to 512 MiB of it would be kept for nobody
        return self._received(self._delegate, chunk)

    async def _received(self, delegate: httputil.HTTPMessageDelegate, chunk: bytes) -> None:
        try:
            pending = delegate.data_received(chunk)
            if pending is not None:
                await pending
        except Exception as error:  # Tornado hangs up on what a handler of a stream raises
            target = target_of(self._request)
            if target is not None and target.owner is not None:
                target.owner.note("request", error)
            raise

    def finish(self) -> None:
        assert self._delegate is not None, "a message ends after its headers"
        try:
            with self._answering(), no_exit():
                self._delegate.finish()
        except Exception as error:  # a handler that cannot even be made still owes a reply
            self._refuse(error)

    def on_connection_close(self) -> None:
        if self._delegate is not None:
            self._delegate.on_connection_close()

    def _answering(self) -> contextlib.AbstractContextManager[None]:
        """Whatever the handler logs and starts is done in this request."""
        target = target_of(self._request)
        caller = target.caller if target else None
        return answering(
            extension=target.owner.name if target and target.owner else "",
            user=caller.user.username if caller else "",
            request=self._number,
        )

    def _delegate_for(self, target: Target) -> httputil.HTTPMessageDelegate:
        send_to(self._request, target)
        groups = {
            name: url_unescape(value, encoding=None, plus=False)
            for name, value in target.groups.items()
        }
        return self._application.get_handler_delegate(
            self._request, target.handler, target.arguments, path_kwargs=groups
        )

    def _refuse(self, error: Exception) -> None:
        target = target_of(self._request)
        owner = target.owner if target else None
        if owner is not None:
            owner.note("request", error)
        message = f"The extension {owner.name if owner else 'plughost'!r} cannot answer here."
        refusal = HostError(message, hint="`GET /plughost/api/extensions` shows what went wrong.")
        self._delegate_for(Target(_Refusal, {"error": refusal})).finish()


class _Refusal(Handler):
    """Replies with an error that was found before any handler was."""

    def initialize(self, error: HostError) -> None:
        self._error = error

    async def prepare(self) -> None:
        raise self._error


@web.stream_request_body
class _EarlyRefusal(_Refusal):
    """Replies before the body has come, and hangs up: there is too much of it."""

    async def prepare(self) -> None:
        # Tornado would answer a body over its own limit with a bare 400 of its own.
        self.request.connection.set_max_body_size(2**63)  # type: ignore[union-attr]  # one is there while it is served
        await super().prepare()


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


def without_token(url: str) -> str:
    """The same URL for the address bar, the history and what is sent as referrer."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, True) if name != "token"]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _shows_token(
    request: httputil.HTTPServerRequest, caller: Caller, handler: type[web.RequestHandler]
) -> bool:
    """Whether something is about to be shown, a file of the user's perhaps, that would find
    the token in its address."""
    return (
        caller.proof == "token"
        and "token" in request.query_arguments
        and request.method in ("GET", "HEAD")
        and (
            getattr(handler, "clean_address", False)
            or request.headers.get("Sec-Fetch-Mode") == "navigate"
            # What browsers on a plain connection say of the same.
            or request.headers.get("Accept", "").startswith("text/html")
        )
    )


def _check_size(request: httputil.HTTPServerRequest, most: int) -> None:
    """Raise TooLarge for a body of more bytes than that, or see to it that Tornado hangs up."""
    if most != MAX_BODY:
        # For one whose length is not said beforehand.
        request.connection.set_max_body_size(most)  # type: ignore[union-attr]  # one is there while it is served
    length = request.headers.get("Content-Length", "0")
    if length.isdecimal() and int(length) > most:
        raise TooLarge(
            f"The body of this request has {length} bytes; {most} are the most.",
            hint="Send it in pieces: Jupyter's contents API takes chunks.",
        )


def _is_for_programs(request: httputil.HTTPServerRequest) -> bool:
    """Whether a person would not see where a redirect leads."""
    upgrade = "Upgrade" in request.headers
    return request.method not in ("GET", "HEAD") or upgrade or is_api(request.path)


def _log_request(handler: web.RequestHandler) -> None:
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.DEBUG
    if log.isEnabledFor(level):
        request = handler.request
        took = request.request_time() * 1000
        # Never the query: it may hold the token.
        log.log(level, "%d %s %s %.1f ms", status, request.method, request.path, took)

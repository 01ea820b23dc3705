"""Who is asking: token, cookie, what extensions know, origin, host name, proxies.

The check sits where requests are routed (`web.py`), so a handler cannot forget it. A
caller proves itself with the token, in the query or the `Authorization` header, or with
the signed cookie that a page sets for a caller who came with the token, or with what an
extension's Authenticator knows. Browsers send cookies along with requests that other sites
cause, so a cookie counts only for a request whose `Origin` or `Sec-Fetch-Site` says that it
comes from our own pages.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import inspect
import ipaddress
import json
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tornado import web
from tornado.httputil import HTTPServerRequest

from plughost.config import Config
from plughost.config.checks import is_loopback
from plughost.contributions import Authenticator
from plughost.cookies import CookieKey
from plughost.errors import ExtensionError, Forbidden, Unauthenticated
from plughost.guard import no_exit
from plughost.records import ExtensionRecord

COOKIE_DAYS = 30
IDENTIFY_SECONDS = 10.0
"""An authenticator that has not said who is asking by then does not know."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_NO_ADDRESS = ("", "0.0.0.0")  # what Tornado says of a peer at a unix socket
_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)

log = logging.getLogger("plughost.auth")


@dataclass(frozen=True)
class User:
    """A person as Jupyter clients know them (`GET /api/me`)."""

    username: str
    name: str = "Anonymous"
    display_name: str = "Anonymous"
    initials: str = "A"
    avatar_url: str | None = None
    color: str | None = None


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and what proved it.

    That is `token`, `cookie`, `open` (everybody may enter), or the name of the extension
    whose Authenticator knew the caller.
    """

    user: User
    proof: str


class Authentication:
    """The token, the cookies it leads to, and the rules on hosts, origins and proxies.

    `authenticators` are those of the active extensions, each with its record.
    """

    def __init__(self, config: Config) -> None:
        self.open = config.no_auth
        self.token = "" if self.open else config.token or secrets.token_hex(24)
        # Cookies outlive a restart, and end when the configured token or password is changed.
        also = (config.token or "") + config.hashed_password
        self.cookies = CookieKey(also=also, keep=not config.safe)
        # Who comes with the token alone and keeps no cookie is one and the same nobody.
        self._nobody = _new_user()
        self.authenticators: list[tuple[ExtensionRecord, Authenticator]] = []
        self._base_url = config.base_url
        self._origins = {origin.rstrip("/").lower() for origin in config.allow_origin}
        self._hosts = {host.lower() for host in config.allow_host} | {"localhost"}
        # Bound to the outside on purpose: callers know the machine by names we do not. And no
        # browser can be led to a unix socket by a rebound name.
        self._any_host = config.unix_socket is not None or not is_loopback(config.ip)
        self._proxies = [
            ipaddress.ip_network(proxy, strict=False)
            for proxy in config.trusted_proxies
            if proxy != "unix"
        ]
        self._believes_socket = config.unix_socket is not None and "unix" in config.trusted_proxies

    async def identify(self, request: HTTPServerRequest) -> Caller:
        """The caller of a request that needs one.

        Raises Unauthenticated when nothing, or nothing right, was presented, and
        Forbidden when a cookie came with a request that another site caused.
        """
        presented = _presented_token(request)
        user = self._cookie_user(request)
        if presented and self.token and _same(presented, self.token):
            return Caller(user or self._nobody, "token")
        if user or self.open:
            self.require_own_origin(request)
            return Caller(user or self._nobody, "cookie" if user else "open")
        for record, authenticator in self._active():
            known = await _asked(record, authenticator, request)
            if known is not None:
                if authenticator.ambient:
                    self.require_own_origin(request)
                return Caller(known, record.name)
        raise Unauthenticated(
            "The token is wrong." if presented else "This server asks for its token."
        )

    def login_page(self, request: HTTPServerRequest) -> str | None:
        """Where a person without proof is sent to log in, and comes back from; None: nowhere."""
        # The last: first-party extensions come first, and a site's own page is to win.
        for _, authenticator in reversed([*self._active()]):
            if authenticator.login is not None:
                back = urlencode({"next": request.uri})
                return f"{self._base_url.rstrip('/')}{authenticator.login}?{back}"
        return None

    def _active(self) -> Iterator[tuple[ExtensionRecord, Authenticator]]:
        """The authenticators of extensions that nothing has stopped."""
        return (entry for entry in self.authenticators if not entry[0].stopped)

    def believe_proxy(self, request: HTTPServerRequest) -> None:
        """Take address, protocol and host name from the headers of a proxy that is trusted.

        These are X-Forwarded-For, -Proto and -Host. The client's address is the last one
        that is not itself a trusted proxy's: what stands before it anybody can write.
        """
        if not self._is_proxy(request.remote_ip or ""):
            return
        headers = request.headers
        for address in reversed(headers.get("X-Forwarded-For", "").split(",")):
            if address.strip():
                request.remote_ip = address.strip()
                if not self._is_proxy(request.remote_ip):
                    break
        protocol = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        if protocol in ("http", "https"):
            request.protocol = protocol
        host = headers.get("X-Forwarded-Host", "").rpartition(",")[2].strip()
        if host:
            request.host = host

    def _is_proxy(self, address: str) -> bool:
        if self._believes_socket and address in _NO_ADDRESS:
            return True
        if not self._proxies:
            return False
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._proxies)

    def allows_origin(self, origin: str) -> bool:
        """Whether the pages of another origin may read our answers."""
        return origin.lower() in self._origins or "*" in self._origins

    def check_host(self, request: HTTPServerRequest) -> None:
        """Refuse a request for a name we do not go by: a rebound DNS name (RFC 9110, 7.2).

        Raises Forbidden.
        """
        name = _host_name(request.host)
        if not (self._any_host or name in self._hosts or is_loopback(name)):
            raise Forbidden(
                f"This server is not known as {request.host!r}.",
                hint="Use the URL it printed, or add the name to `allow_host` in plughost.toml.",
            )

    def remember(self, handler: web.RequestHandler, caller: Caller) -> None:
        """Set the cookie that lets a browser in without the token."""
        # Nobody proved anything to a server without a token, and its cookies would be good
        # for the one with a token that is started later.
        if caller.proof == "token":
            self.log_in(handler, _new_user() if caller.user is self._nobody else caller.user)

    def log_in(self, handler: web.RequestHandler, user: User) -> None:
        """Set the cookie that is this user's proof from now on (30 days)."""
        name = cookie_name(handler.request.host)
        handler.set_cookie(
            name,
            self.cookies.sign(name, json.dumps(asdict(user))),
            expires_days=COOKIE_DAYS,
            path=self._base_url,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )

    def log_out(self, handler: web.RequestHandler) -> None:
        """Take the cookie back from this browser, and what a Jupyter server left at `/`."""
        name = cookie_name(handler.request.host)
        handler.clear_cookie(name, path=self._base_url)
        if self._base_url != "/":
            # Tornado keeps one cookie of a name.
            handler.add_header("Set-Cookie", f"{name}=; Path=/; Max-Age=0; HttpOnly")

    def _cookie_user(self, request: HTTPServerRequest) -> User | None:
        if "Cookie" not in request.headers:
            return None
        morsel = request.cookies.get(cookie_name(request.host))
        if morsel is None:
            return None
        value = self.cookies.verified(cookie_name(request.host), morsel.value, COOKIE_DAYS)
        if value is None:
            return None
        try:
            return User(**json.loads(value))
        except (ValueError, TypeError):
            log.warning("Ignoring a cookie that another version of plughost has signed.")
            return None

    def require_own_origin(self, request: HTTPServerRequest) -> None:
        """Refuse a request that changes something and that another site may have caused.

        For whatever a browser proves by itself, and for public routes that change something.
        Raises Forbidden.
        """
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        if request.method in SAFE_METHODS and not upgrade:
            return
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site")
        if origin is None:
            allowed = site in ("same-origin", "none") or (site is None and _has_xsrf(request))
        else:
            same = _authority(origin) == request.host.lower()
            allowed = same or self.allows_origin(origin)
        if not allowed:
            raise Forbidden(
                f"A cookie does not count for a request from {origin or site or 'nowhere'!r}.",
                hint="Send the token in the header `Authorization: token …`, or add the "
                "origin to `allow_origin` in plughost.toml.",
            )


@functools.lru_cache(maxsize=64)
def cookie_name(host: str) -> str:
    """The name under which Jupyter servers keep their login, one for each host and port."""
    return "username-" + re.sub(r"[^A-Za-z0-9]", "-", host)


def _presented_token(request: HTTPServerRequest) -> str:
    query = request.query_arguments.get("token")
    if query:
        return query[-1].decode("utf-8", "replace")
    match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    return match[1] if match else ""


def _has_xsrf(request: HTTPServerRequest) -> bool:
    """A client that is no browser proves it can read its cookies, as Tornado asks for."""
    cookie = request.cookies.get("_xsrf")
    arguments = {**request.query_arguments, **request.body_arguments}
    argument = arguments.get("_xsrf", [b""])[-1].decode("utf-8", "replace")
    sent = request.headers.get("X-XSRFToken") or request.headers.get("X-CSRFToken") or argument
    return cookie is not None and bool(sent) and _same(cookie.value, sent)


async def _asked(
    record: ExtensionRecord, authenticator: Authenticator, request: HTTPServerRequest
) -> User | None:
    """What one Authenticator says. Whatever but a refusal goes wrong lets nobody in."""
    try:
        with no_exit():
            answer = authenticator.identify(request)
            if inspect.isawaitable(answer):
                answer = await asyncio.wait_for(answer, IDENTIFY_SECONDS)
            known: Any = answer
        if known is not None and not isinstance(known, User):
            raise ExtensionError(
                f"Its authenticator returned a {type(known).__name__}, not a plughost.User.",
                hint="Return a User, or None for a caller it does not know.",
            )
    except Forbidden:
        raise
    except Exception as error:  # whoever asks is owed a reply, and may be known to another
        record.note("authenticate", error)
        return None
    return known


def _new_user() -> User:
    return User(username=secrets.token_hex(16))


def _same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(one.encode(), other.encode())


@functools.lru_cache(maxsize=64)
def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:  # not a host at all, such as "["
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""

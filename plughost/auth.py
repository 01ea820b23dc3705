"""Who is asking: token, cookie, origin, host name.

The check sits where requests are routed (`web.py`), so a handler cannot forget it. A
caller proves itself with the token, in the query or the `Authorization` header, or with
the signed cookie that a page sets for a caller who came with the token. Browsers send
cookies along with requests that other sites cause, so a cookie counts only for a request
whose `Origin` or `Sec-Fetch-Site` says that it comes from our own pages.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import json
import logging
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_dir_exists
from tornado import web
from tornado.httputil import HTTPServerRequest

from plughost.config import Config
from plughost.errors import Forbidden, Unauthenticated

COOKIE_DAYS = 30
SECRET_BYTES = 32
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
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
    """Who sent a request, and what proved it: `token`, `cookie` or `open` (no token is set)."""

    user: User
    proof: str


class Authentication:
    """The token, the cookies it leads to, and the rules on hosts and origins."""

    def __init__(self, config: Config) -> None:
        self.token = secrets.token_hex(24) if config.token is None else config.token
        # Cookies outlive a restart, and end when the configured token is changed.
        self.cookie_secret = _cookie_secret() + (config.token or "").encode()
        self._base_url = config.base_url
        self._origins = {origin.rstrip("/").lower() for origin in config.allow_origin}
        self._hosts = {host.lower() for host in config.allow_host} | {"localhost"}
        # Bound to the outside on purpose: callers know the machine by names we do not.
        self._any_host = not _is_loopback(config.ip)

    def identify(self, request: HTTPServerRequest) -> Caller:
        """The caller of a request that needs one.

        Raises Unauthenticated when nothing, or nothing right, was presented, and
        Forbidden when a cookie came with a request that another site caused.
        """
        presented = _presented_token(request)
        user = self._cookie_user(request)
        if presented and self.token and _same(presented, self.token):
            return Caller(user or _new_user(), "token")
        if user or not self.token:
            self._require_own_origin(request)
            return Caller(user or _new_user(), "cookie" if user else "open")
        raise Unauthenticated(
            "The token is wrong." if presented else "This server asks for its token."
        )

    def allows_origin(self, origin: str) -> bool:
        """Whether the pages of another origin may read our answers."""
        return origin.lower() in self._origins or "*" in self._origins

    def check_host(self, request: HTTPServerRequest) -> None:
        """Refuse a request for a name we do not go by: a rebound DNS name (RFC 9110, 7.2).

        Raises Forbidden.
        """
        name = _host_name(request.host)
        if not (self._any_host or name in self._hosts or _is_loopback(name)):
            raise Forbidden(
                f"This server is not known as {request.host!r}.",
                hint="Use the URL it printed, or add the name to `allow_host` in plughost.toml.",
            )

    def remember(self, handler: web.RequestHandler, caller: Caller) -> None:
        """Set the cookie that lets a browser in without the token."""
        # Nobody proved anything to a server without a token, and its cookies would be good
        # for the one with a token that is started later.
        if caller.proof != "token":
            return
        handler.set_signed_cookie(
            cookie_name(handler.request.host),
            json.dumps(asdict(caller.user)),
            expires_days=COOKIE_DAYS,
            path=self._base_url,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )

    def _cookie_user(self, request: HTTPServerRequest) -> User | None:
        morsel = request.cookies.get(cookie_name(request.host))
        if morsel is None:
            return None
        value = web.decode_signed_value(
            self.cookie_secret, cookie_name(request.host), morsel.value, max_age_days=COOKIE_DAYS
        )
        if value is None:
            return None
        try:
            return User(**json.loads(value))
        except (ValueError, TypeError):
            log.warning("Ignoring a cookie that another version of plughost has signed.")
            return None

    def _require_own_origin(self, request: HTTPServerRequest) -> None:
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
    header = request.headers.get("X-XSRFToken", "")
    return cookie is not None and bool(header) and _same(cookie.value, header)


def _new_user() -> User:
    return User(username=secrets.token_hex(16))


def _same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(one.encode(), other.encode())


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


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _cookie_secret() -> bytes:
    """The secret that cookies are signed with, kept so that logins outlive a restart."""
    folder = Path(jupyter_runtime_dir())
    ensure_dir_exists(folder, mode=0o700)
    path = folder / "plughost_cookie_secret"
    kept = path.read_bytes() if path.exists() else b""
    if len(kept) == SECRET_BYTES:
        return kept
    # Whole or not at all: with a key that was cut short anybody could sign cookies.
    temporary = folder / f".plughost_cookie_secret-{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    if kept or path.exists():
        temporary.replace(path)
    else:
        with contextlib.suppress(FileExistsError):  # another server was faster: its key counts
            os.link(temporary, path)
        temporary.unlink()
    return path.read_bytes()

"""`/login` and `/logout`: pages for people, and forms that scripts can send as well."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tornado import httputil, web

from plughost import BadRequest, Forbidden, Handler, HostError, TooLarge, User
from plughost_login import pages
from plughost_login.credentials import Credentials
from plughost_login.destination import destination

if TYPE_CHECKING:
    import jinja2

MAX_FORM = 64 * 1024
"""Bytes; anybody may send a form, and nobody's is larger."""
OTHERS = ("cross-site", "same-site")
"""What `Sec-Fetch-Site` says of requests that pages of other origins cause."""


@web.stream_request_body
class FormHandler(Handler):
    """A page with forms, for people who have not proved who they are."""

    template_name: str

    async def prepare(self) -> None:
        self._nonce = secrets.token_urlsafe(16)
        self._body = bytearray()
        self._template: jinja2.Template = await asyncio.to_thread(
            pages.template, self.template_name
        )
        # Before the body has come: whoever asks could fill the memory with it.
        length = self.request.headers.get("Content-Length", "0")
        if length.isdecimal() and int(length) > MAX_FORM:
            self._set_max_body_size(2**63)  # Tornado would answer with a bare 400 of its own
            raise TooLarge(
                f"This form has {length} bytes; {MAX_FORM} are the most.", hint="Type less."
            )
        self._set_max_body_size(MAX_FORM)

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def read_form(self) -> None:
        """Make the form's fields arguments of the request, and see whose form it is."""
        try:
            httputil.parse_body_arguments(
                self.request.headers.get("Content-Type", ""),
                bytes(self._body),
                self.request.body_arguments,
                self.request.files,
                self.request.headers,
            )
        except httputil.HTTPInputError as error:
            raise BadRequest(f"The form cannot be read: {error}") from None
        for name, values in self.request.body_arguments.items():
            self.request.arguments.setdefault(name, []).extend(values)
        self.host.auth.require_own_origin(self.request)

    def show(self, **facts: Any) -> None:
        """Finish with the page."""
        # No Referrer-Policy of `no-referrer`: the form would then come without its origin.
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'nonce-{self._nonce}'; img-src data:; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        base_url = self.host.config.base_url
        # What proves a script's good faith: it sends the cookie back in the form.
        xsrf = self.get_cookie("_xsrf", "")
        if not xsrf:
            xsrf = self.xsrf_token.decode()
            secure = self.request.protocol == "https"
            self.set_cookie("_xsrf", xsrf, path=base_url, samesite="Lax", secure=secure)
        self.finish(
            self._template.render(
                nonce=self._nonce, base_url=base_url, server=self.request.host, xsrf=xsrf, **facts
            )
        )

    def _set_max_body_size(self, size: int) -> None:
        self.request.connection.set_max_body_size(size)  # type: ignore[union-attr]  # one is there while it is served


class LoginHandler(FormHandler):
    """Asks for the password or the token, and leads back to where somebody wanted to go."""

    template_name = "login.html"

    def initialize(self, credentials: Credentials) -> None:
        self.credentials = credentials

    async def get(self) -> None:
        try:
            caller = await self.host.auth.identify(self.request)
        except Forbidden:
            self._ask()
        else:
            self.host.auth.remember(self, caller)
            self.redirect(self._destination)

    head = get

    async def post(self) -> None:
        self.read_form()
        if not self.host.config.no_auth:
            await self._check()
            self.host.auth.log_in(self, User(username=secrets.token_hex(16)))
        self.redirect(self._destination)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The form again, with what was wrong."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, HostError):
            self._ask(error)
        else:
            super().write_error(status_code, **kwargs)

    async def _check(self) -> None:
        """Raise WrongPassword, and what else `Credentials` raises, for who must not come in."""
        typed = self.get_body_argument("password", "", strip=False)
        password = self.get_body_argument("new_password", "", strip=False)
        if password:
            await self.credentials.change(typed, password, self.request.remote_ip)
        else:
            await self.credentials.check(typed, self.request.remote_ip)

    def _ask(self, error: HostError | None = None) -> None:
        wait = self.credentials.attempts.wait(self.request.remote_ip)
        if wait is not None:  # told at once, so that nobody types in vain
            self.set_header("Retry-After", str(wait.seconds))
        back = self._destination
        query = "" if back == self.host.config.base_url else f"?{urlencode({'next': back})}"
        self.show(
            action=f"{self.host.config.base_url}login{query}",
            error=error or wait,
            wait=wait,
            has_password=self.credentials.has_password,
            can_change=not self.credentials.fixed,
        )

    @property
    def _destination(self) -> str:
        return destination(self.get_argument("next", ""), self.host.config.base_url)


class LogoutHandler(FormHandler):
    """Takes the login back from this browser."""

    template_name = "logout.html"

    def get(self) -> None:
        # Another site may lead people here, and must not throw them out by it.
        if self.request.headers.get("Sec-Fetch-Site") in OTHERS:
            self._show(ask=True)
        else:
            self._log_out()

    def post(self) -> None:
        self.read_form()
        self._log_out()

    def _log_out(self) -> None:
        self.host.auth.log_out(self)
        self._show(ask=False)

    def _show(self, *, ask: bool) -> None:
        self.show(ask=ask, everybody=self.host.config.no_auth)

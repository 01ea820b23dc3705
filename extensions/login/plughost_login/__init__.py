"""Login: a page that asks for the password or the token, and one that takes the login back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import Authenticator, Route, Service, hookimpl
from plughost_login.attempts import Attempts
from plughost_login.credentials import Credentials
from plughost_login.handlers import LoginHandler, LogoutHandler
from plughost_login.password_file import PasswordFile
from plughost_login.settings import Settings

if TYPE_CHECKING:
    from plughost import Host

PAGE = "/login"


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings: Settings = host.config.extension("login", Settings)
    file = PasswordFile()
    credentials = Credentials(
        host.auth.token,
        host.config.hashed_password,
        Attempts(settings.failures_per_minute),
        file,
        fixed=settings.fixed(host.config, file.path),
    )
    return [Service(credentials)]


@hookimpl
def plughost_authenticators() -> list[Authenticator]:
    # It knows nobody by itself: the page sets the cookie that is the proof from then on.
    return [Authenticator(lambda request: None, ambient=False, login=PAGE)]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    credentials = host.service(Credentials)
    return [
        Route(PAGE, LoginHandler, public=True, credentials=credentials),
        Route("/logout", LogoutHandler, public=True),
    ]

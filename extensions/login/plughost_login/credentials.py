"""Credentials: the password and the token that people log in with."""

from __future__ import annotations

import asyncio
import hmac
import logging

from plughost import Forbidden, forget_logins
from plughost_login.attempts import Attempts
from plughost_login.password_file import PasswordFile
from plughost_login.passwords import flaw, hash_password, is_usable, judged, matches

log = logging.getLogger("plughost.login")


class WrongPassword(Forbidden):
    status = 401


class Credentials:
    """Checks what people type, and exchanges the password.

    `fixed` says why the password cannot be changed; empty when it can.
    """

    def __init__(
        self,
        token: str,
        hashed_password: str,
        attempts: Attempts,
        file: PasswordFile,
        *,
        fixed: str = "",
    ) -> None:
        self.attempts = attempts
        self.fixed = fixed
        self._token = token
        self._hashed = hashed_password if is_usable(hashed_password) else ""
        self._file = file
        if flaw(hashed_password):
            log.warning("%s", flaw(hashed_password))

    @property
    def has_password(self) -> bool:
        """Whether there is a password; otherwise only the token lets people in."""
        return bool(self._hashed)

    async def start(self) -> None:
        # One hash at a time: each takes 10 MiB, many threads, and one of those that all
        # extensions share.
        self._turn = asyncio.Lock()

    async def check(self, typed: str, address: str | None) -> str:
        """What it was that somebody at an address typed: `token` or `password`.

        Raises WrongPassword, and TooManyAttempts without having looked.
        """
        if not typed:
            raise WrongPassword("Nothing was typed.")
        failures = self.attempts.begin(address)
        if self._is_token(typed):
            what = "token"
        elif await self._is_password(typed):
            what = "password"
        else:
            log.warning("Somebody at %s typed a wrong password (%d so far).", address, failures)
            wrong = "password or token" if self.has_password else "token"
            raise WrongPassword(f"That is not the {wrong} of this server.")
        self.attempts.succeeded(address)
        log.info("Somebody at %s logged in with the %s.", address, what)
        return what

    async def change(self, typed: str, password: str, address: str | None) -> None:
        """Exchange the password, for somebody who has the token, and end everybody's logins.

        As in jupyter_server the old password is not enough: those it was given to can come
        in, and not lock each other out.
        """
        if self.fixed:
            raise Forbidden(self.fixed, hint="Log in without a new password.")
        judged(password)
        if not typed:
            raise WrongPassword("Nothing was typed.")
        failures = self.attempts.begin(address)
        if not self._is_token(typed):
            log.warning("Somebody at %s typed a wrong token (%d so far).", address, failures)
            raise WrongPassword(
                "That is not the token of this server.",
                hint="Who sets a new password needs the token; the old password is not enough.",
            )
        self.attempts.succeeded(address)
        async with self._turn:
            self._hashed = await asyncio.to_thread(self._exchange, password)
        log.info("Somebody at %s set another password, in %s.", address, self._file.path)

    def _exchange(self, password: str) -> str:
        hashed = hash_password(password)
        self._file.set(hashed)
        forget_logins()
        return hashed

    def _is_token(self, typed: str) -> bool:
        # Without the blanks that come along when it is copied from a terminal.
        given = typed.strip().encode()
        return bool(self._token) and hmac.compare_digest(given, self._token.encode())

    async def _is_password(self, typed: str) -> bool:
        if not self._hashed:
            return False
        async with self._turn:
            return await asyncio.to_thread(matches, typed, self._hashed)

"""The key that login cookies are signed with: kept on disk, and exchanged to end all logins.

All servers of a user share the file `plughost_cookie_secret` in Jupyter's runtime folder, so
that a restart logs nobody out.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_dir_exists
from tornado import web

SECRET_BYTES = 32

log = logging.getLogger("plughost.auth")


class CookieKey:
    """Signs cookies and knows its own.

    `also` is mixed in: another token or password ends the logins it led to. Without `keep`
    nothing is written, and what is not on disk lasts as long as this process.
    """

    def __init__(self, *, also: str, keep: bool) -> None:
        self._also = also.encode()
        self._keep = keep
        self._written: tuple[int, int] | None = None
        self._secret = b""

    @property
    def secret(self) -> bytes:
        """The key as it is on disk now."""
        written = _written()
        if not self._secret or (written != self._written and self._keep):
            try:
                self._secret = _read() or _write(keep=self._keep)
            except OSError as error:
                if not self._secret:
                    log.warning("Logins end with this server, their key cannot be kept: %s", error)
                    self._secret = secrets.token_bytes(SECRET_BYTES)
            self._written = _written()
        return self._secret + self._also

    def sign(self, name: str, value: str) -> bytes:
        """A cookie's value with its time and signature."""
        return web.create_signed_value(self.secret, name, value)

    def verified(self, name: str, value: str, days: float) -> bytes | None:
        """What was signed, or None when we did not sign it, or longer ago than `days`."""
        return web.decode_signed_value(self.secret, name, value, max_age_days=days)


def forget_logins() -> None:
    """End the logins of all browsers at all servers of this user, at once.

    Whoever has the token or the password can come back.
    """
    _write(keep=True, anew=True)


def _path() -> Path:
    return Path(jupyter_runtime_dir(), "plughost_cookie_secret")


def _written() -> tuple[int, int] | None:
    """What changes when the file is written: cheaper to ask at each request than its content."""
    try:
        facts = os.stat(_path())
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino


def _read() -> bytes:
    """The secret on disk; nothing when there is none, or half of one."""
    try:
        kept = _path().read_bytes()
    except OSError:
        return b""
    return kept if len(kept) == SECRET_BYTES else b""


def _write(*, keep: bool, anew: bool = False) -> bytes:
    """Make a secret and, with `keep`, write it; returns the one that counts."""
    secret = secrets.token_bytes(SECRET_BYTES)
    if not keep:
        return secret
    path = _path()
    ensure_dir_exists(path.parent, mode=0o700)
    # Whole or not at all: with a key that was cut short anybody could sign cookies.
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    if anew or path.exists():
        temporary.replace(path)
    else:
        with contextlib.suppress(FileExistsError):  # another server was faster: its key counts
            os.link(temporary, path)
        temporary.unlink()
    return path.read_bytes()

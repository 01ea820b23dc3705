"""What a report must not carry: secrets, and who and where a person is.

Secrets go as they go from log lines (`redaction.py`), and by some more shapes: a report is
made once and read elsewhere, so it may take its time and rather takes out too much.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from plughost_observe.redaction import REDACTED, SHORTEST, Redactor

SECRET_NAME = re.compile(
    r"(token|passwd|password|passphrase|secret|credential|(api|access|private|signing)[-_]?key"
    r"|authorization|cookie|xsrf|session[-_]?id|jwt)s?$",
    re.IGNORECASE,
)
"""What a setting, a variable or a header is called whose value is nobody's business."""

_HASH = re.compile(r"\$(?:argon2\w*|2[aby]|5|6|y)\$[^\s\"']{8,}")
"""A hashed password, as crypt and argon2 write it; looked for first, as it has commas in it."""

_SHAPES: list[tuple[re.Pattern[str], str]] = [
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL),
        REDACTED,
    ),
    (
        re.compile(
            r"(?<![\w-])(--[\w-]{0,40}?(?:token|password|passphrase|secret|key))\s+[^\s-]\S*"
        ),
        rf"\1 {REDACTED}",
    ),
    # Whoever stands before the @ in a URL, with or without a password (RFC 3986, 3.2.1).
    (re.compile(r"(?<!\w)(\w{1,32}://)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    # A hashed password as Jupyter once wrote it: algorithm:salt:hash.
    (re.compile(r"\b(?:sha\d+|md5):[0-9a-f]{4,}:[0-9a-f]{16,}", re.IGNORECASE), REDACTED),
    # A random token is 48 hexadecimal digits; a kernel's id has hyphens, and stays.
    (re.compile(r"\b[0-9a-f]{32,}\b", re.IGNORECASE), REDACTED),
]

_COMMON = {"root", "user", "admin", "jovyan", "ubuntu", "debian", "runner", "nobody", "app", "home"}
"""Names that say nothing of a person, and stand in text that has nothing to do with them."""


class Privacy:
    """Takes private things out of text and JSON values.

    `secrets` are values to find wherever they turn up, besides those of the environment.
    """

    def __init__(
        self, secrets: Iterable[str] = (), environment: Mapping[str, str] = os.environ
    ) -> None:
        known = {*secrets, *_secrets_of(environment)}
        self._redactor = Redactor(secret for secret in known if len(secret) >= SHORTEST)
        self._places = [*_places()]

    def text(self, text: str) -> str:
        """The text without what is nobody's business."""
        text = self._redactor.text(_HASH.sub(REDACTED, text))
        for shape, replacement in (*_SHAPES, *self._places):
            text = shape.sub(replacement, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without it; whatever stands under a secret's name is gone whole."""
        if isinstance(value, dict):
            secret = name if SECRET_NAME.search(name) else ""
            return {
                self.text(str(key)): self.value(each, secret or str(key))
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(each, name) for each in value]
        if SECRET_NAME.search(name) and isinstance(value, str | int | float):
            # Whether there is one, and that the core has left it out already, may be told.
            return value if isinstance(value, bool) or value in ("", "…") else REDACTED
        return self.text(value) if isinstance(value, str) else value


def _secrets_of(environment: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are called like a secret, or look like one."""
    for name, value in environment.items():
        if SECRET_NAME.search(name) or name.endswith("_KEY") or _looks_random(value):
            yield value


def _looks_random(value: str) -> bool:
    """Long, in one word, of letters and digits mixed: what nobody types and no path looks like."""
    return (
        len(value) >= 16
        and re.fullmatch(r"[\w+=.~-]+", value) is not None
        and len(re.findall(r"[A-Za-z]\d|\d[A-Za-z]", value)) >= 3
    )


def _places() -> Iterator[tuple[re.Pattern[str], str]]:
    """The home folder, in all its spellings, then the names of the user and of the machine."""
    with contextlib.suppress(RuntimeError):  # a container may know neither HOME nor the user
        home = Path.home()
        homes = {str(home), os.path.realpath(home), home.as_posix(), quote(str(home))} - {"/"}
        for each in sorted(homes, key=len, reverse=True):
            yield re.compile(rf"(?<![\w-]){re.escape(each)}(?![\w-])"), "~"
    yield re.compile(r"((?:/home|/Users|[A-Za-z]:\\Users)[/\\])[^/\\\s\"':]+"), r"\1<user>"
    for name in _users():
        if len(name) >= 3 and name.lower() not in _COMMON:
            yield _whole(name), "<user>"
    host = socket.gethostname()
    for name in (host, host.partition(".")[0]):
        if len(name) >= 3 and name != "localhost":
            yield _whole(name), "<host>"


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)


def _users() -> set[str]:
    names = {os.environ.get(variable, "") for variable in ("USER", "LOGNAME", "USERNAME")}
    with contextlib.suppress(OSError, KeyError, ImportError):
        names.add(getpass.getuser())  # a container's user need not have a name
    return names - {""}

"""Secrets are taken out of log lines before anybody gets to see them.

Two things are looked for: secrets that are known, such as this server's token, and text that
looks as if one followed, such as `?token=…`, `Authorization: …` or `"password": "…"`. It is
rather too much than too little that is taken out.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from plughost import Config, Host

REDACTED = "[redacted]"

SHORTEST = 4
"""A known secret of fewer characters would be found in every other word."""
SHORTEST_IN_ENVIRONMENT = 8

LONGEST = 32 * 1024
"""Characters of a message or traceback that are looked through and kept; the search takes a
few milliseconds, on the event loop."""

_SECRET = (
    r"token|secrets?|passw(?:or)?ds?|passphrase|credentials?|x?[-_]?xsrf(?:token)?"
    r"|x?-?csrf(?:token)?|jwt|(?:api|access|private|secret|encryption|signing|session)[-_]?key"
)
# What may stand between a name and its value: `=`, `: `, `': '`, `': ['`, `', '`, and `=` in
# a URL within a URL.
_BETWEEN = (
    r"""\\?["']?\s*(?:=>|=(?!>)|:|%3[DA]|(?<=["'])\s*,)"""
    r"""(?!\s*\[redacted\])\s*[\[(]?"""  # what has been taken out already stays as it is
)
_QUOTED = r"""b?\\?"(?:\\.|[^"\\])*|b?\\?'(?:\\.|[^'\\])*"""

_SHAPES: list[tuple[tuple[str, ...], re.Pattern[str]]] = [
    (  # a header, whose value goes on to the end of the line
        ("authorization", "cookie"),
        re.compile(
            rf"(?P<name>(?:authorization|cookie){_BETWEEN})(?:{_QUOTED}|[^\r\n\"']+)", re.IGNORECASE
        ),
    ),
    (
        ("token", "secret", "passw", "passphrase", "credential", "srf", "jwt", "key"),
        re.compile(
            rf"(?P<name>(?:{_SECRET}){_BETWEEN})(?:{_QUOTED}|[^\s&;,\"'<>)\]}}]+)", re.IGNORECASE
        ),
    ),
    (  # a scheme and what looks like its proof (RFC 7235, 2.1)
        ("bearer ", "basic ", "token "),
        re.compile(r"(?P<name>\b(?:bearer|basic|token)\s+)(?=[^\s\"']*\d)[\w.~+/=-]{16,}", re.I),
    ),
    # The password in a URL (RFC 3986, 3.2.1).
    (("://",), re.compile(r"(?P<name>://[^\s/:@\"']*:)[^\s/@\"']+(?=@)")),
    # A value that Tornado has signed: every cookie of ours.
    (("2|1:",), re.compile(r"(?P<name>)2\|1:\d+\|\d+:\d+\|\d+:[^|\s]*\|\d+:[^|\s]*\|[0-9a-f]{64}")),
    # A JSON Web Token (RFC 7519), a hashed password, and tokens that say whose they are.
    (("eyj",), re.compile(r"(?P<name>(?<![\w-]))eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")),
    (("$argon2",), re.compile(r"(?P<name>\$argon2\w*)\$[^\s\"']+")),
    (
        ("gh", "glpat-", "xox", "hf_", "akia"),
        re.compile(r"(?P<name>\b)(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|hf_|AKIA)\w{16,}"),
    ),
]
"""What a secret looks like; none is searched for in a text without one of the words before it."""

_NAMES_A_SECRET = re.compile(rf"(?:{_SECRET}|_key)$", re.IGNORECASE)


class Redactor:
    """Knows secrets, and takes them and what looks like others out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        # The longest first: one may contain another.
        self._known = sorted(known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, REDACTED)
        if len(text) > LONGEST:  # only now: half a secret would not be found
            text = f"{text[:LONGEST]}… ({len(text)} characters in all)"
        lower = text.lower()
        for words, shape in _SHAPES:
            if any(word in lower for word in words):
                text = shape.sub(rf"\g<name>{REDACTED}", text)
        return text

    def clean(self, record: logging.LogRecord) -> None:
        """Take secrets out of a log record, for every handler that gets it from now on."""
        message = message_of(record)
        redacted = self.text(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        if record.exc_info and record.exc_info[1] is not None:
            told = record.exc_text or "".join(traceback.format_exception(record.exc_info[1]))
            redacted = self.text(told)
            if redacted != told:
                # Formatters show the text; the error itself would show what is not in there.
                record.exc_text, record.exc_info = redacted.rstrip("\n"), None
        elif record.exc_text:
            record.exc_text = self.text(record.exc_text)
        if record.stack_info:
            record.stack_info = self.text(record.stack_info)


class RedactingFilter(logging.Filter):
    """Lets every record pass, without its secrets."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        # Each handler asks; once is enough.
        if record.__dict__.get("redacted_by") is not self:
            record.__dict__["redacted_by"] = self
            try:
                self._redactor.clean(record)
            except Exception as error:  # a filter's error would reach whoever logs
                record.msg = f"{REDACTED} ({type(error).__name__} while secrets were looked for)"
                record.args = record.exc_info = record.exc_text = None
        return True


class TerminalGuard:
    """Keeps secrets out of what the root logger's handlers write, the terminal's above all.

    That is for the whole process: handlers are not ours, and each host in a process takes
    out what it knows. Handlers that come later are found with the next log line.
    """

    def __init__(self, redactor: Redactor) -> None:
        self.filter = RedactingFilter(redactor)
        self._guarded: list[logging.Handler] = []

    def attach(self) -> None:
        """Guard every handler that is there now."""
        for handler in logging.getLogger().handlers:
            if self.filter not in handler.filters:
                handler.addFilter(self.filter)
                self._guarded.append(handler)

    def detach(self) -> None:
        """Leave all handlers as they were."""
        while self._guarded:
            self._guarded.pop().removeFilter(self.filter)


def message_of(record: logging.LogRecord) -> str:
    """A record's message; one whose arguments do not fit it is told as it came."""
    try:
        return record.getMessage()
    except Exception as error:  # whatever a stranger's argument raises when it is to be text
        record.args = None
        try:
            said = str(record.msg)
        except Exception:  # nor need the message itself be one
            said = f"<{type(record.msg).__name__}>"
        record.msg = f"{said} ({type(error).__name__} while its arguments were put in)"
        return str(record.msg)


def redactor_for(host: Host) -> Redactor:
    """A redactor that knows the secrets of a host and of this process's environment."""
    return Redactor({*_secrets_of(host.config, host.auth.token), *_secrets_in(os.environ)})


def _secrets_of(config: Config, token: str) -> Iterator[str]:
    settings = {f"{name}.{key}": v for name, t in config.extensions.items() for key, v in t.items()}
    own = {"token": token, "token also": config.token, "password": config.hashed_password}
    for name, value in {**settings, **own}.items():
        secret = name in own or _NAMES_A_SECRET.search(name)
        if secret and isinstance(value, str) and len(value) >= SHORTEST:
            yield value


def _secrets_in(environment: Mapping[str, Any]) -> Iterator[str]:
    for name, value in environment.items():
        if _NAMES_A_SECRET.search(name) and len(value) >= SHORTEST_IN_ENVIRONMENT:
            yield value

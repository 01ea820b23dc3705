"""Log records become lines: what happened, and whose, in whose name and in which request."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime, timezone

import msgspec

from plughost import BadRequest, ExtensionRecord, doing
from plughost_observe.redaction import message_of

CORE = "plughost"

_BLANK = re.compile(r"(?<=T\d\d:\d\d:\d\d) (?=\d\d:\d\d$)|(?<=\.\d\d\d) (?=\d\d:\d\d$)")

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class Line(msgspec.Struct, frozen=True):
    """One line of the log as files and clients have it; what is unknown is empty.

    `time` is ISO 8601 in UTC. `extension` is whose code or whose request it was, `kernel` a
    kernel's id, `request` the same in all lines of one request. `exception` is a traceback.
    """

    time: str
    level: str
    logger: str
    message: str
    extension: str = ""
    kernel: str = ""
    user: str = ""
    request: str = ""
    exception: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A line, numbered from 1 in the order in which the lines came, and the same as JSON.

    `created` is in seconds since 1970, `level` a number as `logging` has it.
    """

    number: int
    created: float
    level: int
    line: Line
    json: bytes


class Wanted(msgspec.Struct, frozen=True):
    """Which lines somebody asks for; `level` is the lowest, `since` in seconds since 1970."""

    extension: str | None = None
    kernel: str | None = None
    level: int = 0
    since: float | None = None

    def fits(self, entry: Entry) -> bool:
        return (
            entry.level >= self.level
            and (self.since is None or entry.created >= self.since)
            and (self.extension is None or entry.line.extension == self.extension)
            and (self.kernel is None or entry.line.kernel == self.kernel)
        )


def level_named(text: str) -> int:
    """The number of a level such as `warning`. Raises BadRequest."""
    if text.lower() not in LEVELS:
        raise BadRequest(
            f"There is no level {text!r}.", hint=f"Levels: {', '.join(LEVELS)}; lower ones first."
        )
    return LEVELS[text.lower()]


def moment(text: str) -> float:
    """A time in ISO 8601 as seconds since 1970; UTC where it names no zone. Raises BadRequest."""
    try:
        # A plus sign in a query is a blank; and before Python 3.11 Z is not understood.
        plain = _BLANK.sub("+", text.strip()).replace("Z", "+00:00")
        time = datetime.fromisoformat(plain)
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise BadRequest(
            f"The time {text!r} cannot be read.",
            hint="Write it as in ISO 8601: 2026-11-24T22:15:00Z.",
        ) from None


def iso(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


class Author:
    """Says whose a log record is: its extension's name, `plughost`, or nothing.

    In this order: what the record says in `extra={"extension": …}`, for whom the code ran
    that logged, the logger's name, the module that logged.
    """

    def __init__(self, records: Callable[[], Iterable[ExtensionRecord]]) -> None:
        self._records = records

    def of(self, record: logging.LogRecord) -> str:
        return (
            str(record.__dict__.get("extension", ""))
            or doing().extension
            or self._by_module(record.name)
            or self._by_file(record.pathname)
        )

    def _by_module(self, name: str) -> str:
        """`plughost_kernels.wire` and `plughost.kernels` are both the extension `kernels`."""
        top, _, rest = name.partition(".")
        for extension in self._records():
            if extension.package and f"{name}.".startswith(f"{extension.package}."):
                return extension.name
            if top == CORE and rest.partition(".")[0] == extension.name:
                return extension.name
        return CORE if top == CORE else ""

    def _by_file(self, path: str) -> str:
        for extension in self._records():
            if extension.package and _is_in(path, extension.package):
                return extension.name
        return ""


def line_of(record: logging.LogRecord, author: Author) -> Line:
    """The line that a log record is written as."""
    facts = doing()
    exception = record.exc_text or ""
    if not exception and record.exc_info and record.exc_info[1] is not None:
        exception = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
    if record.stack_info:
        exception = f"{exception}\n{record.stack_info}".lstrip("\n")
    return Line(
        time=iso(record.created),
        level=record.levelname,
        logger=record.name,
        message=printable(message_of(record)),
        extension=author.of(record),
        kernel=printable(str(record.__dict__.get("kernel", ""))),
        user=printable(facts.user),
        request=facts.request,
        exception=printable(exception),
    )


def printable(text: str) -> str:
    """The text as UTF-8 can carry it: file names that are none leave odd characters behind."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_in(path: str, package: str) -> bool:
    """Whether a source file belongs to a package that has been imported."""
    module = sys.modules.get(package)
    folders: Iterable[str] = getattr(module, "__path__", ())
    return path == getattr(module, "__file__", None) or any(
        path.startswith((f"{folder}/", f"{folder}\\")) for folder in folders
    )

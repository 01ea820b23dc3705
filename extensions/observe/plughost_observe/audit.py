"""The audit log: who did what, to which kernel or path, and when.

It has no code and no outputs, and no hash of code either: that of a short one can be guessed.
Two sources feed it: every request that changed something or opened a WebSocket, and what
extensions tell the logger `plughost.audit`, at the level DEBUG so that it costs nothing where
nobody audits:

    audit = logging.getLogger("plughost.audit")
    audit.debug("execute_request", extra={"kernel": kernel_id})
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from pathlib import Path
from urllib.parse import unquote

import msgspec

from plughost import Answered, HostError, doing
from plughost_observe.lines import iso, printable
from plughost_observe.log_file import LineFile
from plughost_observe.logs import Writer
from plughost_observe.redaction import message_of

LOGGER = "plughost.audit"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SWITCHING_PROTOCOLS = 101

_NAMES = [
    (method, re.compile(pattern), action)
    for method, pattern, action in (
        ("POST", r"/api/kernels", "kernel_start"),
        ("DELETE", r"/api/kernels/(?P<kernel>[^/]+)", "kernel_stop"),
        ("POST", r"/api/kernels/(?P<kernel>[^/]+)/interrupt", "kernel_interrupt"),
        ("POST", r"/api/kernels/(?P<kernel>[^/]+)/restart", "kernel_restart"),
        ("GET", r"/api/kernels/(?P<kernel>[^/]+)/channels", "kernel_connect"),
        ("POST", r"/api/sessions", "session_open"),
        ("PATCH", r"/api/sessions/(?P<path>[^/]+)", "session_change"),
        ("DELETE", r"/api/sessions/(?P<path>[^/]+)", "session_close"),
        ("POST", r"/api/contents/(?P<path>.+)/checkpoints", "checkpoint_create"),
        ("POST", r"/api/contents/(?P<path>.+)/checkpoints/[\w-]+", "checkpoint_restore"),
        ("DELETE", r"/api/contents/(?P<path>.+)/checkpoints/[\w-]+", "checkpoint_delete"),
        ("POST", r"/api/contents/(?P<path>.+)/trust", "trust"),
        ("POST", r"/api/(?:contents|notebooks)(?P<path>/.*)?", "create"),
        ("PUT", r"/api/(?:contents|notebooks)(?P<path>/.*)?", "save"),
        ("PATCH", r"/api/(?:contents|notebooks)(?P<path>/.*)?", "rename"),
        ("DELETE", r"/api/(?:contents|notebooks)(?P<path>/.*)?", "delete"),
        ("POST", r"/api/terminals", "terminal_open"),
        ("DELETE", r"/api/terminals/(?P<path>[^/]+)", "terminal_close"),
        ("GET", r"/terminals/websocket/(?P<path>[^/]+)", "terminal_connect"),
        ("POST", r"/api/shutdown", "server_stop"),
        ("PATCH", r"/plughost/api/extensions/(?P<path>[^/]+)", "extension_switch"),
        ("POST", r"/plughost/api/extensions/(?P<path>[^/]+)", "extension_replace"),
    )
]
"""What requests mean, by method and path; others are called what they are."""


class Deed(msgspec.Struct, frozen=True):
    """One line of the audit log; what is unknown is empty.

    `time` is ISO 8601 in UTC, `proof` how the user proved who they are, `path` a file's below
    the root folder, or a name, or else the request's path. `request` is the same as in the
    log. `status` is that of the reply, 0 where none was owed.
    """

    time: str
    user: str
    action: str
    proof: str = ""
    kernel: str = ""
    path: str = ""
    status: int = 0
    extension: str = ""
    request: str = ""


class AuditUnwritable(HostError):
    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(
            f"The audit log {str(path)!r} cannot be written: {error.strerror or error}.",
            hint="Make it writable, or name another file: `audit_file` in [extensions.observe] "
            "of plughost.toml.",
        )


class Audit:
    """Writes down what is done; each line is only ever added."""

    def __init__(self, path: Path, base_url: str) -> None:
        self._file = LineFile(path)
        self._below = len(base_url) - 1
        self._writer = Writer(self._file)
        self.handler = _Intake(self)
        self._before: tuple[int, bool] | None = None
        self.going = False

    async def start(self) -> None:
        """Raises AuditUnwritable: who wants an audit log does not want to go without."""
        try:
            await asyncio.to_thread(self._file.open)
        except OSError as error:
            raise AuditUnwritable(self._file.path, error) from error
        self._writer.start()
        self.going = True
        logger = logging.getLogger(LOGGER)
        self._before = (logger.level, logger.propagate)
        # What is meant for this file alone appears neither on the terminal nor in the log.
        logger.setLevel(logging.DEBUG)
        logger.propagate = False

    async def stop(self) -> None:
        # What others do while they stop is written down, too: the handler is closed last.
        self.going = False

    def close(self) -> None:
        """Write what waits, and leave the logger as it was."""
        if self._before is not None:
            logger = logging.getLogger(LOGGER)
            logger.setLevel(self._before[0])
            logger.propagate = self._before[1]
            self._before = None
        self._writer.close()

    def answered(self, answered: Answered) -> None:
        """Write down a request that changed something, or opened a WebSocket."""
        opened = answered.status == SWITCHING_PROTOCOLS
        if not (opened or answered.method in CHANGES) or not answered.route:
            return
        action, kernel, path = _meaning(answered.method, answered.path[self._below :])
        self._put(
            Deed(
                time=iso(time.time()),
                user=answered.user,
                action=printable(action),
                proof=answered.proof,
                kernel=printable(kernel),
                path=printable(path),
                status=answered.status,
                extension=answered.extension,
                request=doing().request,
            )
        )

    def told(self, record: logging.LogRecord) -> None:
        """Write down what an extension tells."""
        facts = doing()
        self._put(
            Deed(
                time=iso(record.created),
                user=facts.user,
                action=printable(message_of(record)),
                kernel=printable(str(record.__dict__.get("kernel", ""))),
                path=printable(str(record.__dict__.get("path", ""))),
                extension=facts.extension,
                request=facts.request,
            )
        )

    def _put(self, deed: Deed) -> None:
        self._writer.put(msgspec.json.encode(deed))


class _Intake(logging.Handler):
    """What the logger `plughost.audit` is told goes to the audit log."""

    def __init__(self, audit: Audit) -> None:
        super().__init__()
        self._audit = audit

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._audit.told(record)
        except Exception:  # one odd line ends nothing
            self.handleError(record)

    def close(self) -> None:
        # Requests are written down by another way, and go on until everything has stopped.
        if not self._audit.going:
            self._audit.close()
        super().close()


def _meaning(method: str, path: str) -> tuple[str, str, str]:
    """What a request was about: the action, the kernel, and the file or name."""
    for wanted, pattern, action in _NAMES:
        match = pattern.fullmatch(path) if wanted == method else None
        if match:
            groups = {name: unquote(value or "") for name, value in match.groupdict().items()}
            return action, groups.get("kernel", ""), groups.get("path", "").strip("/")
    return f"{method} {path}", "", ""

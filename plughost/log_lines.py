"""What `plughost serve` logs to the terminal: lines for people, or JSON for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any

from plughost.context import doing

_COLOURS = {"W": "33", "E": "31", "C": "1;31", "D": "2"}
"""By the first letter of the level: SGR parameters (ECMA-48)."""


def set_up(*, level: int = logging.INFO, as_json: bool = False) -> None:
    """Send what is logged to stderr, with colours if that is a terminal that wants them.

    What somebody logs with `extra={"terminal": False}` is for log files and other handlers, and
    comes here only with a `level` of `logging.DEBUG`.
    """
    from plughost.terminal import has_colours

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines() if as_json else Lines(colours=has_colours(sys.stderr)))
    if level > logging.DEBUG:
        handler.addFilter(lambda record: getattr(record, "terminal", True))
    logging.basicConfig(level=level, handlers=[handler])


class Lines(logging.Formatter):
    """`W 12:34:56 plughost: What happened.`, the level in colour."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__("%(levelname).1s %(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        colour = _COLOURS.get(line[:1]) if self._colours else None
        return f"\x1b[{colour}m{line[:1]}\x1b[0m{line[1:]}" if colour else line


class JSONLines(logging.Formatter):
    """One JSON object a line: `time` (ISO 8601), `level`, `logger` and `message`.

    `extension`, `user` and `request` where they are known (`plughost.doing()`), `traceback`
    where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        now = doing()
        facts: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "extension": now.extension,
            "user": now.user,
            "request": now.request,
            "traceback": self.formatException(record.exc_info) if record.exc_info else "",
        }
        always = ("time", "level", "logger", "message")
        return json.dumps({key: value for key, value in facts.items() if value or key in always})

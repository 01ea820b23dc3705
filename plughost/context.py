"""What the code that runs now is doing: for log lines, and for whoever watches.

The facts follow the code through `await`, into tasks it makes, and into threads that are
started for it (PEP 567).
"""

from __future__ import annotations

import contextlib
import contextvars

import msgspec


class Doing(msgspec.Struct, frozen=True):
    """For which extension, on whose behalf, and in which request; empty where unknown.

    `request` is the same in all log lines of one request.
    """

    extension: str = ""
    user: str = ""
    request: str = ""


_NOTHING = Doing()
_doing: contextvars.ContextVar[Doing] = contextvars.ContextVar("doing", default=_NOTHING)


def doing() -> Doing:
    """What the code that calls this is doing."""
    return _doing.get()


class _Set:
    """Says what is being done, for as long as a `with` lasts."""

    def __init__(self, facts: Doing) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        self._token = _doing.set(self._facts)

    def __exit__(self, *error: object) -> None:
        _doing.reset(self._token)


def working_for(extension: str) -> contextlib.AbstractContextManager[None]:
    """Say that what follows is done for an extension."""
    now = _doing.get()
    return _Set(Doing(extension, now.user, now.request))


def answering(extension: str, user: str, request: str) -> contextlib.AbstractContextManager[None]:
    """Say that what follows answers a request."""
    return _Set(Doing(extension, user, request))

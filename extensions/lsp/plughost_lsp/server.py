"""A language server by its name: its clients, and what is known of it when they are gone."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timezone
from typing import Any

import msgspec

from plughost_lsp.errors import KeepsDying
from plughost_lsp.session import Session, Status
from plughost_lsp.specs import Spec

DEATHS_SECONDS = 60.0


class Failure(msgspec.Struct, frozen=True):
    """How a server last died by itself; without an exit code it did not even start."""

    at: datetime
    exit_code: int | None
    stderr: list[str]
    """Its last lines."""


class Server:
    """What is kept of a server while the host runs; `spec` is what its next process is made of."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._sessions: set[Session] = set()
        self._ever = False
        self._last_server_message: datetime | None = None
        self._last_client_message: datetime | None = None
        self._deaths: deque[float] = deque()
        self.failure: Failure | None = None

    @property
    def status(self) -> Status:
        """Of its sessions the liveliest; without one, whether there ever was one."""
        states = {session.status for session in self._sessions}
        for status in (Status.STARTED, Status.STARTING, Status.STOPPING):
            if status in states:
                return status
        return Status.STOPPED if self._ever else Status.NOT_STARTED

    def add(self, session: Session) -> None:
        """One more client."""
        self._ever = True
        self._sessions.add(session)

    def remove(self, session: Session) -> None:
        """One is over."""
        self._sessions.discard(session)

    def check(self, limit: int) -> None:
        """Raise KeepsDying where it died so often that one more start makes no sense."""
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > DEATHS_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) >= limit:
            wait = int(DEATHS_SECONDS - (now - self._deaths[0])) + 1
            said = self.failure.stderr[-1:] if self.failure else []
            raise KeepsDying(self.spec.name, len(self._deaths), wait, "".join(said))

    def to_json(self) -> dict[str, Any]:
        """As jupyter-lsp tells of a session."""
        return {
            "handler_count": len(self._sessions),
            "last_handler_message_at": self._last_client_message,
            "last_server_message_at": self._last_server_message,
            "spec": self.spec.to_json(),
            "status": self.status.value,
        }

    # -- session.Witness

    def server_spoke(self, now: datetime) -> None:
        self._last_server_message = now

    def client_spoke(self, now: datetime) -> None:
        self._last_client_message = now

    def died(self, returncode: int | None, stderr: list[str]) -> None:
        self.failure = Failure(datetime.now(timezone.utc), returncode, stderr)
        self._deaths.append(time.monotonic())

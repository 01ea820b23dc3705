"""Services: found by type, started after what they require, stopped before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from plughost.changes import Changes
from plughost.contributions import Key, Service, service_key
from plughost.errors import DuplicateError, ExtensionError, ServiceNotFound
from plughost.extensions import ExtensionRecord, State, guard

START_SECONDS = 60.0
"""One service has this long to start."""
STOP_SECONDS = 5.0
"""All services together have this long to stop."""


class Services:
    """All services of a host, with who provides each and which have started."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._all: dict[str, tuple[Service, ExtensionRecord]] = {}
        self._started: dict[str, tuple[Service, ExtensionRecord]] = {}
        self._starts: dict[asyncio.Task[None], ExtensionRecord] = {}
        self._queue: list[tuple[list[Service], ExtensionRecord]] = []
        self._complete = False

    def find(self, kind: Key) -> Any:
        """The object provided for `kind`. Raises ServiceNotFound."""
        key = service_key(kind)
        if key not in self._all:
            raise ServiceNotFound(key, self._all)
        return self._all[key][0].value

    def add(self, services: Iterable[Service], owner: ExtensionRecord) -> None:
        """Make services findable. Raises DuplicateError for a type that is provided already."""
        for service in services:
            if service.key in self._all:
                raise DuplicateError("service", service.key, self._all[service.key][1].name)
            self._all[service.key] = (service, owner)

    def remove(self, owner: ExtensionRecord) -> None:
        self._all = {key: entry for key, entry in self._all.items() if entry[1] is not owner}

    def enqueue(self, services: list[Service], owner: ExtensionRecord) -> None:
        """Have one extension's services started by the next `begin()`."""
        owner.state = State.WAITING
        self._queue.append((services, owner))

    def begin(self) -> None:
        """Begin to start what is queued; the records say how that goes. Needs a running loop."""
        for services, owner in self._queue:
            task = asyncio.ensure_future(self._start(services, owner))
            self._starts[task] = owner
            task.add_done_callback(self._starts.pop)
        self._queue.clear()

    async def settle(self) -> None:
        """Wait until every start has ended; nothing more will be added.

        What still waits for a service when nothing else is under way waits in vain.
        """
        self.begin()
        while self._starts:
            waiting = all(owner.waiting_for for owner in self._starts.values())
            if waiting:
                self._complete = True
                self._changes.notify()
            await asyncio.wait(self._starts, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)

    async def stop(self) -> None:
        """Stop what has started, the last first, each under guard, all within STOP_SECONDS."""
        for task in self._starts:
            task.cancel()
        deadline = time.monotonic() + STOP_SECONDS
        for service, owner in reversed([*self._started.values()]):
            stop = getattr(service.value, "stop", None)
            if stop is not None:
                with guard(owner, "stop"):
                    await asyncio.wait_for(stop(), max(0.1, deadline - time.monotonic()))
        self._started.clear()

    async def _start(self, services: list[Service], owner: ExtensionRecord) -> None:
        with guard(owner, "start"):
            for service in services:
                await self._require(service, owner)
                start = getattr(service.value, "start", None)
                if start is not None:
                    await asyncio.wait_for(start(), START_SECONDS)
                self._started[service.key] = (service, owner)
                self._changes.notify()
        if owner.state != State.FAILED:
            owner.state = State.ACTIVE
        self._changes.notify()

    async def _require(self, service: Service, owner: ExtensionRecord) -> None:
        def missing() -> list[str]:
            return [k for k in map(service_key, service.requires) if k not in self._started]

        owner.waiting_for = missing()
        await self._changes.until(lambda: not missing() or self._complete)
        lacking = missing()
        if lacking:
            raise ExtensionError(
                f"The service {service.key!r} requires {', '.join(map(repr, lacking))}, "
                "which did not start.",
                hint="`plughost extensions list` shows what is installed and what failed.",
            )
        owner.waiting_for = []

"""Services: found by type, replaceable, started after what they require, stopped before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from plughost.changes import Changes
from plughost.contributions import Key, Service, service_key
from plughost.errors import DuplicateError, ServiceNotFound
from plughost.guard import attempt
from plughost.hooks import asking
from plughost.records import ExtensionRecord, State

STOP_SECONDS = 5.0
"""All services together have this long to stop."""

Started = tuple[Service, ExtensionRecord]


class Services:
    """All services of a host: who provides each, who uses it, and which have started.

    `configured` names the extension to use for a service that several provide;
    `start_seconds` is how long one service has to start.
    """

    def __init__(
        self, changes: Changes, configured: Mapping[str, str], start_seconds: float
    ) -> None:
        self._changes = changes
        self._configured = configured
        self._start_seconds = start_seconds
        # By key and by owner, the first to come first. Replaced, never changed: hooks look
        # services up from threads of their own.
        self._offered: Mapping[str, Mapping[str, Started]] = {}
        self._started: dict[tuple[str, str], Started] = {}
        self._starts: dict[asyncio.Task[None], ExtensionRecord] = {}
        self._queue: list[tuple[list[Service], ExtensionRecord]] = []
        self._complete = False

    # -- who provides what

    def find(self, kind: Key) -> Any:
        """The object provided for `kind`. Raises ServiceNotFound.

        An extension that looks a service up in one of its hooks requires it from then on.
        """
        key = service_key(kind)
        owner = self.provider(key)
        user = asking.get()
        if user is not None and user.name != owner:
            user.requires.add(key)
        if owner is None:
            raise ServiceNotFound(key, self._offered)
        return self._offered[key][owner][0].value

    def provider(self, key: str) -> str | None:
        """The extension whose service is used for a key."""
        owners = self._offered.get(key, {})
        configured = self._configured.get(key)
        return configured if configured in owners else next(iter(owners), None)

    def usable(self, key: str) -> bool:
        """Whether somebody provides it who is not known to be unable to."""
        owner = self.provider(key)
        return owner is not None and not self._offered[key][owner][1].stopped

    def add(self, services: Iterable[Service], owner: ExtensionRecord) -> set[str]:
        """Make services findable; returns the extensions whose own ones they take the place of.

        Raises DuplicateError when one extension offers two for the same type.
        """
        displaced = set()
        for service in services:
            key, before = service.key, self.provider(service.key)
            owners = self._offered.get(key, {})
            if owner.name in owners:
                raise DuplicateError("service", key, owner.name)
            self._offered = {**self._offered, key: {**owners, owner.name: (service, owner)}}
            owner.requires.update(map(service_key, service.requires))
            if before is not None and self.provider(key) == owner.name:
                displaced.add(before)
            self._tell(key)
        return displaced

    def remove(self, owner: ExtensionRecord) -> None:
        """Forget the services of an extension; whoever else provides them is used again."""
        left = {
            key: {name: entry for name, entry in owners.items() if name != owner.name}
            for key, owners in self._offered.items()
        }
        changed = [key for key, owners in self._offered.items() if owner.name in owners]
        self._offered = {key: owners for key, owners in left.items() if owners}
        self._queue = [entry for entry in self._queue if entry[1] is not owner]
        owner.provides = {}
        for key in changed:
            self._tell(key)

    def users(self, names: Iterable[str], records: Mapping[str, ExtensionRecord]) -> set[str]:
        """The extensions that use services of these, directly or through others."""
        found: set[str] = set()
        ahead = list(names)
        while ahead:
            name = ahead.pop()
            theirs = {key for key in self._offered if self.provider(key) == name}
            new = {n for n, r in records.items() if r.requires & theirs} - found - {name}
            found |= new
            ahead += new
        return found

    def idle(self) -> set[str]:
        """The active extensions that have a service which is used and has not been started."""
        return {
            name
            for key, owners in self._offered.items()
            for name, (_, record) in owners.items()
            if self.provider(key) == name
            and record.state == State.ACTIVE
            and (key, name) not in self._started
        }

    def _tell(self, key: str) -> None:
        """Write into the records of all who provide `key` whose service is used."""
        used = self.provider(key)
        for name, (_, record) in self._offered.get(key, {}).items():
            record.provides[key] = used or ""
            if name != used:
                record.say(
                    f"Its service {key!r} is not used, {used!r} provides it. To use this one, set "
                    f'"{key}" = "{name}" in [services] of plughost.toml.'
                )

    # -- start

    def enqueue(self, services: list[Service], owner: ExtensionRecord) -> None:
        """Have one extension's services started by the next `begin()`."""
        owner.state = State.WAITING
        self._complete = False
        self._queue.append((services, owner))

    def begin(self) -> None:
        """Begin to start what is queued; the records say how that goes. Needs a running loop."""
        for services, owner in self._queue:
            task = asyncio.ensure_future(self._start(services, owner))
            self._starts[task] = owner
            task.add_done_callback(self._starts.pop)
        self._queue.clear()

    def starting(self, owner: ExtensionRecord) -> bool:
        """Whether an extension's services are being started, or soon will be."""
        return owner in [*self._starts.values(), *(record for _, record in self._queue)]

    async def settle(self) -> None:
        """Wait until every start has ended; nothing more will be added.

        What still waits for a service when nothing else is under way waits in vain.
        """
        self.begin()
        while self._starts:
            if all(owner.waiting_for for owner in self._starts.values()):
                self._complete = True
                self._changes.notify()
            await asyncio.wait(self._starts, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)

    async def _start(self, services: list[Service], owner: ExtensionRecord) -> None:
        for service in services:
            if self.provider(service.key) != owner.name:
                continue
            missing = await self._wait_for(service, owner)
            if missing:
                owner.lack(missing)
                break
            start = getattr(service.value, "start", None)
            if start is not None:
                await attempt(owner, "start", start, self._start_seconds)
            if owner.state != State.WAITING:
                break
            if owner.waiting_for:  # it looked up what is not there
                owner.lack(owner.waiting_for)
                break
            self._started[service.key, owner.name] = (service, owner)
            self._changes.notify()
        else:
            owner.state = State.ACTIVE
        self._changes.notify()

    async def _wait_for(self, service: Service, owner: ExtensionRecord) -> list[str]:
        """Wait until what the service requires has started; returns what never will."""

        def missing() -> list[str]:
            keys = map(service_key, service.requires)
            return [key for key in keys if (key, self.provider(key)) not in self._started]

        owner.waiting_for = missing()
        await self._changes.until(lambda: not missing() or self._complete)
        owner.waiting_for = missing()
        return owner.waiting_for

    # -- stop

    async def stop(self, only: ExtensionRecord | None = None) -> None:
        """Stop what has started, all of it or one extension's, all within STOP_SECONDS.

        The last started is stopped first. A service that hangs holds up what it requires for
        half of the time that is left, and the others not at all.
        """
        for task, owner in self._starts.items():
            if only is None or owner is only:
                task.cancel()
        deadline = time.monotonic() + STOP_SECONDS
        stops: dict[tuple[str, str], asyncio.Task[None]] = {}
        for (key, name), (service, owner) in reversed([*self._started.items()]):
            if only is not None and owner is not only:
                continue
            before = [
                task
                for other, task in stops.items()
                if other[1] == name or key in self._started[other][1].requires
            ]
            stops[key, name] = asyncio.ensure_future(_stop(service, owner, before, deadline))
        if stops:
            await asyncio.wait(stops.values())
        for started in stops:
            del self._started[started]


async def _stop(
    service: Service,
    owner: ExtensionRecord,
    before: list[asyncio.Task[None]],
    deadline: float,
) -> None:
    def left() -> float:
        return max(0.1, deadline - time.monotonic())

    if before:
        await asyncio.wait(before, timeout=left() / 2)
    stop = getattr(service.value, "stop", None)
    if stop is not None:
        await attempt(owner, "stop", stop, left())

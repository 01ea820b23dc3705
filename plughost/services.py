"""Services: found by type, replaceable, started after what they require, stopped before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plughost.changes import Changes
from plughost.contributions import Key, Service, service_key
from plughost.errors import DuplicateError, ServiceNotFound
from plughost.guard import attempt
from plughost.hooks import asking
from plughost.records import ExtensionRecord, State

STOP_SECONDS = 5.0
"""All services together have this long to stop."""

CANCEL_SECONDS = 1.0
"""A start that is given up has this long to end before its service is stopped."""

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
        # By key and owner, in the order in which they were begun; those that have started.
        self._begun: dict[tuple[str, str], Started] = {}
        self._started: set[tuple[str, str]] = set()
        self._starts: dict[asyncio.Task[None], ExtensionRecord] = {}
        self._queue: list[tuple[list[Service], ExtensionRecord]] = []
        self._complete = False
        self._closed = False
        self.expecting = False
        """Whether more extensions may come, one of which may provide what is missing."""

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
            new = {n for n, r in records.items() if r.requires & theirs and r.taken_in}
            new -= {name, *found}
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
        if self._closed:
            self._queue.clear()
        for services, owner in self._queue:
            task = asyncio.ensure_future(self._start(services, owner))
            self._starts[task] = owner
            task.add_done_callback(self._starts.pop)
        self._queue.clear()

    def starting(self, owner: ExtensionRecord) -> bool:
        """Whether an extension's services are being started, or soon will be."""
        return owner.name in self.under_way()

    def under_way(self) -> set[str]:
        """The extensions whose services are being started, or soon will be."""
        starting = [*self._starts.values(), *(record for _, record in self._queue)]
        return {record.name for record in starting}

    async def settle(self, names: Iterable[str] | None = None) -> None:
        """Wait until every start has ended, or those of some extensions.

        What still waits for a service when nothing else is under way waits in vain.
        """
        self.begin()
        wanted = None if names is None else set(names)
        while any(wanted is None or r.name in wanted for r in self._starts.values()):
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
            begun = (service.key, owner.name)
            self._begun[begun] = (service, owner)
            await attempt(owner, "start", _method(service, "start"), self._start_seconds)
            if owner.state != State.WAITING or owner.waiting_for:
                self._begun.pop(begun, None)
                if owner.state == State.WAITING:  # it looked up what is not there
                    owner.lack(owner.waiting_for)
                break
            self._started.add(begun)
            self._changes.notify()
        else:
            owner.state = State.ACTIVE
        self._changes.notify()

    async def _wait_for(self, service: Service, owner: ExtensionRecord) -> list[str]:
        """Wait until what the service requires has started; returns what never will."""

        def missing() -> list[str]:
            keys = map(service_key, service.requires)
            return [key for key in keys if (key, self.provider(key)) not in self._started]

        def hopeless(key: str) -> bool:
            provider = self.provider(key)
            if provider is None:
                return not self.expecting
            return not self.starting(self._offered[key][provider][1])

        def over() -> bool:
            lacking = missing()
            return not lacking or self._complete or any(map(hopeless, lacking))

        owner.waiting_for = missing()
        await self._changes.until(over)
        owner.waiting_for = missing()
        return owner.waiting_for

    # -- stop

    async def stop(self, only: ExtensionRecord | None = None) -> None:
        """Stop what has begun to start, all of it or one extension's, all within STOP_SECONDS.

        The last begun is stopped first. A service that hangs holds up what it requires for
        half of the time that is left, and the others not at all. Once all has been stopped
        nothing is started any more.
        """
        if only is None:
            self._closed = True
            self._queue.clear()
        deadline = time.monotonic() + STOP_SECONDS
        cancelled = [t for t, owner in self._starts.items() if only is None or owner is only]
        for task in cancelled:
            task.cancel()
        if cancelled:
            await asyncio.wait(cancelled, timeout=CANCEL_SECONDS)
        # Taken out before anything is awaited: nobody else stops them a second time.
        going = {k: s for k, s in self._begun.items() if only is None or s[1] is only}
        for begun in going:
            del self._begun[begun]
            self._started.discard(begun)
        stops: dict[tuple[str, str], asyncio.Task[None]] = {}
        for (key, name), (service, owner) in reversed([*going.items()]):
            before = [
                task
                for other, task in stops.items()
                if other[1] == name or key in going[other][1].requires
            ]
            stops[key, name] = asyncio.ensure_future(_stop(service, owner, before, deadline))
        if stops:
            await asyncio.wait(stops.values())


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
    await attempt(owner, "stop", _method(service, "stop"), left())


def _method(service: Service, name: str) -> Callable[[], Any]:
    """Call `start` or `stop` of a service, if it has one; looking is its code already."""

    def call() -> Any:
        method = getattr(service.value, name, None)
        return None if method is None else method()

    return call

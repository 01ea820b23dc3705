"""The sum of what extensions offer: how one is taken in and withdrawn, and what follows."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plughost import extensions, frontend
from plughost.api import core_routes, page_routes
from plughost.changes import Changes
from plughost.contributions import LogHandler, Observer, Page, Route, Service
from plughost.errors import DuplicateError, ManifestError, did_you_mean
from plughost.frontend import LoadedFrontend
from plughost.guard import apart, guard
from plughost.hooks import Hooks
from plughost.offers import Collection, Offers
from plughost.records import ExtensionRecord, State
from plughost.routes import RouteTable
from plughost.services import Services

if TYPE_CHECKING:
    from plughost.host import Host

Written = tuple[int, int, int] | None
"""How a file was when it was read; see `_written`."""


@dataclass(frozen=True)
class Sum:
    """What is served, one immutable value; a change makes a new one that takes its place."""

    offers: Mapping[str, Offers] = field(default_factory=dict)
    routes: RouteTable = field(default_factory=RouteTable)
    pages: tuple[Page, ...] = ()
    observers: tuple[tuple[ExtensionRecord, Observer], ...] = ()


class Assembly:
    """All extensions of a host, with their plugin objects, and the sum of their offers.

    `frontends` are the browser halves found so far. `loading` says that more will come.
    """

    def __init__(self, host: Host, changes: Changes) -> None:
        self.records: dict[str, ExtensionRecord] = {}
        self.frontends: list[LoadedFrontend] = []
        self._read_of: dict[Path, Written] = {}  # how its manifest was then, by its folder
        self.hooks = Hooks()
        self.services = Services(changes, host.config.services, host.config.start_timeout)
        self._host = host
        self._changes = changes
        self._plugins: dict[str, Any] = {}
        self._stale: set[str] = set()
        self._log_handlers: dict[str, list[GuardedHandler]] = {}
        self._core = ExtensionRecord("plughost", "plughost", state=State.ACTIVE)
        self.sum = Sum()
        self._publish({})
        self._add_frontend(frontend.HOST, Path(__file__).parent / "static", self._core)

    @property
    def loading(self) -> bool:
        """Whether more extensions will come by themselves."""
        return self.services.expecting

    @loading.setter
    def loading(self, more: bool) -> None:
        self.services.expecting = more
        self._changes.notify()

    def plugin(self, name: str) -> Any:
        """The plugin object of an extension that has been taken in at some time, or None."""
        return self._plugins.get(name)

    # -- taking in

    def add(self, name: str, plugin: Any) -> ExtensionRecord:
        """Take in one plugin object here and now, with no loop running, perhaps.

        Extensions whose services it takes the place of are started again when all settles.
        """
        package = getattr(plugin, "__name__", type(plugin).__module__)
        record = self.records[name] = ExtensionRecord(name, package=package)
        displaced: set[str] = set()
        collection = self._collect(record, plugin, displaced)
        for phase, work in collection.steps():
            with guard(record, phase):
                work()
        self._include(collection, start=True)
        if displaced and name in self.sum.offers:
            self._stale |= displaced | self.services.users([name], self.records)
        return record

    async def take_in(self, record: ExtensionRecord, plugin: Any, *, start: bool = True) -> None:
        """Take in one plugin object, its hooks asked in a thread.

        Whatever goes wrong ends in the record, and nothing of the extension stays behind.
        """
        displaced: set[str] = set()
        collection = self._collect(record, plugin, displaced)
        for phase, work in collection.steps():
            await apart(record, phase, work, self._host.config.import_timeout)
        self._include(collection, start=start)
        if displaced and record.name in self.sum.offers:
            users = self.services.users([record.name], self.records)
            await self.restart(displaced | users, start=start)

    async def revive(self, *, start: bool = True) -> None:
        """Take in, once each, those that have waited for a service that is there now."""
        tried: set[str] = set()
        while ready := [r for r in self.records.values() if self._can_go_on(r, tried)]:
            tried.add(ready[0].name)
            await self.restart([ready[0].name], start=start)

    def _collect(self, record: ExtensionRecord, plugin: Any, displaced: set[str]) -> Collection:
        """Begin to ask; `displaced` gets the extensions whose services this one's replace."""
        record.again()
        self._plugins[record.name] = plugin

        def take(services: list[Service]) -> None:
            displaced.update(self.services.add(services, record))

        return Collection(self._host, self.hooks, record, plugin, take)

    def _include(self, collection: Collection, *, start: bool) -> None:
        """Serve what an extension offers, and begin to start it; or leave nothing of it."""
        record, offers = collection.record, collection.offers
        if collection.going:
            with guard(record, "collect"):
                self._publish({**self.sum.offers, record.name: offers})
                for number, offer in enumerate(offers.frontends, start=1):
                    self._add_frontend(f"{record.name}.{number}", offer.folder, record)
        if not collection.going:
            self.services.remove(record)
            self.hooks.unregister(record.name)
            if not self.loading and record.state == State.WAITING:
                record.lack(record.waiting_for)
            return
        self._log_handlers[record.name] = [
            GuardedHandler(offer, record) for offer in offers.log_handlers
        ]
        self.services.enqueue(offers.services if start else [], record)
        if self._host.running:
            self.services.begin()

    def _can_go_on(self, record: ExtensionRecord, tried: set[str]) -> bool:
        """Whether an extension that waited for a service can have it now."""
        return (
            record.name not in tried
            and record.state == State.WAITING
            and bool(record.waiting_for)
            and not self.services.starting(record)
            and all(map(self.services.usable, record.waiting_for))
        )

    async def settle(self, names: Iterable[str] | None = None) -> None:
        """Wait until every extension taken in is active or something keeps it from that.

        Or only those named, while others may go on starting.
        """
        if self._stale:
            names, self._stale = self._stale, set()
            await self.restart(names)
        await self.services.settle(names)
        for name, record in self.records.items():
            waits = record.state == State.WAITING and not self.services.starting(record)
            if waits and not record.in_vain:
                record.lack(record.waiting_for)
            if name in self.sum.offers:
                for hook, hint in self.hooks.unheard(name, self._plugins[name]).items():
                    record.say(f"Nobody asks for its hook {hook!r}. {hint}")
                for function in self.hooks.unmarked(self._plugins[name]):
                    record.say(
                        f"Its function {function!r} is not a hook. "
                        "Write `@hookimpl` (from plughost) above it, or give it another name."
                    )
        self._name_the_homeless()
        self._changes.notify()

    def _name_the_homeless(self) -> None:
        """Say of which browser halves no page will ever load anything."""
        pages = [page.name for page in self.sum.pages]
        for each in self.frontends:
            wanted = each.manifest.pages
            if pages and wanted and not set(pages) & set(wanted):
                guesses = "".join(did_you_mean(name, pages) for name in wanted)
                each.owner.say(
                    f"Its browser half {each.manifest.name!r} is loaded nowhere: there is no page "
                    f"{' or '.join(map(repr, wanted))}. {guesses}Pages: {', '.join(pages)}."
                )

    def _publish(self, offers: dict[str, Offers]) -> None:
        """Make the sum of all offers what is served; raises, and changes nothing, on a clash.

        Extensions count in the order of their records, whenever they came or came again.
        """
        offers = {name: offers[name] for name in self.records if name in offers}
        routes = [(route, self._core) for route in core_routes()]
        pages = dict[str, tuple[Page, str]]()
        for name, offer in offers.items():
            for page in offer.pages:
                if page.name in pages:
                    raise DuplicateError("page", page.name, pages[page.name][1])
                pages[page.name] = (page, name)
            theirs: list[Route] = [*offer.routes, *page_routes(offer.pages)]
            routes += [(route, self.records[name]) for route in theirs]
        observers = [(self.records[n], each) for n, o in offers.items() for each in o.observers]
        self.sum = Sum(
            offers,
            RouteTable(routes),
            tuple(page for page, _ in pages.values()),
            tuple(observers),
        )
        self._host.auth.authenticators = [
            (self.records[name], authenticator)
            for name, offer in offers.items()
            for authenticator in offer.authenticators
        ]
        self._changes.notify()

    def add_own_frontend(self, record: ExtensionRecord) -> None:
        """Find the compiled browser half, unless the extension is left out."""
        if record.settled:
            return
        package = extensions.package_folder(record.package)
        if package is None:
            return
        if folder := extensions.frontend_folder(record, package):
            self._add_frontend(record.name, folder, record)
        elif not record.first_party and extensions.is_uncompiled(package):
            record.say("Its browser half is not compiled. `plughost build --installed` does that.")

    def _add_frontend(self, name: str, folder: Path, record: ExtensionRecord) -> None:
        try:
            loaded = self._read(name, folder, record)
        except ManifestError as error:
            record.note("frontend", error)
            # The record's error is of its server half, once that has been taken in.
            record.say(f"{error.message} {error.hint}")
        else:
            self.frontends.append(loaded)
            # One that comes back has its old place: of two providers of a token the later wins.
            order = {name: number for number, name in enumerate(self.records)}
            self.frontends.sort(key=lambda each: order.get(each.owner.name, -1))

    def read_frontends_again(self) -> None:
        """Serve what has been built since as it is now; what cannot be read stays as it was."""
        for number, known in enumerate(self.frontends):
            if _written(known.folder) not in (None, self._read_of.get(known.folder)):
                with contextlib.suppress(ManifestError):
                    built = self._read(known.extension, known.folder, known.owner)
                    self.frontends[number] = built

    def _read(self, name: str, folder: Path, record: ExtensionRecord) -> LoadedFrontend:
        """A frontend as it lies on disk; raises ManifestError for one that does not fit."""
        self._read_of[folder] = _written(folder)
        manifest = frontend.read_manifest(folder)
        extensions.check_engine(manifest.engine, manifest.name)
        return LoadedFrontend(name, folder, manifest, record)

    # -- withdrawing

    async def withdraw(self, names: Iterable[str], *, keep: bool = True) -> list[str]:
        """Stop extensions, their dependants first; returns the latter in order of arrival.

        With `keep` they leave running what can outlive them, as dependants always do: they
        will be back. Nothing of them is served any more, and their WebSockets are closed
        (1012, "service restart", in IANA's registry of RFC 6455), so that clients come back.
        """
        names = set(names)
        users = self.services.users(names, self.records) - names
        gone = [name for name in self._plugins if name in names | users]
        for name in reversed(gone):
            record = self.records[name]
            if name in self.sum.offers:
                self._publish({n: o for n, o in self.sum.offers.items() if n != name})
                self._host.application.close_sockets(record)
                with self._host.keeping(keep or name in users):
                    await self.services.stop(record)
                self._detach(name)
                self.forget_frontends(record, keep=name)
            self.services.remove(record)
            self.hooks.unregister(name)
            record.notes = []
            if name in users and record.taken_in:
                record.state, record.waiting_for = State.WAITING, sorted(record.requires)
        return [name for name in gone if name in users]

    async def take_in_again(
        self, users: list[str], *, include: Iterable[str] = (), start: bool = True
    ) -> None:
        """Take in what was withdrawn, in order of arrival, and whose services are now used."""
        idle = self.services.idle()
        names = {*users, *include, *idle, *await self.withdraw(idle)}
        for name in [name for name in self._plugins if name in names]:
            if name not in self.sum.offers:
                await self.take_in(self.records[name], self._plugins[name], start=start)

    async def restart(self, names: Iterable[str], *, start: bool = True) -> None:
        """Withdraw extensions and their dependants, and take all of them in again."""
        await self.take_in_again(await self.withdraw(names), include=names, start=start)

    def forget_frontends(self, record: ExtensionRecord, *, keep: str = "") -> None:
        """Serve no browser half of an extension any more, except the one named `keep`."""
        if not keep:
            record.page_problems = []
        self.frontends = [f for f in self.frontends if f.owner is not record or f.extension == keep]

    async def stop(self) -> None:
        """Stop all services, and send no more logs to extensions."""
        await self.services.stop()
        for name in [*self._log_handlers]:
            self._detach(name)

    def _detach(self, name: str) -> None:
        for handler in self._log_handlers.pop(name, ()):
            handler.detach()


class GuardedHandler(logging.Handler):
    """An extension's log handler, attached so that what it raises stops nobody from logging.

    One that raises is noted in its extension's record, and detached.
    """

    def __init__(self, offer: LogHandler, record: ExtensionRecord) -> None:
        super().__init__()
        self._handler = offer.handler
        self._record = record
        self._logger = logging.getLogger(offer.logger)
        self._logger.addHandler(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Hand a record on, unless it tells of this very handler's failure."""
        try:
            if record.levelno >= self._handler.level:
                self._handler.handle(record)
        # Not `guard`: what is logged is not done for the extension that only writes it down.
        except BaseException as error:
            self.detach()
            self._record.note("log", error)
            return False
        return True

    def detach(self) -> None:
        """Get no more records, and let the extension's handler close what it has open."""
        if self in self._logger.handlers:
            self._logger.removeHandler(self)
            with guard(self._record, "log", fatal=False):
                self._handler.close()
        self.close()


def _written(folder: Path) -> Written:
    """When a frontend's manifest was written, its size and inode; None where there is none.

    The clock of a file system is coarse: two builds may fall into one moment of it.
    """
    try:
        there = (folder / frontend.MANIFEST).stat()
    except OSError:
        return None
    return there.st_mtime_ns, there.st_size, there.st_ino

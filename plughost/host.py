"""The host: load → collect → start → serve → stop.

It finds extensions, asks each what it offers, and serves the sum (`assembly.py`). Everything
it knows of an extension stands in that extension's record.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec
from tornado.httpserver import HTTPServer

from plughost import extensions
from plughost.assembly import Assembly
from plughost.auth import Authentication
from plughost.changes import Changes
from plughost.config import Config
from plughost.contributions import Key, Observer, Page
from plughost.errors import ExtensionError, ExtensionNotFound, Forbidden, Unavailable
from plughost.frontend import LoadedFrontend
from plughost.guard import culprit, frames_of, guard
from plughost.offers import Offers
from plughost.records import ExtensionRecord, State
from plughost.routes import RouteTable
from plughost.starts import Starts
from plughost.web import MAX_BODY, Application

if TYPE_CHECKING:
    import ssl

    from plughost.config import Switch
    from plughost.page_problems import PageProblems
    from plughost.rendering import PageRenderer

T = TypeVar("T")

LOGIN_SECONDS = 1.0
"""How often it is looked at whether logins have been ended."""
CLOSE_SECONDS = 1.0
"""Requests that are being answered when everything has stopped have this long to end."""


class Host:
    """A running plughost, or one about to run.

    `extensions` are plugin objects by name, added at once; `load()` adds the installed
    ones. `application` is the Tornado application that answers. `loading` and `exchanging`
    say that more extensions may come.
    """

    def __init__(
        self, extensions: Mapping[str, Any] | None = None, config: Config | None = None
    ) -> None:
        self.config = config or Config()
        self.auth = Authentication(self.config)
        self.started = self.last_activity = datetime.now(timezone.utc)
        self.exchanging = False
        self._keep = self._keep_now = False
        self._guests: dict[str, ExtensionRecord] = {}
        self._switched: dict[str, bool] = {}
        self._load_began = time.monotonic()
        self._changes = Changes()
        self._stopping = asyncio.Event()
        self._server: HTTPServer | None = None
        self._failure: ExtensionError | None = None
        self._exchange = asyncio.Lock()
        self._assembly = Assembly(self, self._changes)
        self.application = Application(self)
        for name, plugin in (extensions or {}).items():
            self.add(name, plugin)

    # -- looking things up

    @property
    def records(self) -> dict[str, ExtensionRecord]:
        """What is known of each extension, by its name."""
        return self._assembly.records

    @property
    def known(self) -> dict[str, ExtensionRecord]:
        """The records of extensions, then those of their guests as these are now."""
        found: dict[str, ExtensionRecord] = {}
        for name, offers in self.running_offers():
            for offer in offers.guests:
                with guard(self.records[name], "guests", fatal=False):
                    for guest in offer.records():
                        if guest.name not in found:
                            guest.guest_of = name
                            found[guest.name] = guest
        for name, guest in found.items():
            before = self._guests.get(name)
            if before is not None and guest.taken_in:
                guest.page_problems = before.page_problems
        self._guests = {name: each for name, each in found.items() if name not in self.records}
        return {**self.records, **self._guests}

    @property
    def offers(self) -> Mapping[str, Offers]:
        """What each extension that has been taken in contributes."""
        return self._assembly.sum.offers

    @property
    def routes(self) -> RouteTable:
        """Everything that is answered."""
        return self._assembly.sum.routes

    @property
    def pages(self) -> tuple[Page, ...]:
        """All pages, in the order in which their extensions came."""
        return self._assembly.sum.pages

    @property
    def observers(self) -> tuple[tuple[ExtensionRecord, Observer], ...]:
        """Who is told of each request, with whose it is."""
        return self._assembly.sum.observers

    @property
    def frontends(self) -> list[LoadedFrontend]:
        """The browser halves, the host's own among them."""
        return self._assembly.frontends

    @property
    def loading(self) -> bool:
        """Whether installed extensions are still being found, imported and started."""
        return self._assembly.loading

    @property
    def keep(self) -> bool:
        """Whether what is being stopped leaves running what can outlive it."""
        return self._keep if self.stopping else self._keep_now

    @property
    def running(self) -> bool:
        """Whether services are to be started as they come."""
        return self._server is not None

    @overload
    def service(self, kind: type[T]) -> T: ...
    @overload
    def service(self, kind: str) -> Any: ...
    def service(self, kind: Key) -> Any:
        """The one object provided for a type, or for the type's qualified name as text.

        Raises ServiceNotFound, with what is provided.
        """
        return self._assembly.services.find(kind)

    def ask(self, hook: str, kind: type[T], **arguments: Any) -> dict[str, list[T]]:
        """What all extensions answer to a hook that an extension has declared, by their names.

        Who raises, or returns anything but a list of `kind`, is noted in its record and left
        out. Raises ExtensionError for a hook that nobody has declared.
        """
        known = self._assembly.hooks.arguments_of(hook)
        answers: dict[str, list[T]] = {}
        for name in self._assembly.hooks.owners(hook):
            with guard(self.records[name], hook, fatal=False):
                given = {key: value for key, value in arguments.items() if key in known}
                answers[name] = self._assembly.hooks.ask(self.records[name], hook, kind, **given)
        return answers

    @functools.cached_property
    def renderer(self) -> PageRenderer:
        """Draws pages."""
        from plughost.rendering import PageRenderer  # with Jinja2: not before it is needed

        return PageRenderer()

    @functools.cached_property
    def page_problems(self) -> PageProblems:
        """Takes in what pages tell of problems in them."""
        from plughost.page_problems import PageProblems  # few pages have something to tell

        return PageProblems(self)

    def switch(self, name: str) -> Switch:
        """Whether an extension or a guest may run, and who says so.

        The configuration does; of a guest, whoever has switched it since the host started.
        """
        said = self.config.switch(name)
        if name not in self._switched:
            return said
        enabled = self._switched[name]
        reason = f"{'Enabled' if enabled else 'Disabled'} since the server was started."
        return dataclasses.replace(said, enabled=enabled, reason=reason)

    def running_offers(self) -> Iterator[tuple[str, Offers]]:
        """The offers of extensions that nothing has stopped, by their names."""
        for name, offers in self.offers.items():
            if not self.records[name].stopped:
                yield name, offers

    def status(self) -> dict[str, Any]:
        """The facts that `GET /api/status` tells: the host's own, and those of extensions."""
        facts: dict[str, Any] = {}
        for name, offers in self.running_offers():
            for status in offers.status:
                with guard(self.records[name], "status", fatal=False):
                    # What cannot be said in JSON must not take the others' facts along.
                    facts |= msgspec.json.decode(msgspec.json.encode(dict(status.values())))
        return {
            **facts,
            "started": self.started,
            "last_activity": self.last_activity,
            "loading": self.loading,
        }

    def work(self) -> dict[str, tuple[int, bool]]:
        """What is running, counted, and whether it can outlive the host: `{"kernels": (2, True)}`.

        Only what extensions name in `Status(work=…)`, and only where there is any.
        """
        facts = self.status()
        named = {
            kind: outlives
            for _, offers in self.running_offers()
            for status in offers.status
            for kind, outlives in status.work.items()
        }
        return {k: (facts[k], outlives) for k, outlives in named.items() if facts.get(k)}

    @property
    def default_page(self) -> Page | None:
        """Where `/` leads."""
        named = [page for page in self.pages if page.name == self.config.default_page]
        return min(named or self.pages, key=lambda page: page.rank, default=None)

    def note_activity(self) -> None:
        """Somebody asked for something: the server is not idle."""
        self.last_activity = datetime.now(timezone.utc)

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait for something to be loaded or started; False after `seconds` (`config.hold`)."""
        return await self._changes.until(
            condition, self.config.hold if seconds is None else seconds
        )

    async def until_pages_are_whole(self) -> None:
        """Wait for what a page is made of while the host starts, and see what was built since.

        That is every first-party extension, and others as far as they are prompt: after
        `config.import_patience` a page goes without their server halves.
        """
        await self.until(lambda: not self.loading or self._first_party_settled())
        left = self._load_began + self.config.import_patience - time.monotonic()
        await self.until(lambda: not self.loading, max(0.0, left))
        self._assembly.read_frontends_again()

    def _first_party_settled(self) -> bool:
        states = [record.settled for record in self.records.values() if record.first_party]
        return bool(states) and all(states)

    # -- load

    async def load(self, *, start: bool = True, count: bool = True) -> None:
        """Find, import, add and, unless `start` is false, start every enabled extension.

        Browser halves are found first: they need no Python, so a slow or broken server
        half neither delays nor hides them. Unless `count` is false, failures are counted
        for later starts.
        """
        self._assembly.loading = True
        self._load_began = time.monotonic()
        starts = Starts(write=not self.config.safe, count=count)
        try:
            tried = self._find(starts)
            await self._arrive_all(tried, starts, start)
            for record in tried:
                if start and not record.first_party:
                    starts.note(record.name, failed=record.state == State.FAILED)
        finally:
            # Whoever is still being imported when the host stops has ended nothing.
            starts.close()
            self._assembly.loading = False

    def _find(self, starts: Starts) -> list[ExtensionRecord]:
        """Find what is installed; returns those that are to be imported, in that order."""
        found = extensions.find()
        wanted, strict = set(self.config.services.values()), self.config.strict
        # Whose services are to take the place of others' comes before those, and before all
        # who has to run, so that nobody is answered without them.
        found.sort(key=lambda record: (record.name not in strict, record.name not in wanted))
        for record in found:
            self.records[record.name] = record
            self._leave_out(record, starts)
            began = time.perf_counter()
            self._assembly.add_own_frontend(record)
            record.spent("find", began)
        return [record for record in found if not record.settled]

    async def _arrive_all(self, tried: list[ExtensionRecord], starts: Starts, start: bool) -> None:
        """Import one after another, so that times can be told apart; but nobody for ever."""
        arrivals, starting = [], []
        for record in tried:
            starts.importing(record.name)
            arrivals.append(asyncio.ensure_future(self._arrive(record, start)))
            coming = self._come_up(record, arrivals[-1], starts, start)
            starting.append(asyncio.ensure_future(coming))
            # Of several suspects of a crash only one at a time may crash again.
            alone = record.name in starts.suspects
            await asyncio.wait(
                starting[-1:] if alone else arrivals[-1:],
                timeout=None if alone else self.config.import_patience,
            )
        await asyncio.gather(*arrivals)
        await self.settle()
        await asyncio.gather(*starting)

    def _leave_out(self, record: ExtensionRecord, starts: Starts) -> None:
        """Settle the record of an extension that is not to be imported this time."""
        if record.settled:
            return
        switch = self.config.switch(record.name)
        if switch.blocked or not switch.enabled:
            record.state = State.BLOCKED if switch.blocked else State.DISABLED
            record.say(switch.reason)
        elif not record.first_party:
            objection = starts.objection(record.name)
            if self.config.safe:
                objection = ExtensionError(
                    "Safe mode leaves out what is not first-party.",
                    hint="Start without `--safe` to have it back.",
                )
            if objection is not None:
                record.state = State.DISABLED
                record.note("find", objection)

    async def _arrive(self, record: ExtensionRecord, start: bool) -> None:
        """Import and take in one extension."""
        try:
            plugin = await extensions.load(record, self.config.import_timeout)
            if plugin is not None and not record.settled:
                await self._assembly.take_in(record, plugin, start=start)
                await self._assembly.revive(start=start)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a trap that no guard knows: it ends nobody else's load
            record.fail("load", error)
        self._changes.notify()

    async def _come_up(
        self, record: ExtensionRecord, arrival: asyncio.Future[None], starts: Starts, start: bool
    ) -> None:
        """Wait until an extension has started, too: until then it may end the process."""
        await asyncio.wait([arrival])
        if start and not record.first_party:
            await self._changes.until(lambda: record.settled or bool(record.waiting_for))
        starts.imported(record.name)

    def add(self, name: str, plugin: Any) -> ExtensionRecord:
        """Add one plugin object here and now, and begin to start its services.

        For tests and programs that embed a host, before it runs. Whatever goes wrong ends in
        the record, and nothing of the extension stays behind.
        """
        return self._assembly.add(name, plugin)

    async def settle(self) -> None:
        """Wait until every extension added so far is active or something keeps it from that."""
        await self._assembly.settle()

    # -- enable, disable, replace

    async def disable(self, name: str) -> ExtensionRecord:
        """Stop an extension and whoever uses its services; those wait for another provider.

        Lasts until the host ends: what is to be disabled for good stands in plughost.toml.
        Raises ExtensionNotFound, and Forbidden when an administrator has locked it.
        """
        if self._is_guest(name):
            return self._switch_guest(name, enabled=False)
        async with self._one_exchange(name) as record:
            users = await self._assembly.withdraw([name], keep=False)
            record.state = State.DISABLED
            self._assembly.forget_frontends(record)
            await self._assembly.take_in_again(users)
            return record

    async def enable(self, name: str) -> ExtensionRecord:
        """Import and start an extension that is installed and not active, as it is on disk.

        Raises ExtensionNotFound, and Forbidden when an administrator has blocked or locked it.
        """
        if self._is_guest(name):
            return self._switch_guest(name, enabled=True)
        return await self.replace(name, keep_active=True)

    def _is_guest(self, name: str) -> bool:
        return name not in self.records and name in self.known

    def _switch_guest(self, name: str, *, enabled: bool) -> ExtensionRecord:
        """Have a guest loaded by pages from now on, or not, until the host ends."""
        self._refuse_fixed(name)
        self._switched[name] = enabled
        return self.known[name]

    async def replace(
        self, name: str, plugin: Any = None, *, keep_active: bool = False
    ) -> ExtensionRecord:
        """Put another plugin object in the place of an extension, or what is on disk now.

        Its dependants are stopped before and started after it; nobody else notices. A plugin
        object may also come under a name that is new. An import that fails leaves what was
        there as it is. With `keep_active` an extension that is active is left alone. Raises
        as `enable()` does.
        """
        if plugin is None and self._is_guest(name):
            return self.known[name]  # pages load it as it is on disk
        async with self._one_exchange(name, new=plugin is not None) as old:
            if keep_active and old.state == State.ACTIVE:
                return old
            record = self._found_again(old)
            if plugin is None and record.entry_point is None:
                plugin = self._assembly.plugin(name)  # it came as an object, and still is there
            if plugin is None and not record.settled:
                plugin = await extensions.load_anew(record, self.config.import_timeout)
            if plugin is None:
                if name in self.offers:
                    old.say(f"Its replacement failed. {record.error} {record.next_step}")
                else:
                    self.records[name] = record
                return self.records[name]
            users = await self._assembly.withdraw([name])
            self._assembly.forget_frontends(old)
            self.records[name] = record
            self._assembly.add_own_frontend(record)
            await self._assembly.take_in(record, plugin)
            await self._assembly.take_in_again(users)
            await self._assembly.revive()
            Starts(write=not self.config.safe, count=False).forget(name)
            return record

    def _found_again(self, old: ExtensionRecord) -> ExtensionRecord:
        """A fresh record of an extension, as its distribution describes it now."""
        found = {record.name: record for record in extensions.find()}
        return found.get(old.name) or ExtensionRecord(old.name, package=old.package)

    @contextlib.asynccontextmanager
    async def _one_exchange(
        self, name: str, *, new: bool = False
    ) -> AsyncIterator[ExtensionRecord]:
        """One exchange at a time, after loading; requests that it concerns are held meanwhile."""
        async with self._exchange:
            if not await self.until(lambda: not self.loading, seconds=self.config.import_timeout):
                raise Unavailable("Extensions are still loading.", hint="Ask again in a moment.")
            self._refuse_when_stopping()
            self._refuse_fixed(name)
            if name not in self.records:
                # Installed since the host was started, perhaps.
                self.records.update({r.name: r for r in extensions.find() if r.name == name})
            if name not in self.records and new:
                self.records[name] = ExtensionRecord(name)
            if name not in self.records:
                raise ExtensionNotFound(name, self.records)
            self.exchanging = True
            others = self._assembly.services.under_way() - {name}
            try:
                yield self.records[name]
                # Not for whoever has been starting all the time, and may go on doing so.
                await self._assembly.settle(self._assembly.services.under_way() - others)
            finally:
                self.exchanging = False
                self._changes.notify()

    def _refuse_fixed(self, name: str) -> None:
        switch = self.config.switch(name)
        if switch.locked or switch.blocked:
            raise Forbidden(
                f"The extension {name!r} is {'blocked' if switch.blocked else 'locked'}: "
                f"{switch.reason}",
                hint="Ask the administrator of this installation.",
            )

    def _refuse_when_stopping(self) -> None:
        if self.stopping:
            raise Unavailable("This server is stopping.", hint="Start it again.")

    # -- serve and stop

    async def serve(self, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Answer on `sockets` at once, load the rest meanwhile; returns when stopped.

        Raises ExtensionError when an extension with `strict = true` does not run.
        """
        self._assembly.loading = True
        self.listen(sockets, tls)
        loading = asyncio.ensure_future(self.load())
        loading.add_done_callback(self._loaded)
        logins = asyncio.ensure_future(self._watch_logins())
        await self._stopping.wait()
        logins.cancel()
        loading.cancel()
        await self.close()
        if self._failure is not None:
            raise self._failure

    async def _watch_logins(self) -> None:
        """End the WebSockets of logins that somebody has ended, in another process perhaps."""
        secret = self.auth.cookies.secret
        while True:
            await asyncio.sleep(LOGIN_SECONDS)
            if secret != (secret := self.auth.cookies.secret):
                self.application.end_logins()

    def _loaded(self, loading: asyncio.Task[None]) -> None:
        """Loading has ended: show a fault of the host itself, and see to who had to run."""
        if loading.cancelled():
            return
        self._failure = self.strict_failure()
        if self._failure is not None:
            self.stop(keep=True)
        loading.result()

    def may_answer(self, owner: ExtensionRecord) -> bool:
        """Whether nothing that has to run is still to come: an audit, perhaps.

        What the host answers itself does not wait for that.
        """
        return (
            not self.loading
            or not self.config.strict
            or owner.name == "plughost"
            or all(n in self.records and self.records[n].settled for n in self.config.strict)
        )

    def strict_failure(self) -> ExtensionError | None:
        """What is wrong with the first extension that must run and does not."""
        for name in sorted(self.config.strict):
            record = self.records.get(name)
            if record is None or record.state != State.ACTIVE:
                state = f"{record.state.value}: {record.error}" if record else "not installed"
                return ExtensionError(
                    f"The extension {name!r} has to run (strict = true) and is {state}",
                    hint=record.next_step if record else f"Install it, or correct the name {name}.",
                )
        return None

    def listen(self, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Begin to answer on `sockets`, over TLS where a context is given."""
        self._server = HTTPServer(
            self.application, ssl_options=tls, max_body_size=MAX_BODY, max_buffer_size=MAX_BODY
        )
        self._server.add_sockets(sockets)
        self._assembly.services.begin()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the host to stop."""
        return self._stopping.is_set()

    @contextlib.contextmanager
    def keeping(self, keep: bool) -> Iterator[None]:
        """Say for a while what `keep` is for extensions that are stopped in a running host."""
        self._keep_now = keep
        try:
            yield
        finally:
            self._keep_now = False

    async def until_stopping(self) -> None:
        """Wait until somebody asks the host to stop."""
        await self._stopping.wait()

    def blame(self, error: BaseException, phase: str) -> bool:
        """Note an error in the record of the extension whose code raised it, if one's did."""
        record = culprit(frames_of(error), self.records.values())
        if record is not None:
            record.note(phase, error)
        return record is not None

    def stop(self, *, keep: bool = False) -> None:
        """Ask `serve()` to return; with `keep`, leave running what can outlive the host."""
        self._keep = keep
        self._stopping.set()
        self._changes.notify()

    async def close(self) -> None:
        """Accept nothing more, stop all services, then end what is still being answered."""
        self._stopping.set()
        self._changes.notify()
        if self._server is not None:
            self._server.stop()
        # An exchange that is under way comes to its end, or is overtaken.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._exchange.acquire(), CLOSE_SECONDS)
        await self._assembly.stop()
        self.application.close_sockets()
        if self._server is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._server.close_all_connections(), CLOSE_SECONDS)

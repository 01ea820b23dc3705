"""The host: load → collect → start → serve → stop.

It finds extensions, asks each what it offers, and serves the sum. Everything it knows of
an extension stands in that extension's record.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, overload

from tornado.httpserver import HTTPServer

from plughost import extensions, frontend
from plughost.api import core_routes, page_routes
from plughost.auth import Authentication
from plughost.changes import Changes
from plughost.config import Config
from plughost.contributions import Key, Page, Route
from plughost.errors import DuplicateError, ExtensionError, ManifestError
from plughost.extensions import ExtensionRecord, Hooks, State, guard
from plughost.frontend import LoadedFrontend, PageRenderer
from plughost.offers import Offers, collect
from plughost.services import Services
from plughost.starts import Starts
from plughost.web import MAX_BODY, Application, RouteTable

T = TypeVar("T")


class Host:
    """A running plughost, or one about to run.

    `extensions` are plugin objects by name, added at once; `load()` adds the installed
    ones. `records`, `offers`, `routes`, `pages` and `frontends` are what is known so far.
    While the host stops, `keep` says whether work that can outlive it should.
    """

    def __init__(
        self, extensions: Mapping[str, Any] | None = None, config: Config | None = None
    ) -> None:
        self.config = config or Config()
        self.auth = Authentication(self.config)
        self.renderer = PageRenderer()
        self.records: dict[str, ExtensionRecord] = {}
        self.offers: dict[str, Offers] = {}
        self.routes = RouteTable()
        self.pages: list[Page] = []
        self.frontends: list[LoadedFrontend] = []
        self.started = self.last_activity = datetime.now(timezone.utc)
        self.loading = False
        self.keep = False
        self._load_began = time.monotonic()
        self._changes = Changes()
        self._hooks = Hooks()
        self._services = Services(self._changes)
        self._stopping = asyncio.Event()
        self._server: HTTPServer | None = None
        core = ExtensionRecord("plughost", "plughost", state=State.ACTIVE)
        self._core = (core, Offers(routes=core_routes()))
        self._publish({})
        self._add_frontend(frontend.HOST, Path(__file__).parent / "static", core)
        for name, plugin in (extensions or {}).items():
            package = getattr(plugin, "__name__", type(plugin).__module__)
            self.add(ExtensionRecord(name, package=package), plugin)

    # -- looking things up

    @overload
    def service(self, kind: type[T]) -> T: ...
    @overload
    def service(self, kind: str) -> Any: ...
    def service(self, kind: Key) -> Any:
        """The one object provided for a type, or for the type's qualified name as text.

        Raises ServiceNotFound, with what is provided.
        """
        return self._services.find(kind)

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
        """Wait for what a page is made of while the host starts.

        That is every first-party extension, and others as far as they are prompt: after
        `config.import_patience` a page goes without their server halves.
        """
        await self.until(lambda: not self.loading or self._first_party_settled())
        left = self._load_began + self.config.import_patience - time.monotonic()
        await self.until(lambda: not self.loading, max(0.0, left))

    def _first_party_settled(self) -> bool:
        states = [record.settled for record in self.records.values() if record.first_party]
        return bool(states) and all(states)

    # -- load and collect

    async def load(self, *, start: bool = True) -> None:
        """Find, import, add and, unless `start` is false, start every enabled extension.

        Browser halves are found first: they need no Python, so a slow or broken server
        half neither delays nor hides them.
        """
        self.loading = True
        self._load_began = time.monotonic()
        starts = Starts(write=not self.config.safe)
        found = extensions.find(self.config.disabled)
        for record in found:
            self.records[record.name] = record
            self._leave_out(record, starts)
            folder = extensions.package_folder(record.package)
            if not record.settled and folder and (folder / "frontend").is_dir():
                self._add_frontend(record.name, folder / "frontend", record)
        tried = [record for record in found if not record.settled]
        late = []
        try:
            for record in tried:
                starts.importing(record.name)
                imported = await extensions.load(
                    record, self.config.import_patience, self.config.import_timeout
                )
                late.append(
                    asyncio.ensure_future(self._add_when_imported(record, imported, starts, start))
                )
                await asyncio.sleep(0)  # what is imported is added before the next import begins
            await asyncio.gather(*late)
        finally:
            # Whoever is still being imported when the host stops has ended nothing.
            starts.close()
        await self.settle()
        for record in tried:
            if start and not record.first_party:
                starts.note(record.name, failed=record.state == State.FAILED)
        self.loading = False
        self._changes.notify()

    def _leave_out(self, record: ExtensionRecord, starts: Starts) -> None:
        """Settle the record of an extension that is not to be imported this time."""
        if record.settled or record.first_party:
            return
        objection = starts.objection(record.name)
        if self.config.safe:
            objection = ExtensionError(
                "Safe mode leaves out what is not first-party.",
                hint="Start without `--safe` to have it back.",
            )
        if objection is not None:
            record.state = State.DISABLED
            record.note("find", objection)

    async def _add_when_imported(
        self, record: ExtensionRecord, imported: asyncio.Future[Any], starts: Starts, start: bool
    ) -> None:
        plugin = await imported
        if record.state != State.FAILED:
            self.add(record, plugin, start=start)
        starts.imported(record.name)
        self._changes.notify()

    def add(self, record: ExtensionRecord, plugin: Any, *, start: bool = True) -> None:
        """Register one extension, collect what it offers, and begin to start its services.

        Whatever goes wrong ends in the record, and nothing of the extension stays behind.
        """
        self.records[record.name] = record
        offers = collect(
            self._hooks, record, plugin, self, lambda services: self._services.add(services, record)
        )
        if offers is not None:
            with guard(record, "collect"):
                self._publish({**self.offers, record.name: offers})
                for number, offer in enumerate(offers.frontends, start=1):
                    self._add_frontend(f"{record.name}.{number}", offer.folder, record)
        if offers is None or record.state == State.FAILED:
            self._services.remove(record)
        else:
            self._services.enqueue(offers.services if start else [], record)
            if self._server is not None:
                self._services.begin()

    async def settle(self) -> None:
        """Wait until every extension added so far is active or has failed."""
        await self._services.settle()

    def _publish(self, offers: dict[str, Offers]) -> None:
        """Make the sum of all offers what is served; raises, and changes nothing, on a clash."""
        table, pages = RouteTable(), dict[str, tuple[Page, str]]()
        for record, offer in [self._core, *((self.records[n], o) for n, o in offers.items())]:
            for page in offer.pages:
                if page.name in pages:
                    raise DuplicateError("page", page.name, pages[page.name][1])
                pages[page.name] = (page, record.name)
            routes: list[Route] = [*offer.routes, *page_routes(offer.pages)]
            table = table.with_routes(routes, record)
        self.offers, self.routes = offers, table
        self.pages = [page for page, _ in pages.values()]
        self._changes.notify()

    def _add_frontend(self, name: str, folder: Path, record: ExtensionRecord) -> None:
        try:
            manifest = frontend.read_manifest(folder)
        except ManifestError as error:
            record.note("frontend", error)
        else:
            self.frontends.append(LoadedFrontend(name, folder, manifest))

    # -- serve and stop

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Answer on `sockets` at once, load the rest meanwhile; returns when stopped."""
        self.loading = True
        self.listen(sockets)
        loading = asyncio.ensure_future(self.load())
        loading.add_done_callback(_raise_in_loop)
        await self._stopping.wait()
        loading.cancel()
        await self.close()

    def listen(self, sockets: list[socket.socket]) -> None:
        """Begin to answer on `sockets`."""
        self._server = HTTPServer(
            Application(self), max_body_size=MAX_BODY, max_buffer_size=MAX_BODY
        )
        self._server.add_sockets(sockets)
        self._services.begin()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the host to stop."""
        return self._stopping.is_set()

    def stop(self, *, keep: bool = False) -> None:
        """Ask `serve()` to return; with `keep`, leave running what can outlive the host."""
        self.keep = keep
        self._stopping.set()
        self._changes.notify()

    async def close(self) -> None:
        """Stop all services, then the server."""
        await self._services.stop()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()


def _raise_in_loop(task: asyncio.Task[None]) -> None:
    """A fault of the host itself while loading: let the loop's exception handler show it."""
    if not task.cancelled():
        task.result()

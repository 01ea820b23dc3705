"""What one extension offers, asked hook by hook; the host serves the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from plughost.contributions import (
    Authenticator,
    Frontend,
    Guests,
    HookSpecs,
    LogHandler,
    Observer,
    Page,
    PageConfig,
    Route,
    Service,
    Status,
)
from plughost.guard import guard
from plughost.hooks import Hooks
from plughost.records import ExtensionRecord, State


@dataclass
class Offers:
    """Everything one extension contributes, in the order in which it is asked."""

    hookspecs: list[HookSpecs] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    authenticators: list[Authenticator] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    page_config: list[PageConfig] = field(default_factory=list)
    frontends: list[Frontend] = field(default_factory=list)
    guests: list[Guests] = field(default_factory=list)
    status: list[Status] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    log_handlers: list[LogHandler] = field(default_factory=list)


KINDS: dict[str, type[Any]] = {
    "hookspecs": HookSpecs,
    "services": Service,
    "authenticators": Authenticator,
    "routes": Route,
    "pages": Page,
    "page_config": PageConfig,
    "frontends": Frontend,
    "guests": Guests,
    "status": Status,
    "observers": Observer,
    "log_handlers": LogHandler,
}
"""What each hook returns, `plughost_` left away from its name."""

assert list(KINDS) == [f.name for f in fields(Offers)], "one hook for each kind of offer"


class Collection:
    """The asking of one extension. Iterate over `steps()`, and run each under guard."""

    def __init__(
        self,
        host: Any,
        hooks: Hooks,
        record: ExtensionRecord,
        plugin: Any,
        take_services: Callable[[list[Service]], None],
    ) -> None:
        self.record = record
        self.plugin = plugin
        self.offers = Offers()
        self._host = host
        self._hooks = hooks
        self._take_services = take_services

    @property
    def going(self) -> bool:
        """Whether nothing has stopped the extension so far."""
        return self.record.state == State.LOADING

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Foreign code to run, with the name of its phase; ends early when a step failed.

        What it returned is taken over between the steps, by whoever iterates: its services
        and its own hooks before the other hooks are asked, which may look them up.
        """
        with guard(self.record, "register"):
            self._hooks.register(self.record.name, self.plugin)
        for kind, wanted in KINDS.items():
            hook = f"plughost_{kind}"
            if self.going and self._hooks.implements(self.record.name, hook):
                yield hook, partial(self._ask, kind, wanted)
                if self.going:
                    with guard(self.record, hook):
                        self._take(kind)

    def _ask(self, kind: str, wanted: type[Any]) -> None:
        answer = self._hooks.ask(self.record, f"plughost_{kind}", wanted, host=self._host)
        setattr(self.offers, kind, answer)

    def _take(self, kind: str) -> None:
        if kind == "services":
            self._take_services(self.offers.services)
        elif kind == "hookspecs":
            for specs in self.offers.hookspecs:
                self._hooks.declare(self.record.name, specs.namespace)

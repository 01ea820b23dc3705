"""What the doctor knows of a host, as one process tells it to another."""

from __future__ import annotations

from typing import Any

import msgspec


class Blocked(msgspec.Struct, frozen=True):
    """How often, and for how long in all, an extension held up the event loop."""

    count: int = 0
    milliseconds: float = 0.0


class PageProblem(msgspec.Struct, frozen=True):
    """What a page has told a running server of the browser half of an extension."""

    page: str = ""
    kind: str = ""
    name: str = ""
    state: str = ""
    error: str = ""
    hint: str = ""


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """What is looked at in an extension's record (docs/reference/records.md)."""

    name: str
    distribution: str = ""
    version: str = ""
    package: str = ""
    first_party: bool = False
    state: str = ""
    phase: str = ""
    milliseconds: dict[str, float] = {}
    memory: int | None = None
    main_thread: bool = False
    waiting_for: list[str] = []
    error: str = ""
    next_step: str = ""
    notes: list[str] = []
    page_problems: list[PageProblem] = []
    guest_of: str = ""
    loop_blocked: Blocked | None = None

    @property
    def stopped(self) -> bool:
        """Whether something that a person should know of keeps it from running."""
        return self.state == "failed" or (self.state == "waiting" and bool(self.error))


def read_records(raw: list[dict[str, Any]]) -> list[Record]:
    return [msgspec.convert(each, Record) for each in raw]


class PublicRoute(msgspec.Struct, frozen=True):
    """A route that answers anybody, and whose it is."""

    pattern: str
    extension: str
    handler: str


class Half(msgspec.Struct, frozen=True):
    """A compiled browser half: what it puts into the page, and what it wants from others."""

    extension: str
    package: str
    version: str
    folder: str
    provides: dict[str, str]
    requires: dict[str, str]


class Switched(msgspec.Struct, frozen=True):
    """What the configuration decides of an extension, and where."""

    enabled: bool
    locked: bool
    blocked: bool
    reason: str


class Settings(msgspec.Struct, frozen=True):
    """The configuration as a host has read it, without secrets.

    `told` is `Config.to_json()`, `unclaimed` what no extension has asked for.
    """

    told: list[dict[str, Any]] = []
    warnings: list[str] = []
    unclaimed: list[str] = []
    switches: dict[str, Switched] = {}
    no_auth: bool = False
    root: str = ""
    files: dict[str, str] = {}
    """The files that settings name and that hold secrets, by the setting's name."""
    budget: float = 0.0
    """Milliseconds that an extension may add to the start."""


class HostFacts(msgspec.Struct, frozen=True):
    """A host that has loaded what is installed and, where `started`, started its services."""

    started: bool
    milliseconds: float
    records: list[dict[str, Any]]
    routes: list[PublicRoute]
    halves: list[Half]
    settings: Settings

"""What the host knows of an extension: its record."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import importlib_metadata

from plughost.errors import HostError, ServiceNotFound

if TYPE_CHECKING:
    from plughost.page_problems import PageProblem

MOST_NOTES = 50
"""So many notes of one extension are kept; who has more has said enough."""

log = logging.getLogger("plughost.extensions")


class State(str, Enum):
    """How far an extension has come.

    `found` → `loading` → `waiting` (for a service) → `active`, or one of the ends: `failed`;
    `disabled`, by a person's configuration or after failing again and again; `blocked`, by
    an administrator.
    """

    FOUND = "found"
    LOADING = "loading"
    WAITING = "waiting"
    ACTIVE = "active"
    FAILED = "failed"
    DISABLED = "disabled"
    BLOCKED = "blocked"


@dataclass
class ExtensionRecord:
    """What the host knows of one extension: who it is, how far it came, what stopped it.

    `milliseconds` adds up each phase: `import`, `register`, the hooks by name, `collect`,
    `start`, `stop`, and what is asked while serving. `memory` is the bytes that the process
    grew by during the import. `main_thread` says that it insisted on being run there.
    `provides` has, for each service it offers, the name of the extension whose service is
    used; `requires` the services it was seen to use. `waiting_for` names those that it lacks,
    `in_vain` says that they will not come by themselves. `error` is one sentence, `next_step`
    what a person can do about it; `notes` are news that stopped nothing. `page_problems` are
    what pages tell of its browser half. `loop_blocks` counts how often its code has held the
    event loop for too long, `loop_blocked` the milliseconds; whoever watches adds to them.
    `guest_of` names the extension that loads it, if it is none itself.
    """

    name: str
    distribution: str = ""
    version: str = ""
    package: str = ""
    summary: str = ""
    state: State = State.FOUND
    phase: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)
    memory: int | None = None
    main_thread: bool = False
    provides: dict[str, str] = field(default_factory=dict)
    requires: set[str] = field(default_factory=set)
    waiting_for: list[str] = field(default_factory=list)
    in_vain: bool = False
    error: str = ""
    traceback: str = ""
    next_step: str = ""
    notes: list[str] = field(default_factory=list)
    page_problems: list[PageProblem] = field(default_factory=list)
    guest_of: str = ""
    loop_blocks: int = 0
    loop_blocked: float = 0.0
    entry_point: importlib_metadata.EntryPoint | None = None

    @property
    def first_party(self) -> bool:
        return self.distribution == "plughost"

    @property
    def home(self) -> str:
        """The package its module belongs to: `a` for `a.b`, unless `a` is only a namespace
        that distributions share (PEP 420)."""
        parts = self.package.split(".")
        for count in range(1, len(parts)):
            ancestor = sys.modules.get(".".join(parts[:count]))
            if ancestor is not None and getattr(ancestor, "__file__", None):
                return ".".join(parts[:count])
        return self.package

    @property
    def taken_in(self) -> bool:
        """Whether it runs, is about to, or would if it had what it needs."""
        return self.state not in (State.FOUND, State.DISABLED, State.BLOCKED)

    @property
    def settled(self) -> bool:
        """Whether nothing more happens to it by itself: it runs, or something stopped it."""
        if self.state == State.WAITING:
            return self.in_vain
        return self.state not in (State.FOUND, State.LOADING)

    @property
    def stopped(self) -> bool:
        """Whether something that a person should know of keeps it from running."""
        return self.state == State.FAILED or (self.state == State.WAITING and self.in_vain)

    def note(self, phase: str, error: BaseException) -> None:
        """Keep an error for the person who has to mend it; the extension goes on.

        What stopped an extension is not forgotten for what goes wrong after that.
        """
        if self.stopped:
            self.say(f"Later, in {phase}: {_explained(self, phase, error)[0]}")
        else:
            self._keep(phase, error)

    def fail(self, phase: str, error: BaseException) -> None:
        """Keep the error that stopped the extension; one that lacks a service waits for it."""
        if isinstance(error, ServiceNotFound):
            self.state, self.phase, self.waiting_for = State.WAITING, phase, [error.key]
        else:
            self.state = State.FAILED
            self._keep(phase, error)

    def _keep(self, phase: str, error: BaseException) -> None:
        before = (self.phase, self.error)
        self.phase = phase
        self.error, self.next_step = _explained(self, phase, error)
        self.traceback = _traceback(error)
        # What fails at every request is said once.
        level = logging.DEBUG if before == (self.phase, self.error) else logging.ERROR
        whose = {"extension": self.name}
        log.log(
            level,
            "Extension %r, %s: %s %s",
            self.name,
            phase,
            ended(self.error),
            self.next_step,
            extra=whose,
        )

    def lack(self, missing: list[str]) -> None:
        """What it waits for will not come by itself: nobody provides it, or nobody who runs."""
        self.state, self.waiting_for, self.in_vain = State.WAITING, missing, True
        self.error = (
            f"It requires {', '.join(map(repr, missing))}, which no active extension provides."
        )
        self.next_step = (
            "Install or enable an extension that does, or look why it does not run: "
            "`plughost extensions list`."
        )
        whose = {"extension": self.name}
        log.error("Extension %r waits: %s %s", self.name, self.error, self.next_step, extra=whose)

    def again(self) -> None:
        """Forget what came of it before: it is about to be taken in anew."""
        self.state, self.phase = State.LOADING, ""
        self.error = self.traceback = self.next_step = ""
        self.waiting_for, self.in_vain = [], False
        self.provides, self.requires = {}, set()
        self.milliseconds = {
            p: ms for p, ms in self.milliseconds.items() if p in ("find", "import")
        }

    def spent(self, phase: str, began: float) -> None:
        """Add to a phase the time since `began` (`perf_counter`)."""
        took = (time.perf_counter() - began) * 1000
        self.milliseconds[phase] = self.milliseconds.get(phase, 0.0) + took

    def say(self, news: str) -> None:
        """Note what a person may want to know, once."""
        news = _printable(news)
        if news not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(news)
            log.warning("Extension %r: %s", self.name, news, extra={"extension": self.name})

    def to_json(self) -> dict[str, Any]:
        """The record as `GET /plughost/api/extensions` shows it."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "package": self.package,
            "summary": self.summary,
            "firstParty": self.first_party,
            "state": self.state.value,
            "phase": self.phase,
            "milliseconds": {phase: round(ms, 1) for phase, ms in self.milliseconds.items()},
            "memory": self.memory,
            "mainThread": self.main_thread,
            "provides": self.provides,
            "requires": sorted(self.requires),
            "waitingFor": self.waiting_for,
            "error": self.error,
            "traceback": self.traceback,
            "nextStep": self.next_step,
            "notes": self.notes,
            "pageProblems": [told.to_json() for told in self.page_problems],
            "guestOf": self.guest_of,
            "loopBlocked": {
                "count": self.loop_blocks,
                "milliseconds": round(self.loop_blocked, 1),
            },
        }


def text_of(error: BaseException) -> str:
    """What an error says, whatever its author has made of `__str__`."""
    try:
        return _printable(str(error))
    except Exception as unprintable:  # a stranger's code too
        return f"(its text cannot be had: {type(unprintable).__name__})"


def ended(text: str) -> str:
    """The text with a full stop, for what is said after it; nothing stays nothing."""
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _printable(text: str) -> str:
    """The text as UTF-8 can carry it: file names that are none leave odd characters behind."""
    return text.encode("utf-8", "backslashreplace").decode()


def _explained(record: ExtensionRecord, phase: str, error: BaseException) -> tuple[str, str]:
    """An error in one sentence, and the next step."""
    if isinstance(error, HostError):
        return text_of(error), _printable(str(error.hint or ""))
    said = f"{type(error).__name__} while in {phase}: {text_of(error)}"
    return said, _next_step(record, error)


def _traceback(error: BaseException) -> str:
    try:
        return _printable("".join(traceback.format_exception(error)))
    except Exception:  # as for `text_of`
        return _printable("".join(traceback.format_tb(error.__traceback__)))


def _next_step(record: ExtensionRecord, error: BaseException) -> str:
    """What to do about an error that does not say so itself."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top != record.package.partition(".")[0]:
            return (
                f"The module {top!r} is not installed in this environment ({sys.prefix}). "
                f"Install it there with pip, or reinstall {record.distribution!r}, which should "
                "have brought it."
            )
    return (
        f"Report this to the authors of {record.distribution or record.name!r}, or disable it: "
        f"`plughost extensions disable {record.name}`."
    )

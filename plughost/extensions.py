"""Entry points become extension records, and foreign code runs under guard.

This file holds the only broad `except` of the host: whatever an extension raises, while
it is imported, asked, started or stopped, ends in its record and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import importlib_metadata
import pluggy

from plughost import hookspecs
from plughost.errors import ExtensionError, HostError, did_you_mean

GROUP = "plughost"
"""The entry-point group in which a distribution names its extensions."""

log = logging.getLogger("plughost.extensions")


class State(str, Enum):
    FOUND = "found"
    LOADING = "loading"
    WAITING = "waiting"
    ACTIVE = "active"
    FAILED = "failed"
    DISABLED = "disabled"


@dataclass
class ExtensionRecord:
    """What the host knows of one extension: who it is, how far it came, what stopped it.

    `milliseconds` has one entry per phase that ended (`import`, `register`, the hooks by
    name, `start`, `stop`). `waiting_for` names the services an extension in state
    `waiting` lacks. `error` is one sentence, `next_step` what a person can do about it.
    """

    name: str
    distribution: str = ""
    version: str = ""
    package: str = ""
    summary: str = ""
    state: State = State.FOUND
    phase: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)
    waiting_for: list[str] = field(default_factory=list)
    error: str = ""
    traceback: str = ""
    next_step: str = ""
    entry_point: importlib_metadata.EntryPoint | None = None

    @property
    def first_party(self) -> bool:
        return self.distribution == "plughost"

    @property
    def settled(self) -> bool:
        return self.state in (State.ACTIVE, State.FAILED, State.DISABLED)

    def note(self, phase: str, error: BaseException) -> None:
        """Keep an error for the person who has to mend it; the extension goes on."""
        self.phase = phase
        if isinstance(error, HostError):
            self.error, self.next_step = error.message, error.hint or ""
        else:
            self.error = f"{type(error).__name__} while in {phase}: {error}"
            self.next_step = (
                f"Report this to the authors of {self.distribution or self.name!r}, "
                f"or disable it: set enabled = false in [extensions.{self.name}] "
                f"of plughost.toml."
            )
        self.traceback = "".join(traceback.format_exception(error))
        log.error("Extension %r, %s: %s %s", self.name, phase, self.error, self.next_step)

    def fail(self, phase: str, error: BaseException) -> None:
        """Keep the error that stopped the extension."""
        self.state = State.FAILED
        self.note(phase, error)

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
            "waitingFor": self.waiting_for,
            "error": self.error,
            "traceback": self.traceback,
            "nextStep": self.next_step,
        }


def find(disabled: Iterable[str] = ()) -> list[ExtensionRecord]:
    """One record for each installed extension, first-party ones first; imports nothing.

    Of two distributions that use the same name the second is recorded as failed.
    """
    disabled = set(disabled)
    records: dict[str, ExtensionRecord] = {}
    entries = importlib_metadata.entry_points(group=GROUP)
    for entry in sorted(entries, key=lambda e: (_distribution(e) != "plughost", e.name)):
        record = ExtensionRecord(
            name=entry.name,
            distribution=_distribution(entry),
            version=entry.dist.version if entry.dist else "",
            package=entry.module,
            summary=(entry.dist.metadata.get("Summary") or "") if entry.dist else "",
            entry_point=entry,
        )
        twin = records.get(entry.name)
        if twin and (twin.distribution, twin.package) == (record.distribution, record.package):
            continue  # the same distribution, seen twice on sys.path
        if twin:
            record.name = f"{entry.name}@{record.distribution}"
            record.fail(
                "find",
                ExtensionError(
                    f"The extension name {entry.name!r} is used by {twin.distribution!r} "
                    f"and by {record.distribution!r}.",
                    hint=f"Uninstall one of them: `pip uninstall {record.distribution}`.",
                ),
            )
        elif record.name in disabled:
            record.state = State.DISABLED
        records[record.name] = record
    return list(records.values())


def _distribution(entry: importlib_metadata.EntryPoint) -> str:
    return str(entry.dist.name) if entry.dist else ""


def package_folder(package: str) -> Path | None:
    """Where the package `a.b` lies, found without importing it; None if it does not exist."""
    top, *rest = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location, *rest)
        if folder.is_dir():
            return folder
    return None


@contextlib.contextmanager
def guard(record: ExtensionRecord, phase: str, *, fatal: bool = True) -> Iterator[None]:
    """Run a step of an extension: note the time it took, and its failure if it failed.

    Unless `fatal`, the extension goes on after a failure. Swallows everything except the
    cancellation of the host's own tasks; `SystemExit` and `KeyboardInterrupt` raised by an
    extension's code are its failures like any other.
    """
    began = time.perf_counter()
    if fatal:
        record.phase = phase
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        (record.fail if fatal else record.note)(phase, error)
    finally:
        record.milliseconds[phase] = (time.perf_counter() - began) * 1000


async def load(record: ExtensionRecord, patience: float, limit: float) -> asyncio.Future[Any]:
    """Import one extension in a thread; returns a future of the plugin object.

    Waits `patience` seconds, so that extensions are imported one after another and their
    times can be told apart, but no longer: a slow one goes on beside the others. After
    `limit` seconds it is recorded as failed; its thread cannot be stopped and is left.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    record.state = State.LOADING

    def finish(plugin: Any, error: BaseException | None, milliseconds: float) -> None:
        if done.done():
            return
        record.milliseconds["import"] = milliseconds
        if error is not None:
            record.fail("import", error)
        done.set_result(plugin)

    def work() -> None:
        assert record.entry_point is not None, "only found extensions are loaded"
        plugin, failure = None, None
        began = time.perf_counter()
        try:
            plugin = record.entry_point.load()
        except BaseException as error:  # SystemExit too: it must not end this thread unseen
            failure = error
        took = (time.perf_counter() - began) * 1000
        with contextlib.suppress(RuntimeError):  # the loop is closed: the host has stopped
            loop.call_soon_threadsafe(finish, plugin, failure, took)

    def give_up() -> None:
        if not done.done():
            record.fail(
                "import",
                ExtensionError(
                    f"Importing {record.package!r} took longer than {limit:g} seconds.",
                    hint="Look at what the package does when it is imported, or raise "
                    "`import_timeout` in plughost.toml.",
                ),
            )
            done.set_result(None)

    threading.Thread(target=work, name=f"import {record.name}", daemon=True).start()
    loop.call_later(limit, give_up)
    await asyncio.wait([done], timeout=patience)
    return done


class Hooks:
    """Pluggy's registry, asked one extension at a time.

    Not `manager.hook.plughost_routes()`: pluggy stops at the first exception, and one
    broken extension must not hide what the others contribute.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("plughost")
        self._manager.add_hookspecs(hookspecs)

    def register(self, name: str, plugin: Any) -> None:
        """Add a plugin object.

        Raises ExtensionError for a misspelt hook, `pluggy.PluginValidationError` for
        one with arguments that its specification does not have.
        """
        self._manager.register(plugin, name=name)
        known = {spec for spec in dir(hookspecs) if spec.startswith("plughost_")}
        implemented = {
            hook
            for hook in dir(plugin)
            if self._manager.parse_hookimpl_opts(plugin, hook) is not None
        }
        for hook in sorted(implemented - known):
            self._manager.unregister(plugin)
            raise ExtensionError(
                f"There is no hook named {hook!r}.",
                hint=f"{did_you_mean(hook, known)}Hooks: {', '.join(sorted(known))}.",
            )

    def ask(self, plugin: Any, hook: str, **arguments: Any) -> list[Any]:
        """What one extension answers to one hook: always a list.

        Raises whatever the extension raises, and ExtensionError when the answer is not
        a list.
        """
        answers: list[Any] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin is not plugin:
                continue
            answer = impl.function(*(arguments[name] for name in impl.argnames))
            if not isinstance(answer, list | tuple):
                raise ExtensionError(
                    f"{hook} returned {type(answer).__name__}, not a list.",
                    hint=f"Return a list from {hook}, an empty one for nothing.",
                )
            answers.extend(answer)
        return answers

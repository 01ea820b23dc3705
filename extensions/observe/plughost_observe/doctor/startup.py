"""What each extension costs at the start, and the one that costs most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from plughost_observe.doctor.facts import Blocked, Record
from plughost_observe.doctor.findings import Finding, warning

AFTER = ("stop", "request", "status", "page configuration", "authenticate", "background task")
"""Phases that are not the start's."""


class Cost(msgspec.Struct, frozen=True):
    """What one extension costs; milliseconds and bytes, None where it was not measured.

    `register` is the asking of its hooks as well. A `start` that only a running server has seen
    does not count in the `total`, which is about one start.
    """

    name: str
    state: str
    version: str
    distribution: str
    find: float | None = None
    imported: float | None = None
    register: float | None = None
    start: float | None = None
    memory: int | None = None
    blocked: Blocked | None = None
    seen_elsewhere: bool = False
    package: str = ""

    @property
    def total(self) -> float:
        start = None if self.seen_elsewhere else self.start
        return sum(filter(None, (self.find, self.imported, self.register, start)))

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "version": self.version,
            "distribution": self.distribution,
            "find": self.find,
            "import": self.imported,
            "register": self.register,
            "start": self.start,
            "total": round(self.total, 1),
            "memory": self.memory,
            "loopBlocked": msgspec.to_builtins(self.blocked),
        }


def cost(record: Record, *, running: Record | None = None, blocked: Blocked | None = None) -> Cost:
    """The cost of one extension; its start as a running server has seen it, where one is."""
    took = record.milliseconds
    hooks = [ms for phase, ms in took.items() if phase.startswith("plughost_")]
    register = [*hooks, *(took[phase] for phase in ("register", "collect") if phase in took)]
    return Cost(
        name=record.name,
        state=record.state,
        version=record.version,
        distribution=record.distribution,
        find=took.get("find"),
        imported=took.get("import"),
        register=round(sum(register), 1) if register else None,
        start=took.get("start", running.milliseconds.get("start") if running else None),
        memory=record.memory,
        blocked=blocked or (running or record).loop_blocked,
        seen_elsewhere="start" not in took,
        package=record.package,
    )


def slowest(costs: list[Cost]) -> Cost | None:
    return max(costs, key=lambda each: each.total, default=None)


def sentence(costs: list[Cost], milliseconds: float) -> str:
    """One sentence with one culprit: "'x' takes 2.1 s of the 2.6 s: 2.0 s to import"."""
    worst = slowest(costs)
    if worst is None:
        return "No extension is installed."
    phases = {
        "to find": worst.find or 0,
        "to import": worst.imported or 0,
        "to register and ask": worst.register or 0,
        "to start": 0 if worst.seen_elsewhere else worst.start or 0,
    }
    phase = max(phases, key=lambda name: phases[name])
    return (
        f"{worst.name!r} takes {duration(worst.total)} of the {duration(milliseconds)}: "
        f"{duration(phases[phase])} {phase}."
    )


def over_budget(costs: list[Cost], budget: float, milliseconds: float) -> Iterator[Finding]:
    """A warning that names the one extension which goes furthest over the budget."""
    worst = slowest(costs)
    if worst is None or worst.total <= budget:
        return
    if (worst.imported or 0) >= worst.total / 2:
        hint = f"See what it imports: `python -X importtime -c 'import {worst.package}'`."
    else:
        hint = f"Ask the authors of {worst.distribution!r} what it waits for."
    yield warning(
        "startup-budget",
        worst.name,
        f"{sentence(costs, milliseconds)} The budget of an extension is {duration(budget)}.",
        f"{hint} What it may take is startup_budget_ms in [extensions.observe] of plughost.toml.",
    )


def duration(milliseconds: float) -> str:
    """`0.4 ms`, `12 ms`, `1.2 s`."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else f"{milliseconds:.1f} ms"


def size(count: int) -> str:
    """`12 kB`, `3.4 MB`, `80 GB`."""
    if count >= 1_000_000_000:
        return f"{count / 1_000_000_000:.0f} GB"
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f} MB"
    return f"{count / 1000:.0f} kB"

"""Look at everything that an installation is made of, and say what to do about what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from plughost import __version__
from plughost_observe.doctor import (
    configuration,
    environments,
    halves,
    kernelspecs,
    machine,
    modules,
    servers,
    startup,
)
from plughost_observe.doctor.environments import Environment
from plughost_observe.doctor.facts import (
    Half,
    HostFacts,
    PublicRoute,
    Record,
    Settings,
    read_records,
)
from plughost_observe.doctor.findings import Finding, Level, by_weight, error, note, warning
from plughost_observe.doctor.kernelspecs import Kernel
from plughost_observe.doctor.modules import Resolution
from plughost_observe.doctor.servers import Server
from plughost_observe.doctor.startup import Cost
from plughost_observe.doctor.trial import Trial, run_trial

FORMAT = 1
"""Version of what `--json` prints; keys can be added without another one."""

Progress = Callable[[str], None]


class Profile(msgspec.Struct, frozen=True):
    """What a start costs. With `started` services were started, too."""

    started: bool
    milliseconds: float
    budget: float
    costs: list[Cost]

    @property
    def sentence(self) -> str:
        return startup.sentence(self.costs, self.milliseconds)

    def to_json(self) -> dict[str, Any]:
        worst = startup.slowest(self.costs)
        return {
            "measured": "start" if self.started else "load",
            "milliseconds": round(self.milliseconds, 1),
            "budget": self.budget,
            "slowest": worst.name if worst else None,
        }


class Examination(msgspec.Struct, frozen=True):
    """All that was seen. `profile` is None when no host could be loaded at all.

    `whole` says that everything was looked at, not the start-up or the modules only;
    `resolution` is None where the modules were not.
    """

    findings: list[Finding]
    profile: Profile | None = None
    whole: bool = True
    resolution: Resolution | None = None
    records: list[dict[str, Any]] = []
    settings: Settings = Settings()
    servers: list[Server] = []
    public_routes: list[PublicRoute] = []
    environments: list[Environment] = []
    kernels: list[Kernel] = []
    node: dict[str, Any] = {}
    machine: dict[str, Any] = {}

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings and notes are no faults."""
        return not any(finding.level == Level.ERROR for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """What `plughost doctor --json` prints; docs/guides/doctor.md describes the keys."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "plughost": __version__,
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
        }
        if self.resolution:
            told |= msgspec.to_builtins(self.resolution)
        if self.resolution and not self.whole:
            return told
        told |= {
            "startup": self.profile.to_json() if self.profile else None,
            "extensions": [c.to_json() for c in self.profile.costs] if self.profile else [],
        }
        if not self.whole:
            return told
        return told | {
            "servers": [server.to_json() for server in self.servers],
            "publicRoutes": msgspec.to_builtins(self.public_routes),
            "environments": [environment.to_json() for environment in self.environments],
            "kernels": [kernel.to_json() for kernel in self.kernels],
            "node": self.node,
            "machine": self.machine,
        }


def _silent(text: str) -> None:
    """For whoever wants no news."""


def examine_startup(progress: Progress = _silent) -> Examination:
    """Start everything once, in a throw-away host, and say what it costs."""
    trial = run_trial(start=True, progress=progress)
    if trial.facts is None:
        return Examination(by_weight(trial.findings), None, whole=False)
    records = read_records(trial.facts.records)
    extensions = [record for record in records if not record.guest_of]
    costs = sorted((startup.cost(r) for r in extensions), key=lambda each: -each.total)
    profile = _profile(trial.facts, costs)
    findings = [*trial.findings, *_of_records(records, trial), *_of_budget(profile)]
    return Examination(by_weight(findings), profile, whole=False)


def examine_modules(progress: Progress = _silent) -> Examination:
    """See how the page resolves each shared module."""
    trial = run_trial(start=False, progress=progress)
    found = trial.facts.halves if trial.facts else []
    resolution = modules.resolve(found)
    findings = [*trial.findings, *_of_halves(found, resolution)]
    return Examination(by_weight(findings), whole=False, resolution=resolution)


def _of_halves(found: list[Half], resolution: Resolution) -> Iterator[Finding]:
    yield from halves.conflicts(found)
    yield from modules.copies(resolution)


def examine(progress: Progress = _silent) -> Examination:
    """Load what is installed, ask the servers that run, and look around."""
    trial = run_trial(start=False, progress=progress)
    progress("asking running servers")
    running, of_servers = servers.look()
    findings = [*trial.findings, *of_servers]
    facts, profile, records = trial.facts, None, list[Record]()
    resolution = modules.resolve(facts.halves if facts else [])
    if facts is not None:
        records = read_records(facts.records)
        extensions = [record for record in records if not record.guest_of]
        profile = _profile(facts, _costs(extensions, running))
        findings += _of_records(records, trial)
        findings += _of_budget(profile)
        findings += _of_halves(facts.halves, resolution)
        findings += halves.refused(extensions, facts.halves)
        progress("comparing browser halves with their sources")
        sources, of_build = halves.ask_build()
        findings += [*of_build, *halves.uncompiled(extensions, sources)]
        findings += configuration.judge(facts.settings)
    for server in running:
        findings += servers.compare(server, records)
        findings += servers.held_longest(server)
        findings += servers.page_problems(server)
    progress("asking other Python environments")
    others, misplaced = environments.look({record.distribution for record in records})
    progress("looking for kernels")
    kernels, of_kernels = kernelspecs.look()
    progress("looking for Node.js")
    found_node, of_node = halves.node(needed=any(f.check == "frontend-missing" for f in findings))
    around, of_machine = machine.look(facts.settings.root if facts else "")
    findings += [*misplaced, *of_kernels, *of_node, *of_machine]
    return Examination(
        by_weight(findings),
        profile,
        resolution=resolution,
        records=facts.records if facts else [],
        settings=facts.settings if facts else Settings(),
        servers=running,
        public_routes=facts.routes if facts else [],
        environments=others,
        kernels=kernels,
        node=found_node,
        machine=around,
    )


def _profile(facts: HostFacts, costs: list[Cost]) -> Profile:
    return Profile(facts.started, facts.milliseconds, facts.settings.budget, costs)


def _of_budget(profile: Profile) -> Iterator[Finding]:
    return startup.over_budget(profile.costs, profile.budget, profile.milliseconds)


def _costs(records: list[Record], running: list[Server]) -> list[Cost]:
    """Each extension's cost, with what only a server that runs can know."""
    server = next((each for each in running if each.here and each.records is not None), None)
    there = {r.name: r for r in server.records or []} if server else {}
    held = server.blocked if server else {}
    return [
        startup.cost(record, running=there.get(record.name), blocked=held.get(record.name))
        for record in records
    ]


def _of_records(records: list[Record], trial: Trial) -> Iterator[Finding]:
    """What the records say that a person should know and that the trial has not said."""
    said = {finding.subject for finding in trial.findings}
    for record in records:
        if record.name in said:
            continue
        if record.state == "failed":
            yield error(
                "extension-failed",
                record.name,
                f"{record.name!r} fails in {record.phase}: {record.error}",
                record.next_step or f"Report it to the authors of {record.distribution!r}.",
            )
        elif record.stopped:
            yield error(
                "extension-waits",
                record.name,
                f"{record.name!r} waits: {record.error}",
                record.next_step or "Install or enable the extension that provides it.",
            )
        elif record.state == "disabled" and record.error:
            # Not by a person's wish: it has failed again and again, or ended the process.
            yield warning(
                "extension-left-out",
                record.name,
                f"{record.name!r} is left out. {record.error}",
                record.next_step or f"`plughost extensions enable {record.name}`.",
            )
        elif record.error:
            yield error(
                "extension-error",
                record.name,
                f"{record.name!r} runs, but not all of it ({record.phase}): {record.error}",
                record.next_step or f"Report it to the authors of {record.distribution!r}.",
            )
        elif record.main_thread:
            yield note(
                "main-thread",
                record.name,
                f"{record.name!r} insists on the main thread, where it holds everybody up.",
                f"Tell the authors of {record.distribution!r}.",
            )
        if record.state not in ("disabled", "blocked"):
            for news in record.notes:
                yield note("extension-note", record.name, f"{record.name!r}: {news}", "")

"""The process in which the doctor tries an installation: one host, loaded and thrown away.

It is a process of its own because an extension can end the one it is imported in, hang it, or
print on its standard output. It tells what it does in lines of JSON on the descriptor that
was its standard output; `trial.py` reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import sys
import threading
import time
from typing import Any, Protocol

import msgspec

from plughost import Config, Host, HostError
from plughost_observe.doctor.facts import Half, HostFacts, PublicRoute, Settings, Switched

BUDGET_MS = 500.0
"""What an extension may add to the start, unless `[extensions.observe]` says otherwise."""


class Tell(Protocol):
    """Send one line to whoever started this process."""

    def __call__(self, **line: Any) -> None: ...


def main() -> None:
    """Load, tell, and end without waiting for threads that hang. `--start` starts services."""
    faulthandler.enable()
    # What extensions print goes to standard error; only we write to what was standard output.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)  # what is logged stands in the records
    one_at_a_time = threading.RLock()  # for ever reentrant: `tell` itself may import

    def tell(**line: Any) -> None:
        with one_at_a_time:
            lines.write(json.dumps(line) + "\n")
            lines.flush()

    try:
        config = Config.load()
    except HostError as error:
        tell(refused={"message": error.message, "hint": error.hint or ""})
    else:
        asyncio.run(_try(config, "--start" in sys.argv, tell))


async def _try(config: Config, start: bool, tell: Tell) -> None:
    """Load, tell what there is to tell, stop, and end the process."""
    host = Host(config=config)
    sys.meta_path.insert(0, _ImportTeller(host, tell))
    telling = asyncio.ensure_future(_tell_starts(host, tell))
    began = time.perf_counter()
    if start:
        host.listen([])  # services are started only where a host runs; nobody can reach this one
    await host.load(start=start, count=False)
    took = (time.perf_counter() - began) * 1000
    facts = HostFacts(
        started=start,
        milliseconds=took,
        records=[record.to_json() for record in host.known.values()],
        routes=_public_routes(host),
        halves=_halves(host),
        settings=_settings(host),
    )
    telling.cancel()
    tell(facts=msgspec.to_builtins(facts))
    if start:
        await host.close()
    sys.stdout.flush()
    # Not by returning: asyncio would wait for threads of extensions that hang.
    os._exit(0)


class _ImportTeller:
    """Says whose import begins, before it does: it may be the last thing that is said.

    It says as well who is still at it: the host does not wait for ever for a slow one.
    It is asked for every module first (`sys.meta_path`), and never knows one.
    """

    def __init__(self, host: Host, tell: Tell) -> None:
        self._host = host
        self._tell = tell
        self._begun: list[str] = []
        self._busy: list[str] = []

    def find_spec(self, module: str, path: Any = None, target: Any = None) -> None:
        for name, record in [*self._host.records.items()]:
            # Not yet while browser halves are looked for: nothing is imported for that.
            begins = record.state.value == "loading" and name not in self._begun
            if begins and f"{record.package}.".startswith(f"{module}."):
                self._begun.append(name)
        busy = [name for name in self._begun if self._is_loading(name)]
        if busy and busy != self._busy:
            self._busy = busy
            self._tell(importing=busy)

    def _is_loading(self, name: str) -> bool:
        record = self._host.records.get(name)
        return record is not None and record.state.value == "loading"


async def _tell_starts(host: Host, tell: Tell) -> None:
    """Say whose services are still being started once everything is imported."""
    told: list[str] = []
    while True:
        await asyncio.sleep(0.05)
        states = {name: record.state.value for name, record in host.records.items()}
        starting = [name for name, state in states.items() if state == "waiting"]
        if starting and starting != told and not {"found", "loading"} & {*states.values()}:
            tell(starting=(told := starting))


def _public_routes(host: Host) -> list[PublicRoute]:
    owners = {id(route): name for name, offers in host.offers.items() for route in offers.routes}
    return [
        PublicRoute(route.pattern, owners.get(id(route), "plughost"), route.handler.__qualname__)
        for route in host.routes
        if route.public
    ]


def _halves(host: Host) -> list[Half]:
    return [
        Half(
            extension=frontend.extension,
            package=frontend.manifest.name,
            version=frontend.manifest.version,
            folder=str(frontend.folder),
            provides={name: each.version for name, each in frontend.manifest.provides.items()},
            requires=frontend.manifest.requires,
        )
        for frontend in host.frontends
    ]


def _settings(host: Host) -> Settings:
    config = host.config
    switches = {}
    for name in {*host.records, *config.disabled, *config.blocked}:
        switch = config.switch(name)
        switches[name] = Switched(switch.enabled, switch.locked, switch.blocked, switch.reason)
    files = {"token_file": config.token_file, "keyfile": config.keyfile}
    if config.keyfile is None:
        files["certfile"] = config.certfile  # it has the key, then
    return Settings(
        told=config.to_json(),
        warnings=list(config.warnings),
        unclaimed=config.unclaimed(),
        switches=switches,
        no_auth=config.no_auth,
        root=str(config.root),
        files={name: str(path) for name, path in files.items() if path is not None},
        budget=_budget(config),
    )


def _budget(config: Config) -> float:
    # Read as it stands: if it is of a wrong type, the record of `observe` says so.
    with contextlib.suppress(TypeError, ValueError):
        value = config.extensions.get("observe", {}).get("startup_budget_ms", BUDGET_MS)
        return float(value)
    return BUDGET_MS

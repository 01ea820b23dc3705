"""Build frontends: what is fresh is left alone, the rest goes through the bundler in `node/`.

The bundler reads a request from a file and prints one event per line; it writes beside the old
bundle and swaps the two at the end, so a build that fails or is interrupted changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from plughost_build.bundler import Bundler, Event, bundler
from plughost_build.errors import BundlerFailed, CompileFailed
from plughost_build.fingerprint import fingerprint, recorded, same_sources
from plughost_build.node import Node, find_node
from plughost_build.npm import install, is_installed
from plughost_build.shared import shared_modules
from plughost_build.source import Source
from plughost_build.toolchain import program, tools_are_installed, tools_fingerprint

Report = Callable[[Event], None]


@dataclass(frozen=True)
class Options:
    """How to build.

    `force` builds what is fresh, too; `labextension` makes a labextension for stock JupyterLab
    besides; `keep_sdist_bundle` accepts a bundle whose sources are unchanged, whatever it was
    built with.
    """

    mode: str = "production"
    check: bool = True
    sourcemap: bool = False
    force: bool = False
    labextension: bool = False
    keep_sdist_bundle: bool = False


@dataclass
class Result:
    """What became of one source; sizes are only known of what was built now."""

    source: Source
    built: bool
    seconds: float = 0.0
    modules: list[Event] = field(default_factory=list)


def build(sources: Sequence[Source], options: Options, report: Report) -> list[Result]:
    """Build those of `sources` that are not fresh, in the given order.

    Raises a `BuildError` for the first that cannot be built; the ones before it are done.
    """
    node: Node | None = None
    results = []
    for source in sources:
        if is_fresh(source, options):
            report({"event": "fresh", "name": source.name, "output": str(source.output)})
            results.append(Result(source, built=False))
            continue
        report({"event": "frontend", "name": source.name, "folder": str(source.folder)})
        if node is None:
            with step("node", report) as about:
                node = find_node()
                about["detail"] = f"{node.version} from {node.origin}"
        results.append(_build(node, source, options, report))
    return results


def is_fresh(source: Source, options: Options) -> bool:
    """Whether `build` would leave `source` alone. Starts no process and reads no network."""
    there = recorded(source)
    if options.force or there is None:
        return False
    shared = shared_modules(source)
    # A bundle that was checked will do where no check is asked for.
    good = {_wanted(source, shared, options, check=check) for check in {True, options.check}}
    if options.keep_sdist_bundle:
        return any(same_sources(there, wanted) for wanted in good)
    return there in good


def _wanted(source: Source, shared: dict[str, Any], options: Options, *, check: bool) -> str:
    return fingerprint(
        source,
        tools_fingerprint(),
        shared,
        mode=options.mode,
        check=check,
        sourcemap=options.sourcemap,
    )


def _build(node: Node, source: Source, options: Options, report: Report) -> Result:
    started = time.monotonic()
    request = prepare(node, source, options, report)
    with bundler(node, request) as run:
        modules = _follow(run, source, report)
    _verify(source, request["fingerprint"])
    return Result(source, True, time.monotonic() - started, modules)


def prepare(node: Node, source: Source, options: Options, report: Report) -> dict[str, Any]:
    """Install what the build of `source` needs, and return the request for the bundler."""
    if not tools_are_installed():
        with step("install tools", report):
            program(node)
    if not is_installed(source.root):
        with step("install packages", report):
            install(node, source.root)
    shared = shared_modules(source)
    # After npm, which may have written a lock file.
    wanted = _wanted(source, shared, options, check=options.check)
    return {
        "source": str(source.folder),
        "output": str(source.output),
        "mode": options.mode,
        "check": options.check,
        "sourcemap": options.sourcemap,
        "shared": shared,
        "labextension": str(source.labextension) if options.labextension else "",
        "fingerprint": wanted,
    }


def _follow(run: Bundler, source: Source, report: Report) -> list[Event]:
    """Pass a bundler's events on until it ends; returns those about modules."""
    modules: list[Event] = []
    errors = 0
    for event in run.events():
        if event["event"] == "module":
            modules.append(event)
        errors += event["event"] == "diagnostic" and event.get("severity") == "error"
        report(event)
    code, output = run.end()
    if errors:
        raise CompileFailed(source.name, errors)
    if code != 0:
        raise BundlerFailed(source.name, output or f"It ended with code {code} and said nothing.")
    return modules


def _verify(source: Source, wanted: str) -> None:
    if recorded(source) != wanted:
        raise BundlerFailed(
            source.name,
            f"{str(source.output)!r} is not the whole bundle with the fingerprint {wanted!r}.",
        )


@contextmanager
def step(name: str, report: Report) -> Iterator[Event]:
    """Report a step's start and end; what the block puts into the value goes along."""
    started = time.monotonic()
    report({"event": "step", "name": name, "state": "start"})
    about: Event = {}
    yield about
    ms = round((time.monotonic() - started) * 1000)
    report({"event": "step", "name": name, "state": "done", "ms": ms, **about})

"""Build frontends: what is fresh is left alone, the rest goes through the bundler in `node/`.

The bundler reads a request from a file and prints one event per line. What has changed it writes
beside the old bundle and moves it into that at the end, so a build that fails changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from plughost_build.bundler import Bundler, Event, bundler
from plughost_build.errors import BundlerFailed, CompileFailed, SourceError, how_it_ended
from plughost_build.fingerprint import (
    changed,
    changed_outside,
    covered,
    fingerprint,
    is_half_moved,
    recorded,
    recorded_in_labextension,
)
from plughost_build.node import Node, find_node
from plughost_build.npm import install, is_installed
from plughost_build.shared import shared_modules, type_packs
from plughost_build.source import Source
from plughost_build.toolchain import program, tools_are_installed, tools_fingerprint
from plughost_build.types import unpacked

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

    name: str
    built: bool
    seconds: float = 0.0
    modules: list[Event] = field(default_factory=list)
    sizes: Event | None = None


def build(sources: Sequence[Source], options: Options, report: Report) -> list[Result]:
    """Build those of `sources` that are not fresh, in the given order.

    Raises a `BuildError` for the first that cannot be built; the ones before it are done.
    """
    node: Node | None = None
    results = []
    asked_for = options
    for source in sources:
        # An app among others comes along for its modules; alone, the bundler refuses it.
        beside = asked_for.labextension and source.app and len(sources) > 1
        options = replace(asked_for, labextension=False) if beside else asked_for
        if is_fresh(source, options):
            report({"event": "fresh", "name": source.name, "output": str(source.output)})
            results.append(Result(source.name, built=False))
            continue
        folder = (source.original or source).folder
        report({"event": "frontend", "name": source.name, "folder": str(folder)})
        if node is None:
            node = need_node(report)
        results.append(_build(node, source, options, report))
    return results


def dry_run(sources: Sequence[Source], options: Options, report: Report) -> bool:
    """Report what `build` would do, and do nothing; returns whether all of it is fresh."""
    all_fresh = True
    for source in sources:
        about = {"name": source.name, "output": str(source.output)}
        if reasons := why_stale(source, options):
            all_fresh = False
            report({"event": "stale", **about, "reasons": reasons})
        else:
            report({"event": "fresh", **about})
    return all_fresh


def is_fresh(source: Source, options: Options) -> bool:
    """Whether `build` would leave `source` alone. Starts no process and reads no network."""
    return not why_stale(source, options)


def why_stale(source: Source, options: Options) -> list[str]:
    """Why `build` would build `source`; an empty list means it is fresh.

    `forced`, `missing`, `damaged`, `labextension` (missing, or of another build), or which `PARTS`
    of the fingerprint have changed.
    """
    if options.force:
        return ["forced"]
    there = recorded(source)
    if there is None or is_half_moved(source):
        return ["damaged" if source.manifest.exists() else "missing"]
    shared = shared_modules(source)
    # A bundle that was checked will do where no check is asked for.
    good = [
        wanted_fingerprint(source, shared, options, check=check) for check in {True, options.check}
    ]
    reasons = min((changed(there, wanted) for wanted in good), key=len)
    if options.keep_sdist_bundle:
        reasons = [each for each in reasons if each == "sources"]
    elif changed_outside(source) and "sources" not in reasons:
        reasons = ["sources", *reasons]
    # One build writes both, and says in each what they were made from.
    if not reasons and options.labextension and recorded_in_labextension(source) != there:
        return ["labextension"]
    return reasons


def wanted_fingerprint(
    source: Source, shared: dict[str, Any], options: Options, *, check: bool
) -> str:
    """The fingerprint of a bundle that was made from the sources as they are now."""
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
        result = follow(run, source.name, report)
    _verify(source, request)
    if options.labextension:
        made = {"name": source.name, "output": str(source.labextension)}
        report({"event": "labextension", **made})
    result.seconds = time.monotonic() - started
    return result


def prepare(node: Node, source: Source, options: Options, report: Report) -> dict[str, Any]:
    """Install what the build of `source` needs, and return the request for the bundler."""
    if options.labextension and (
        source.labextension == source.output or source.lies_in(source.labextension)
    ):
        raise SourceError(
            f"The labextension of {source.name!r} belongs in {str(source.labextension)!r}, which "
            "is its output, or where its sources lie.",
            "A build replaces that folder whole: let the other have another name.",
        )
    need_tools(node, report)
    if not is_installed(source.root):
        with step("install packages", report):
            install(node, source.root)
    shared = shared_modules(source)
    # After npm, which may have written a lock file.
    wanted = wanted_fingerprint(source, shared, options, check=options.check)
    return {
        "source": str(source.folder),
        "output": str(source.output),
        "covered": covered(source),
        "mode": options.mode,
        "check": options.check,
        "sourcemap": options.sourcemap,
        "shared": shared,
        "types": [str(folder) for folder in unpacked(type_packs(source))] if options.check else [],
        "labextension": str(source.labextension) if options.labextension else "",
        "fingerprint": wanted,
    }


def need_node(report: Report) -> Node:
    """A Node to build with; a download is announced, since it takes a while."""

    def tell(words: str) -> None:
        report({"event": "step", "name": "node", "state": "progress", "detail": words})

    with step("node", report) as about:
        node = find_node(tell=tell)
        about["detail"] = f"{node.version} from {node.origin}"
    return node


def need_tools(node: Node, report: Report) -> None:
    """Install the bundler, unless that has been done."""
    if not tools_are_installed():
        with step("install tools", report):
            program(node)


def follow(run: Bundler, name: str, report: Report) -> Result:
    """Pass a bundler's events on until it ends, and keep those about sizes."""
    result = Result(name, built=True)
    errors = 0
    for event in run.events():
        if event["event"] == "module":
            result.modules.append(event)
        elif event["event"] == "sizes":
            result.sizes = event
        errors += event["event"] == "diagnostic" and event.get("severity") == "error"
        report(event)
    code, output = run.end()
    if errors:
        raise CompileFailed(name, errors)
    if code != 0:
        raise BundlerFailed(name, output or how_it_ended(code))
    return result


def _verify(source: Source, request: dict[str, Any]) -> None:
    wanted = request["fingerprint"]
    made = {source.output: recorded(source)}
    if request["labextension"]:
        made[source.labextension] = recorded_in_labextension(source)
    for output, found in made.items():
        if found != wanted:
            raise BundlerFailed(
                source.name,
                f"{str(output)!r} is not the whole bundle with the fingerprint {wanted!r}.",
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

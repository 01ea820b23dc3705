"""The page's modules: who provides each shared one, who wants it, what lies in it twice."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from plughost_observe.doctor.facts import Half
from plughost_observe.doctor.findings import Finding, note, warning
from plughost_observe.doctor.npm_ranges import satisfies
from plughost_observe.doctor.startup import size

SINGLE = re.compile(
    r"react|react-dom|yjs|@jupyter/ydoc|@(?:lumino|jupyterlab|codemirror|plughost)/.+|@lezer/common"
)
"""Packages whose copies do not know each other: hooks, tokens, classes that are compared."""


class Wish(msgspec.Struct, frozen=True):
    """Who wants a module, in which range; `fits` is None where that cannot be told."""

    extension: str
    range: str
    fits: bool | None


class Copy(msgspec.Struct, frozen=True):
    """A package in somebody's bundle, with its bytes there, uncompressed."""

    extension: str
    version: str
    bytes: int


class Module(msgspec.Struct, frozen=True, rename="camel"):
    """How the page resolves a shared module: in `version`, from `extension`.

    Both are empty when nobody provides it. `overruled` would provide it, too; `copies` are
    bundled by those that do without it.
    """

    name: str
    version: str
    extension: str
    wanted_by: list[Wish]
    overruled: list[str]
    copies: list[Copy]


class Duplicate(msgspec.Struct, frozen=True):
    """A package that is not shared and that the page has several times, perhaps in one bundle."""

    name: str
    copies: list[Copy]

    @property
    def spare(self) -> int:
        """Bytes that a page would save if there were one copy."""
        sizes = [copy.bytes for copy in self.copies]
        return sum(sizes) - max(sizes)


class Resolution(msgspec.Struct, frozen=True):
    """All of a page's shared modules by name, and what it has several times, worst first."""

    modules: list[Module] = []
    duplicates: list[Duplicate] = []


def resolve(halves: list[Half]) -> Resolution:
    """Look up each module as the page does: of several providers the first counts."""
    providers: dict[str, list[Half]] = defaultdict(list)
    users: dict[str, list[Half]] = defaultdict(list)
    for half in halves:
        for name in half.provides:
            providers[name].append(half)
        for name in half.requires:
            users[name].append(half)
    bundled = _bundled(halves)
    modules = [
        _module(name, providers.get(name, []), users.get(name, []), bundled)
        for name in sorted({*providers, *users})
    ]
    shared = {package_of(name) for name in providers}
    duplicates = [
        Duplicate(name, copies)
        for name, copies in bundled.items()
        if len(copies) > 1 and name not in shared
    ]
    return Resolution(modules, sorted(duplicates, key=lambda each: -each.spare))


def _module(
    name: str, providers: list[Half], users: list[Half], bundled: dict[str, list[Copy]]
) -> Module:
    version = providers[0].provides[name] if providers else ""
    owners = [half.extension for half in providers]
    return Module(
        name=name,
        version=version,
        extension=owners[0] if owners else "",
        wanted_by=[
            Wish(half.extension, half.requires[name], satisfies(version, half.requires[name]))
            for half in users
        ],
        overruled=owners[1:],
        # What a provider has in its bundle is what it provides.
        copies=[
            copy
            for copy in bundled.get(package_of(name), [])
            if providers and copy.extension not in owners
        ],
    )


def copies(resolution: Resolution) -> Iterator[Finding]:
    """Copies of shared packages that somebody bundles for itself, each named once."""
    named: set[tuple[str, str]] = set()
    for module in resolution.modules:
        package = package_of(module.name)
        for copy in module.copies:
            if (package, copy.extension) in named:
                continue
            named.add((package, copy.extension))
            kind, advice = (
                (
                    warning,
                    "Copies of it do not know each other: ask the authors of "
                    f"{copy.extension!r} to leave it to the page.",
                )
                if SINGLE.fullmatch(package)
                else (note, f"It does no harm but for its size; {copy.extension!r} may need it.")
            )
            yield kind(
                "shared-module-copy",
                copy.extension,
                f"{copy.extension!r} has {package!r} {copy.version} for itself "
                f"({size(copy.bytes)}), and the page has {module.version} of "
                f"{module.extension!r}.",
                advice,
            )


def package_of(module: str) -> str:
    """`react` of `react/jsx-runtime`, `@lumino/widgets` of `@lumino/widgets/style`."""
    return "/".join(module.split("/")[: 2 if module.startswith("@") else 1])


def _bundled(halves: list[Half]) -> dict[str, list[Copy]]:
    """Who has which package in its bundle, as the `packages.json` beside it says."""
    found: dict[str, list[Copy]] = defaultdict(list)
    for half in halves:
        for each in _packages(Path(half.folder, "packages.json")):
            if each["name"] != half.package:
                found[each["name"]].append(Copy(half.extension, each["version"], each["bytes"]))
    return found


def _packages(file: Path) -> list[dict[str, Any]]:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return [{key: each[key] for key in ("name", "version", "bytes")} for each in said]
    except (OSError, ValueError, LookupError, TypeError):
        return []  # made by an older build, or not whole: then nothing is known

"""What the page provides already: the shared modules of the frontends that are there.

They stay bare imports in a bundle; see docs/reference/frontends.md.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator

# The standard library's: plughost's own build runs before its dependencies are installed.
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from plughost_build.source import MANIFEST, Source, shipped_source


def shared_modules(source: Source) -> dict[str, Any]:
    """Specifier → version, origin and type pack of what others than `source` put into the page.

    In a repository of several frontends, those count that it takes modules from; another one
    that happens to be installed, or built already, must not change what is built.
    """
    manifests = [_read(provider.manifest) for provider in source.providers]
    manifests += [manifest for _, manifest in _from_elsewhere(source)]
    found: dict[str, Any] = {}
    for manifest in manifests:
        for specifier, entry in manifest.get("provides", {}).items():
            provided = {"version": entry["version"], "from": manifest["name"]}
            if "types" in manifest:
                provided["types"] = manifest["types"]
            first = found.setdefault(specifier, provided)
            # One frontend is met twice when it has two entry points.
            if provided["from"] not in [e["from"] for e in (first, *first.get("also", ()))]:
                first.setdefault("also", []).append(provided)
    return dict(sorted(found.items()))


def type_packs(source: Source) -> list[Path]:
    """The types of those shared modules that come from outside the repository of `source`.

    Inside it, npm's links lead to the sources themselves.
    """
    packs = [
        path.parent / manifest["types"]
        for path, manifest in _from_elsewhere(source)
        if isinstance(manifest.get("types"), str)
    ]
    return list(dict.fromkeys(packs))


def _from_elsewhere(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    neighbours = source.members | {source.name}
    for path in installed_manifests():
        manifest = _read(path)
        if manifest.get("name") not in neighbours:
            yield path, manifest


def installed_manifests() -> Iterator[Path]:
    """The manifests of the browser host and of every installed extension; imports none of them."""
    yield from _beside("plughost", "static")
    for entry_point in entry_points(group="plughost"):
        try:
            module = entry_point.module
        except (AssertionError, AttributeError, ValueError):
            continue  # no name of a module: the server says so, and a build needs it not
        beside = [*_beside(module, "frontend")]
        yield from beside or _built_here(entry_point)


def _beside(module: str, folder: str) -> Iterator[Path]:
    for place in package_folders(module):
        path = place / folder / MANIFEST
        if path.is_file():
            yield path


def package_folders(module: str) -> Iterator[Path]:
    """Where a package lies, or would lie; imports nothing."""
    # Only the first part is looked up: for a dotted name find_spec would import its parents.
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for place in (spec and spec.submodule_search_locations) or []:
        yield Path(place, *rest)


def _built_here(entry_point: EntryPoint) -> Iterator[Path]:
    """What `plughost build --installed` has made of an extension that came uncompiled."""
    if any(map(shipped_source, package_folders(entry_point.module))):
        from plughost.extensions import built_folder  # which builds of others do without

        path = built_folder(entry_point.dist, entry_point.module) / "frontend" / MANIFEST
        if path.is_file():
            yield path


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Half written or gone: someone else's broken bundle must not stop this build.
        return {}
    return manifest if isinstance(manifest, dict) else {}

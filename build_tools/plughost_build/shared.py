"""What the page provides already: the shared modules of the frontends that are there.

They stay bare imports in a bundle; see docs/reference/frontends.md.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator

# The standard library's: plughost's own build runs before its dependencies are installed.
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from plughost_build.source import MANIFEST, Source


def shared_modules(source: Source) -> dict[str, Any]:
    """Specifier → version and origin of what others than `source` put into the page.

    In a repository of several frontends, those count that it takes modules from; another one
    that happens to be installed, or built already, must not change what is built.
    """
    neighbours = source.members | {source.name}
    manifests = [_read(provider.manifest) for provider in source.providers]
    manifests += [
        manifest
        for manifest in map(_read, installed_manifests())
        if manifest.get("name") not in neighbours
    ]
    found: dict[str, Any] = {}
    for manifest in manifests:
        for specifier, entry in manifest.get("provides", {}).items():
            found.setdefault(specifier, {"version": entry["version"], "from": manifest["name"]})
    return dict(sorted(found.items()))


def installed_manifests() -> Iterator[Path]:
    """The manifests of the browser host and of every installed extension; imports none of them."""
    yield from _beside("plughost", "static")
    for entry_point in entry_points(group="plughost"):
        yield from _beside(entry_point.module, "frontend")


def _beside(module: str, folder: str) -> Iterator[Path]:
    # Only the first part is looked up: for a dotted name find_spec would import its parents.
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for place in (spec and spec.submodule_search_locations) or []:
        path = Path(place, *rest, folder, MANIFEST)
        if path.is_file():
            yield path


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Half written or gone: someone else's broken bundle must not stop this build.
        return {}
    return manifest if isinstance(manifest, dict) else {}

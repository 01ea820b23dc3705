"""Servers that installed packages name, by entry points of the group `jupyter_lsp_spec_v1`.

Each is a callable that gets a manager and returns specifications by name, or such a dict.
Source: "Extending jupyterlab-lsp" in that project's documentation, and what its own do.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from importlib_metadata import EntryPoint, distributions

from plughost_lsp.specs import Spec, from_jupyter

GROUP = "jupyter_lsp_spec_v1"
JUPYTER = "jupyter_lsp"
"""Its own finders are passed over: `known.py` has their servers, and they import a web server."""

log = logging.getLogger("plughost.lsp")


class Manager:
    """What a finder is given: where Node is, and where its modules are looked for."""

    def __init__(self, node_roots: Sequence[str], extra_node_roots: Sequence[str]) -> None:
        self.log = log
        self.nodejs = shutil.which("node") or shutil.which("nodejs") or ""
        prefix = Path(sys.prefix)
        self.node_roots: list[Any] = [*node_roots] or [prefix / "lib", prefix]
        self.extra_node_roots: list[Any] = [*extra_node_roots]
        self.language_servers: dict[str, Any] = {}

    def find_node_module(self, *path: str) -> str | None:
        """A file in the first `node_modules` that has it."""
        for root in (*self.extra_node_roots, *self.node_roots):
            candidate = Path(root, "node_modules", *path)
            if candidate.exists():
                return str(candidate)
        return None


def found_by_packages(manager: Manager) -> list[Spec]:
    """What all entry points name. Imports strangers' code: one that fails is logged, left out."""
    return [spec for entry in _entry_points() for spec in _guarded(entry, manager)]


def _entry_points() -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for distribution in distributions():
        # One by one: where one distribution's metadata is broken, the others still count.
        try:
            entries = distribution.entry_points.select(group=GROUP)
        except Exception as error:
            log.warning("The metadata of %s cannot be read: %s", distribution, error)
            continue
        for entry in entries:
            module = entry.value.partition(":")[0].partition(".")[0]
            if module != JUPYTER and entry.name not in seen:
                seen.add(entry.name)
                yield entry


def _guarded(entry: EntryPoint, manager: Manager) -> list[Spec]:
    """What one names; nothing, if it raises whatever it likes."""
    try:
        return [*_ask(entry.load(), manager)]
    except (Exception, SystemExit) as error:
        log.warning(
            "The entry point %r (%s) names no language server: %s: %s",
            entry.name,
            entry.value,
            type(error).__name__,
            error,
        )
        return []


def _ask(finder: Any, manager: Manager) -> Iterator[Spec]:
    check = getattr(finder, "is_installed", None)
    installed = bool(check(manager)) if check else True
    named = finder(manager) if callable(finder) else finder
    for name, spec in (named or {}).items():
        found = from_jupyter(name, spec, installed=installed)
        if found.argv and found.languages:
            yield found


def jupyter_schema(name: str) -> Mapping[str, Any] | None:
    """The schema of a server's settings that jupyter-lsp comes with, where that is installed.

    jupyterlab-lsp brings it along, and makes a form of it.
    """
    package = importlib.util.find_spec(JUPYTER)  # finds it, and does not import it
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder, "specs", "config", f"{name}.schema.json")
        try:
            schema = msgspec.json.decode(file.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue
        return schema if isinstance(schema, dict) else None
    return None

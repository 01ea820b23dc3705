"""Labextensions that the page can start without, since nothing that it shows depends on them.

A labextension may replace what the lab is built on, and then has to be there first: its code
says so by `provides`, its package.json by what it disables. Whoever does neither adds
commands, panels and buttons, which can come when the page is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plughost import Host, HostError, PageRequest
from plughost_lab.visit import APPS, LAB, workspace

if TYPE_CHECKING:
    from plughost_lab.labextensions import Labextension

SCRIPTS = (".js", ".mjs", ".cjs")

STOCK = "@jupyterlab/"
"""What has such a name comes in the place of a stock package."""

SIDES = frozenset(
    (
        *("filebrowser", "running-sessions", "@jupyterlab/toc:plugin"),
        *("jp-property-inspector", "debugger-sidebar"),
    )
)
"""The lab's own panels at the sides, by what saved layouts call them."""


class Latecomers:
    """Knows of each labextension whether it provides something, and reads it once for that."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Labextension, bool]] = {}

    def among(
        self,
        labextensions: Collection[Labextension],
        shared: Collection[str],
        wait_for: Collection[str],
    ) -> frozenset[str]:
        """The names of those that nobody has to wait for, in a page that shares such packages.

        `wait_for` names those for whom somebody wants to wait, `*` is all. Reads their
        scripts: not for the event loop.
        """
        if "*" in wait_for:
            return frozenset()
        first = [
            each for each in labextensions if each.name in wait_for or not self._can_be_late(each)
        ]
        if any(name not in shared for each in first for name in each.relies_on):
            return frozenset()  # one of the others may share that
        return frozenset(each.name for each in labextensions) - {each.name for each in first}

    def _can_be_late(self, labextension: Labextension) -> bool:
        name, build = labextension.name, labextension.build
        if build is None or build.mime_extension or labextension.is_theme:
            return False  # what is shown is drawn with it
        if labextension.disables or name.startswith(STOCK):
            return False
        known = self._known.get(name)
        if known is None or known[0] is not labextension:
            scripts = (labextension.folder / build.load).parent
            known = self._known[name] = (labextension, _provides_nothing(scripts))
        return known[1]


def _provides_nothing(folder: Path) -> bool:
    """Whether no script in a folder has the word: minifiers leave the keys of objects alone."""
    scripts = [file for file in folder.resolve().rglob("*js") if file.suffix in SCRIPTS]
    try:
        return bool(scripts) and not any(b"provides" in file.read_bytes() for file in scripts)
    except OSError:
        return False


async def is_fresh(host: Host, visit: PageRequest) -> bool:
    """Whether a visit begins with the launcher: nothing is opened or restored in its place.

    What a query says is not for us to know: labextensions look at it when they are activated.
    """
    if visit.arguments["path"] or visit.arguments["unknown"] or visit.query.keys() - {"token"}:
        return False
    try:
        saved = await host.service(APPS).workspaces(LAB).get(workspace(visit))
    except HostError:
        return False
    return _shows_nothing(saved.data.get("layout-restorer:data", {}))


def _shows_nothing(layout: Any) -> bool:
    """Whether a saved layout has no documents, and at the sides none but the lab's own panels.

    Those of others are restored, sizes and all, only if they are there at the time.
    """
    parts = {name: _object(layout, name) for name in ("main", "down", "left", "right")}
    documents = [*_names(parts["main"].get("dock")), *_names(parts["down"].get("widgets"))]
    sides = {
        name
        for side in ("left", "right")
        for shown in ("current", "widgets")
        for name in _names(parts[side].get(shown))
    }
    return not documents and sides <= SIDES


def _names(part: Any) -> Iterator[str]:
    """The names of all widgets in a part of a layout."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from _names(each)
    elif isinstance(part, dict):
        yield from _names(part.get("children"))
        yield from _names(part.get("widgets"))


def _object(values: Any, key: str) -> dict[str, Any]:
    found = values.get(key) if isinstance(values, dict) else None
    return found if isinstance(found, dict) else {}

"""What a path that somebody printed means: `/home/me/work/a.py`, `~/work/a.py`, `./a.py`."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from plughost_contents.contents import Contents
from plughost_contents.errors import PathNotFound


class Resolved(msgspec.Struct):
    """Where the path leads: an API path in the scope of the `server`."""

    path: str
    scope: str = "server"


class Unresolved(msgspec.Struct):
    """Why the path leads nowhere in a scope."""

    reason: str
    scope: str = "server"


class Resolution(msgspec.Struct, omit_defaults=True):
    """What JupyterLab asks `GET /api/resolvePath` for, to link paths in outputs."""

    resolved: list[Resolved]
    unresolved: list[Unresolved] = msgspec.field(default_factory=list)


async def resolve(path: str, root: Path, contents: Contents) -> Resolution:
    """Find what a printed path names below the root folder; hidden things are not found."""
    below = _below(path, root)
    if below is None:
        return Resolution([], [Unresolved(f"{path!r} is not below the root folder.")])
    try:
        await contents.entry(below)
    except PathNotFound as error:
        return Resolution([], [Unresolved(error.message)])
    return Resolution([Resolved(below)])


def _below(path: str, root: Path) -> str | None:
    """The path relative to the root folder, however the root is written; None if outside."""
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:  # nobody has the name behind `~`
        return None
    # `..` is resolved in the text alone: nothing outside the root is asked for.
    full = Path(os.path.normpath(root / expanded))
    for base in (root, root.resolve()):
        if full.is_relative_to(base):
            below = full.relative_to(base).as_posix()
            return "" if below == "." else below
    return None

"""What a path that somebody printed means: `/home/me/work/a.py`, `~/work/a.py`, `./a.py`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from plughost import HostError, NotFound, ServiceNotFound
from plughost_contents.contents import Contents

if TYPE_CHECKING:
    from plughost import Host

KERNELS = "plughost_kernels.kernels.Kernels"

Scope = Literal["server", "kernel"]


class Resolved(msgspec.Struct):
    """Where the path leads: an API path for the `server`, a full path for the `kernel`."""

    path: str
    scope: Scope = "server"


class Unresolved(msgspec.Struct):
    """Why the path leads nowhere in a scope."""

    reason: str
    scope: Scope = "server"


class Resolution(msgspec.Struct, omit_defaults=True):
    """What JupyterLab asks `GET /api/resolvePath` for, to link paths in outputs."""

    resolved: list[Resolved]
    unresolved: list[Unresolved] = msgspec.field(default_factory=list)


class Resolver:
    """Finds what printed paths mean to the server, and to the kernel that printed them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._root = host.config.root
        self._contents = host.service(Contents)

    async def resolve(self, path: str, kernel_id: str | None = None) -> Resolution:
        """Where a path leads; a kernel means it relative to the folder in which it runs.

        Hidden things are not found on the server. In a kernel's folders anything is found:
        its code can read it anyway.
        """
        found = Resolution([])
        folder = self._folder_of(kernel_id, found) if kernel_id else None
        expanded = _expanded(path)
        places = [_joined(base, expanded) for base in (folder, self._root) if base]
        for place in dict.fromkeys(places):
            below = await self._on_server(place)
            if below is not None:
                found.resolved.append(Resolved(below))
                break
        else:
            found.unresolved.append(Unresolved(f"There is no {path!r} below the root folder."))
        if folder is not None:
            place = places[0]
            if await asyncio.to_thread(_is_file, place):
                found.resolved.append(Resolved(str(place), "kernel"))
            else:
                found.unresolved.append(
                    Unresolved(f"The kernel {kernel_id!r} has no file {str(place)!r}.", "kernel")
                )
        return found

    def _folder_of(self, kernel_id: str, found: Resolution) -> Path | None:
        """The folder in which a kernel runs; None, and why, for one that is not known."""
        try:
            kernel = self._host.service(KERNELS).get(kernel_id)
        except (ServiceNotFound, NotFound) as error:
            found.unresolved.append(Unresolved(error.message, "kernel"))
            return None
        return Path(kernel.folder)

    async def _on_server(self, full: Path) -> str | None:
        """The API path of a full one, however the root is written; None for nothing there."""
        for base in (self._root, self._root.resolve()):
            if full.is_relative_to(base):
                below = full.relative_to(base).as_posix()
                below = "" if below == "." else below
                try:
                    await self._contents.entry(below)
                except HostError:
                    continue
                return below
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _joined(folder: Path, path: Path) -> Path:
    # `..` is resolved in the text alone: nothing outside the root is asked for.
    return Path(os.path.normpath(folder / path))


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # nobody has the name behind `~`
        return Path(path)

"""Where contents are stored: a small protocol, so that a disk is only one of the places."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Protocol

import msgspec

PROVIDER = "plughost_contents.provider.ContentsProvider"
"""The service that stores what `Contents` serves."""


Choose = Callable[[list[tuple[str, bool]]], list[str]]
"""Gets every name in a folder, each with whether it is a folder; returns those wanted, in order.

Runs off the loop.
"""


# Not a dataclass: a frozen one takes ten times as long to make, and folders have thousands.
class Entry(msgspec.Struct, frozen=True):
    """Facts about one file or folder; `size` is in bytes, the times are in UTC."""

    name: str
    folder: bool
    size: int
    created: datetime
    modified: datetime
    writable: bool


class ContentsProvider(Protocol):
    """Files and folders under one root, addressed by normal API paths; the root is `""`.

    It stores bytes and knows nothing of notebooks, formats and hidden names. Nothing
    blocks the loop. What is not there raises `plughost.NotFound`, what is there already
    `plughost.Conflict`; those below are such.

    A provider of folders on a disk can also have `on_disk(path) -> Path`, a function for
    worker threads: changes by other programs are noticed there.
    """

    async def entry(self, path: str) -> Entry:
        """The facts about one path. Raises PathNotFound."""

    async def entries(self, path: str, choose: Choose) -> list[Entry]:
        """What is in a folder, for the names that `choose` returns, in its order.

        Facts cost a system call each, and a page needs those of a few. What vanishes
        meanwhile is left out.
        """

    def read(
        self, path: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a file in blocks, from `start` up to but not including `stop`."""

    async def write(self, path: str, data: bytes, *, new: bool = False) -> None:
        """Make `data` the content of a file, old or new; a crash leaves the one or the other.

        With `new`, raises PathExists when there is something already.
        """

    async def append(self, path: str, data: bytes, *, first: bool) -> None:
        """Write a piece of a file that nobody reads yet; the `first` one begins it anew."""

    async def make_folder(self, path: str) -> None:
        """Make one folder. Raises PathExists."""

    async def copy(self, path: str, new: str, *, replace: bool = False) -> None:
        """Copy a file or a whole folder; only a file can be replaced. Raises PathExists."""

    async def move(self, path: str, new: str, *, replace: bool = False) -> None:
        """Move a file or a folder; only a file can be replaced. Raises PathExists."""

    async def remove(self, path: str, *, trash: bool = False) -> None:
        """Remove a file or an empty folder, or move even a full one to the trash."""

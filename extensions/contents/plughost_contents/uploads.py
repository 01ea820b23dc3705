"""Uploads in pieces: collected in a hidden file, which takes the real name when it is whole.

So an upload that breaks off leaves what was there before.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from plughost import BadRequest, Conflict, HostError
from plughost_contents import paths
from plughost_contents.claims import mark
from plughost_contents.provider import ContentsProvider, Entry

LAST = -1

BUSY_SECONDS = 10.0
"""So long after its last piece an upload is taken for one that goes on."""

ABANDONED_SECONDS = 3600.0
"""So long after its last piece what has arrived of an upload is removed."""


class UploadUnderWay(Conflict):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"Somebody is uploading {path!r} at this moment.",
            hint=f"Wait until that is done; one that has broken off can be begun anew after "
            f"{BUSY_SECONDS:.0f} seconds.",
        )


@dataclass(frozen=True)
class _Upload:
    """An unfinished one: the number of its next piece, and when the last one came."""

    expected: int
    seen: float


class Uploads:
    """The unfinished uploads of one provider. Pieces are numbered 1, 2, …, the last is -1.

    `outside` is what a path of the provider is called elsewhere.
    """

    def __init__(self, provider: ContentsProvider, outside: Callable[[str], str]) -> None:
        self._provider = provider
        self._outside = outside
        self._all: dict[str, _Upload] = {}

    async def add(self, path: str, chunk: int, data: bytes) -> bool:
        """Add a piece; True when it was the last and the file is there.

        Raises BadRequest for a piece that is not the next one, and UploadUnderWay for a first
        one while others come: nobody could tell whose the next piece is.
        """
        now = time.monotonic()
        upload = self._all.get(path)
        if chunk == 1:
            if upload is not None and now - upload.seen < BUSY_SECONDS:
                raise UploadUnderWay(self._outside(path))
            await self._remove_abandoned(now)
        elif upload is None or chunk not in (upload.expected, LAST):
            self._all.pop(path, None)
            expected = 1 if upload is None else upload.expected
            name = self._outside(path)
            raise BadRequest(
                f"The next piece of {name!r} has the number {expected}, not {chunk}.",
                hint="Send all pieces in order, from 1 again; the last one as -1.",
            )
        part = _part(path)
        await self._provider.append(part, data, first=chunk == 1)
        if chunk != LAST:
            self._all[path] = _Upload(chunk + 1, now)
            return False
        del self._all[path]
        await self._provider.move(part, path, replace=True)
        return True

    async def entry(self, path: str) -> Entry:
        """The facts about what has arrived so far. Raises NotFound."""
        entry = await self._provider.entry(_part(path))
        return Entry(
            name=paths.name_of(path),
            folder=False,
            size=entry.size,
            created=entry.created,
            modified=entry.modified,
            writable=entry.writable,
        )

    async def _remove_abandoned(self, now: float) -> None:
        for path, upload in [*self._all.items()]:
            if now - upload.seen > ABANDONED_SECONDS:
                del self._all[path]
                with contextlib.suppress(HostError):
                    await self._provider.remove(_part(path))


def _part(path: str) -> str:
    return paths.join(paths.parent(path), mark(paths.name_of(path), "upload"))

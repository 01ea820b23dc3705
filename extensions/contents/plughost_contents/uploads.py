"""Uploads in pieces: collected in a hidden file, which takes the real name when it is whole.

So an upload that breaks off leaves what was there before.
"""

from __future__ import annotations

from plughost import BadRequest
from plughost_contents import paths
from plughost_contents.claims import mark
from plughost_contents.provider import ContentsProvider, Entry

LAST = -1


class Uploads:
    """The unfinished uploads of one provider. Pieces are numbered 1, 2, …, the last is -1."""

    def __init__(self, provider: ContentsProvider) -> None:
        self._provider = provider
        self._expected: dict[str, int] = {}

    async def add(self, path: str, chunk: int, data: bytes) -> bool:
        """Add a piece; True when it was the last and the file is there.

        Raises BadRequest for a piece that is not the next one.
        """
        expected = self._expected.get(path, 1)
        if chunk != 1 and (expected == 1 or chunk not in (expected, LAST)):
            raise BadRequest(
                f"The next piece of {path!r} has the number {expected}, not {chunk}.",
                hint="Send all pieces in order, from 1 again; the last one as -1.",
            )
        part = _part(path)
        await self._provider.append(part, data, first=chunk == 1)
        if chunk != LAST:
            self._expected[path] = chunk + 1
            return False
        del self._expected[path]
        await self._provider.move(part, path, replace=True)
        return True

    async def entry(self, path: str) -> Entry:
        """The facts about what has arrived so far. Raises PathNotFound."""
        entry = await self._provider.entry(_part(path))
        return Entry(
            name=paths.name_of(path),
            folder=False,
            size=entry.size,
            created=entry.created,
            modified=entry.modified,
            writable=entry.writable,
        )


def _part(path: str) -> str:
    return paths.join(paths.parent(path), mark(paths.name_of(path), "upload"))

"""Checkpoints: one kept state of each file, where Jupyter keeps it, beside the file.

`notes/plan.ipynb` has its checkpoint in `notes/.ipynb_checkpoints/plan-checkpoint.ipynb`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from plughost import Conflict, NotFound
from plughost_contents import paths
from plughost_contents.models import CheckpointModel
from plughost_contents.provider import ContentsProvider

FOLDER = ".ipynb_checkpoints"
ONLY = "checkpoint"
"""The id of the one checkpoint that a file has."""


class CheckpointNotFound(NotFound):
    def __init__(self, path: str, checkpoint: str) -> None:
        self.path = path
        super().__init__(
            f"{path!r} has no checkpoint {checkpoint!r}.",
            hint=f"`GET /api/contents/{paths.url_path(path)}/checkpoints` lists those it has.",
        )


class Checkpoints:
    """The checkpoints of the files of one provider.

    `outside` is what a path of the provider is called elsewhere.
    """

    def __init__(self, provider: ContentsProvider, outside: Callable[[str], str]) -> None:
        self._provider = provider
        self._outside = outside

    async def find(self, path: str) -> list[CheckpointModel]:
        """The checkpoint of a file, if it has one."""
        try:
            entry = await self._provider.entry(checkpoint_path(path))
        except NotFound:
            return []
        return [CheckpointModel(ONLY, entry.modified)]

    async def create(self, path: str) -> CheckpointModel:
        """Keep the file's content of now."""
        kept = checkpoint_path(path)
        with contextlib.suppress(Conflict):
            await self._provider.make_folder(paths.parent(kept))
        await self._provider.copy(path, kept, replace=True)
        return CheckpointModel(ONLY, (await self._provider.entry(kept)).modified)

    async def restore(self, path: str, checkpoint: str) -> None:
        """Make the kept content the file's. Raises CheckpointNotFound."""
        kept = await self._existing(path, checkpoint)
        await self._provider.copy(kept, path, replace=True)

    async def delete(self, path: str, checkpoint: str) -> None:
        """Forget the kept content. Raises CheckpointNotFound."""
        await self._provider.remove(await self._existing(path, checkpoint))

    async def moved(self, path: str, new: str) -> None:
        """A file has another name now: its checkpoint follows."""
        if await self.find(path):
            kept = checkpoint_path(new)
            with contextlib.suppress(Conflict):
                await self._provider.make_folder(paths.parent(kept))
            await self._provider.move(checkpoint_path(path), kept, replace=True)

    async def forget(self, path: str) -> None:
        """A file is gone: so is its checkpoint."""
        if await self.find(path):
            await self._provider.remove(checkpoint_path(path))

    async def clear(self, folder: str) -> None:
        """Remove the checkpoints kept in a folder when they are all that is in it."""
        found = await self._provider.entries(folder, _all)
        if [entry.name for entry in found] == [FOLDER]:
            kept = paths.join(folder, FOLDER)
            for entry in await self._provider.entries(kept, _all):
                await self._provider.remove(paths.join(kept, entry.name))
            await self._provider.remove(kept)

    async def _existing(self, path: str, checkpoint: str) -> str:
        if checkpoint != ONLY or not await self.find(path):
            raise CheckpointNotFound(self._outside(path), checkpoint)
        return checkpoint_path(path)


def _all(found: list[tuple[str, bool]]) -> list[str]:
    return [name for name, _ in found]


def checkpoint_path(path: str) -> str:
    """Where the checkpoint of a file lies."""
    stem, dot, extension = paths.name_of(path).rpartition(".")
    if not stem:
        stem, dot, extension = paths.name_of(path), "", ""
    folder = paths.join(paths.parent(path), FOLDER)
    return paths.join(folder, f"{stem}-checkpoint{dot}{extension}")

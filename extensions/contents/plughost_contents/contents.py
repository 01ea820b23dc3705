"""Contents: what clients see of the files, whatever stores them.

Notebooks, text and bytes instead of bytes alone; no hidden names; checkpoints; new names
for new things; nothing overwritten unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

import msgspec

from plughost import BadRequest
from plughost_contents import notebooks, paths
from plughost_contents.checkpoints import Checkpoints
from plughost_contents.errors import Changed, HiddenPath, PathExists, PathNotFound, WrongKind
from plughost_contents.formats import decoded, encoded, listed, model_of
from plughost_contents.models import CheckpointModel, CreateRequest, Model, SaveRequest
from plughost_contents.provider import PROVIDER, ContentsProvider, Entry
from plughost_contents.settings import Settings
from plughost_contents.uploads import Uploads

if TYPE_CHECKING:
    from plughost import Host

HASH = "sha256"


class Contents:
    """The files of the root folder, or of whatever another extension stores them in.

    Paths are API paths, relative to the root. Errors are those of `errors.py`.
    """

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host = host
        self._settings = settings
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        self._provider: ContentsProvider = self._host.service(PROVIDER)
        self._checkpoints = Checkpoints(self._provider)
        self._uploads = Uploads(self._provider)

    # -- reading

    async def entry(self, path: str) -> Entry:
        """The facts about a path. Raises PathNotFound, for hidden ones too."""
        return await self._provider.entry(self._readable(path))

    async def is_file(self, path: str) -> bool:
        """Whether there is a file at a path that may be read."""
        try:
            return not (await self.entry(path)).folder
        except PathNotFound:
            return False

    def read(
        self, path: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a file, in blocks. Raises PathNotFound."""
        return self._provider.read(self._readable(path), start, stop)

    async def get(
        self,
        path: str,
        *,
        kind: str | None = None,
        format: Literal["text", "base64"] | None = None,  # noqa: A002  # its name on the wire
        content: bool = True,
        hash: bool = False,  # noqa: A002  # the same
    ) -> Model:
        """The model of a path.

        Raises PathNotFound; WrongKind for a folder asked for as a file or the other way
        round; WrongFormat for text that is none; NotANotebook.
        """
        path = self._readable(path)
        entry = await self._provider.entry(path)
        model = model_of(path, entry, kind)
        if content and entry.folder:
            model.content, model.format = await self._list(path), "json"
        elif content:
            data = await self._bytes(path)
            if model.type == "notebook":
                model.content, message = await asyncio.to_thread(notebooks.read, data, path)
                model.format, model.message = "json", message or msgspec.UNSET
            else:
                await asyncio.to_thread(encoded, model, data, format)
            if hash:
                model.hash = await asyncio.to_thread(_digest, data)
        elif hash and not entry.folder:
            model.hash = await self._hash(path)
        if model.hash:
            model.hash_algorithm = HASH
        return model

    async def trust(self, path: str) -> None:
        """Trust the notebook at `path`: its outputs may run as they are."""
        path = self._readable(path)
        data = await self._bytes(path)
        await asyncio.to_thread(notebooks.trust, data, path)

    # -- writing

    async def create(self, folder: str, wanted: CreateRequest) -> Model:
        """Make something new in a folder, under the first untitled name that is free."""
        kind = wanted.type or ("notebook" if wanted.ext == ".ipynb" else "file")
        names = paths.untitled_names(kind, wanted.ext)
        data = await asyncio.to_thread(notebooks.new_notebook) if kind == "notebook" else b""

        async def make(path: str) -> None:
            if kind == "directory":
                await self._provider.make_folder(path)
            else:
                await self._provider.write(path, data, new=True)

        return await self._first_free(folder, names, make)

    async def copy(self, source: str, folder: str) -> Model:
        """Copy a file or a folder into a folder, under a name that is free there."""
        source = self._readable(source)
        await self._provider.entry(source)
        if not source:
            raise BadRequest("The root folder cannot be copied.", hint="Copy what is in it.")

        async def make(path: str) -> None:
            await self._provider.copy(source, path)

        return await self._first_free(folder, paths.copy_names(paths.name_of(source)), make)

    async def save(
        self, path: str, wanted: SaveRequest, *, match: set[str] | None = None
    ) -> tuple[Model, bool]:
        """Save what a client sends; returns the model, and whether it is new.

        With `match`, only over a file whose content has one of these hashes. Raises
        Changed then, and BadRequest for a request that lacks something.
        """
        path = self._writable(path)
        if wanted.type is None:
            raise BadRequest(
                "The request has no `type`.", hint="Send 'file', 'notebook' or 'directory'."
            )
        if not path:
            raise WrongKind(path, "folder", hint="Name what is to be saved.")
        async with self._alone(path):
            old = await self._entry_or_none(path)
            if match is not None:
                await self._require(match, path, old)
            if old is None:
                await self._provider.entry(paths.parent(path))  # the error names the folder
            if old is not None and old.folder != (wanted.type == "directory"):
                raise WrongKind(
                    path, "folder" if old.folder else "file", hint="Choose another name."
                )
            return await self._save(path, wanted, new=old is None), old is None

    async def rename(self, path: str, new: str) -> Model:
        """Move a file or a folder to another path. Raises PathExists."""
        path, new = self._writable(path), self._writable(new)
        if not path or not new:
            raise BadRequest("The root folder keeps its name.", hint="Rename what is in it.")
        if path != new:
            async with self._alone(new):
                entry = await self._provider.entry(path)
                await self._provider.entry(paths.parent(new))  # the error names the folder
                await self._provider.move(path, new)
                if not entry.folder:
                    await self._checkpoints.moved(path, new)
        return await self.get(new, content=False)

    async def delete(self, path: str) -> None:
        """Delete a file or a folder: to the trash, or for good when that is set."""
        path = self._writable(path)
        if not path:
            raise BadRequest("The root folder cannot be deleted.", hint="Delete what is in it.")
        entry = await self._entry_or_none(path)
        trash = self._settings.delete_to_trash
        if entry is not None and entry.folder and not trash:
            await self._checkpoints.clear(path)
        await self._provider.remove(path, trash=trash)
        await self._checkpoints.forget(path)

    # -- checkpoints

    async def checkpoints(self, path: str) -> list[CheckpointModel]:
        return await self._checkpoints.find(await self._file(path))

    async def create_checkpoint(self, path: str) -> CheckpointModel:
        return await self._checkpoints.create(await self._file(path))

    async def restore_checkpoint(self, path: str, checkpoint: str) -> None:
        path = await self._file(path)
        async with self._alone(path):
            await self._checkpoints.restore(path, checkpoint)

    async def delete_checkpoint(self, path: str, checkpoint: str) -> None:
        await self._checkpoints.delete(await self._file(path), checkpoint)

    # -- helpers

    def _readable(self, path: str) -> str:
        path = paths.normal(path)
        if paths.is_hidden(path) and not self._settings.allow_hidden_files:
            raise PathNotFound(path)
        return path

    def _writable(self, path: str) -> str:
        path = paths.normal(path)
        if paths.is_hidden(path) and not self._settings.allow_hidden_files:
            raise HiddenPath(path)
        return path

    async def _file(self, path: str) -> str:
        path = self._readable(path)
        if (await self._provider.entry(path)).folder:
            raise WrongKind(path, "folder", hint="Only files have checkpoints.")
        return path

    @contextlib.asynccontextmanager
    async def _alone(self, path: str) -> AsyncIterator[None]:
        """One change of a path at a time: between a look at it and the change, nobody else."""
        lock = self._locks.setdefault(path, asyncio.Lock())
        async with lock:
            yield

    async def _entry_or_none(self, path: str) -> Entry | None:
        try:
            return await self._provider.entry(path)
        except PathNotFound:
            return None

    async def _require(self, match: set[str], path: str, old: Entry | None) -> None:
        current = None if old is None or old.folder else await self._hash(path)
        if current is None or not match & {current, "*"}:
            raise Changed(path, current)

    async def _save(self, path: str, wanted: SaveRequest, *, new: bool) -> Model:
        message = None
        if wanted.type == "directory":
            if new:
                await self._provider.make_folder(path)
        elif wanted.content is msgspec.UNSET:
            raise BadRequest("The request has no `content`.", hint="Send what is to be saved.")
        elif wanted.type == "notebook":
            data, message = await asyncio.to_thread(notebooks.write, wanted.content, path)
            await self._provider.write(path, data)
            if not await self._checkpoints.find(path):
                await self._checkpoints.create(path)
        else:
            data = await asyncio.to_thread(decoded, wanted.content, wanted.format)
            if wanted.chunk is None:
                await self._provider.write(path, data)
            elif not await self._uploads.add(path, wanted.chunk, data):
                return model_of(path, await self._uploads.entry(path), "file")
        model = model_of(path, await self._provider.entry(path), wanted.type)
        model.message = message or msgspec.UNSET
        return model

    async def _first_free(
        self, folder: str, names: Iterator[str], make: Callable[[str], Awaitable[None]]
    ) -> Model:
        """Make something under the first of `names` that nobody has, and nobody gets meanwhile."""
        folder = self._writable(folder)
        if not (await self._provider.entry(folder)).folder:
            raise WrongKind(folder, "file", hint="`PUT` saves it; `POST` is for folders.")
        for name in names:
            path = self._writable(paths.join(folder, name))
            try:
                await make(path)
            except PathExists:
                continue
            return await self.get(path, content=False)
        raise AssertionError("names never end")

    async def _list(self, folder: str) -> list[Model]:
        hidden = self._settings.allow_hidden_files
        entries = await self._provider.entries(
            folder, lambda names: [name for name in names if listed(name, hidden=hidden)]
        )
        return [model_of(paths.join(folder, entry.name), entry) for entry in entries]

    async def _bytes(self, path: str) -> bytes:
        async with aclosing(self._provider.read(path)) as blocks:
            return b"".join([block async for block in blocks])

    async def _hash(self, path: str) -> str:
        digest = hashlib.new(HASH)
        async with aclosing(self._provider.read(path)) as blocks:
            async for block in blocks:
                await asyncio.to_thread(digest.update, block)
        return digest.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.new(HASH, data).hexdigest()

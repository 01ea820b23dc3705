"""Contents: what clients see of the files, whatever stores them.

Notebooks, text and bytes instead of bytes alone; no hidden names; checkpoints; new names
for new things; nothing overwritten unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

import msgspec

from plughost import BadRequest, Conflict, NotFound
from plughost_contents import listing, notebooks, paths
from plughost_contents.changes import Changes
from plughost_contents.drives import HASH, Drives, Mount, carry
from plughost_contents.errors import Changed, HiddenPath, PathNotFound, WrongKind
from plughost_contents.events import ContentsEvents
from plughost_contents.formats import decoded, encoded, model_of
from plughost_contents.listing import Wanted
from plughost_contents.models import CheckpointModel, CreateRequest, Model, SaveRequest
from plughost_contents.provider import PROVIDER, Choose, ContentsProvider, Entry
from plughost_contents.settings import Settings

if TYPE_CHECKING:
    from plughost import Host


class Contents:
    """The files of the root folder, or of whatever another extension stores them in.

    Paths are API paths, relative to the root; those of a drive begin with its name and a
    colon. Errors are those of `errors.py`.
    """

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host = host
        self._settings = settings
        self._events = ContentsEvents(host)
        self._changes = Changes(self._events, hidden=settings.allow_hidden_files)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        def drives() -> Iterator[tuple[str, ContentsProvider]]:
            for found in self._host.ask("contents_drives", tuple, host=self._host).values():
                yield from found

        self._drives = Drives(self._host.service(PROVIDER), drives)
        self.listen(self._events.are_heard())

    async def stop(self) -> None:
        await self._changes.stop()

    def listen(self, heard: bool) -> None:
        """Somebody has begun to listen to events, or nobody does any more."""
        self._changes.listen(heard)

    # -- reading

    async def entry(self, path: str) -> Entry:
        """The facts about a path. Raises PathNotFound, for hidden ones too."""
        mount, path = self._readable(path)
        return await mount.provider.entry(path)

    async def is_file(self, path: str) -> bool:
        """Whether there is a file at a path that may be read."""
        try:
            return not (await self.entry(path)).folder
        except NotFound:
            return False

    def read(
        self, path: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a file, in blocks. Raises PathNotFound."""
        mount, path = self._readable(path)
        return mount.provider.read(path, start, stop)

    async def get(
        self,
        path: str,
        *,
        kind: str | None = None,
        format: Literal["text", "base64"] | None = None,  # noqa: A002  # its name on the wire
        content: bool = True,
        hash: bool = False,  # noqa: A002  # the same
        wanted: Wanted | None = None,
        hidden: bool = True,
    ) -> Model:
        """The model of a path.

        Of a folder's content it has what is `wanted`, all of it by default; without `hidden`
        no names that begin with a dot, even where they are allowed.

        Raises PathNotFound; WrongKind for a folder asked for as a file or the other way
        round; WrongFormat for text that is none; NotANotebook; BadCursor.
        """
        mount, path = self._readable(path)
        entry = await mount.provider.entry(path)
        model = model_of(mount.outside(path), entry, kind)
        model.name = entry.name or mount.prefix  # a drive is called what its folder is
        if content and entry.folder:
            await self._list(model, mount, path, wanted, hidden=hidden)
        elif content:
            data = await mount.bytes(path)
            if model.type == "notebook":
                model.content, message = await asyncio.to_thread(notebooks.read, data, model.path)
                model.format, model.message = "json", message or msgspec.UNSET
            else:
                await asyncio.to_thread(encoded, model, data, format)
            if hash:
                model.hash = await asyncio.to_thread(_digest, data)
        elif hash and not entry.folder:
            model.hash = await mount.hash(path)
        if model.hash:
            model.hash_algorithm = HASH
        if content:
            self._changes.note(mount, path, entry)
            self._events.tell("get", model.path)
        return model

    async def trust(self, path: str) -> None:
        """Trust the notebook at `path`: its outputs may run as they are."""
        mount, path = self._readable(path)
        data = await mount.bytes(path)
        await asyncio.to_thread(notebooks.trust, data, mount.outside(path))

    # -- writing

    async def create(self, folder: str, wanted: CreateRequest) -> Model:
        """Make something new in a folder, under the first untitled name that is free."""
        kind = wanted.type or ("notebook" if wanted.ext == ".ipynb" else "file")
        names = paths.untitled_names(kind, wanted.ext)
        data = await asyncio.to_thread(notebooks.new_notebook) if kind == "notebook" else b""

        async def make(mount: Mount, path: str) -> None:
            if kind == "directory":
                await mount.provider.make_folder(path)
            else:
                await mount.provider.write(path, data, new=True)

        model = await self._first_free(folder, names, make)
        self._events.tell("create", model.path)
        return model

    async def copy(self, source: str, folder: str) -> Model:
        """Copy a file or a folder into a folder, under a name that is free there."""
        home, source = self._readable(source)
        await home.provider.entry(source)
        if not source:
            raise BadRequest("The root folder cannot be copied.", hint="Copy what is in it.")

        async def make(mount: Mount, path: str) -> None:
            if mount is home:
                await mount.provider.copy(source, path)
            else:
                await carry(home, source, mount, path)

        names = paths.copy_names(paths.name_of(source))
        model = await self._first_free(folder, names, make)
        self._events.tell("copy", model.path, source=home.outside(source))
        return model

    async def save(
        self,
        path: str,
        wanted: SaveRequest,
        *,
        match: set[str] | None = None,
        new: bool = False,
    ) -> tuple[Model, bool]:
        """Save what a client sends; returns the model, and whether it is new.

        With `match`, only over a file whose content has one of these hashes; with `new`, only
        where there is nothing yet. Raises Changed then, and BadRequest for a request that
        lacks something.
        """
        mount, path = self._writable(path)
        if wanted.type is None:
            raise BadRequest(
                "The request has no `type`.", hint="Send 'file', 'notebook' or 'directory'."
            )
        if not path:
            where = mount.outside(path)
            raise WrongKind(where, "folder", hint="Name what is to be saved.")
        async with self._alone(mount.outside(path)), self._changes.ours(mount, path):
            old = await mount.entry_or_none(path)
            if match is not None or (new and old is not None):
                await self._require(match or set(), mount, path, old)
            if old is None:
                await mount.provider.entry(paths.parent(path))  # the error names the folder
            if old is not None and old.folder != (wanted.type == "directory"):
                kind = "folder" if old.folder else "file"
                raise WrongKind(mount.outside(path), kind, hint="Choose another name.")
            model = await self._save(mount, path, wanted, new=old is None)
        self._events.tell("save" if wanted.chunk is None else "upload", model.path)
        return model, old is None

    async def rename(self, path: str, new: str) -> Model:
        """Move a file or a folder to another path. Raises PathExists."""
        home, path = self._writable(path)
        mount, new = self._writable(new)
        if not path or not new:
            raise BadRequest("The root folder keeps its name.", hint="Rename what is in it.")
        if home.outside(path) != mount.outside(new):
            ours = self._changes.ours
            alone = self._alone(home.outside(path), mount.outside(new))
            async with alone, ours(home, path), ours(mount, new):
                entry = await home.provider.entry(path)
                await mount.provider.entry(paths.parent(new))  # the error names the folder
                if mount is not home:
                    await self._move_across(home, path, mount, new, entry)
                else:
                    await mount.provider.move(path, new)
                    if not entry.folder:
                        await mount.checkpoints.moved(path, new)
            self._events.tell("rename", mount.outside(new), source=home.outside(path))
        return await self.get(mount.outside(new), content=False)

    async def delete(self, path: str) -> None:
        """Delete a file or a folder: to the trash, or for good when that is set."""
        mount, path = self._writable(path)
        if not path:
            raise BadRequest("The root folder cannot be deleted.", hint="Delete what is in it.")
        trash = self._settings.delete_to_trash
        async with self._alone(mount.outside(path)), self._changes.ours(mount, path):
            entry = await mount.entry_or_none(path)
            if not trash and entry and entry.folder:
                await mount.checkpoints.clear(path)
            await mount.provider.remove(path, trash=trash)  # a link that leads nowhere goes, too
            await mount.checkpoints.forget(path)
        self._events.tell("delete", mount.outside(path))

    # -- checkpoints

    async def checkpoints(self, path: str) -> list[CheckpointModel]:
        mount, path = await self._file(path)
        return await mount.checkpoints.find(path)

    async def create_checkpoint(self, path: str) -> CheckpointModel:
        mount, path = await self._file(path)
        return await mount.checkpoints.create(path)

    async def restore_checkpoint(self, path: str, checkpoint: str) -> None:
        mount, path = await self._file(path)
        async with self._alone(mount.outside(path)), self._changes.ours(mount, path):
            await mount.checkpoints.restore(path, checkpoint)
        self._events.tell("save", mount.outside(path))

    async def delete_checkpoint(self, path: str, checkpoint: str) -> None:
        mount, path = await self._file(path)
        await mount.checkpoints.delete(path, checkpoint)

    # -- helpers

    def _readable(self, path: str) -> tuple[Mount, str]:
        mount, inside = self._drives.find(path)
        if paths.is_hidden(inside) and not self._settings.allow_hidden_files:
            raise PathNotFound(path)
        return mount, inside

    def _writable(self, path: str) -> tuple[Mount, str]:
        mount, inside = self._drives.find(path)
        if paths.is_hidden(inside) and not self._settings.allow_hidden_files:
            raise HiddenPath(path)
        return mount, inside

    async def _file(self, path: str) -> tuple[Mount, str]:
        mount, inside = self._readable(path)
        if (await mount.provider.entry(inside)).folder:
            raise WrongKind(path, "folder", hint="Only files have checkpoints.")
        return mount, inside

    @contextlib.asynccontextmanager
    async def _alone(self, *changed: str) -> AsyncIterator[None]:
        """One change of a path at a time: between a look at it and the change, nobody else."""
        async with contextlib.AsyncExitStack() as stack:
            # In one order for all: two who exchange names would wait for each other.
            for path in sorted(changed):
                lock = self._locks.setdefault(path, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def _require(self, match: set[str], mount: Mount, path: str, old: Entry | None) -> None:
        current = None if old is None or old.folder else await mount.hash(path)
        if current is None or not match & {current, "*"}:
            raise Changed(mount.outside(path), current)

    async def _save(self, mount: Mount, path: str, wanted: SaveRequest, *, new: bool) -> Model:
        outside = mount.outside(path)
        message = None
        if wanted.type == "directory":
            if new:
                await mount.provider.make_folder(path)
        elif wanted.content is msgspec.UNSET:
            raise BadRequest("The request has no `content`.", hint="Send what is to be saved.")
        elif wanted.type == "notebook":
            data, message = await asyncio.to_thread(notebooks.write, wanted.content, outside)
            await mount.provider.write(path, data)
            if not await mount.checkpoints.find(path):
                await mount.checkpoints.create(path)
        else:
            data = await asyncio.to_thread(decoded, wanted.content, wanted.format)
            if wanted.chunk is None:
                await mount.provider.write(path, data)
            elif not await mount.uploads.add(path, wanted.chunk, data):
                return model_of(outside, await mount.uploads.entry(path), "file")
        model = model_of(outside, await mount.provider.entry(path), wanted.type)
        model.message = message or msgspec.UNSET
        return model

    async def _first_free(
        self, folder: str, names: Iterator[str], make: Callable[[Mount, str], Awaitable[None]]
    ) -> Model:
        """Make something under the first of `names` that nobody has, and nobody gets meanwhile."""
        mount, folder = self._writable(folder)
        if not (await mount.provider.entry(folder)).folder:
            where = mount.outside(folder)
            raise WrongKind(where, "file", hint="`PUT` saves it; `POST` is for folders.")
        for name in names:
            _, path = self._writable(mount.outside(paths.join(folder, name)))
            if await mount.entry_or_none(path) is not None:
                continue  # it would be found out after all is written
            try:
                async with self._changes.ours(mount, path):
                    await make(mount, path)
            except Conflict:
                continue
            return await self.get(mount.outside(path), content=False)
        raise AssertionError("names never end")

    async def _move_across(
        self, home: Mount, path: str, mount: Mount, new: str, entry: Entry
    ) -> None:
        if entry.folder:
            raise BadRequest(
                f"The folder {home.outside(path)!r} cannot be moved to another drive.",
                hint="Copy it there, then delete it here.",
            )
        await carry(home, path, mount, new)
        await home.provider.remove(path)
        await home.checkpoints.forget(path)

    async def _list(
        self, model: Model, mount: Mount, folder: str, wanted: Wanted | None, *, hidden: bool
    ) -> None:
        """Put what is in a folder, or a page of it, into its model."""
        hidden = hidden and self._settings.allow_hidden_files

        async def entries(choose: Choose) -> list[Entry]:
            return await self._drives.entries(mount, folder, choose)

        if wanted is None:
            found = await entries(lambda names: listing.listed(names, hidden=hidden))
        else:
            page = await listing.page(entries, wanted, hidden=hidden)
            found = page.entries
            model.offset, model.total, model.cursor = page.offset, page.total, page.cursor
            model.watched = self._changes.watches(mount)

        def models() -> list[Model]:
            return [model_of(mount.outside(paths.join(folder, e.name)), e) for e in found]

        model.content, model.format = await asyncio.to_thread(models), "json"


def _digest(data: bytes) -> str:
    return hashlib.new(HASH, data).hexdigest()

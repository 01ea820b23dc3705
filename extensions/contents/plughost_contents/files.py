"""Files: a folder on disk as the place where contents are stored.

Where a path leads is the business of `jail`, how a file is saved that of `saving`. A file
whose last save was broken off is put right when it is next looked at (`in_place.settle`).
Everything that touches the disk runs off the loop.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from plughost import BadRequest, HostError
from plughost_contents import in_place, paths, saving, trees
from plughost_contents.disk import BLOCK
from plughost_contents.errors import PathNotFound, explained
from plughost_contents.facts import entry_of, is_shown, writable_in
from plughost_contents.jail import Jail, Place
from plughost_contents.provider import Choose, Entry

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Files:
    """A ContentsProvider over the folder `root`. With `strict`, no link leads out of it."""

    def __init__(self, root: Path, *, strict: bool = False) -> None:
        self._jail = Jail(root, strict=strict)
        self._strict = strict

    async def entry(self, path: str) -> Entry:
        return await asyncio.to_thread(self._entry, path)

    async def entries(self, path: str, choose: Choose) -> list[Entry]:
        return await asyncio.to_thread(self._entries, path, choose)

    async def read(
        self, path: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        descriptor = await asyncio.to_thread(self._open, path)
        try:
            while stop is None or start < stop:
                size = BLOCK if stop is None else min(BLOCK, stop - start)
                block = await asyncio.to_thread(os.pread, descriptor, size, start)
                if not block:
                    return
                start += len(block)
                yield block
        finally:
            os.close(descriptor)

    async def write(self, path: str, data: bytes, *, new: bool = False) -> None:
        await asyncio.to_thread(self._write, path, data, new)

    async def append(self, path: str, data: bytes, *, first: bool) -> None:
        await asyncio.to_thread(self._append, path, data, first)

    async def make_folder(self, path: str) -> None:
        await asyncio.to_thread(self._make_folder, path)

    async def copy(self, path: str, new: str, *, replace: bool = False) -> None:
        await asyncio.to_thread(self._copy, path, new, replace)

    async def move(self, path: str, new: str, *, replace: bool = False) -> None:
        await asyncio.to_thread(self._move, path, new, replace)

    async def remove(self, path: str, *, trash: bool = False) -> None:
        await asyncio.to_thread(self._remove, path, trash)

    def on_disk(self, path: str) -> Path:
        """Where a path lies, for who watches it. Touches the disk. Raises PathNotFound."""
        with self._place(path) as place:
            return Path(place.path)

    # -- the same, in a worker thread

    def _place(self, path: str, *, follow: bool = True) -> AbstractContextManager[Place]:
        return self._jail.place(path, follow=follow)

    def _entry(self, path: str, *, settled: bool = True) -> Entry:
        with self._place(path) as place, explained(path):
            facts = _settled(place) if settled else place.stat()
            if not is_shown(facts):
                raise PathNotFound(path)
            return entry_of(paths.name_of(path), facts, writable=place.is_writable())

    def _entries(self, path: str, choose: Choose) -> list[Entry]:
        with self._place(path) as place, explained(path):
            folder = place.open(_FOLDER)
            try:
                entries = self._facts(path, folder, choose(self._scan(path, folder)))
                return list(entries)
            finally:
                os.close(folder)

    def _scan(self, path: str, descriptor: int) -> list[tuple[str, bool]]:
        """The names in an open folder, and which are folders; no links that lead out."""
        found = []
        with os.scandir(descriptor) as scan:
            for item in scan:
                try:
                    if self._strict and item.is_symlink():
                        folder = self._listed(path, item.name).folder
                    else:
                        folder = item.is_dir()
                    found.append((item.name, folder))
                except (OSError, HostError):  # such as a link in a circle
                    continue
        return found

    def _listed(self, path: str, name: str) -> Entry:
        return self._entry(paths.join(path, name), settled=False)

    def _facts(self, path: str, folder: int, names: list[str]) -> Iterator[Entry]:
        follow = not self._strict
        is_writable = writable_in(folder, follow=follow)
        for name in names:
            try:
                facts = os.stat(name, dir_fd=folder, follow_symlinks=follow)
                if stat.S_ISLNK(facts.st_mode):
                    yield self._listed(path, name)
                elif is_shown(facts):
                    yield entry_of(name, facts, writable=is_writable(name, facts))
            except (OSError, HostError):  # a link to nothing or to the outside, or gone
                continue

    def _open(self, path: str) -> int:
        with self._place(path) as place, explained(path):
            return _opened(place, path)

    def _write(self, path: str, data: bytes, new: bool) -> None:
        write = saving.save_new if new else saving.save
        with self._place(path, follow=not new) as place, explained(path):
            write(place, io.BytesIO(data))

    def _append(self, path: str, data: bytes, first: bool) -> None:
        how = os.O_TRUNC if first else os.O_APPEND
        with self._place(path) as place, explained(path):
            descriptor = place.open(os.O_WRONLY | os.O_CREAT | how, 0o666)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)

    def _make_folder(self, path: str) -> None:
        with self._place(path, follow=False) as place, explained(path):
            place.mkdir()

    def _copy(self, path: str, new: str, replace: bool) -> None:
        with self._place(path) as source, self._place(new, follow=replace) as target:
            with explained(path):
                folder = stat.S_ISDIR(source.stat().st_mode)
            if folder:
                trees.copy_folder(source, path, target, new)
                return
            with explained(path):
                descriptor = _opened(source, path)
            with os.fdopen(descriptor, "rb") as file, explained(new):
                (saving.save if replace else saving.save_new)(target, file)

    def _move(self, path: str, new: str, replace: bool) -> None:
        with (
            self._place(path, follow=False) as source,
            self._place(new, follow=replace) as target,
        ):
            with explained(path):
                _settled(source)
            with explained(new):
                if replace:
                    saving.replace(target, source)
                    return
                try:
                    saving.move(source, target)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    trees.move_across(source, path, target, new)

    def _remove(self, path: str, trash: bool) -> None:
        if trash:
            import send2trash  # noqa: F401  # slow the first time: not between look and act
        with self._place(path, follow=False) as place, explained(path):
            facts = _settled(place)
            if trash:
                _to_trash(place, path)
            elif stat.S_ISDIR(facts.st_mode):
                place.rmdir()
            else:
                place.unlink()


def _settled(place: Place) -> os.stat_result:
    """The facts about a place, once what a broken save has done to it is undone."""
    facts = place.stat()
    if stat.S_ISREG(facts.st_mode):
        in_place.settle(place)
        facts = place.stat()
    return facts


def _opened(place: Place, path: str) -> int:
    """A descriptor to read a file by. Raises PathNotFound for what is none."""
    if stat.S_ISREG(_settled(place).st_mode):
        descriptor = place.open(os.O_RDONLY)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
    raise PathNotFound(path)


def _to_trash(place: Place, path: str) -> None:
    from send2trash import send2trash  # slow to import, rarely used

    # It takes a path, and walks it once more: this is the one operation that somebody can
    # lead elsewhere, by exchanging a folder for a link in between.
    try:
        send2trash(place.path)
    except Exception as error:
        raise BadRequest(
            f"{path!r} could not be moved to the trash: {error}",
            hint="Set `delete_to_trash = false` under [extensions.contents] in plughost.toml "
            "to delete for good.",
        ) from error

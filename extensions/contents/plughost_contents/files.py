"""Files: a folder on disk as the place where contents are stored.

The folder is a jail. A path is looked at name by name (`paths.normal`), so that without
links nothing leads out; links are followed, as people with a `~/data` expect, unless
`strict`. Everything that touches the disk runs off the loop.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import stat
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timezone
from pathlib import Path

from plughost import BadRequest
from plughost_contents import paths, saving
from plughost_contents.errors import PathExists, PathNotFound, explained
from plughost_contents.provider import Entry
from plughost_contents.saving import BLOCK

LARGEST_COPY = 500 * 1024 * 1024
"""Bytes of the largest folder that is copied."""


class Files:
    """A ContentsProvider over the folder `root`. With `strict`, no link leads out of it."""

    def __init__(self, root: Path, *, strict: bool = False) -> None:
        self._root = root.resolve()
        self._strict = strict

    async def entry(self, path: str) -> Entry:
        return await asyncio.to_thread(self._entry, path)

    async def entries(self, path: str, choose: Callable[[list[str]], list[str]]) -> list[Entry]:
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

    # -- the same, in a worker thread

    def _locate(self, path: str, *, follow: bool = True) -> Path:
        """Where a path lies on disk; without `follow`, where the link at its end lies."""
        names = [name for name in paths.normal(path).split("/") if name]
        full = self._root.joinpath(*names)
        if not self._strict or not names:
            return full
        real = _real(full) if follow else _real(full.parent) / names[-1]
        if not real.is_relative_to(self._root):
            raise PathNotFound(path)
        return real

    def _entry(self, path: str) -> Entry:
        full = self._locate(path)
        with explained(path):
            facts = full.stat()
        if not _shown(facts):
            raise PathNotFound(path)
        return _entry(paths.name_of(path), full, facts)

    def _entries(self, path: str, choose: Callable[[list[str]], list[str]]) -> list[Entry]:
        folder = self._locate(path)
        with explained(path), os.scandir(folder) as scan:
            found = {item.name: item for item in scan}
        entries = []
        for name in choose(list(found)):
            item = found[name]
            try:
                if self._strict and item.is_symlink():
                    self._locate(paths.join(path, name))
                facts = item.stat()
            except (OSError, PathNotFound):  # a link to nothing or to the outside, or gone
                continue
            if _shown(facts):
                entries.append(_entry(name, item.path, facts))
        return entries

    def _open(self, path: str) -> int:
        full = self._locate(path)
        with explained(path):
            # Without O_NONBLOCK a named pipe would hold the thread until somebody writes.
            descriptor = os.open(full, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise PathNotFound(path)
        return descriptor

    def _write(self, path: str, data: bytes, new: bool) -> None:
        write = saving.save_new if new else saving.save
        full = self._locate(path)
        with explained(path):
            write(full, io.BytesIO(data))

    def _append(self, path: str, data: bytes, first: bool) -> None:
        full = self._locate(path)
        with explained(path), full.open("wb" if first else "ab") as file:
            file.write(data)

    def _make_folder(self, path: str) -> None:
        full = self._locate(path)
        with explained(path):
            full.mkdir()

    def _copy(self, path: str, new: str, replace: bool) -> None:
        source, target = self._locate(path), self._locate(new)
        with explained(path):
            folder = stat.S_ISDIR(source.stat().st_mode)
        if folder:
            self._copy_folder(source, path, target, new)
            return
        with os.fdopen(self._open(path), "rb") as file, explained(new):
            (saving.save if replace else saving.save_new)(target, file)

    def _copy_folder(self, source: Path, path: str, target: Path, new: str) -> None:
        with explained(path):
            if _real(target.parent).is_relative_to(_real(source)):
                raise BadRequest(
                    f"The folder {path!r} cannot be copied into itself.",
                    hint="Copy it to a folder that does not lie in it.",
                )
            size = sum(
                Path(folder, name).lstat().st_size
                for folder, _, names in os.walk(source)
                for name in names
            )
        if size > LARGEST_COPY:
            raise BadRequest(
                f"The folder {path!r} has {size // 2**20} MiB, more than the "
                f"{LARGEST_COPY // 2**20} MiB that are copied.",
                hint="Copy it in a terminal.",
            )
        with explained(new):
            try:
                shutil.copytree(source, target, symlinks=True)
            except shutil.Error as error:
                raise BadRequest(
                    f"Not all of {path!r} could be copied: {error.args[0][0][2]}.",
                    hint=f"{new!r} has what could be.",
                ) from error

    def _move(self, path: str, new: str, replace: bool) -> None:
        source, target = self._locate(path, follow=False), self._locate(new, follow=False)
        with explained(path):
            source.lstat()
        with explained(new):
            if os.path.lexists(target) and not _same(source, target):
                if not replace:
                    raise PathExists(new)
                with source.open("rb") as file:
                    saving.save(target, file)
                source.unlink()
                return
            if replace:
                saving.sync(source)
            source.rename(target)
            saving.sync(target.parent)

    def _remove(self, path: str, trash: bool) -> None:
        full = self._locate(path, follow=False)
        with explained(path):
            facts = full.lstat()
            if trash:
                _to_trash(full, path)
            elif stat.S_ISDIR(facts.st_mode):
                full.rmdir()
            else:
                full.unlink()


def _real(path: Path) -> Path:
    # Not Path.resolve(): that raises RuntimeError for links in a circle.
    return Path(os.path.realpath(path))


def _shown(facts: os.stat_result) -> bool:
    """Whether it is a file or a folder: pipes, sockets and devices are neither."""
    return stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)


def _entry(name: str, full: Path | str, facts: os.stat_result) -> Entry:
    return Entry(
        name=name,
        folder=stat.S_ISDIR(facts.st_mode),
        size=facts.st_size,
        created=_time(getattr(facts, "st_birthtime", facts.st_ctime)),
        modified=_time(facts.st_mtime),
        writable=os.access(full, os.W_OK),
    )


def _time(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):  # some file systems have odd clocks
        return datetime.fromtimestamp(0, timezone.utc)


def _same(one: Path, other: Path) -> bool:
    """Whether two names are one file, as `a` and `A` are where letter case does not count."""
    return str(one).lower() == str(other).lower() and os.path.samestat(one.lstat(), other.lstat())


def _to_trash(full: Path, path: str) -> None:
    from send2trash import send2trash  # slow to import, rarely used

    try:
        send2trash(str(full))
    except Exception as error:
        raise BadRequest(
            f"{path!r} could not be moved to the trash: {error}",
            hint="Set `delete_to_trash = false` under [extensions.contents] in plughost.toml "
            "to delete for good.",
        ) from error

"""Notice edits: look at the files of a source, and wait until it is worth a look.

The file system only says that something has happened in a folder; what has changed is found by
looking. So files that are saved by renaming, and folders that come and go, are no special cases.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchfiles import watch

from plughost_build.errors import BuildError
from plughost_build.fingerprint import OF_THE_WORKSPACE, folders_of
from plughost_build.source import Source, read_package_json, workspace_members

QUIET = 15
"""Milliseconds without a change after which those before are told."""

_INSTALLED = Path("node_modules", ".package-lock.json")
"""Where npm notes what it has installed."""

State = tuple[int, int, int]
"""Of a file: when it was modified, its size, its inode."""


class Files:
    """The files that a source is made of, and how they were at the last look.

    `folders` are those to watch, with their inodes: one that was made anew is another one.
    """

    def __init__(self, source: Source) -> None:
        self.folders: Mapping[Path, int] = {}
        self._source = source
        self._outside: set[Path] = set()
        self._manifests: set[Path] = set()
        with suppress(BuildError):
            members = workspace_members(source.root, read_package_json(source.root))
            self._manifests = {member / "package.json" for member in members}
        self._seen = self._now()

    def look(self) -> set[Path]:
        """What has changed since the last look."""
        before, self._seen = self._seen, self._now()
        every = before.keys() | self._seen.keys()
        return {path for path in every if before.get(path) != self._seen.get(path)}

    def forgive_npm(self) -> None:
        """Take for seen what npm has written for us."""
        written = [self._source.root / name for name in ("package-lock.json", _INSTALLED)]
        self._seen |= _states(written)

    def add(self, files: Iterable[str]) -> None:
        """Look at these from now on, too."""
        more = {path for path in map(Path, files) if path not in self._seen}
        if more:
            self._outside |= more
            self._seen |= _states(more)
            self._now()

    def are_setup(self, paths: Iterable[Path]) -> bool:
        """Whether one of them says what to build and how, as package.json does."""
        source = self._source
        return any(
            path in self._manifests
            or path == source.root / _INSTALLED
            or (
                path.parent in (source.folder, source.root)
                and any(path.match(pattern) for pattern in OF_THE_WORKSPACE)
            )
            for path in paths
        )

    def _now(self) -> dict[Path, State]:
        source = self._source
        tree = dict(folders_of(source))
        of_root = [path for pattern in OF_THE_WORKSPACE for path in source.root.glob(pattern)]
        others = {*of_root, *self._manifests, source.root / _INSTALLED, *self._outside}
        # The folder above is where it is seen that the source goes, or is there again.
        above = {_nearest(path.parent) for path in (source.folder, *others)}
        self.folders = {folder: _inode(folder) for folder in {*tree, *above}}
        return _states({*others, *(path for files in tree.values() for path in files)})


class Wait:
    """A thread that tells when something changes in some folders, but for what is below them."""

    def __init__(self, folders: Mapping[Path, int], tell: Callable[[], None]) -> None:
        self.folders = folders
        self._tell = tell
        self._begun = False
        self._ended = False
        threading.Thread(target=self._run, daemon=True).start()

    def end(self) -> None:
        self._ended = True

    def is_set(self) -> bool:
        """What watchfiles asks for again and again, as soon as it watches: whether to end."""
        if not self._begun:
            self._begun = True
            self._tell()  # for what had changed before
        return self._ended

    def _run(self) -> None:
        try:
            self._watch(force_polling=None)
        except OSError:
            # One of them has just gone, or the system watches no more than so many.
            self._watch(force_polling=True)

    def _watch(self, **options: Any) -> None:
        there = [folder for folder in self.folders if folder.is_dir()]
        changes = watch(
            *there,
            watch_filter=None,
            debounce=10 * QUIET,
            step=QUIET,
            stop_event=self,
            recursive=False,
            ignore_permission_denied=True,
            raise_interrupt=False,
            **options,
        )
        for _ in changes:
            self._tell()


def _states(paths: Iterable[Path]) -> dict[Path, State]:
    """Of those that are there."""
    found = {}
    for path in paths:
        with suppress(OSError):
            state = path.stat()
            found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def _inode(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def _nearest(folder: Path) -> Path:
    """The folder itself, or the first above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())

"""Changes on disk: what other programs do to the files that clients have read lately.

Watched are the folders that were read last, and those of the files that were read last; what
lies deeper is not. Our own changes are told apart by the state in which they leave a file, and
that is remembered. It runs only while somebody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from plughost import HostError
from plughost_contents import listing, paths
from plughost_contents.drives import Mount
from plughost_contents.events import ContentsEvents
from plughost_contents.provider import Entry

FOLDERS = 100
"""So many folders are watched, the last ones that were read."""

FILES = 5_000
"""Of so many files it is remembered in which state they were."""

MOST_CHANGES = 200
"""Of so many changes at a time in one folder each is told; of more, that the folder has changed."""

SETTLE_SECONDS = 0.1
"""Several folders read one after another are one new set to watch."""

GATHER_SECONDS = 0.5
"""Changes that come one after another are told together after this, or once there are no more."""

LINGER_SECONDS = 2 * GATHER_SECONDS
"""Who is relieved of watching has not told yet what it has gathered."""

Place = tuple[Mount, str]
State = tuple[datetime, int] | None

_FOLDER: State = (datetime.min, 0)

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger("plughost.contents")

# It would tell people how many changes it has seen, and not where.
logging.getLogger("watchfiles").setLevel(logging.WARNING)


class Changes:
    """Notices changes and tells of them. With `hidden`, names that begin with a dot count."""

    def __init__(self, events: ContentsEvents, *, hidden: bool) -> None:
        self._events = events
        self._hidden = hidden
        # With the time of its last change that clients know of; None where none has looked.
        self._folders: dict[Place, datetime | None] = {}
        self._unwatched: set[Place] = set()
        self._states: dict[Place, State] = {}
        self._ours: Counter[Place] = Counter()
        self._heard = False
        self._failed = False
        self._watching: dict[asyncio.Task[None], asyncio.Event] = {}
        self._settling: asyncio.TimerHandle | None = None

    def note(self, mount: Mount, path: str, entry: Entry) -> None:
        """A client has read a file or a folder."""
        _keep(self._states, (mount, path), _state(entry), FILES)
        folder = (mount, path if entry.folder else paths.parent(path))
        new = folder not in self._folders
        changed = entry.modified if entry.folder else self._folders.get(folder)
        _keep(self._folders, folder, changed, FOLDERS)
        if new:
            self._unwatched.add(folder)
            self._unwatched &= self._folders.keys()
        if new or self._failed:
            self._watch_soon()

    def watches(self, mount: Mount) -> bool:
        """Whether what happens to the folders of a provider that are read now is noticed."""
        return self._heard and not self._failed and hasattr(mount.provider, "on_disk")

    @contextlib.asynccontextmanager
    async def ours(self, mount: Mount, *changed: str) -> AsyncIterator[None]:
        """What happens to these paths meanwhile is our own doing."""
        places = [(mount, path) for path in changed]
        self._ours.update(places)
        try:
            yield
        finally:
            try:
                for place in places:
                    with contextlib.suppress(HostError):  # the change itself is not undone by that
                        entry = await mount.entry_or_none(place[1])
                        _keep(self._states, place, _state(entry), FILES)
            finally:
                self._ours.subtract(places)
                self._ours += Counter()  # forgets what is at nought

    def listen(self, heard: bool) -> None:
        """Begin to watch when somebody listens, end when nobody does any more."""
        self._heard = heard
        if heard:
            self._watch_soon()
        else:
            self._end()

    async def stop(self) -> None:
        self._heard = False
        ending = [*self._watching]
        self._end()
        if ending:
            await asyncio.wait(ending)

    def _watch_soon(self) -> None:
        if self._heard and self._settling is None:
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(SETTLE_SECONDS, self._watch)

    def _watch(self) -> None:
        """Watch the folders of now; who has watched those of before ends after that."""
        self._settling = None
        before = [*self._watching.values()]
        ended = asyncio.Event()
        task = asyncio.ensure_future(self._run([*self._folders], before, ended))
        self._watching[task] = ended
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        del self._watching[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            if not self._failed:  # each time that a client reads it is tried again
                log.warning(
                    "Changes on disk are not noticed: %s. Where it says that a limit is reached, "
                    "raise fs.inotify.max_user_watches.",
                    error,
                )
            self._failed = True

    def _end(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        for ended in self._watching.values():
            ended.set()
        self._unwatched.update(self._folders)

    async def _run(
        self, places: list[Place], before: Iterable[asyncio.Event], ended: asyncio.Event
    ) -> None:
        # Imported when needed: with what it brings along it is as large as all of contents.
        await asyncio.to_thread(importlib.import_module, "watchfiles")
        from watchfiles import Change, awatch

        folders = await asyncio.to_thread(_on_disk, places)
        for place in {*places}.difference(*folders.values()):
            self._folders.pop(place, None)  # when it comes back, it is another folder
        if not folders:
            _relieve(before)
            return
        batches = awatch(
            *folders,
            recursive=False,
            watch_filter=None,
            stop_event=ended,
            debounce=round(GATHER_SECONDS * 1000),
            step=50,
            ignore_permission_denied=True,
        )
        while True:
            waiting = asyncio.ensure_future(anext(batches, None))
            await asyncio.sleep(0)  # now it watches, or has failed to
            if not waiting.done():
                self._failed = False
                _relieve(before)
                before = ()
                await self._look_back(folders)
            batch = await waiting
            if batch is None:
                return
            added = {path for change, path in batch if change == Change.added}
            if any(change == Change.deleted and path in folders for change, path in batch):
                self._watch_soon()  # by now there can be another one of that name
            for path in self._worth_a_look(folders, {path for _, path in batch}):
                for place in self._places(folders, path):
                    await self._look(*place, new=path in added)

    async def _look_back(self, folders: dict[str, list[Place]]) -> None:
        """See what has changed between a client's look at a folder and its being watched."""
        watched = {place for places in folders.values() for place in places}
        fresh = self._unwatched & watched
        self._unwatched -= fresh
        for file, state in [*self._states.items()]:
            if state not in (None, _FOLDER) and (file[0], paths.parent(file[1])) in fresh:
                await self._look(*file, new=False)
        for place in fresh:
            mount, path = place
            known = self._folders.get(place)
            with contextlib.suppress(HostError):
                entry = await mount.entry_or_none(path)
                if known is not None and entry is not None and entry.modified != known:
                    self._folders[place] = entry.modified
                    self._events.tell_change("changed", mount.outside(path), type="directory")

    def _worth_a_look(self, folders: dict[str, list[Place]], changed: set[str]) -> list[str]:
        """The changed paths, but of a folder in which very much has changed: that is told whole."""
        counts = Counter(map(os.path.dirname, changed))
        crowded = {folder for folder, count in counts.items() if count > MOST_CHANGES}
        for folder in crowded:
            for mount, path in folders.get(folder, []):
                self._events.tell_change("changed", mount.outside(path), type="directory")
        return sorted(path for path in changed if os.path.dirname(path) not in crowded)

    def _places(self, folders: dict[str, list[Place]], full: str) -> list[Place]:
        """What clients call a path on a disk; with links in the root it has several names."""
        above, name = os.path.split(full)
        if name.startswith(".~"):
            return []
        if above not in folders:
            return folders.get(full, [])
        if listing.left_out(name) or (name.startswith(".") and not self._hidden):
            return []
        still = [place for place in folders[above] if place in self._folders]
        return [(mount, paths.join(folder, name)) for mount, folder in still]

    async def _look(self, mount: Mount, path: str, *, new: bool) -> None:
        """See what has become of a path, and tell when it was somebody else."""
        if self._ours[mount, path]:
            return
        try:
            entry = await mount.entry_or_none(path)
        except HostError:  # nothing that a client could read
            return
        known = self._states.get((mount, path))
        state = _state(entry)
        if (mount, path) in self._states and known == state:
            return
        _keep(self._states, (mount, path), state, FILES)
        if entry is None:
            self._events.tell_change("deleted", mount.outside(path))
        else:
            action = "created" if known is None and new else "changed"
            self._events.tell_change(action, mount.outside(path), **_facts(entry))


def _relieve(watching: Iterable[asyncio.Event]) -> None:
    """End those who watch, once they have told what they know; telling it twice harms nobody."""
    for ended in watching:
        asyncio.get_running_loop().call_later(LINGER_SECONDS, ended.set)


def _on_disk(places: list[Place]) -> dict[str, list[Place]]:
    """The folders that are on a disk and there, by their paths on it."""
    found: dict[str, list[Place]] = {}
    for mount, path in places:
        locate = getattr(mount.provider, "on_disk", None)
        if locate is None:
            continue
        with contextlib.suppress(HostError, OSError):  # it is gone
            folder: Path = locate(path)
            if folder.is_dir():
                found.setdefault(str(folder), []).append((mount, path))
    return found


def _facts(entry: Entry) -> dict[str, str]:
    kind = "notebook" if entry.name.endswith(".ipynb") else "file"
    return {
        "type": "directory" if entry.folder else kind,
        "last_modified": entry.modified.isoformat().replace("+00:00", "Z"),
    }


def _state(entry: Entry | None) -> State:
    if entry is None:
        return None
    # What is in a folder changes its times, and is told by itself.
    return _FOLDER if entry.folder else (entry.modified, entry.size)


def _keep(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Make `key` the last of those that are kept; the first one makes room."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]

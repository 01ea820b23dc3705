"""A pond: a drive in memory, gone when the server ends."""

from dataclasses import dataclass
from datetime import datetime, timezone

from plughost import Conflict, NotFound, Service, hookimpl


@dataclass
class Entry:
    """Facts about a file or a folder."""

    name: str
    folder: bool
    size: int
    created: datetime
    modified: datetime
    writable: bool = True


class Pond:
    """Bytes by path; None is a folder, and the root is the empty path."""

    def __init__(self):
        self.things = {"": None}
        self.times = {"": datetime.now(timezone.utc)}

    async def entry(self, path):
        data = self._find(path)
        time = self.times[path]
        return Entry(path.rpartition("/")[2], data is None, len(data or b""), time, time)

    async def entries(self, path, choose):
        self._find(path)
        inside = {p.rpartition("/")[2]: p for p in self.things if p and self._above(p) == path}
        names = choose([(name, self.things[p] is None) for name, p in inside.items()])
        return [await self.entry(inside[name]) for name in names]

    async def read(self, path, start=0, stop=None):
        yield (self._find(path) or b"")[start:stop]

    async def write(self, path, data, *, new=False):
        self._put(path, data, new)

    async def append(self, path, data, *, first):
        self._put(path, data if first else self._find(path) + data, new=False)

    async def make_folder(self, path):
        self._put(path, None, new=True)

    async def copy(self, path, new, *, replace=False):
        self._find(path)
        for old in self._all_in(path):
            self._put(new + old[len(path) :], self.things[old], new=not replace)

    async def move(self, path, new, *, replace=False):
        await self.copy(path, new, replace=replace)
        await self.remove(path)

    async def remove(self, path, *, trash=False):
        self._find(path)
        for old in self._all_in(path):
            del self.things[old], self.times[old]

    def _find(self, path):
        if path not in self.things:
            raise NotFound(f"There is no {path!r} in the pond.")
        return self.things[path]

    def _put(self, path, data, new):
        if new and path in self.things:
            raise Conflict(f"There is a {path!r} in the pond already.")
        self._find(self._above(path))
        self.things[path] = data
        self.times[path] = datetime.now(timezone.utc)

    def _above(self, path):
        return path.rpartition("/")[0]

    def _all_in(self, path):
        return [p for p in self.things if p == path or p.startswith(f"{path}/")]


@hookimpl
def plughost_services():
    return [Service(Pond())]


@hookimpl(optionalhook=True)
def contents_drives(host):
    return [("pond", host.service(Pond))]

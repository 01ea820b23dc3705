"""Drives: further places where contents are stored, each a folder `name:` in the root.

Their files are at `name:path`, as JupyterLab writes the paths of drives, and at `name:/path`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timezone

from plughost import NotFound
from plughost_contents import paths
from plughost_contents.checkpoints import Checkpoints
from plughost_contents.errors import PathNotFound
from plughost_contents.provider import Choose, ContentsProvider, Entry
from plughost_contents.uploads import Uploads

HASH = "sha256"
"""The algorithm behind the `hash` of a model."""

_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)

log = logging.getLogger("plughost.contents")


class Mount:
    """A provider at its place: what belongs to it, and what its paths are called outside."""

    def __init__(self, provider: ContentsProvider, prefix: str = "") -> None:
        self.provider = provider
        self.prefix = prefix
        self.checkpoints = Checkpoints(provider, self.outside)
        self.uploads = Uploads(provider, self.outside)

    def outside(self, path: str) -> str:
        """The API path of a path in this provider."""
        return f"{self.prefix}{path}"

    async def entry_or_none(self, path: str) -> Entry | None:
        """The facts about a path, None where there is nothing."""
        try:
            return await self.provider.entry(path)
        except NotFound:
            return None

    async def bytes(self, path: str) -> bytes:
        """All of a file. Raises PathNotFound."""
        async with aclosing(self.provider.read(path)) as blocks:
            return b"".join([block async for block in blocks])

    async def hash(self, path: str) -> str:
        """The hash of a file's bytes, in hexadecimal digits. Raises PathNotFound."""
        digest = hashlib.new(HASH)
        async with aclosing(self.provider.read(path)) as blocks:
            async for block in blocks:
                await asyncio.to_thread(digest.update, block)
        return digest.hexdigest()


class Drives:
    """All mounts: the root folder's provider, and the drives that extensions have now.

    `ask` returns those drives, name and provider. It is asked whenever a path may be on one
    of them: they come and go with their extensions.
    """

    def __init__(
        self, root: ContentsProvider, ask: Callable[[], Iterable[tuple[str, ContentsProvider]]]
    ) -> None:
        self.root = Mount(root)
        self._ask = ask
        self._mounts: dict[str, Mount] = {}
        self._since = datetime.now(timezone.utc)

    def find(self, path: str) -> tuple[Mount, str]:
        """Whose a path is, and its path there. Raises PathNotFound for what no root contains."""
        path = paths.normal(path)
        first, slash, rest = path.partition("/")
        name, colon, below = first.partition(":")
        if colon:
            mount = self._find().get(name)
            if mount is not None:
                try:
                    return mount, paths.normal(f"{below}{slash}{rest}")
                except PathNotFound:
                    raise PathNotFound(path) from None
        return self.root, path

    async def entries(self, mount: Mount, folder: str, choose: Choose) -> list[Entry]:
        """What is in a folder, as its provider says; the drives are in the root folder, too."""
        drives = self._find() if mount is self.root and not folder else {}
        if not drives:
            return await mount.provider.entries(folder, choose)
        since = self._since
        ours = {f"{name}:": Entry(f"{name}:", True, 0, since, since, True) for name in drives}
        order: list[str] = []

        def choose_among_all(found: list[tuple[str, bool]]) -> list[str]:
            on_disk = [each for each in found if each[0] not in ours]  # a drive hides its like
            order[:] = choose([*on_disk, *((name, True) for name in ours)])
            return [name for name in order if name not in ours]

        found = await mount.provider.entries(folder, choose_among_all)
        known = {entry.name: entry for entry in found} | ours
        return [known[name] for name in order if name in known]

    def _find(self) -> dict[str, Mount]:
        drives = {}
        for name, provider in self._ask():
            if _NAME.fullmatch(name):
                drives[name] = provider
            else:
                log.warning("A drive cannot be called %r: use letters, digits, '_', '-'.", name)
        self._mounts = {
            name: mount
            if (mount := self._mounts.get(name)) and mount.provider is provider
            else Mount(provider, f"{name}:")
            for name, provider in drives.items()
        }
        return self._mounts


async def carry(home: Mount, path: str, mount: Mount, new: str) -> None:
    """Copy a file, or a folder with all that is in it, to another provider."""
    if not (await home.provider.entry(path)).folder:
        await mount.provider.write(new, await home.bytes(path), new=True)
        return
    await mount.provider.make_folder(new)
    inside = await home.provider.entries(path, lambda found: [name for name, _ in found])
    for entry in inside:
        await carry(home, paths.join(path, entry.name), mount, paths.join(new, entry.name))

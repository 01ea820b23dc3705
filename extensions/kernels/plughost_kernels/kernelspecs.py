"""Which kernels can be started: kernelspecs in Jupyter's data folders.

Reading them takes the disk and, the first time, jupyter_client, so it happens in a
thread; what was read is kept until a folder or a `kernel.json` changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from jupyter_core.paths import jupyter_path

from plughost_kernels.errors import KernelspecNotFound
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager


class Kernelspec(msgspec.Struct, frozen=True):
    """One kernelspec as `GET /api/kernelspecs/<name>` shows it.

    `spec` is its kernel.json; `resources` has URLs of its logos and scripts.
    """

    name: str
    spec: dict[str, Any]
    resources: dict[str, str]


class Kernelspecs:
    """The installed kernelspecs by name."""

    def __init__(self, base_url: str, settings: KernelSettings) -> None:
        self._base_url = base_url
        self._wanted_default = settings.default_kernel
        self._manager: KernelSpecManager | None = None
        self._seen: list[tuple[str, int]] | None = None
        self._specs: dict[str, Kernelspec] = {}
        self._folders: dict[str, Path] = {}
        self._reading = asyncio.Lock()

    async def all(self) -> dict[str, Kernelspec]:
        """Every usable kernelspec; a broken one is named in the log."""
        async with self._reading:
            await asyncio.to_thread(self._refresh)
        return self._specs

    async def get(self, name: str) -> Kernelspec:
        """One kernelspec; upper and lower case are the same. Raises KernelspecNotFound."""
        specs = await self.all()
        spec = specs.get(name) or specs.get(name.lower())
        if spec is None:
            raise KernelspecNotFound(name, specs)
        return spec

    async def default(self) -> str:
        """The name of the kernelspec to use when nobody names one."""
        specs = await self.all()
        if self._wanted_default in specs:
            return self._wanted_default
        return next(iter(sorted(specs)), self._wanted_default)

    async def file(self, name: str, file: str) -> Path | None:
        """A resource file of a kernelspec, such as a logo; None when there is none."""
        spec = await self.get(name)
        folder = self._folders[spec.name].resolve()
        path = (folder / file).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

    @property
    def manager(self) -> KernelSpecManager:
        """jupyter_client's own view of the same folders."""
        if self._manager is None:
            from jupyter_client.kernelspec import KernelSpecManager

            # Named here, because the default imports IPython only to learn the last one.
            ipython = os.environ.get("IPYTHONDIR") or str(Path("~/.ipython").expanduser())
            folders = [*jupyter_path("kernels"), str(Path(ipython, "kernels"))]
            self._manager = KernelSpecManager(kernel_dirs=folders)
        return self._manager

    def _refresh(self) -> None:
        seen = list(self._look())
        if seen == self._seen:
            return
        found = self.manager.get_all_specs()
        self._folders = {name: Path(entry["resource_dir"]) for name, entry in found.items()}
        self._specs = {
            name: Kernelspec(name, entry["spec"], self._resources(name))
            for name, entry in found.items()
        }
        self._seen = seen

    def _look(self) -> Iterator[tuple[str, int]]:
        """Everything whose change could matter, with its time of modification."""
        for folder in self.manager.kernel_dirs:
            for path in [Path(folder), *sorted(Path(folder).glob("*/kernel.json"))]:
                try:
                    yield str(path), path.stat().st_mtime_ns
                    yield str(path.parent), path.parent.stat().st_mtime_ns
                except OSError:
                    continue

    def _resources(self, name: str) -> dict[str, str]:
        folder = self._folders[name]
        files = [folder / "kernel.js", folder / "kernel.css", *sorted(folder.glob("logo-*"))]
        return {
            file.stem if file.name.startswith("logo-") else file.name: (
                f"{self._base_url}kernelspecs/{quote(name)}/{quote(file.name)}"
            )
            for file in files
            if file.is_file()
        }

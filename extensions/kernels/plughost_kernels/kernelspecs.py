"""Which kernels can be started: kernelspecs in Jupyter's data folders.

Reading them takes the disk and, where `kernel_json.py` does not suffice, jupyter_client, so
it happens in a thread; what was read is kept until a folder or a `kernel.json` changes.
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

from plughost_kernels import kernel_json
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
        self._places = kernel_folders()
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

            self._manager = KernelSpecManager(kernel_dirs=[str(place) for place in self._places])
        return self._manager

    def _refresh(self) -> None:
        seen = list(self._look())
        if seen == self._seen:
            return
        found = kernel_json.read(self._places)
        if found is None:
            found = {
                name: kernel_json.Found(Path(entry["resource_dir"]), entry["spec"])
                for name, entry in self.manager.get_all_specs().items()
            }
        self._folders = {name: kernel.folder for name, kernel in found.items()}
        self._specs = {
            name: Kernelspec(name, kernel.spec, self._resources(name))
            for name, kernel in found.items()
        }
        self._seen = seen

    def _look(self) -> Iterator[tuple[str, int]]:
        """Everything whose change could matter, with its time of modification."""
        for folder in self._places:
            for path in [folder, *sorted(folder.glob("*/kernel.json"))]:
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


def kernel_folders() -> list[Path]:
    """Where kernelspecs are, the first one counting most: what jupyter_client looks through.

    Its own list ends with IPython's folder, too, and imports IPython to learn which one.
    """
    ipython = os.environ.get("IPYTHONDIR") or Path("~/.ipython").expanduser()
    return [*map(Path, jupyter_path("kernels")), Path(ipython, "kernels")]

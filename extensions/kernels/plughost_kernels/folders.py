"""Kernelspecs in folders: Jupyter's own, or those that a setting names.

They are read anew when a folder or a `kernel.json` has changed; jupyter_client is imported
only where `kernel_json.py` does not suffice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import jupyter_path

from plughost_kernels import kernel_json
from plughost_kernels.kernel_json import Found

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager


class Folders:
    """What jupyter_client's KernelSpecManager knows of these folders, the first counting most.

    With `native`, the Python kernel beside us is there even where nobody has installed its
    kernelspec. With `required`, it is an error when one of the folders is not there.
    """

    def __init__(self, places: Sequence[Path], *, native: bool, required: bool = False) -> None:
        self._places = places
        self._native = native
        self._required = required
        self._manager: KernelSpecManager | None = None
        self._seen: list[tuple[str, int]] | None = None
        self._found: dict[str, Found] = {}

    def found(self) -> dict[str, Found]:
        """Every usable kernelspec by name; a broken one is named in the log.

        Raises FileNotFoundError for a required folder that is not there.
        """
        missing = [str(place) for place in self._places if not place.is_dir()]
        if self._required and missing:
            raise FileNotFoundError(f"there is no folder {missing[0]!r}")
        seen = list(self._look())
        if seen != self._seen:
            self._found = self._read()
            self._seen = seen
        return self._found

    def get_kernel_spec(self, name: str) -> KernelSpec:
        """The kernelspec as jupyter_client starts kernels of it. Raises its NoSuchKernel."""
        return self._theirs().get_kernel_spec(name)

    def _read(self) -> dict[str, Found]:
        found = kernel_json.read(self._places, native=self._native)
        if found is None:
            theirs = self._theirs().get_all_specs().items()
            folders = {name: Path(entry["resource_dir"]) for name, entry in theirs}
            found = {
                name: Found(folders[name], entry["spec"], kernel_json.files(folders[name]))
                for name, entry in theirs
            }
        return found

    def _theirs(self) -> KernelSpecManager:
        if self._manager is None:
            from jupyter_client.kernelspec import KernelSpecManager

            self._manager = KernelSpecManager(
                kernel_dirs=[str(place) for place in self._places],
                ensure_native_kernel=self._native,
            )
        return self._manager

    def _look(self) -> Iterator[tuple[str, int]]:
        """Everything whose change could matter, with its time of modification."""
        for folder in self._places:
            for path in [folder, *sorted(folder.glob("*/kernel.json"))]:
                try:
                    yield str(path), path.stat().st_mtime_ns
                    yield str(path.parent), path.parent.stat().st_mtime_ns
                except OSError:
                    continue


def jupyter_folders() -> list[Path]:
    """Where kernelspecs are, the first one counting most: what jupyter_client looks through.

    Its own list ends with IPython's folder, too, and imports IPython to learn which one.
    """
    ipython = os.environ.get("IPYTHONDIR") or Path("~/.ipython").expanduser()
    return [*map(Path, jupyter_path("kernels")), Path(ipython, "kernels")]

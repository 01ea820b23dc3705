"""Labextensions: what has been prebuilt for JupyterLab and lies in Jupyter's data folders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from plughost import Host
from plughost_settings.files import Stamp, stamp

log = logging.getLogger("plughost.settings")


@dataclass(frozen=True)
class Labextension:
    """One labextension: the name and the version in its `package.json`, and its folder."""

    name: str
    version: str
    folder: Path


class Labextensions:
    """The labextensions in `paths`, the strongest path first.

    Each folder `<name>` or `@<scope>/<name>` with a `package.json` is one, links to folders
    included; of several of the same name the first counts. The list does not ask whether
    page configuration disables one: its plugins are off then, its settings are not lost.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._read: dict[Path, tuple[Stamp, _Package | None]] = {}

    def all(self) -> list[Labextension]:
        """What is installed now; the log names what cannot be used."""
        found: dict[str, Labextension] = {}
        for path in self._package_files():
            package = self._package(path)
            if package is not None:
                found.setdefault(
                    package.name, Labextension(package.name, package.version, path.parent)
                )
        return list(found.values())

    def _package_files(self) -> Iterator[Path]:
        for folder in self.paths:
            for pattern in ("[!@]*/package.json", "@*/*/package.json"):
                yield from sorted(folder.glob(pattern))

    def _package(self, path: Path) -> _Package | None:
        """What a file says, read again only when it has changed."""
        now = stamp(path)
        if now is None:
            return None
        known = self._read.get(path)
        if known is None or known[0] != now:
            known = self._read[path] = (now, _read(path))
        return known[1]


def browser_halves(host: Host, labextensions: Labextensions) -> Callable[[], list[Path]]:
    """What tells the folders of all browser halves: enabled frontends, then labextensions."""
    return lambda: [
        *(frontend.folder for frontend in host.frontends),
        *(labextension.folder for labextension in labextensions.all()),
    ]


class _Package(msgspec.Struct):
    """The part of a `package.json` that tells labextensions apart."""

    name: str
    version: str = "N/A"


def _read(path: Path) -> _Package | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Package)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        log.warning("The labextension %r cannot be used: %s.", str(path.parent), error)
        return None

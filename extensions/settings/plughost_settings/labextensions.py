"""Labextensions: what has been prebuilt for JupyterLab and lies in Jupyter's data folders."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from plughost import Host
from plughost_settings.files import Stamp, stamp

log = logging.getLogger("plughost.settings")


class Build(msgspec.Struct, frozen=True, rename="camel"):
    """What a build has left for a page: the script with the container, a path in the folder,
    and what to ask the container for."""

    load: str
    extension: str | None = None
    mime_extension: str | None = None
    style: str | None = None
    entrypoints: list[str] | None = None


@dataclass(frozen=True)
class Labextension:
    """One labextension: the name and the version in its `package.json`, and its folder.

    `build` is None where no page can load it, and `problem` says why. `disables` names
    plugins and packages that are not to run beside it, `relies_on` the packages that it
    leaves to others to share. As far as it says so, `distribution` is what has installed it,
    and `server_half` the distribution with which it talks.
    """

    name: str
    version: str
    folder: Path
    build: Build | None = None
    problem: str = ""
    disables: tuple[str, ...] = ()
    relies_on: tuple[str, ...] = ()
    is_theme: bool = False
    distribution: str = ""
    server_half: str = ""


class Labextensions:
    """The labextensions in `paths`, the strongest path first.

    Each folder `<name>` or `@<scope>/<name>` with a `package.json` is one, links to folders
    included; of several of the same name the first counts. The list does not ask whether
    page configuration disables one: its plugins are off then, its settings are not lost.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._read: dict[Path, tuple[Stamp, Labextension | None]] = {}
        self._last: dict[str, Labextension] = {}

    def all(self) -> list[Labextension]:
        """What is installed now; the log names what cannot be used."""
        found: dict[str, Labextension] = {}
        for path in self._package_files():
            labextension = self._labextension(path)
            if labextension is not None:
                found.setdefault(labextension.name, labextension)
        self._last = found
        return list(found.values())

    def find(self, name: str) -> Labextension | None:
        """The one of this name, as the last list has it; a page asks for many of its files."""
        if name not in self._last or not self._last[name].folder.is_dir():
            self.all()
        return self._last.get(name)

    def _package_files(self) -> Iterator[Path]:
        for folder in self.paths:
            for pattern in ("[!@]*/package.json", "@*/*/package.json"):
                yield from sorted(folder.glob(pattern))

    def _labextension(self, path: Path) -> Labextension | None:
        """What a `package.json` says, read again only when it has changed."""
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
    jupyterlab: Any = None


class _Install(msgspec.Struct, rename="camel"):
    """The part of an `install.json` that says who has installed a labextension."""

    package_name: str = ""


def _read(path: Path) -> Labextension | None:
    try:
        package = msgspec.json.decode(path.read_bytes(), type=_Package)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        log.warning("The labextension %r cannot be used: %s.", str(path.parent), error)
        return None
    folder = path.parent
    about = package.jupyterlab if isinstance(package.jupyterlab, dict) else {}
    build, problem = _build(folder, about.get("_build"))
    return Labextension(
        package.name,
        package.version,
        folder,
        build=build,
        problem=problem,
        disables=_disables(about),
        relies_on=_relies_on(about),
        is_theme=bool(about.get("themePath")),
        distribution=_distribution(folder),
        server_half=_server_half(about),
    )


def _build(folder: Path, said: Any) -> tuple[Build | None, str]:
    """What a page needs, or the reason why there is nothing."""
    if said is None:
        return None, "Its package.json has no `jupyterlab._build`: it has not been built."
    try:
        build = msgspec.convert(said, Build)
    except msgspec.ValidationError as error:
        return None, f"The `jupyterlab._build` in its package.json cannot be used: {error}."
    # Builds on Windows have written it with their own slashes.
    load = posixpath.normpath(build.load.replace("\\", "/"))
    if load.startswith(("/", "..")) or not (folder / load).is_file():
        return None, f"Its script {build.load!r} is not there."
    return msgspec.structs.replace(build, load=load), ""


def _disables(about: dict[str, Any]) -> tuple[str, ...]:
    said = about.get("disabledExtensions")
    return tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()


def _relies_on(about: dict[str, Any]) -> tuple[str, ...]:
    said = about.get("sharedPackages")
    shared = said.items() if isinstance(said, dict) else ()
    return tuple(
        name for name, how in shared if isinstance(how, dict) and how.get("bundled") is False
    )


def _server_half(about: dict[str, Any]) -> str:
    found: Any = about
    for key in ("discovery", "server", "base", "name"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _distribution(folder: Path) -> str:
    try:
        install = msgspec.json.decode((folder / "install.json").read_bytes(), type=_Install)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        return ""
    return install.package_name

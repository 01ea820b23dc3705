"""Is a bundle fresh? Asked without Node, so that building what is fresh costs nothing.

A fingerprint has two halves: `sha256:<sources>/<surroundings>`.
The first covers what the author wrote, the second the tools, the options and the shared modules
that were there.
Both must match, except in an unpacked sdist: its bundle was made by the author's tools, and is
as good as ever when newer ones are installed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from plughost_build.source import Source, package_of

_IGNORED_FOLDERS = {"node_modules", "tests", "test", "dist", "__pycache__"}
# Python files do not go into a bundle; PKG-INFO is only there in an unpacked sdist.
_IGNORED_SUFFIXES = {".py", ".pyi", ".pyc", ".tsbuildinfo", ".log"}
_IGNORED_FILES = {"PKG-INFO", "pyproject.toml", "setup.py", "setup.cfg"}
_OF_THE_WORKSPACE = ("package.json", "package-lock.json", "tsconfig*.json")


def fingerprint(
    source: Source, tools: str, shared: Iterable[str], *, mode: str, check: bool, sourcemap: bool
) -> str:
    """The fingerprint that a build of `source` gets under these circumstances.

    `tools` is the toolchain's own fingerprint, `shared` what others put into the page.
    """
    # Only names that the source mentions: another extension that happens to be installed and
    # shares something must not make this one stale.
    wanted = sorted(name for name in shared if package_of(name) in source.needs)
    circumstances = json.dumps([tools, wanted, mode, check, sourcemap])
    surroundings = hashlib.sha256(circumstances.encode()).hexdigest()
    return f"sha256:{hash_of_sources(source)}/{surroundings[:16]}"


def recorded(source: Source) -> str | None:
    """The fingerprint of the bundle that is there; None where it is missing or not whole."""
    try:
        manifest = json.loads(source.manifest.read_text(encoding="utf-8"))
        provided = [entry["file"] for entry in manifest.get("provides", {}).values()]
        named = [manifest["module"], *manifest["styles"], *manifest["preload"], *provided]
        whole = all((source.output / name).is_file() for name in named)
        return str(manifest["fingerprint"]) if whole else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # Unreadable, or of another shape: there is nothing here to rely on.
        return None


def same_sources(one: str, other: str) -> bool:
    """Whether two fingerprints differ at most in the surroundings."""
    return one.partition("/")[0] == other.partition("/")[0]


def hash_of_sources(source: Source) -> str:
    """Over the relative path and the content of every file that a build may read."""
    total = hashlib.sha256()
    files = {path.relative_to(source.folder).as_posix(): path for path in _files(source)}
    if source.root != source.folder:
        for pattern in _OF_THE_WORKSPACE:
            files |= {f"/{path.name}": path for path in source.root.glob(pattern)}
    for name in sorted(files):
        content = hashlib.sha256(files[name].read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


def hash_of_folder(folder: Path) -> str:
    """The same over a folder of tools."""
    total = hashlib.sha256()
    for path in sorted(_walk(folder, skip=set())):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def _files(source: Source) -> Iterator[Path]:
    skip = {source.output}
    # The Python half lies among the sources; its templates and data are not the bundler's
    # business, unless the browser half lives in there too.
    if not {source.package} & {*source.entry.parents, *source.schemas.parents}:
        skip.add(source.package)
    return _walk(source.folder, skip)


def _walk(folder: Path, skip: set[Path]) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in _IGNORED_FOLDERS
            and not name.endswith(".egg-info")
            and Path(here, name) not in skip
        ]
        for name in names:
            path = Path(here, name)
            if (
                not name.startswith(".")
                and name not in _IGNORED_FILES
                and path.suffix not in _IGNORED_SUFFIXES
                and path.is_file()
            ):
                yield path

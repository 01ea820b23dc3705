"""Is a bundle fresh? Asked without Node, so that building what is fresh costs nothing.

A fingerprint has two halves: `sha256:<sources>/<tools>.<shared>.<options>`.
The first covers what the author wrote, the second what was around: the tools, the shared
modules that were there, the options.
Both must match, except in an unpacked sdist: its bundle was made by the author's tools, and is
as good as ever when newer ones are installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plughost_build.source import Source, package_of

_IGNORED_FOLDERS = {"node_modules", "tests", "test", "dist", "__pycache__"}
# Python files do not go into a bundle; PKG-INFO is only there in an unpacked sdist.
_IGNORED_SUFFIXES = {".py", ".pyi", ".pyc", ".tsbuildinfo", ".log"}
_IGNORED_FILES = {"PKG-INFO", "pyproject.toml", "setup.py", "setup.cfg"}
OF_THE_WORKSPACE = ("package.json", "package-lock.json", "tsconfig*.json")

OUTSIDE = "outside.json"
"""In an output: files that the build read besides, such as those of a linked folder."""

PARTS = ("sources", "tools", "shared", "options")
"""What a fingerprint consists of, in its order."""


def fingerprint(
    source: Source,
    tools: str,
    shared: Mapping[str, Any],
    *,
    mode: str,
    check: bool,
    sourcemap: bool,
) -> str:
    """The fingerprint that a build of `source` gets under these circumstances.

    `tools` is the toolchain's own fingerprint, `shared` what others put into the page.
    """
    # Only what the source mentions: another extension that happens to be installed and
    # shares something must not make this one stale.
    wanted = sorted(
        (name, entry["version"], entry.get("types"))
        for name, entry in shared.items()
        if package_of(name) in source.needs
    )
    around = (tools, wanted, [mode, check, sourcemap])
    surroundings = (hashlib.sha256(json.dumps(each).encode()).hexdigest()[:16] for each in around)
    return f"sha256:{hash_of_sources(source)}/{'.'.join(surroundings)}"


def recorded(source: Source) -> str | None:
    """The fingerprint of the bundle that is there; None where it is missing or not whole."""
    try:
        manifest = json.loads(source.manifest.read_text(encoding="utf-8"))
        provided = [entry["file"] for entry in manifest.get("provides", {}).values()]
        named = [manifest["module"], *manifest["styles"], *manifest["preload"], *provided]
        named += [manifest["types"]] if "types" in manifest else []
        whole = all((source.output / name).is_file() for name in named)
        return str(manifest["fingerprint"]) if whole else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # Unreadable, or of another shape: there is nothing here to rely on.
        return None


def recorded_in_labextension(source: Source) -> str | None:
    """The same of the labextension that is there."""
    try:
        package_json = json.loads((source.labextension / "package.json").read_text("utf-8"))
        build = package_json["jupyterlab"]["_build"]
        whole = (source.labextension / build["load"]).is_file()
        return str(build["fingerprint"]) if whole else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def covered(source: Source) -> list[str]:
    """The files that the first half covers, relative to the source."""
    return [path.relative_to(source.folder).as_posix() for path in files_of(source)]


def changed_outside(source: Source) -> list[str]:
    """Files that the build read and the fingerprint does not cover, and that are others by now."""
    try:
        recorded = json.loads((source.output / OUTSIDE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name, digest in recorded.items() if _digest(source.folder / name) != digest]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def is_half_moved(source: Source) -> bool:
    """Whether a build was moving its files into the output, and is still at it or was killed."""
    return (source.output.parent / f".{source.output.name}-lock").exists()


def changed(one: str, other: str) -> list[str]:
    """Which `PARTS` of two fingerprints differ; one of another make differs in its tools."""
    both = [re.split("[/.]", each) for each in (one, other)]
    if any(len(parts) != len(PARTS) for parts in both):
        return ["tools"] if both[0][0] == both[1][0] else ["sources", "tools"]
    return [part for part, a, b in zip(PARTS, *both, strict=True) if a != b]


def hash_of_sources(source: Source) -> str:
    """Over the relative path and the content of every file that a build may read."""
    total = hashlib.sha256()
    # A copy has what npm writes, such as a lock file, besides.
    source = source.original or source
    files = {path.relative_to(source.folder).as_posix(): path for path in files_of(source)}
    if source.root != source.folder:
        for pattern in OF_THE_WORKSPACE:
            files |= {f"/{path.name}": path for path in source.root.glob(pattern)}
    for name in sorted(files):
        total.update(f"{name}\0{_hash_of_file(files[name])}\n".encode())
    return total.hexdigest()


_hashes: dict[Path, tuple[tuple[int, ...], str]] = {}


def _hash_of_file(path: Path) -> str:
    """Over its content, which is read once for a process that looks again after each edit."""
    there = path.stat()
    state = (there.st_mtime_ns, there.st_ctime_ns, there.st_size, there.st_ino)
    before, known = _hashes.get(path, (None, ""))
    if before == state:
        return known
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    # The clock of a file system is coarse: what has just been written may be again, unnoticed.
    if time.time_ns() - there.st_mtime_ns > 2_000_000_000:
        _hashes[path] = (state, content)
    return content


def hash_of_folder(folder: Path) -> str:
    """The same over a folder of tools."""
    total = hashlib.sha256()
    for path in sorted(path for _, files in _walk(folder, skip=set()) for path in files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def files_of(source: Source) -> Iterator[Path]:
    """Every file of a source's folder that a build may read."""
    return (path for _, files in folders_of(source) for path in files)


def folders_of(source: Source) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder that a build may read from, with those of its files."""
    skip = {source.output, source.labextension}
    # The Python half lies among the sources; its templates and data are not the bundler's
    # business, unless the browser half lives in there too.
    if not {source.package} & {*source.entry.parents, *source.schemas.parents}:
        skip.add(source.package)
    return _walk(source.folder, skip)


def _walk(folder: Path, skip: set[Path]) -> Iterator[tuple[Path, list[Path]]]:
    for here, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in _IGNORED_FOLDERS
            and not name.endswith(".egg-info")
            and Path(here, name) not in skip
        ]
        yield Path(here), [path for name in names if _counts(path := Path(here, name))]


def _counts(path: Path) -> bool:
    return (
        not path.name.startswith(".")
        and path.name not in _IGNORED_FILES
        and path.suffix not in _IGNORED_SUFFIXES
        and path.is_file()
    )

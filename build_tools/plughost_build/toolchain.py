"""The bundler and the type checker: what lies in `node/`, installed once into the user's cache.

Their versions are those of the lock file that ships with plughost.
Below the cache, `tools/<hash of the lock file>/` has the installed packages and in it one folder
per version of our own program, so that a changed program installs nothing anew.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path

from plughost_build.cache import cache_folder, fill_once, machine
from plughost_build.errors import BuildError
from plughost_build.fingerprint import hash_of_folder
from plughost_build.node import Node
from plughost_build.npm import run_npm

SHIPPED = Path(__file__).parent / "node"
"""The program's source, its package.json and its lock file, inside this package."""

_LEFT_BEHIND = shutil.ignore_patterns("node_modules", ".*")


@cache
def tools_fingerprint() -> str:
    """Changes when the program or a version in its lock file does; needs no Node."""
    return hash_of_folder(SHIPPED)[:16]


def tools_are_installed() -> bool:
    """Whether `program` will have nothing to download."""
    return _packages_folder().is_dir()


def program(node: Node) -> Path:
    """Path of the bundler's `build.mjs`, ready to run. Offline, but for the first time."""
    packages = fill_once(_packages_folder(), lambda draft: _install(node, draft))
    # Modules are looked up from the program's own folder upwards: hence inside.
    copy = fill_once(packages / tools_fingerprint(), _copy)
    return copy / "build.mjs"


def _packages_folder() -> Path:
    lock_file = SHIPPED / "package-lock.json"
    if not lock_file.is_file():
        raise BuildError(
            f"{str(lock_file)!r} is missing from this installation of plughost.",
            "Reinstall plughost.",
        )
    key = hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    return cache_folder() / "tools" / f"{key}-{machine()}"


def _install(node: Node, draft: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SHIPPED / name, draft / name)
    run_npm(node, draft, "ci", "--prefer-offline")


def _copy(draft: Path) -> None:
    shutil.copytree(SHIPPED, draft, dirs_exist_ok=True, ignore=_LEFT_BEHIND)

"""Run npm, and tell whether it needs to run: what a lock file names is installed, or is not.

`python -m plughost_build.npm …` is npm for people who have none, run by the Node of builds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from plughost_build.errors import NodeNotFound, NpmFailed, SourceError
from plughost_build.node import Node, find_node
from plughost_build.source import read_package_json, workspace_members

# Scripts are off: a package that is only installed must not run code here.
_QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
_DECLARED = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def install(node: Node, folder: Path) -> None:
    """Install what the package.json in `folder` asks for.

    Exactly what the lock file says; where that is missing or older than package.json, npm
    resolves anew and writes it.
    """
    # Not `npm ci`: it refuses a lock file that was made with a registry that lacks optional
    # packages for other machines, and it deletes what is there first.
    as_locked = ("--no-save",) if lock_is_in_step(folder) else ()
    run_npm(node, folder, "install", *as_locked, *_QUIETLY)


def run_npm(node: Node, folder: Path, *arguments: str) -> None:
    """Run npm in `folder`; raises `NpmFailed` with what it printed."""
    run = subprocess.run(
        [*node.npm, *arguments],
        cwd=folder,
        env=node.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if run.returncode != 0:
        raise NpmFailed(f"npm {arguments[0]}", str(folder), run.stdout.strip())


def is_installed(folder: Path) -> bool:
    """Whether node_modules holds what package.json and its lock file ask for.

    npm notes what it installed in node_modules/.package-lock.json; whoever ran it, that note
    and the lock file can be compared without starting npm.
    """
    if not _declared_packages(folder):
        return True
    if not lock_is_in_step(folder):
        return False
    wanted = _packages(folder / "package-lock.json")
    there = _packages(folder / "node_modules" / ".package-lock.json")
    return all(
        _identity(entry) == _identity(there.get(name))
        for name, entry in wanted.items()
        # Optional ones are often for another machine, and npm leaves those out.
        if name.startswith("node_modules/") and not _may_be_missing(entry)
    )


def lock_is_in_step(folder: Path) -> bool:
    """Whether package-lock.json was made from what the package.json files ask for now."""
    locked = _packages(folder / "package-lock.json")
    return bool(locked) and all(
        {key: locked.get(name, {}).get(key) or {} for key in _DECLARED} == declared
        for name, declared in _declarations(folder).items()
    )


def _declarations(folder: Path) -> dict[str, dict[str, Any]]:
    """What each package.json asks for, by the name that the lock file has for its folder."""
    package_json = read_package_json(folder)
    found = {"": package_json}
    for member in workspace_members(folder, package_json):
        found[member.relative_to(folder.resolve()).as_posix()] = read_package_json(member)
    return {name: {key: data.get(key) or {} for key in _DECLARED} for name, data in found.items()}


def _declared_packages(folder: Path) -> bool:
    return any(any(kinds.values()) for kinds in _declarations(folder).values())


def _packages(lock_file: Path) -> dict[str, dict[str, Any]]:
    try:
        packages = json.loads(lock_file.read_text(encoding="utf-8"))["packages"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{str(lock_file)!r} cannot be read as a lock file of npm 7 or newer: {error!r}.",
            "Delete it and build again; npm then writes a new one.",
        ) from error
    return packages if isinstance(packages, dict) else {}


def _may_be_missing(entry: dict[str, Any]) -> bool:
    return bool(entry.get("optional") or entry.get("devOptional"))


def _identity(entry: dict[str, Any] | None) -> tuple[Any, ...] | None:
    if entry is None:
        return None
    return entry.get("link"), entry.get("version"), entry.get("integrity")


def _main() -> int:
    try:
        node = find_node()
    except NodeNotFound as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return subprocess.run([*node.npm, *sys.argv[1:]], env=node.environment()).returncode


if __name__ == "__main__":
    sys.exit(_main())

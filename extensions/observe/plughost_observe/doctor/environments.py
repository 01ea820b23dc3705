"""Other Python environments within reach, and extensions that were installed into the wrong one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from plughost_observe.doctor.findings import Finding, note, warning

ANSWER_SECONDS = 15.0
"""An interpreter that takes longer to say what is installed is left out."""

# Runs on any Python 3.8 or newer. -E: what PYTHONPATH adds is everywhere, and no news.
PROBE = """
import json, sys
sys.path.pop(0)
from importlib import metadata
found, versions = [], {}
for dist in metadata.distributions():
    try:
        name, text = dist.metadata["Name"], dist.read_text("entry_points.txt") or ""
    except Exception:
        continue
    if name:
        versions.setdefault(name.lower(), dist.version)
    if "[plughost]" not in text:
        continue
    section = text.split("[plughost]", 1)[1].split("\\n[", 1)[0]
    for line in section.splitlines():
        if "=" in line:
            extension = line.split("=")[0].strip()
            found.append({"name": extension, "distribution": name, "version": dist.version})
print(json.dumps({"prefix": sys.prefix, "plughost": versions.get("plughost"), "found": found}))
"""


class Offered(msgspec.Struct, frozen=True):
    """An extension that is installed somewhere."""

    name: str
    distribution: str
    version: str


class Environment(msgspec.Struct, frozen=True):
    """Another Python environment; `plughost` is the version there, if it is installed."""

    prefix: str
    python: str = ""
    plughost: str | None = None
    found: list[Offered] = []

    def to_json(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self) | {"found": msgspec.to_builtins(self.found)}


def look(installed: set[str]) -> tuple[list[Environment], list[Finding]]:
    """The environments on PATH and those that are activated, other than the one we run in.

    `installed` are the distributions that have extensions here.
    """
    pip = _python_of_pip()
    candidates = dict.fromkeys([*_candidates(), *([pip] if pip else [])])
    with ThreadPoolExecutor(max_workers=4) as pool:
        asked = dict(zip(candidates, pool.map(_ask, candidates), strict=True))
    here = os.path.realpath(sys.prefix)
    others: dict[str, Environment] = {}
    for environment in asked.values():
        if environment and os.path.realpath(environment.prefix) != here:
            others.setdefault(os.path.realpath(environment.prefix), environment)
    findings = [each for other in others.values() for each in _misplaced(other, installed)]
    of_pip = asked.get(pip) if pip else None
    if of_pip and os.path.realpath(of_pip.prefix) != here:
        findings.append(
            note(
                "pip-elsewhere",
                "pip",
                f"`pip` installs into {of_pip.prefix!r}, and this plughost runs in {sys.prefix!r}.",
                f"Install extensions for it with `{sys.executable} -m pip install …`.",
            )
        )
    return list(others.values()), findings


def _misplaced(other: Environment, installed: set[str]) -> Iterator[Finding]:
    """An extension that is there and not here, once for each distribution."""
    for name in sorted({o.distribution for o in other.found} - installed - {"plughost"}):
        extensions = [offered.name for offered in other.found if offered.distribution == name]
        yield warning(
            "other-environment",
            name,
            f"{name!r} (with {', '.join(map(repr, extensions))}) is installed in "
            f"{other.prefix!r}, and this plughost runs in {sys.prefix!r}.",
            f"To have it here: `{sys.executable} -m pip install {name}`.",
        )


def _candidates() -> Iterator[str]:
    """Interpreters that a person may have meant."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if folder := os.environ.get(variable):
            yield from _inside(folder)
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for name in ("python3", "python"):
            found = shutil.which(name, path=folder) if folder else None
            if found:
                yield os.path.abspath(found)
                break


def _inside(prefix: str) -> Iterator[str]:
    for path in (Path(prefix, "bin", "python"), Path(prefix, "Scripts", "python.exe")):
        if path.is_file():
            yield str(path)


def _python_of_pip() -> str | None:
    """The interpreter that the program `pip` on PATH belongs to."""
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is None:
        return None
    try:
        with open(pip, "rb") as file:
            first = file.readline(1000).decode("utf-8", "replace")
    except OSError:
        return None
    word = first.removeprefix("#!").strip()
    if first.startswith("#!") and "python" in os.path.basename(word) and os.path.isfile(word):
        return word
    # A wrapper, such as pyenv's: `pip 25.0 from <site-packages>/pip (python 3.11)`.
    said = _output([pip, "--version"])
    place = said.partition(" from ")[2].rpartition(" (")[0]
    return next((p for folder in Path(place).parents for p in _inside(str(folder))), None)


def _ask(python: str) -> Environment | None:
    said = _output([python, "-E", "-c", PROBE])
    try:
        environment = msgspec.json.decode(said, type=Environment)
    except msgspec.DecodeError:
        return None
    return msgspec.structs.replace(environment, python=python)


def _output(command: list[str]) -> str:
    """What a program prints; empty when it fails or takes too long."""
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout if run.returncode == 0 else ""


def has_module(python: str, module: str) -> bool | None:
    """Whether an interpreter finds a module; None when it does not say."""
    code = f"import importlib.util as u; print(bool(u.find_spec({module!r})))"
    said = _output([python, "-c", code]).strip()
    return json.loads(said.lower()) if said in ("True", "False") else None

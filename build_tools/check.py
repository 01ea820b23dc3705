"""Set up, check and test everything, as CI does: `python3 build_tools/check.py`.

Needs Python with pip, and the package registries of Python and npm.
The steps below run in order and the first that fails ends it; pytest comes last, and gets
whatever arguments are given here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "nginx-light": ("nginx",),
    "openssh-server": ("sshd",),
    "openssh-client": ("ssh",),
    "systemd": ("systemd-analyze",),
    "util-linux": ("unshare",),
}
"""Debian's packages, and the programs of which one shows that it is there."""
SIDE_BY_SIDE = ("-n3", "--dist=loadfile", "--no-loadscope-reorder")
"""Three files at a time, in their order: most of a test is waiting for processes."""
ONCE_MORE = ("--reruns=1", "--max-suite-reruns=2", "--rerun-show-tracebacks")
"""Two tests may fail once, and are told: docs/decisions/a-failed-test-runs-once-more.md."""
R_PACKAGES = {"r-cran-irkernel": "IRkernel", "r-cran-ggplot2": "ggplot2"}
"""Debian's packages, and what R calls them: a kernel for R, and what a demo notebook draws with."""


def main(pytest_arguments: list[str]) -> int:
    """Run every step; returns the exit code of the first that failed, else 0."""
    steps: list[tuple[str, Callable[[], int]]] = [
        ("virtual environment", make_venv),
        ("install", install),
        ("node", lambda: python("-m", "plughost_build.npm", "--version")),
        ("frontends", lambda: python("-m", "plughost_build")),
        ("programs", find_programs),
        ("ruff check", lambda: python("-m", "ruff", "check", ".")),
        ("ruff format", lambda: python("-m", "ruff", "format", "--check", ".")),
        ("mypy", lambda: python("-m", "mypy")),
        ("biome", lambda: npm_script("lint")),
        ("typescript", lambda: npm_script("types")),
        ("vitest", lambda: npm_script("test")),
        ("pytest", lambda: python("-m", "pytest", *SIDE_BY_SIDE, *ONCE_MORE, *pytest_arguments)),
    ]
    for name, step in steps:
        print(f"── {name}", flush=True)
        started = time.monotonic()
        if code := step():
            if name != "pytest":
                print(f"── {name} failed (exit code {code})", flush=True)
            return code
        if name != "pytest":
            print(f"   {time.monotonic() - started:.1f} s", flush=True)
    return 0


def make_venv() -> int:
    """`.venv`, made by this Python; an existing one is kept as long as it works."""
    if sys.version_info < (3, 10):  # noqa: UP036  # older ones get here, and are told
        print(f"plughost needs Python 3.10 or newer, and this is {sys.version.split()[0]}.")
        return 1
    if PYTHON.exists() and python("-m", "pip", "--version", quiet=True) == 0:
        return 0
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        print("This Python cannot make virtual environments with pip in them.")
        print("On Debian and Ubuntu: apt-get install python3-venv")
        return 1
    return 0


def install() -> int:
    """plughost itself, editable, with what the tests need; skipped when nothing changed."""
    asked_for = (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    stamp = VENV / f"installed-{hashlib.sha256(asked_for).hexdigest()[:16]}"
    if stamp.exists():
        return 0
    print("   downloads packages and compiles the browser half: some minutes", flush=True)
    code = python("-m", "pip", "install", "--quiet", "--editable", ".[test]")
    if code == 0:
        for older in VENV.glob("installed-*"):
            older.unlink()
        stamp.touch()
    return code


def find_programs() -> int:
    """What the tests drive: the system's, installed if that is possible."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [
        package
        for package, names in PROGRAMS.items()
        if not any(shutil.which(name, path=path) for name in names)
    ]
    if os.environ.get("CHROMIUM"):
        missing = [package for package in missing if package != "chromium"]
    missing += missing_r_packages()
    if not missing:
        return 0
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if not may_install:
        print(f"The tests need: {', '.join(missing)} (Debian's names).")
        print(f"On Debian: apt-get install {' '.join(missing)}")
        print("Another Chromium can be named in the environment variable CHROMIUM.")
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "--quiet"]
    get = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *missing]
    return run(update, environment) or run(get, environment)


def missing_r_packages() -> list[str]:
    """Debian's names of the packages that R does not find; of all where there is no R."""
    r = shutil.which("Rscript")
    if r is None:
        return [*R_PACKAGES]
    program = "cat(Filter(function(name) nzchar(system.file(package = name)), commandArgs(TRUE)))"
    command = [r, "-e", program, *R_PACKAGES.values()]
    found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return [package for package, name in R_PACKAGES.items() if name not in found]


def npm_script(name: str) -> int:
    """A script of the root's package.json, run by the Node that builds use."""
    return python("-m", "plughost_build.npm", "run", "--silent", name)


def python(*arguments: str, quiet: bool = False) -> int:
    """Run the virtual environment's Python in the repository's root."""
    return run([str(PYTHON), *arguments], quiet=quiet)


def run(command: list[str], environment: dict[str, str] | None = None, quiet: bool = False) -> int:
    """Run a command in the repository's root; returns its exit code."""
    out = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=out, stderr=out).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Wheels that several test folders need, each built once per run as a stranger would build it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTSIDER = ROOT / "tests" / "outsider"

BuildWheel = Callable[..., Path]


@pytest.fixture(scope="session")
def build_wheel(tmp_path_factory: pytest.TempPathFactory) -> BuildWheel:
    """Build a project's wheel with pip, in an environment that pip isolates: `build_wheel(folder)`.

    `find_links` is a folder of further wheels, `path` replaces PATH.
    """

    def build(project: Path, *, find_links: Path | None = None, path: str | None = None) -> Path:
        out = tmp_path_factory.mktemp("wheel")
        environment = dict(os.environ)
        if find_links is not None:
            # pip hands it on to the installations inside its isolated environment.
            known = environment.get("PIP_FIND_LINKS", "")
            environment["PIP_FIND_LINKS"] = f"{find_links} {known}".strip()
        if path is not None:
            environment["PATH"] = path
        run = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", out, project],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        (wheel,) = out.glob("*.whl")
        return wheel

    return build


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], Path]], Path]:
    """`once(name, make)` is the file that `make` makes, once for all processes of this run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def made(name: str, make: Callable[[], Path]) -> Path:
        note = folder / f"{name}.path"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not note.exists():
                note.write_text(str(make()))
        return Path(note.read_text())

    return made


@pytest.fixture(scope="session")
def plughost_wheel(build_wheel: BuildWheel, once: Callable[..., Path]) -> Path:
    """plughost itself; its browser half is built on the way, unless it is fresh."""
    return once("plughost-wheel", lambda: build_wheel(ROOT))


@pytest.fixture(scope="session")
def outsider_source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Copy tests/outsider as if it had just been cloned: without anything built or installed."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("outsider") / "plughost-outsider"
        generated = shutil.ignore_patterns(
            "node_modules", "frontend", "labextension", "__pycache__", "dist", ".plughost"
        )
        return Path(shutil.copytree(OUTSIDER, folder, ignore=generated))

    return copy


@pytest.fixture(scope="session")
def outsider_wheel(
    build_wheel: BuildWheel,
    plughost_wheel: Path,
    outsider_source: Callable[[], Path],
    once: Callable[..., Path],
) -> Path:
    """The stranger's package, built on a machine that has no program called node on PATH."""

    def build() -> Path:
        links = plughost_wheel.parent
        return build_wheel(outsider_source(), find_links=links, path="/nonexistent")

    return once("outsider-wheel", build)

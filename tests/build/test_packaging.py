"""Wheels and sdists: plughost's own, and those of a stranger who uses its build hook.

These builds are the real thing: pip's isolated environments, packages from the registries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .machines import CLOSED_PORT, write_node

ROOT = Path(__file__).parents[2]


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def frontend(wheel: Path, folder: str) -> Any:
    """The manifest in a wheel, after checking that all it names is there, too."""
    with zipfile.ZipFile(wheel) as inside:
        manifest = json.loads(inside.read(f"{folder}/plughost.json"))
    provided = [entry["file"] for entry in manifest["provides"].values()]
    named = [manifest["module"], *manifest["styles"], *manifest["preload"], *provided]
    named += [manifest["types"]] if manifest["provides"] else []
    assert {f"{folder}/{name}" for name in named} <= names(wheel)
    return manifest


def test_plughosts_wheel_carries_its_browser_half_and_the_toolchain(plughost_wheel: Path) -> None:
    assert frontend(plughost_wheel, "plughost/static")["name"] == "@plughost/host"
    assert frontend(plughost_wheel, "plughost_lab/frontend")["app"] is True
    inside = names(plughost_wheel)
    tools = {"build.mjs", "package.json", "package-lock.json"}
    assert {f"plughost_build/node/{name}" for name in tools} <= inside


def test_plughosts_wheel_carries_only_its_packages(plughost_wheel: Path) -> None:
    inside = names(plughost_wheel)
    tops = {name.partition("/")[0] for name in inside if ".dist-info/" not in name}
    assert all(top == "plughost" or top.startswith("plughost_") for top in tops)
    parts = {part for name in inside for part in name.split("/")}
    assert not parts & {"node_modules", "tests", "__pycache__", "src"}


def test_plughosts_sdist_makes_the_same_wheel_without_node_or_network(
    plughost_wheel: Path, tmp_path: Path
) -> None:
    def backend(folder: Path, function: str, **environment: str) -> Path:
        code = "import sys; from hatchling import build; getattr(build, sys.argv[1])(sys.argv[2])"
        run = subprocess.run(
            [sys.executable, "-c", code, function, str(tmp_path)],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        (made,) = tmp_path.glob("*.tar.gz" if "sdist" in function else "*.whl")
        return made

    with tarfile.open(backend(ROOT, "build_sdist")) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = backend(
        unpacked,
        "build_wheel",
        PATH="/nonexistent",
        PLUGHOST_CACHE=str(tmp_path / "cache"),
        PLUGHOST_NODE_DOWNLOAD="never",
        npm_config_registry=CLOSED_PORT,
    )
    assert names(wheel) == names(plughost_wheel)


def shares_the_pages_modules(wheel: Path) -> None:
    manifest = frontend(wheel, "plughost_outsider/frontend")
    assert {"react", "@lumino/widgets"} <= set(manifest["requires"])
    assert manifest["provides"] == {}


def test_a_stranger_builds_under_isolation_without_node_on_path(outsider_wheel: Path) -> None:
    shares_the_pages_modules(outsider_wheel)


def test_and_with_a_node_on_path_that_is_too_old(
    build_wheel: Callable[..., Path],
    plughost_wheel: Path,
    outsider_source: Callable[[], Path],
    tmp_path: Path,
) -> None:
    old = write_node(tmp_path / "old", "echo v12.22.12")
    write_node(tmp_path / "old", "echo v12.22.12", name="nodejs")
    wheel = build_wheel(outsider_source(), find_links=plughost_wheel.parent, path=str(old.parent))
    shares_the_pages_modules(wheel)


def test_installing_wheels_needs_no_node_and_brings_none(
    plughost_wheel: Path, outsider_wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh" / "bin" / "python"
    environment = {**os.environ, "PATH": "/nonexistent"}

    def run(*arguments: object) -> str:
        command = [python, *map(str, arguments)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "pip", "install", "--quiet", plughost_wheel, outsider_wheel)
    assert "nodejs" not in run("-m", "pip", "list")
    listed = json.loads(run("-m", "plughost", "extensions", "list", "--json"))
    assert "outsider" in {record["name"] for record in listed}
    where = "import plughost_outsider; print(plughost_outsider.__path__[0])"
    folder = Path(run("-c", where).strip())
    assert folder.is_relative_to(tmp_path)
    assert (folder / "frontend/plughost.json").is_file()

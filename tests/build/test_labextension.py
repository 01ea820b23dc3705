"""`plughost build --jupyterlab` and the build hook: when a labextension is made and packed."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from plughost_build.build import Options, why_stale
from plughost_build.source import find_sources

from .command import run_build
from .conftest import MakeSource
from .test_hatch import PYPROJECT, call, unpack, without_node

PLACE = "plughost_weather-0.1.0.data/data/share/jupyter/labextensions/plughost-weather"


@pytest.fixture
def project(make_source: MakeSource) -> Path:
    return make_source(
        "weather",
        files={
            "pyproject.toml": f"{PYPROJECT}labextension = true\n",
            ".gitignore": "/plughost_weather/frontend/\n/plughost_weather/labextension/\n",
        },
    )


def build(project: Path, *options: str) -> list[dict[str, Any]]:
    """The events of a build by command."""
    run = subprocess.run(
        [sys.executable, "-m", "plughost_build", "--json", *options, project],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def reasons(project: Path, *, labextension: bool) -> list[str]:
    (source,) = find_sources(project)
    return why_stale(source, Options(labextension=labextension))


def test_it_is_made_only_on_request_and_then_kept_fresh(project: Path) -> None:
    labextension = project / "plughost_weather/labextension"
    build(project)
    assert not labextension.exists()
    assert reasons(project, labextension=True) == ["labextension"]
    events = build(project, "--jupyterlab")
    about = {"name": "plughost-weather", "output": str(labextension)}
    assert events[-1] == {"event": "labextension", **about}
    package_json = json.loads((labextension / "package.json").read_text())
    assert (labextension / package_json["jupyterlab"]["_build"]["load"]).is_file()
    for wanted in (True, False):
        assert reasons(project, labextension=wanted) == []
    assert [event["event"] for event in build(project, "--jupyterlab")] == ["fresh"]


@pytest.mark.parametrize("damage", ["package.json", "static"])
def test_one_that_is_not_whole_is_made_again(project: Path, damage: str, tmp_path: Path) -> None:
    build(project, "--jupyterlab")
    (project / "plughost_weather/labextension" / damage).rename(tmp_path / "away")
    assert reasons(project, labextension=True) == ["labextension"]
    assert reasons(project, labextension=False) == []


def test_one_of_an_older_build_is_made_again(project: Path) -> None:
    build(project, "--jupyterlab")
    (project / "src/index.ts").write_text("export default [{ id: 'newer' }];\n")
    build(project)
    assert reasons(project, labextension=True) == ["labextension"]
    build(project, "--jupyterlab")
    static = project / "plughost_weather/labextension/static"
    assert [path for path in static.glob("index-*.js") if "newer" in path.read_text()]


def test_what_lies_in_it_is_not_taken_for_a_source(make_source: MakeSource) -> None:
    # With the entry inside the Python package, the labextension lies among the sources.
    source = make_source(
        "weather",
        plughost={"entry": "plughost_weather/src/index.ts"},
        files={"plughost_weather/src/index.ts": "export default [];\n"},
    )
    build(source, "--jupyterlab")
    assert reasons(source, labextension=True) == []


@pytest.mark.parametrize(
    "plughost",
    [{"entry": "plughost_weather/labextension/index.ts"}, {"output": "labextension"}],
    ids=["sources", "output"],
)
def test_it_does_not_replace_something_else(
    make_source: MakeSource, plughost: dict[str, str]
) -> None:
    entry = "plughost_weather/labextension/index.ts"
    source = make_source("weather", plughost=plughost, files={entry: "export default [];\n"})
    run = run_build(source, "--jupyterlab")
    assert run.returncode == 2
    assert "The labextension of 'plughost-weather' belongs in " in run.stderr
    assert (source / entry).is_file()


def test_a_wheel_brings_it_to_where_jupyterlab_looks(project: Path, tmp_path: Path) -> None:
    wheel = tmp_path / call(project, "build_wheel", str(tmp_path))
    with zipfile.ZipFile(wheel) as inside:
        names = set(inside.namelist())
        package_json = json.loads(inside.read(f"{PLACE}/package.json"))
        install = json.loads(inside.read(f"{PLACE}/install.json"))
    assert f"{PLACE}/{package_json['jupyterlab']['_build']['load']}" in names
    assert (install["packageManager"], install["packageName"]) == ("python", "plughost-weather")
    assert "plughost_weather/frontend/plughost.json" in names
    assert not [name for name in names if name.startswith("plughost_weather/labextension/")]

    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, tmp_path / "site", wheel], check=True)
    placed = tmp_path / "site/share/jupyter/labextensions/plughost-weather/package.json"
    assert json.loads(placed.read_text()) == package_json


def test_an_sdist_carries_it_and_needs_no_node_to_make_the_same_wheel(
    project: Path, tmp_path: Path
) -> None:
    sdist = call(project, "build_sdist", str(tmp_path))
    with tarfile.open(tmp_path / sdist) as tar:
        assert "plughost_weather-0.1.0/plughost_weather/labextension/package.json" in tar.getnames()
    unpacked = unpack(tmp_path / sdist, tmp_path / "unpacked")
    wheels = []
    for folder, environment in ((project, {}), (unpacked, without_node(tmp_path))):
        out = tmp_path / f"out-{len(wheels)}"
        out.mkdir()
        wheels.append(out / call(folder, "build_wheel", str(out), **environment))
    first, second = (set(zipfile.ZipFile(wheel).namelist()) for wheel in wheels)
    assert first == second
    assert f"{PLACE}/install.json" in first


def test_an_editable_install_has_a_copy(project: Path, tmp_path: Path) -> None:
    wheel = call(project, "build_editable", str(tmp_path))
    assert f"{PLACE}/package.json" in zipfile.ZipFile(tmp_path / wheel).namelist()


def test_without_the_option_nothing_of_it_is_packed(project: Path, tmp_path: Path) -> None:
    build(project, "--jupyterlab")
    (project / "pyproject.toml").write_text(PYPROJECT)
    wheel = call(project, "build_wheel", str(tmp_path))
    assert not [name for name in zipfile.ZipFile(tmp_path / wheel).namelist() if "labext" in name]


def test_a_wheel_brings_none_of_a_neighbour(make_source: MakeSource, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "node_modules").mkdir(parents=True)
    (work / "node_modules/plughost-maps").symlink_to(work / "maps")
    (work / "package.json").write_text('{"workspaces": ["maps", "weather"]}')
    app = {"provides": ["plughost-maps"], "app": True}  # which cannot be one, either
    make_source("maps", folder=work / "maps", plughost=app)
    project = make_source(
        "weather",
        folder=work / "weather",
        package_json={"dependencies": {"plughost-maps": "*"}},
        files={
            "pyproject.toml": f"{PYPROJECT}labextension = true\n",
            ".gitignore": "/plughost_weather/frontend/\n/plughost_weather/labextension/\n",
        },
    )
    wheel = call(project, "build_wheel", str(tmp_path))
    names = zipfile.ZipFile(tmp_path / wheel).namelist()
    places = {name.split("/labextensions/")[1].split("/")[0] for name in names if "/data/" in name}
    assert places == {"plughost-weather"}
    assert (work / "maps/plughost_maps/frontend/plughost.json").is_file()


def test_of_a_workspace_all_but_its_app_get_one(make_source: MakeSource, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"private": true, "workspaces": ["*"]}')
    app = make_source(
        "app",
        folder=root / "app",
        plughost={"app": True, "provides": ["plughost-app"]},
        files={"src/index.ts": "export default (): object => ({});\n"},
    )
    user = make_source(
        "user", folder=root / "user", package_json={"peerDependencies": {"plughost-app": "*"}}
    )
    build(user, "--jupyterlab")
    assert (user / "plughost_user/labextension/package.json").is_file()
    assert not (app / "plughost_app/labextension").exists()
    assert "JupyterLab has its own" in run_build(app, "--jupyterlab").stderr

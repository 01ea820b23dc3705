"""`plughost build --dry-run`: what is not fresh, and why."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import MakeSource
from .test_cli import contents, run_build


def dry_run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Without a Node to be found, and with nothing to write to."""
    nowhere = {"PATH": "/nonexistent", "PLUGHOST_CACHE": "/nonexistent"}
    return run_build("--dry-run", *arguments, **nowhere)


def told(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in dry_run("--json", *arguments).stdout.splitlines()]


def test_what_was_never_built_is_stale_and_nothing_is_written(make_source: MakeSource) -> None:
    folder = make_source("weather")
    before = contents(folder)
    run = dry_run(folder)
    assert (run.returncode, run.stdout, run.stderr) == (
        1,
        "plughost-weather: stale, it has never been built\n",
        "",
    )
    assert contents(folder) == before


def test_of_several_each_is_told_and_all_fresh_is_good(make_source: MakeSource) -> None:
    weather, maps = make_source("weather"), make_source("maps")
    run_build(weather)
    assert [(each["event"], each["name"]) for each in told(weather, maps)] == [
        ("fresh", "plughost-weather"),
        ("stale", "plughost-maps"),
    ]
    run = dry_run(weather)
    assert (run.returncode, run.stdout) == (0, "plughost-weather: fresh, nothing to do\n")


def edit(folder: Path) -> list[str]:
    (folder / "src/index.ts").write_text("export default [1];\n")
    return []


def lose_a_file(folder: Path) -> list[str]:
    for module in folder.glob("plughost_weather/frontend/*.js"):
        module.unlink()
    return []


def take_tools_of_another_version(folder: Path) -> list[str]:
    manifest = folder / "plughost_weather/frontend/plughost.json"
    about = json.loads(manifest.read_text())
    sources, _, around = about["fingerprint"].partition("/")
    about["fingerprint"] = f"{sources}/{'0' * 16}{around[16:]}"
    manifest.write_text(json.dumps(about))
    return []


@pytest.mark.parametrize(
    ("happens", "reasons"),
    [
        (edit, ["sources"]),
        (lose_a_file, ["damaged"]),
        (take_tools_of_another_version, ["tools"]),
        (lambda _: ["--development"], ["options"]),
        (lambda _: ["--force"], ["forced"]),
    ],
)
def test_why_something_is_stale(make_source: MakeSource, happens: Any, reasons: list[str]) -> None:
    folder = make_source("weather")
    run_build(folder)
    (event,) = told(*happens(folder), folder)
    assert event == {
        "event": "stale",
        "name": "plughost-weather",
        "output": str(folder / "plughost_weather/frontend"),
        "reasons": reasons,
    }


def test_modules_that_others_share_by_now_are_a_reason(
    make_source: MakeSource, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"workspaces": ["*"]}')
    wish = {
        "peerDependencies": {"charts": "*"},
        "peerDependenciesMeta": {"charts": {"optional": 1}},
    }
    user = make_source("weather", folder=root / "weather", package_json=wish)
    assert run_build(user).returncode == 0
    provider = make_source("charts", folder=root / "charts", plughost={"provides": ["charts"]})
    manifest = {"name": "plughost-charts", "provides": {"charts": {"version": "1", "file": "x"}}}
    (provider / "plughost_charts/frontend").mkdir()
    (provider / "plughost_charts/frontend/plughost.json").write_text(json.dumps(manifest))
    assert "shared" in next(e for e in told(user) if e["name"] == "plughost-weather")["reasons"]


def test_what_cannot_be_looked_at_is_an_error_of_its_own(tmp_path: Path) -> None:
    (event,) = told(tmp_path)
    assert (event["event"], dry_run(tmp_path).returncode) == ("failed", 2)


@pytest.mark.parametrize("other", ["--watch", "--bundle"])
def test_what_does_not_go_together_is_refused(other: str) -> None:
    run = dry_run(other)
    assert run.returncode == 2
    assert f"--dry-run does not go together with {other}" in run.stderr

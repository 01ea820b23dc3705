"""What can go wrong while a build runs, and that the old bundle survives it whole."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plughost_build.node import find_node
from plughost_build.toolchain import program

from .command import ENVIRONMENT, command, contents, run_build
from .conftest import Hold, MakeSource
from .machines import write_node

HERE = Path(__file__).parent
NODE = find_node()

# Moving a bundle into its place


@pytest.fixture
def hand_over(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start writing bundles into `tmp_path/frontend`, as builds do."""
    files = program(NODE).with_name("files.mjs")
    running = []

    def start(first: int, count: int) -> subprocess.Popen[str]:
        what = map(str, (files, tmp_path / "frontend", first, count))
        process = subprocess.Popen(
            [NODE.executable, HERE / "hand_over.mjs", *what],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def read_bundle(output: Path) -> tuple[int, list[str]]:
    """The number of the bundle that is there, and what is missing of it."""
    manifest = json.loads((output / "plughost.json").read_text())
    named = [manifest["module"], *manifest["preload"]]
    return manifest["number"], [name for name in named if not (output / name).is_file()]


def test_killed_at_any_moment_a_build_leaves_a_whole_bundle(
    tmp_path: Path, hand_over: Callable[..., subprocess.Popen[str]]
) -> None:
    output = tmp_path / "frontend"
    hand_over(0, 1).communicate()
    moments = random.Random(7)
    for attempt in range(1, 26):
        process = hand_over(attempt * 1000, 500)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.random() * 0.05)
        process.kill()
        process.wait()
        assert read_bundle(output)[1] == []
    hand_over(1, 1).communicate()
    assert read_bundle(output) == (1, [])
    assert len(contents(output)) == 42
    assert [path.name for path in tmp_path.iterdir()] == ["frontend"]


def test_whoever_reads_while_two_builds_write_never_finds_a_broken_bundle(
    tmp_path: Path, hand_over: Callable[..., subprocess.Popen[str]]
) -> None:
    output = tmp_path / "frontend"
    hand_over(0, 1).communicate()
    seen: set[int] = set()
    # Once is enough, unless this process had no time to read meanwhile.
    for turn in itertools.takewhile(lambda _: len(seen) <= 10, itertools.count(1)):
        writers = [hand_over(turn * 10_000, 50), hand_over(turn * 10_000 + 1000, 50)]
        while any(writer.poll() is None for writer in writers):
            number, missing = read_bundle(output)
            seen.add(number)
            # What is missing was taken away after the manifest was read, with a newer one there.
            assert missing == [] or read_bundle(output)[0] != number
        assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert read_bundle(output)[1] == []
    assert len(contents(output)) == 42


def test_a_folder_in_which_somebody_keeps_other_files_is_not_replaced(
    make_source: MakeSource,
) -> None:
    views = "plughost_weather/frontend/views.py"
    source = make_source("weather", files={views: "", "plughost_weather/frontend/.gitkeep": ""})
    run = run_build(source)
    assert run.returncode == 1
    assert 'holds files that no build has written, such as "views.py"' in run.stderr
    (source / views).unlink()  # fails if the build has removed it
    assert run_build(source).returncode == 0


def test_a_killed_builds_lock_is_taken_over(
    tmp_path: Path, hand_over: Callable[..., subprocess.Popen[str]]
) -> None:
    (tmp_path / ".frontend-lock" / "4194305").mkdir(parents=True)  # above any process id
    started = time.monotonic()
    assert hand_over(1, 1).communicate()[0] == "1\n"
    assert time.monotonic() - started < 50, "a lock of somebody alive is waited for a minute"
    assert [path.name for path in tmp_path.iterdir()] == ["frontend"]


def test_a_bundle_that_was_being_moved_when_the_power_went_is_not_fresh(
    make_source: MakeSource,
) -> None:
    folder = make_source("weather")
    run_build(folder)
    (folder / "plughost_weather/.frontend-lock/4194305").mkdir(parents=True)
    assert "plughost-weather: building" in run_build(folder).stderr
    assert run_build(folder).stderr == "plughost-weather: fresh, nothing to do\n"


def test_unchanged_files_are_not_touched(make_source: MakeSource) -> None:
    folder = make_source("weather", files={"schema/plugin.json": "{}"})
    run_build(folder)
    output = folder / "plughost_weather/frontend"
    before = {path: path.stat().st_ino for path in output.rglob("*") if path.is_file()}
    (folder / "src/index.ts").write_text("export default [{ id: 'changed' }];\n")
    run_build(folder)
    kept = {
        path.name for path, inode in before.items() if path.exists() and path.stat().st_ino == inode
    }
    assert {"plugin.json", "third-party-licenses.json"} <= kept
    assert "plughost.json" not in kept


def test_a_damaged_bundle_is_mended(make_source: MakeSource) -> None:
    folder = make_source("weather")
    run_build(folder)
    whole = contents(folder / "plughost_weather/frontend")
    for name in whole:
        (folder / "plughost_weather/frontend" / name).write_bytes(b"")
    assert run_build(folder).returncode == 0
    assert contents(folder / "plughost_weather/frontend") == whole


# Disks


def powerless(*arguments: object) -> list[str]:
    """The command, as somebody whom permissions bind; root's do not."""
    if os.geteuid() != 0:
        return command(*arguments)
    drop = "-dac_override,-dac_read_search,-fowner"
    return ["setpriv", "--bounding-set", drop, "--inh-caps", drop, *command(*arguments)]


@pytest.fixture
def built(make_source: MakeSource) -> Path:
    """A source that is built, and then changed."""
    folder = make_source("weather")
    assert run_build(folder).returncode == 0
    (folder / "src/index.ts").write_text("export default [{ id: 'changed' }];\n")
    return folder


def run(line: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {**ENVIRONMENT, **environment}
    return subprocess.run(line, env=everything, capture_output=True, text=True, timeout=300)


def test_an_output_that_cannot_be_written_is_named(built: Path) -> None:
    output = built / "plughost_weather/frontend"
    before = contents(output)
    output.chmod(0o555)
    try:
        failed = run(powerless(built))
    finally:
        output.chmod(0o755)
    assert failed.returncode == 1
    assert f'error: The output folder "{output}" cannot be written: permission denied.\n' in (
        failed.stderr
    )
    assert "  → Make it writable and build again.\n" in failed.stderr
    assert contents(output) == before
    assert run_build(built).returncode == 0


def test_a_full_disk_is_named_and_changes_nothing(built: Path, tmp_path: Path) -> None:
    output = built / "plughost_weather/frontend"
    before = contents(output)
    words = ",".join(map(str, range(5000)))
    (built / "src/index.ts").write_text(f"export default [{words}];\n")
    # A limit on the size of files stands in for the disk: writing fails just as well.
    node = write_node(
        tmp_path / "limited",
        f"trap '' XFSZ; ulimit -f 16; exec {NODE.executable} \"$@\"",
        npm=False,
    )
    npm = node.with_name("npm")
    npm.symlink_to(Path(NODE.npm[-1]))
    failed = run(command(built, "--no-check"), PATH=f"{node.parent}:{os.environ['PATH']}")
    assert failed.returncode == 1
    assert f'The output folder "{output}" cannot be written: file too large.\n' in failed.stderr
    assert "  → Free some space, or raise the limit (`ulimit -f`) and build again.\n" in (
        failed.stderr
    )
    assert contents(output) == before
    assert sorted(path.name for path in output.parent.iterdir()) == ["__init__.py", "frontend"]


def test_a_cache_that_cannot_be_written_is_named(built: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = tmp_path / "file" / "cache"
    failed = run_build(built, PLUGHOST_CACHE=str(cache))
    assert failed.returncode == 2
    assert f"Error: The cache folder '{cache}/tools' cannot be written: Not a directory.\n" in (
        failed.stderr
    )
    assert failed.stderr.endswith("Name another folder in PLUGHOST_CACHE.\n")


# Processes that end before their time


def kill_child(process: subprocess.Popen[str], pattern: str) -> None:
    """Kill the first process below this one whose command line has the pattern."""
    parent = psutil.Process(process.pid)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        for child in parent.children(recursive=True):
            try:
                if re.search(pattern, " ".join(child.cmdline())):
                    child.kill()
                    return
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.002)
    raise AssertionError(f"no process {pattern!r} came up")


@pytest.mark.parametrize(
    ("process_name", "held", "code", "said"),
    [
        (
            "esbuild --service",
            "imported.css",
            2,
            "Error: The bundler broke while building 'plughost-weather':\n",
        ),
        (
            r"build\.mjs",
            "imported.css",
            2,
            "It was ended by SIGKILL, as happens when memory runs out.\n",
        ),
        ("--noEmit", "checked.ts", 1, "error: The type check failed: it was ended by SIGKILL"),
    ],
    ids=["esbuild", "bundler", "compiler"],
)
def test_a_process_of_the_bundler_that_is_killed_is_told_and_the_old_bundle_stays(
    built: Path, hold: Hold, process_name: str, held: str, code: int, said: str
) -> None:
    before = contents(built / "plughost_weather/frontend")
    (built / "src/index.ts").write_text("import './imported.css';\nexport default [];\n")
    (built / "src/imported.css").touch()
    hold(built / "src" / held)
    process = subprocess.Popen(
        command(built), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    kill_child(process, process_name)
    _, told = process.communicate(timeout=120)
    assert process.returncode == code, told
    assert said in told
    assert contents(built / "plughost_weather/frontend") == before


def test_npm_that_is_killed_is_told_and_the_next_build_installs(
    built: Path, tmp_path: Path, hold: Hold
) -> None:
    package_json = json.loads((built / "package.json").read_text())
    (built / "package.json").write_text(
        json.dumps({**package_json, "dependencies": {"theirs": "file:../theirs"}})
    )
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    hold(theirs / "package.json")
    process = subprocess.Popen(
        command(built), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # It renames itself while it runs.
    kill_child(process, r"npm-cli\.js install|^npm install")
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Error: 'npm install' failed in " in told
    assert "\nIt was ended by SIGKILL, as happens when memory runs out.\n" in told
    (theirs / "package.json").unlink()
    (theirs / "package.json").write_text('{"name": "theirs", "version": "1.0.0"}')
    assert run_build(built).returncode == 0


# Ctrl-C


def interrupt(line: list[str], when: Callable[[dict[str, Any]], bool], **variables: str) -> int:
    """Press Ctrl-C at an event; returns the exit code. Nothing of it may go on running."""
    process = subprocess.Popen(
        line,
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A group of its own, as a terminal gives it.
        start_new_session=True,
    )
    assert process.stdout is not None
    for text in process.stdout:
        if when(json.loads(text)):
            below = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGINT)
            break
    else:
        raise AssertionError("the build ended before")
    process.communicate(timeout=120)
    _, alive = psutil.wait_procs(below, timeout=60)
    assert alive == []
    return process.returncode


def test_a_twin_that_another_build_takes_away_at_that_moment_is_made_anew(built: Path) -> None:
    (built / "schema").mkdir()
    (built / "schema/plugin.json").write_text(f'{{"title": "{"long " * 500}"}}')
    assert run_build(built).returncode == 0
    file = built / "plughost_weather/frontend/schemas/plughost-weather/plugin.json"
    twins = {path: path.read_bytes() for path in file.parent.glob("plugin.json.*")}
    text = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    (built / "src/index.ts").write_text("export default [{ id: 'once more' }];\n")
    process = subprocess.Popen(command(built), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    # Opened as soon as the build opens it to compare what is there.
    with file.open("wb") as writer:
        for path in (file, *twins):
            path.unlink()
        file.write_bytes(text)
        writer.write(text)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert {path: path.read_bytes() for path in twins} == twins


def held_in(step: str, source: Path, hold: Hold) -> None:
    """Have the next build of a source wait in a step for ever; none is held in the last one."""
    twin = source / "plughost_weather/frontend/schemas/plughost-weather/plugin.json.br"
    if step == "compress":
        (source / "schema").mkdir()
        (source / "schema/plugin.json").write_text(f'{{"title": "{"long " * 500}"}}')
        assert run_build(source).returncode == 0
        # Of what has not changed the twin is taken from there.
        hold(twin)
    elif step != "write":
        hold(source / "src/held.css")
    (source / "src/index.ts").write_text("import './held.css';\nexport default [];\n")


@pytest.mark.parametrize("step", ["node", "bundle", "check", "compress", "write"])
def test_ctrl_c_in_any_step_leaves_the_old_bundle_whole(built: Path, hold: Hold, step: str) -> None:
    (built / "src/held.css").touch()
    held_in(step, built, hold)
    before = contents(built / "plughost_weather/frontend")

    def begins(event: dict[str, Any]) -> bool:
        return event.get("name") == step and event.get("state") == "start"

    code = interrupt(command("--json", built), begins)
    after = contents(built / "plughost_weather/frontend")
    # The last step may be over before the signal comes.
    assert after == before or (step == "write" and "plughost.json" in after)
    assert code == 130 or step == "write"
    for path in built.rglob("*"):
        if path.is_fifo():
            path.unlink()
            path.touch()
    assert run_build(built, "--force").returncode == 0
    left = sorted(path.name for path in (built / "plughost_weather").iterdir())
    assert left == ["__init__.py", "frontend"]


def test_ctrl_c_while_tools_are_installed_leaves_no_half_of_them(
    built: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"

    def begins(event: dict[str, Any]) -> bool:
        return event.get("name") == "install tools"

    with socket.create_server(("127.0.0.1", 0)) as silent:
        variables = {
            "PLUGHOST_CACHE": str(cache),
            "npm_config_registry": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "npm_config_cache": str(tmp_path / "npm"),
        }
        assert interrupt(command("--json", built), begins, **variables) == 130
    assert list((cache / "tools").iterdir()) == [] if (cache / "tools").exists() else True


def test_ctrl_c_while_packages_are_installed(built: Path, tmp_path: Path, hold: Hold) -> None:
    package_json = json.loads((built / "package.json").read_text())
    (built / "package.json").write_text(
        json.dumps({**package_json, "dependencies": {"theirs": "file:../theirs"}})
    )
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    hold(theirs / "package.json")
    before = contents(built / "plughost_weather/frontend")

    def begins(event: dict[str, Any]) -> bool:
        return event.get("name") == "install packages"

    assert interrupt(command("--json", built), begins) == 130
    assert contents(built / "plughost_weather/frontend") == before
    (theirs / "package.json").unlink()
    (theirs / "package.json").write_text('{"name": "theirs", "version": "1.0.0"}')
    assert run_build(built).returncode == 0

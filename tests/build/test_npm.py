"""Whether npm has to run, told from lock files alone; and how it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plughost_build.errors import NpmFailed, SourceError
from plughost_build.node import Node
from plughost_build.npm import install, is_installed, lock_is_in_step

from .machines import write_node

REACT = {"version": "18.3.1", "integrity": "sha512-x"}
OTHER_MACHINE = {"version": "1.0.0", "optional": True, "os": ["aix"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that wants react; its lock file and node_modules agree with that."""
    write_package_json(tmp_path, {"react": "^18"})
    root = {"dependencies": {"react": "^18"}}
    lock(tmp_path, {"": root, "node_modules/react": REACT, "node_modules/aix": OTHER_MACHINE})
    installed(tmp_path, {"node_modules/react": REACT})
    return tmp_path


def write_package_json(folder: Path, dependencies: dict[str, str]) -> None:
    (folder / "package.json").write_text(json.dumps({"dependencies": dependencies}))


def lock(folder: Path, packages: dict[str, Any]) -> None:
    (folder / "package-lock.json").write_text(json.dumps({"packages": packages}))


def installed(folder: Path, packages: dict[str, Any]) -> None:
    (folder / "node_modules").mkdir(exist_ok=True)
    (folder / "node_modules/.package-lock.json").write_text(json.dumps({"packages": packages}))


def test_what_the_lock_file_names_is_installed(project: Path) -> None:
    assert is_installed(project)


def test_another_version_is_not(project: Path) -> None:
    installed(project, {"node_modules/react": {**REACT, "version": "17.0.0"}})
    assert not is_installed(project)


def test_an_empty_node_modules_is_not(project: Path) -> None:
    (project / "node_modules/.package-lock.json").unlink()
    assert not is_installed(project)


def test_a_package_json_that_asks_for_more_than_its_lock_file_is_not(project: Path) -> None:
    write_package_json(project, {"react": "^18", "yjs": "^13"})
    assert not lock_is_in_step(project)
    assert not is_installed(project)


def test_a_project_without_dependencies_needs_no_npm(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    assert is_installed(tmp_path)


def test_a_changed_member_of_a_workspace_is_noticed(project: Path) -> None:
    (project / "member").mkdir()
    write_package_json(project / "member", {"yjs": "^13"})
    package_json = {"dependencies": {"react": "^18"}, "workspaces": ["member"]}
    (project / "package.json").write_text(json.dumps(package_json))
    assert not lock_is_in_step(project)
    locked = json.loads((project / "package-lock.json").read_text())["packages"]
    lock(project, {**locked, "member": {"dependencies": {"yjs": "^13"}}})
    assert is_installed(project)


def test_a_lock_file_that_cannot_be_read_is_named_with_a_way_out(project: Path) -> None:
    (project / "package-lock.json").write_text("<<<<<<< HEAD")
    with pytest.raises(SourceError, match=r"(?s)package-lock\.json.*Delete it and build again"):
        is_installed(project)


@pytest.fixture
def node_that_notes(tmp_path: Path) -> Node:
    """A Node that writes down how it was called."""
    program = write_node(tmp_path / "node", 'echo "$*" > "$PWD/called"')
    return Node(program, (str(program), "npm-cli.js"), "22.0.0", "test")


def test_scripts_of_packages_never_run(project: Path, node_that_notes: Node) -> None:
    install(node_that_notes, project)
    words = (project / "called").read_text().split()
    assert words[:2] == ["npm-cli.js", "install"]
    assert "--ignore-scripts" in words


def test_a_lock_file_that_is_in_step_is_followed_and_left_as_it_is(
    project: Path, node_that_notes: Node
) -> None:
    install(node_that_notes, project)
    assert "--no-save" in (project / "called").read_text().split()


def test_npm_resolves_anew_where_the_lock_file_is_behind(
    project: Path, node_that_notes: Node
) -> None:
    write_package_json(project, {"yjs": "^13"})
    install(node_that_notes, project)
    assert "--no-save" not in (project / "called").read_text().split()


def make_frontend(project: Path, **package_json: Any) -> None:
    """Turn the project into a frontend with peers that are not installed, and lock that."""
    peers = {"peerDependencies": {"@lumino/widgets": "^2"}}
    about = {"plughost": {"package": "python"}, "dependencies": {"react": "^18"}, **peers}
    (project / "package.json").write_text(json.dumps({**about, **package_json}))
    locked = json.loads((project / "package-lock.json").read_text())["packages"]
    locked["node_modules/@lumino/widgets"] = {"version": "2.8.0", "peer": True}
    lock(project, {**locked, "": {**locked[""], **peers}})


def test_peers_of_a_frontend_are_the_pages_to_bring(project: Path, node_that_notes: Node) -> None:
    make_frontend(project)
    assert is_installed(project)
    install(node_that_notes, project)
    assert "--legacy-peer-deps" in (project / "called").read_text().split()


@pytest.mark.parametrize(
    "package_json",
    [{"plughost": None}, {"peerDependenciesMeta": {"@lumino/widgets": {"optional": True}}}],
)
def test_other_peers_and_those_marked_as_optional_are_npms_business(
    project: Path, node_that_notes: Node, package_json: dict[str, Any]
) -> None:
    make_frontend(project, **package_json)
    install(node_that_notes, project)
    assert "--legacy-peer-deps" not in (project / "called").read_text().split()
    assert not is_installed(project)


def test_when_npm_fails_what_it_said_is_shown(project: Path, tmp_path: Path) -> None:
    program = write_node(tmp_path / "failing", "echo npm error E404 >&2; exit 1")
    node = Node(program, (str(program), "npm-cli.js"), "22.0.0", "test")
    with pytest.raises(NpmFailed, match=r"'npm install' failed in .*\nnpm error E404\n.*registry"):
        install(node, project)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ENOTFOUND", "The npm registry cannot be reached: "),
        ("E404", "The registry (`npm config get registry`) has no such package or version: "),
        ("E401", "The registry wants to know who asks: "),
        ("ERESOLVE", "Some packages want versions that exclude each other: "),
        ("EINTEGRITY", "What the registry sent is not what package-lock.json was made with. "),
        ("ENOSPC", "Free some space "),
        ("EACCES", "Make the folder, and npm's cache, writable "),
        ("EUNKNOWN", "Check that the npm registry can be reached "),
    ],
)
def test_the_next_step_follows_from_npms_code(
    project: Path, tmp_path: Path, code: str, hint: str
) -> None:
    said = f"npm error code {code}\\nnpm error why\\nnpm error     at x.js:1\\nnpm error\\n"
    said += "npm error A complete log of this run can be found in: /x\\n"
    program = write_node(tmp_path / "failing", f"printf '{said}'; exit 1")
    node = Node(program, (str(program), "npm-cli.js"), "22.0.0", "test")
    with pytest.raises(NpmFailed) as failure:
        install(node, project)
    assert failure.value.output == f"npm error code {code}\nnpm error why"
    assert failure.value.hint.startswith(hint)


def test_a_registry_that_does_not_answer_is_not_waited_for(
    project: Path, node_that_notes: Node
) -> None:
    install(node_that_notes, project)
    assert {"--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--prefer-offline"} <= set(
        (project / "called").read_text().split()
    )

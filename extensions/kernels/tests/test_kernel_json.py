"""Our reading of kernelspec folders against jupyter_client's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

import plughost_kernels
from plughost_kernels import kernel_json

ORDINARY = {"argv": ["echo", "{connection_file}"], "display_name": "Echo", "language": "test"}

Install = Callable[[str, str], Path]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders for kernelspecs, the native kernel in the second, and one that is not there."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    install(folders[1], "python3", json.dumps({**ORDINARY, "display_name": "Python"}))
    return [*folders, tmp_path / "missing"]


def install(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir()
    (folder / name / "kernel.json").write_text(text, encoding="utf-8")


def theirs(folders: list[Path]) -> dict[str, kernel_json.Found]:
    manager = KernelSpecManager(kernel_dirs=[str(folder) for folder in folders])
    return {
        name: kernel_json.Found(Path(entry["resource_dir"]), entry["spec"])
        for name, entry in manager.get_all_specs().items()
    }


@pytest.mark.parametrize(
    "facts",
    [
        {},
        ORDINARY,
        {**ORDINARY, "env": {"A": "b"}, "metadata": {"debugger": True, "deep": [1.5, None]}},
        {**ORDINARY, "interrupt_mode": "message", "kernel_protocol_version": "5.5"},
        {**ORDINARY, "mimetype": "text/x-test", "name": "another"},
        {**ORDINARY, "codemirror_mode": "test", "help_links": [{"text": "unknown to both"}]},
        {**ORDINARY, "display_name": "Grüße, 世界 \U0001f600"},
    ],
)
@pytest.mark.filterwarnings(
    # jupyter_client hands keys that it does not know on to traitlets.
    "ignore:Passing unrecognized arguments:DeprecationWarning"
)
def test_an_ordinary_kernelspec_is_read_as_jupyter_client_reads_it(folders, facts):
    install(folders[0], "Echo", json.dumps(facts))
    assert kernel_json.read(folders) == theirs(folders)
    assert "echo" in theirs(folders)


def test_the_first_of_two_kernelspecs_with_a_name_counts_in_whatever_case(folders):
    install(folders[0], "ECHO", json.dumps({**ORDINARY, "display_name": "first"}))
    install(folders[0], "Python3", json.dumps({**ORDINARY, "display_name": "also first"}))
    install(folders[1], "echo", json.dumps({**ORDINARY, "display_name": "second"}))
    found = kernel_json.read(folders)
    assert found == theirs(folders)
    assert [kernel.spec["display_name"] for kernel in found.values()] != ["second", "Python"]


def test_what_is_no_kernelspec_is_passed_over(folders):
    (folders[0] / "empty").mkdir()
    (folders[0] / "file").write_text("{}")
    (folders[0] / "folder" / "kernel.json").mkdir(parents=True)
    assert list(kernel_json.read(folders)) == list(theirs(folders)) == ["python3"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "\ufeff{}",
        '{"argv": "echo"}',
        '{"argv": [1]}',
        '{"display_name": null}',
        '{"env": {"A": 1}}',
        '{"interrupt_mode": "Signal"}',
        '{"interrupt_mode": "never"}',
        '{"metadata": []}',
        '{"metadata": {"n": NaN}}',
        '{"metadata": {"kernel_provisioner": {"provisioner_name": "somebody-s"}}}',
        '{"mimetype": 1}',
        '{"name": null}',
        '{"resource_dir": "/elsewhere"}',
    ],
)
def test_what_is_not_ordinary_is_left_to_jupyter_client(folders, text):
    install(folders[0], "odd", text)
    assert kernel_json.read(folders) is None


def test_a_name_that_is_none_is_left_to_jupyter_client(folders):
    install(folders[0], "a name", json.dumps(ORDINARY))
    assert kernel_json.read(folders) is None


def test_a_native_kernel_that_nobody_has_installed_is_left_to_jupyter_client(folders):
    install(folders[0], "echo", json.dumps(ORDINARY))
    assert kernel_json.read(folders[:1]) is None


def test_a_provisioner_for_all_is_left_to_jupyter_client(folders, monkeypatch):
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "somebody-s")
    assert kernel_json.read(folders) is None


@pytest.mark.parametrize("spec", [ORDINARY, {**ORDINARY, "interrupt_mode": "Message"}])
async def test_the_reply_is_the_same_whoever_reads(start, install_kernel, spec: dict[str, Any]):
    install_kernel("echo", **spec)
    async with start(plughost_kernels) as (_, client):
        reply = await client.get("/api/kernelspecs")
    installed = KernelSpecManager().get_all_specs()
    assert {name: kernel["spec"] for name, kernel in reply.json["kernelspecs"].items()} == {
        name: kernel["spec"] for name, kernel in installed.items()
    }

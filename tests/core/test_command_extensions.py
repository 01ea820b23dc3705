"""`plughost extensions`: what is installed, switched on and off here and on servers that run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from plughost.testing import TOKEN


@pytest.fixture
def command(jupyter_folders, strangers):
    """Run `plughost extensions …` with the strangers on its path; returns the finished process."""

    def run(*arguments, **env):
        return subprocess.run(
            [sys.executable, "-m", "plughost", "extensions", *arguments],
            cwd=jupyter_folders,
            env={**os.environ, "PYTHONPATH": str(strangers), **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def file(jupyter_folders):
    return jupyter_folders / "jupyter-config" / "plughost.toml"


@pytest.fixture
def server(served, strangers):
    return served(env={"PYTHONPATH": str(strangers)})


async def state(server, name):
    await server.client.get("/nothing/to/be/found")  # held until all is loaded
    return (await server.client.get(f"/plughost/api/extensions/{name}")).json["state"]


async def test_without_a_server_disabling_lasts_until_it_is_enabled(command, file, distribution):
    distribution("tea", "")
    assert command("disable", "tea").stdout == f"tea is disabled in {file}.\n"
    assert file.read_text() == "[extensions.tea]\nenabled = false\n"
    records = {record["name"]: record for record in json.loads(command("list", "--json").stdout)}
    assert records["tea"]["state"] == "disabled"
    assert command("disable", "tea").stdout == "tea was disabled already.\n"
    assert command("enable", "tea").stdout == f"tea is enabled in {file}.\n"
    assert file.read_text() == "[extensions.tea]\nenabled = true\n"
    assert command("enable", "tea").stdout == "tea was not switched off.\n"


async def test_servers_that_run_are_told_and_the_command_says_so(
    command, server, distribution, file
):
    distribution("tea", "")
    where = f"On the server at {server.client.base}/ ("
    assert await state(server, "terminals") == "active"
    run = command("disable", "terminals")
    assert run.returncode == 0
    assert run.stdout.splitlines()[0] == f"terminals is disabled in {file}."
    assert run.stdout.splitlines()[1].startswith(where)
    assert run.stdout.splitlines()[1].endswith(") it is disabled.")
    assert await state(server, "terminals") == "disabled"
    assert command("enable", "terminals").stdout.splitlines()[1].endswith(") it is active.")
    assert await state(server, "terminals") == "active"
    run = command("enable", "tea")  # installed since
    assert run.stdout.splitlines()[-1].endswith(") it is active.")


async def test_what_does_not_start_on_a_server_is_told_with_the_next_step(
    command, server, distribution
):
    distribution("sour", "raise RuntimeError('no milk')")
    run = command("enable", "sour")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1].endswith(") it is failed.")
    assert "RuntimeError while in import: no milk" in run.stderr
    assert "Report this to the authors of 'sour'" in run.stderr


LAYOUTS = {
    "comments": (
        '# mine\nport = 9000 # not 8888\n\n[extensions.tea] # hot\nleaves = ["a",\n  "b"]\n',
        '# mine\nport = 9000 # not 8888\n\n[extensions.tea] # hot\nleaves = ["a",\n  "b"]\n'
        "enabled = false\n",
    ),
    "said already": (
        "[extensions.tea]\nenabled = true  # for ever\n\n[services]\n",
        "[extensions.tea]\nenabled = false  # for ever\n\n[services]\n",
    ),
    "another's table": (
        "[extensions.milk]\nfat = 3\n",
        "[extensions.milk]\nfat = 3\n\n[extensions.tea]\nenabled = false\n",
    ),
    "dotted": ("extensions.tea.sugar = 1\n", None),
    "inline": ("extensions = { tea = { sugar = 1 } }\n", None),
    "apart": (
        "[extensions.tea]\nsugar = 1\n\n[services]\nx = 'tea'\n\n[extensions.milk]\nfat = 3\n",
        None,
    ),
    "without a line end": ("port = 9000", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_comments_and_layout_stay_as_they_are(command, file, distribution, layout):
    distribution("tea", "")
    before, after = LAYOUTS[layout]
    file.write_text(before)
    file.chmod(0o640)
    run = command("disable", "tea")
    assert (run.returncode, run.stderr) == (0, "")
    if after is not None:
        assert file.read_text() == after
    assert [line for line in before.split() if line not in file.read_text()] in ([], ["true"])
    assert file.stat().st_mode & 0o777 == 0o640
    # Then read by the host itself: what it says now is what was meant.
    records = {record["name"]: record for record in json.loads(command("list", "--json").stdout)}
    assert records["tea"]["state"] == "disabled"


def test_a_stronger_layer_is_named_when_the_change_has_no_effect(command, distribution):
    distribution("tea", "")
    run = command("enable", "tea", PLUGHOST_EXTENSIONS__TEA__ENABLED="false")
    assert run.returncode == 1
    assert "That has no effect: " in run.stderr
    assert "PLUGHOST_EXTENSIONS__TEA__ENABLED" in run.stderr


def test_what_somebody_has_blocked_is_not_enabled(command, file, distribution):
    distribution("tea", "")
    file.write_text("[extensions.tea]\nblocked = true\n")
    run = command("enable", "tea")
    assert run.returncode == 1
    assert f"The extension 'tea' is blocked: Blocked in {file}:2." in run.stderr
    assert "plughost config explain extensions.tea.blocked" in run.stderr
    assert file.read_text() == "[extensions.tea]\nblocked = true\n"


@pytest.mark.parametrize("action", ["enable", "disable", "show"])
def test_a_name_that_is_not_installed_is_an_error_with_a_suggestion(command, action):
    run = command(action, "terminal")
    assert run.returncode == 1
    assert "Did you mean 'terminals'?" in run.stderr


async def test_the_list_has_a_column_for_each_server(command, server):
    assert await state(server, "lab") == "active"
    await server.client.patch("/plughost/api/extensions/terminals", {"enabled": False})
    port = server.client.base.rpartition(":")[2]
    header, *rows = command("list").stdout.splitlines()
    assert header.split()[:4] == ["NAME", "STATE", "ON", port]
    (terminals,) = [row for row in rows if row.startswith("terminals")]
    assert terminals.split()[1:3] == ["active", "disabled"]
    records = {record["name"]: record for record in json.loads(command("list", "--json").stdout)}
    assert records["terminals"]["servers"] == {f"{server.client.base}/": "disabled"}


async def test_show_tells_everything_about_what_has_failed(command, distribution, strangers):
    distribution("sour", "raise RuntimeError('no milk')")
    metadata = strangers / "sour-1.0.dist-info" / "METADATA"
    metadata.write_text(
        f"{metadata.read_text()}Summary: Tea.\nProject-URL: Issues, https://example.org/sour\n"
    )
    shown = command("show", "sour").stdout
    for fact in (
        "failed, when tried here",
        "RuntimeError while in import: no milk",
        "Report this to the authors of 'sour'",
        "https://example.org/sour",
        "Traceback (most recent call last)",
        "Tea.",
    ):
        assert fact in shown
    record = json.loads(command("show", "sour", "--json").stdout)
    assert (record["state"], record["issues"]) == ("failed", "https://example.org/sour")


async def test_show_asks_the_server_of_this_folder(served, command, file, jupyter_folders):
    file.write_text("[extensions.kernels]\nrestart_limit = 3\n")
    server = served("--root", str(jupyter_folders))
    assert await state(server, "kernels") == "active"
    shown = command("show", "kernels").stdout
    assert f"active, on the server at {server.client.base}/" in shown
    assert f"restart_limit = 3  ({file}:2)" in shown
    assert TOKEN not in shown

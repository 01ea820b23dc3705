"""What a kernel finds in its environment: the server's variables but its secrets, and its own."""

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

import plughost_kernels

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def show(*names):
    return f"import os, json; print(json.dumps([os.environ.get(n) for n in {names!r}]))"


def contents(folder):
    """What is in all files below a folder, some of which come and go: a history's journal does."""
    found = []
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found.append(Path(above, name).read_bytes())
    return found


async def test_a_kernel_has_the_servers_variables_but_not_its_secrets(start, connect, monkeypatch):
    for name in ("JUPYTER_TOKEN", "PLUGHOST_TOKEN", "PLUGHOST_EXTENSIONS__LAKE__KEY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("LAKE_URL", "lake.example.org")
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        all_of_it = json.loads(
            await line.print("import os, json; print(json.dumps(dict(os.environ)))")
        )
    assert all_of_it["LAKE_URL"] == "lake.example.org"
    assert all_of_it["PATH"] == os.environ["PATH"]
    assert "canary" not in all_of_it.values()
    assert all_of_it["JPY_SESSION_NAME"] == ""


async def test_a_kernel_json_sets_variables_and_can_refer_to_others_but_not_to_secrets(
    start, connect, install_kernel, monkeypatch
):
    monkeypatch.setenv("JUPYTER_TOKEN", "canary")
    monkeypatch.setenv("LAKE_URL", "lake.example.org")
    env = {"LAKE": "https://${LAKE_URL}/${KERNEL_POND}", "STOLEN": "<${JUPYTER_TOKEN}>"}
    install_kernel("fisher", ARGV, language="python", env=env)
    async with start(plughost_kernels) as (_, client):
        request = {"name": "fisher", "env": {"KERNEL_POND": "north", "LAKE": "beaten"}}
        kernel_id = (await client.post("/api/kernels", request)).json["id"]
        line = await connect(client, kernel_id)
        found = json.loads(await line.print(show("LAKE", "STOLEN")))
    assert found == ["https://lake.example.org/north", "<${JUPYTER_TOKEN}>"]


async def test_what_a_request_sets_is_kept_for_restarts_and_written_nowhere(
    start, connect, jupyter_folders, caplog
):
    caplog.set_level("DEBUG")
    async with start(plughost_kernels) as (_, client):
        request = {"env": {"KERNEL_KEY": "canary-of-the-request", "_x1": "é\n"}}
        started = await client.post("/api/kernels", request)
        kernel_id = started.json["id"]
        line = await connect(client, kernel_id)
        first = json.loads(await line.print(show("KERNEL_KEY", "_x1")))
        await client.post(f"/api/kernels/{kernel_id}/restart")
        again = json.loads(await line.print(show("KERNEL_KEY", "_x1")))
        other = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, other)
        elsewhere = json.loads(await line.print(show("KERNEL_KEY", "_x1")))
        written = contents(jupyter_folders)
    assert first == again == ["canary-of-the-request", "é\n"]
    assert elsewhere == [None, None]
    assert len(written) > 3  # connection files and records among them
    assert not any(b"canary-of" in content for content in written)
    assert "canary-of" not in caplog.text + started.text
    assert "KERNEL_KEY" not in os.environ


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"1X": "a"}, "'1X' cannot be set"),
        ({"A=B": "a"}, "'A=B' cannot be set"),
        ({"": "a"}, "'' cannot be set"),
        ({"Ä": "a"}, "'Ä' cannot be set"),
        ({"JPY_SESSION_NAME": "a"}, "'JPY_SESSION_NAME' cannot be set"),
        ({"X": "a\0b"}, "zero byte"),
        ({"X": 3}, "$.env"),
        (["X"], "$.env"),
        ("X=3", "$.env"),
    ],
)
async def test_variables_that_cannot_be_set_are_refused_and_no_kernel_is_started(start, env, words):
    async with start(plughost_kernels) as (_, client):
        reply = await client.post("/api/kernels", {"env": env})
        running = (await client.get("/api/kernels")).json
    assert (reply.status, running) == (400, [])
    assert words in reply.json["message"]

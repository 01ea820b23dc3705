"""`plughost serve`, as a person runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from plughost.testing import TOKEN


def plughost(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "plughost", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


async def test_the_printed_url_answers_and_leads_to_the_default_page(served):
    server = served()
    reply = await server.client.get(server.url.removeprefix(server.client.base), token=None)
    assert (reply.status, reply.headers["Location"]) == (302, "/lab")


async def test_a_file_is_opened_in_the_default_page(served, jupyter_folders):
    (jupyter_folders / "root" / "a b").mkdir(parents=True)
    (jupyter_folders / "root" / "a b" / "n.ipynb").write_text("{}")
    server = served("a b/n.ipynb")
    assert server.url == f"{server.client.base}/lab/tree/a%20b/n.ipynb?token={TOKEN}"


async def test_a_taken_port_is_said_aloud_and_the_next_one_used(served):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = served("--port", str(port))
        assert f"Port {port} is taken; using " in server.output.read_text()
        assert (await server.client.get("/api")).status == 200


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_server_cleanly(served, signum):
    server = served()
    await server.client.get("/api/status")
    assert server.stop(signum) == 0
    assert "Traceback" not in server.output.read_text()


async def test_shutdown_over_http_ends_the_process(served):
    server = served()
    await server.client.post("/api/shutdown", "")
    assert server.process.wait(15) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["serve", "/no/such/file"], "does not exist"),
        (["serve", "--ip", "203.0.113.1"], "Cannot listen on '203.0.113.1'"),
        (["serv"], "Did you mean 'serve'?"),
        (["serve", "--config", "/no/such.toml"], "There is no configuration file"),
        (["serve", ".", "--root", "/"], "Leave one of them away"),
    ],
)
def test_a_mistake_is_one_clear_sentence(jupyter_folders, arguments, error):
    run = plughost(*arguments, cwd=jupyter_folders)
    assert run.returncode != 0
    assert error in run.stderr
    assert "Traceback" not in run.stderr


def test_help_fits_a_screen_and_imports_no_extension():
    run = plughost("--help", env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"})
    names = {line.split()[0] for line in run.stdout.splitlines() if line.startswith("  ")}
    assert {"serve", "build", "extensions"} <= names
    assert len(run.stdout.splitlines()) < 24
    assert "plughost_contents" not in run.stderr


async def test_a_page_asked_for_at_once_is_whole(served):
    """The terminals are imported last; a page rendered before would say there are none."""
    for _ in range(3):
        server = served()
        text = (await server.client.get("/lab")).text
        assert '"terminalsAvailable":true' in text.replace(" ", "")
        server.stop()

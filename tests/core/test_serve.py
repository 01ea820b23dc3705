"""`plughost serve`, as a person runs it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
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
    assert [server.process.stdout.readline() for _ in range(2)] == [
        "\n",
        "Ctrl-C stops the server and what it runs.\n",
    ]


async def test_settings_in_the_root_folder_that_nobody_reads_are_named(served, jupyter_folders):
    stray = jupyter_folders / "root" / "plughost.toml"
    stray.parent.mkdir()
    stray.write_text("port = 1\n")
    server = served()
    assert f"{str(stray)!r} is not read" in server.output.read_text()
    server.stop()
    server = served("--config", str(stray))
    assert "is not read" not in server.output.read_text()


async def test_a_taken_port_is_said_aloud_and_the_next_one_used(served):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = served("--port", str(port))
        assert f"Port {port} is taken; using " in server.output.read_text()
        assert (await server.client.get("/api")).status == 200


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_server_cleanly(served, signum):
    server = served()
    await server.client.get("/api/status")
    assert server.stop(signum) == 0
    assert "Traceback" not in server.output.read_text()


async def test_shutdown_over_http_ends_the_process(served):
    server = served()
    await server.client.post("/api/shutdown", "")
    assert server.process.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["serve", "/no/such/file"], "does not exist"),
        (["serve", "--ip", "203.0.113.1"], "Cannot listen on '203.0.113.1'"),
        (["serv"], "Did you mean 'serve'?"),
        (["serve", "--config", "/no/such.toml"], "There is no configuration file"),
        (["serve", ".", "--root", "/"], "Leave one of them away"),
        (["serve", "--port", "http"], "not a valid integer"),
        (["serve", "--port", "70000"], "70000 is not in the range"),
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


async def test_json_lines_tell_whose_request_they_are_about(served, strangers, distribution):
    distribution("noisy", NOISY)
    path = {"PYTHONPATH": str(strangers)}
    server = served("--log-json", "--verbose", "--host", "127.0.0.1", env=path)
    assert (await server.client.get("/noisy/api")).status == 200
    server.stop()
    lines = [json.loads(line) for line in server.output.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    (noise,) = [line for line in lines if line["logger"] == "noisy"]
    assert noise["time"].endswith("+00:00")
    assert "ZeroDivisionError" in noise["traceback"]
    assert {**noise, "time": "", "traceback": "", "user": "", "request": ""} == {
        "time": "",
        "level": "error",
        "logger": "noisy",
        "message": "Rattle “1”\n",
        "extension": "noisy",
        "user": "",
        "request": "",
        "traceback": "",
    }
    assert noise["user"]
    assert noise["request"]


NOISY = """
import logging
from plughost import JSONHandler, Route, hookimpl

class Noise(JSONHandler):
    def get(self):
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("noisy").exception("Rattle “%d”\\n", 1)
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/noisy/api", Noise)]
"""


async def test_a_token_on_the_command_line_is_warned_of_once(served):
    server = served()
    assert server.output.read_text().count("--token-file") == 1
    assert "--token-file" not in served(token=None).output.read_text()


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({}, False)],
)
def test_log_lines_have_colours_only_where_they_are_wanted(jupyter_folders, environment, coloured):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "plughost", "serve", "--ip", "203.0.113.1", "--token", "x"],
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "", **environment},
        cwd=jupyter_folders,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while part := os.read(master, 4096):
            shown += part
    os.close(master)
    assert process.wait(60) == 1
    assert (b"\x1b[33mW\x1b[0m " in shown) == coloured
    assert (b"\x1b" in shown) == coloured


@pytest.mark.parametrize("origins", [["https://a.example"], ["https://a.example", "http://b:1"]])
async def test_several_origins_can_be_allowed(served, origins):
    server = served(*(word for origin in origins for word in ("--allow-origin", origin)))
    for origin in origins:
        reply = await server.client.get("/api/status", headers={"Origin": origin})
        assert reply.headers["Access-Control-Allow-Origin"] == origin

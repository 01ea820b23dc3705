"""`plughost servers`: which run, told by files that Jupyter's tools read too."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import plughost
from plughost.testing import TOKEN

KEYS = {
    "base_url",
    "hostname",
    "password",
    "pid",
    "port",
    "root_dir",
    "secure",
    "sock",
    "token",
    "url",
    "version",
}
"""What jupyter_server 2.21 writes (`ServerApp.server_info`)."""


@pytest.fixture
def command(jupyter_folders):
    """Run `plughost` in a folder; returns the finished process."""

    def run(*arguments, cwd=jupyter_folders, env=None):
        return subprocess.run(
            [sys.executable, "-m", "plughost", *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def runtime(jupyter_folders) -> Path:
    return jupyter_folders / "jupyter-runtime"


def files(runtime):
    return sorted(runtime.glob("*jpserver*"))


async def test_a_running_server_is_listed_as_jupyter_lists_its_own(
    served, runtime, jupyter_folders
):
    server = served("--base-url", "/a")
    (file,) = files(runtime)
    port = int(server.client.base.rpartition(":")[2])
    info = json.loads(file.read_text())
    assert file.name == f"jpserver-{server.process.pid}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(info) == KEYS
    assert info == {
        "base_url": "/a/",
        "hostname": "127.0.0.1",
        "password": False,
        "pid": server.process.pid,
        "port": port,
        "root_dir": str(jupyter_folders / "root"),
        "secure": False,
        "sock": "",
        "token": TOKEN,
        "url": f"http://127.0.0.1:{port}/a/",
        "version": plughost.__version__,
    }
    server.stop()
    assert files(runtime) == []


async def test_in_safe_mode_nothing_is_written(served, runtime):
    served("--safe")
    assert files(runtime) == []


async def test_a_server_on_a_unix_socket_is_listed_and_stopped(served, command, runtime):
    socket = runtime / "s"
    server = served("--unix-socket", str(socket))
    (file,) = files(runtime)
    info = json.loads(file.read_text())
    assert (info["sock"], info["port"]) == (str(socket), 0)
    assert command("servers", "stop").returncode == 0
    assert server.process.wait(1) == 0


async def test_the_list_says_where_and_what_runs_and_the_json_has_everything(
    served, command, runtime
):
    server = served()
    listed = command("servers")
    port = server.client.base.rpartition(":")[2]
    header, row = listed.stdout.splitlines()
    assert header.split() == ["PORT", "PID", "RUNS", "URL", "ROOT"]
    assert row.split()[:3] == [port, str(server.process.pid), "nothing"]
    (file,) = files(runtime)
    assert json.loads(command("servers", "--json").stdout) == [json.loads(file.read_text())]


def test_without_servers_the_list_says_how_to_start_one(command):
    listed = command("servers")
    assert (listed.returncode, listed.stdout) == (
        0,
        "No server runs. Start one with `plughost serve`.\n",
    )
    assert command("servers", "--json").stdout == "[]\n"
    for action in ("stop", "open"):
        run = command("servers", action)
        assert run.returncode == 1
        assert run.stderr == "Error: No server runs.\nStart one with `plughost serve`.\n"


def left_behind(runtime, pid, age=0.0):
    """A file as a server leaves it that was ended by force."""
    file = runtime / f"jpserver-{pid}.json"
    url = "http://127.0.0.1:9/"  # nobody answers there
    file.write_text(json.dumps({"pid": pid, "port": 9, "url": url, "root_dir": "/x"}))
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_the_file_of_a_process_that_is_gone_is_removed(command, runtime):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    file = left_behind(runtime, int(gone.stdout))
    assert command("servers", "--json").stdout == "[]\n"
    assert not file.exists()


def test_the_file_of_a_process_whose_number_is_somebody_elses_is_removed(command, runtime):
    """This very process began long after the file was written."""
    file = left_behind(runtime, os.getpid(), age=365 * 24 * 3600)
    assert command("servers", "--json").stdout == "[]\n"
    assert not file.exists()


async def test_a_server_that_answers_is_listed_whatever_the_clock_was_set_to(
    served, command, runtime
):
    served()
    (file,) = files(runtime)
    os.utime(file, (0, 0))
    assert len(json.loads(command("servers", "--json").stdout)) == 1
    assert file.exists()


def test_a_server_that_does_not_answer_is_listed_as_such_and_stop_says_what_to_do(command, runtime):
    left_behind(runtime, os.getpid())
    assert "no answer" in command("servers").stdout
    run = command("servers", "stop", "9")
    assert run.returncode == 1
    assert f"`kill {os.getpid()}`" in run.stderr


SLOW = """
import time
from pathlib import Path
from plughost import JSONHandler, Route, hookimpl

class Slow(JSONHandler):
    def get(self):
        Path("slow").touch()
        time.sleep(3)
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/slow/api", Slow)]
"""


async def test_a_server_that_is_only_slow_is_waited_for(
    served, command, strangers, distribution, jupyter_folders
):
    distribution("slow", SLOW)
    server = served(env={"PYTHONPATH": str(strangers)})
    held = asyncio.ensure_future(server.client.get("/slow/api"))
    while not (jupyter_folders / "root" / "slow").exists():  # noqa: ASYNC110  # elsewhere
        await asyncio.sleep(0.01)
    listed = await asyncio.to_thread(command, "servers")
    assert (await held).status == 200
    assert listed.stdout.splitlines()[1].split()[2] == "nothing"


def test_what_is_no_such_file_is_left_alone(command, runtime):
    for name, text in [("jpserver-1.json", "{"), ("jpserver-2.json", "[]")]:
        (runtime / name).write_text(text)
    assert command("servers", "--json").stdout == "[]\n"
    assert len(files(runtime)) == 2


@pytest.mark.parametrize("by", ["port", "pid", "root", "folder"])
async def test_a_server_is_stopped_by_port_process_root_or_where_one_is(
    served, command, jupyter_folders, by
):
    server = served()
    root = jupyter_folders / "root"
    which = {
        "port": [server.client.base.rpartition(":")[2]],
        "pid": [str(server.process.pid)],
        "root": [str(root)],
        "folder": [],
    }[by]
    run = command("servers", "stop", *which, cwd=root)
    assert (run.returncode, run.stderr) == (0, "")
    assert "has stopped." in run.stdout
    assert server.process.wait(1) == 0, "it was waited for"


async def test_of_several_servers_one_has_to_be_named(served, command, jupyter_folders):
    ports = sorted(served().client.base.rpartition(":")[2] for _ in range(2))
    run = command("servers", "stop")
    assert run.returncode == 1
    assert "2 servers run, and it is not clear which one is meant." in run.stderr
    assert all(port in run.stderr for port in ports)
    assert command("servers", "stop", "17").stderr.startswith(
        "Error: No server runs that has '17' as its port, process id or root folder."
    )


KEEPER = """
from pathlib import Path
from plughost import Service, hookimpl

class Keeper:
    def __init__(self, host):
        self.host = host
    async def stop(self):
        Path("said").write_text(f"keep: {self.host.keep}")

@hookimpl
def plughost_services(host):
    return [Service(Keeper(host))]
"""


@pytest.mark.parametrize("keep", [True, False])
async def test_stopping_with_keep_leaves_running_what_can_outlive_it(
    served, command, strangers, distribution, jupyter_folders, keep
):
    distribution("keeper", KEEPER)
    server = served(env={"PYTHONPATH": str(strangers)})
    while (await server.client.get("/api/status")).json["loading"]:
        pass
    assert command("servers", "stop", *(["--keep"] if keep else [])).returncode == 0
    assert (jupyter_folders / "root" / "said").read_text() == f"keep: {keep}"


async def test_open_shows_the_server_of_this_folder_and_the_token_to_nobody_else(
    served, command, jupyter_folders, tmp_path
):
    server = served()
    browser = tmp_path / "browser"
    seen, page = tmp_path / "seen", tmp_path / "page"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > "{seen}"\nfile="${{1#file://}}"\n'
        f'{{ stat -c %a "$file"; cat "$file"; }} > "{page}"\n'
    )
    browser.chmod(0o700)
    environment = {"BROWSER": f"{browser} %s"}
    opened = command("servers", "open", cwd=jupyter_folders / "root", env=environment)
    address = f"{server.client.base}/?token={TOKEN}"
    assert (opened.returncode, opened.stdout.strip()) == (0, address)
    # The arguments of a program can be read by everybody on the machine.
    argument = seen.read_text().strip()
    assert argument.startswith("file://")
    assert TOKEN not in argument
    mode, text = page.read_text().split("\n", 1)
    assert mode == "600"
    assert f"url={address}" in text
    assert not Path(argument.removeprefix("file://")).exists()


async def test_a_server_that_was_ended_by_force_is_not_listed_any_more(served, command, runtime):
    server = served()
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(60)
    assert len(files(runtime)) == 1
    assert command("servers", "--json").stdout == "[]\n"
    assert files(runtime) == []

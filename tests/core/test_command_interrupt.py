"""Ctrl-C on a terminal: asked when something would be lost, obeyed otherwise."""

from __future__ import annotations

import codecs
import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from urllib.request import urlopen

import pytest

from plughost.interrupts import question

# A terminal belongs to the session that opened it, so the session is begun in between.
ON_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "plughost", *sys.argv[1:]])
"""

BOILER = """
import time
from pathlib import Path
from plughost import JSONHandler, Route, Service, Status, hookimpl

class Keeper:
    def __init__(self, host):
        self.host = host
    async def stop(self):
        Path("said").write_text(f"keep: {self.host.keep}")

class Slow(JSONHandler):
    def get(self):
        Path("slow").touch()
        time.sleep(1.5)

@hookimpl
def plughost_services(host):
    return [Service(Keeper(host))]

@hookimpl
def plughost_routes():
    return [Route(r"/slow/api", Slow)]

@hookimpl
def plughost_status():
    return [Status(lambda: {"boilers": 2}, work={"boilers": True})]
"""

HOLDER = """
import asyncio, time
from plughost import Service, hookimpl

class Holder:
    async def start(self):
        asyncio.get_running_loop().call_later(0.1, self.hold)
    def hold(self):
        open("held", "w").close()
        time.sleep(60)

@hookimpl
def plughost_services():
    return [Service(Holder())]
"""


class Terminal:
    """`plughost serve` on a terminal of its own: what it shows, and the keys to press."""

    def __init__(self, root, env):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, "serve", "--no-browser", "--port", "0"],
            cwd=root,
            env={**os.environ, "TERM": "xterm", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.shown = ""
        # What is read at one go may end in the midst of a character.
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def until(self, text, seconds=60.0):
        """Wait until something is shown that was not shown before; returns what was until then."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            left = max(0.0, end - time.monotonic())
            readable, _, _ = select.select([self.master], [], [], left)
            assert readable, f"{text!r} is not shown:\n{self.shown}"
            self.read()
        before, _, self.shown = self.shown.partition(text)
        return before

    def url(self):
        """What it answers at, with its token."""
        self.until("http://")
        address = self.until("\r\n")
        self.until("Ctrl-C stops the server")
        return f"http://{address}"

    def read(self):
        self.shown += self.decoder.decode(os.read(self.master, 4096))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ends(self, seconds=60.0):
        """Its exit code, once it has ended."""
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while select.select([self.master], [], [], seconds)[0]:
                self.read()
        return self.process.wait(seconds)


@pytest.fixture
def terminal(jupyter_folders, strangers):
    root = jupyter_folders / "root"
    root.mkdir()
    opened = Terminal(root, {"PYTHONPATH": str(strangers)})
    yield opened
    if opened.process.poll() is None:
        opened.process.kill()
    opened.process.wait(60)
    os.close(opened.master)


@pytest.fixture
def boiler(distribution):
    distribution("boiler", BOILER)


@pytest.fixture
def boiling(boiler, terminal):
    """The address of a server with something to lose, from the moment on at which it knows."""
    url = terminal.url()
    while b'"boilers":2' not in urlopen(url.replace("/?", "/api/status?")).read():
        pass
    return url


@pytest.fixture
def busy(boiling, terminal):
    """The same, asking on its terminal."""
    terminal.press("\x03")
    terminal.until("2 boilers are running.")
    terminal.until("Shut them down [y], keep them [k], go on serving [n]? ")
    return terminal


def said(folders):
    return (folders / "root" / "said").read_text()


def test_yes_shuts_down_what_runs(busy, jupyter_folders):
    busy.press("y\n")
    assert busy.ends() == 0
    assert said(jupyter_folders) == "keep: False"


def test_keep_leaves_it_running(busy, jupyter_folders):
    busy.press("k\n")
    busy.until("Stopping, and leaving the boilers running.")
    assert busy.ends() == 0
    assert said(jupyter_folders) == "keep: True"


def test_no_and_silence_go_on_and_the_next_ctrl_c_asks_again(busy, jupyter_folders):
    busy.press("n\n")
    busy.until("Going on.")
    busy.press("\x03")
    busy.until("2 boilers are running.")
    busy.until("No answer: going on.")
    busy.press("\x03")
    busy.until("[n]? ")
    busy.press("y\n")
    assert busy.ends() == 0


def test_a_second_ctrl_c_ends_it_at_once(busy, jupyter_folders):
    busy.press("\x03")
    assert busy.ends() == 128 + signal.SIGINT
    assert not (jupyter_folders / "root" / "said").exists()


def test_sigterm_while_it_asks_stops_it_and_keeps_what_runs(busy, jupyter_folders):
    busy.process.send_signal(signal.SIGTERM)
    assert busy.ends() == 0
    assert said(jupyter_folders) == "keep: True"


def test_who_is_only_slow_asks_all_the_same(boiling, terminal, jupyter_folders):
    slow = threading.Thread(target=urlopen, args=[boiling.replace("/?", "/slow/api?")])
    slow.start()
    while not (jupyter_folders / "root" / "slow").exists():
        time.sleep(0.01)
    terminal.press("\x03")
    terminal.until("2 boilers are running.")
    slow.join()
    terminal.press("n\n")
    terminal.until("Going on.")


def test_with_nothing_to_lose_nobody_is_asked(terminal):
    terminal.until("Ctrl-C stops the server")
    terminal.press("\x03")
    assert terminal.ends() == 0
    assert "[y]" not in terminal.shown


@pytest.fixture
def holder(distribution):
    distribution("holder", HOLDER)


def test_a_loop_that_somebody_holds_cannot_suppress_the_end(holder, terminal, jupyter_folders):
    terminal.until("Ctrl-C stops the server")
    while not (jupyter_folders / "root" / "held").exists():
        time.sleep(0.01)
    terminal.press("\x03")
    assert terminal.ends() == 1
    assert "'holder' does not let the process end" in terminal.shown


@pytest.mark.parametrize(
    ("work", "asked"),
    [
        (
            {"kernels": (1, True)},
            "1 kernel is running.\nShut it down [y], keep it [k], go on serving [n]? ",
        ),
        (
            {"terminals": (1, False)},
            "1 terminal is running.\nShut it down [y], go on serving [n]? ",
        ),
        (
            {"kernels": (2, True), "jobs": (1, True), "terminals": (1, False)},
            "2 kernels, 1 job and 1 terminal are running.\n"
            "Shut them down [y], keep the kernels and job [k], go on serving [n]? ",
        ),
    ],
)
def test_the_question_offers_what_is_possible(work, asked):
    assert question(work) == asked

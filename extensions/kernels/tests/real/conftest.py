"""Kernels that others have written, and how one says the same things in their languages.

Python twice (ipykernel, and xeus-python, which is written in C++), R (IRkernel) and
JavaScript (Deno). `build_tools/check.py` installs them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from deno import find_deno_bin

from plughost.testing import Client

KERNELS_TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class RealKernel:
    """One kernel and a phrase book of its language.

    `interrupts` says for each interrupt mode that a kernelspec can name what becomes of an
    endless loop: the kernel "goes on" after it, it "starts anew" because it has died, or it
    "takes no notice".
    """

    name: str
    argv: tuple[str, ...]
    interrupts: dict[str, str]
    speak: str  # "out" to stdout, "err" to stderr, and a result
    result: tuple[str, str]  # the message's type and its text/plain
    fail: str
    failure: tuple[str, str]  # ename and a part of evalue
    half: str  # to complete
    whole: str
    inspect: str
    found: bool
    remember: str  # a variable
    recall: str  # prints "42" from it, if it is there
    endless: str  # prints "begun", and nothing ever after
    ticking: str  # prints "tick" twenty times a second, for ever
    count: str  # prints 0, 1, 2 …, ten a second, until there is a file "go"; then "end"
    ask: str  # asks "name? ", prints "got <name>"
    ask_later: str  # the same once there is a file "go"; until then it prints "tick"
    comm: str  # opens a comm "here", or is ready for one, and sends back what comes there
    opens_comm: bool
    answers_comm: bool
    installed: bool = False  # its package has a kernelspec
    answers_next: bool = True
    """Its reply to what one server has asked reaches the next one."""
    still_asks_next: bool = True
    """The question of code that ran before reaches the next server."""


PYTHON = {
    "speak": "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7",
    "result": ("execute_result", "42"),
    "fail": "1 / 0",
    "failure": ("ZeroDivisionError", "division by zero"),
    "half": "impor",
    "whole": "import",
    "inspect": "print",
    "found": True,
    "remember": "x = 41",
    "recall": "print(x + 1)",
    "endless": "print('begun', flush=True)\nwhile True: pass",
    "ticking": "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(0.05)",
    "count": "import os, time\ni = 0\nwhile not os.path.exists('go'):\n"
    "    print(i, flush=True)\n    i += 1\n    time.sleep(0.1)\nprint('end')",
    "ask": "print('got', input('name? '))",
    "ask_later": "import os, time\nwhile not os.path.exists('go'):\n"
    "    print('tick', flush=True)\n    time.sleep(0.05)\n"
    "print('got', input('name? '))",
    "comm": "from comm import create_comm\ncomm = create_comm(target_name='here')\n"
    "comm.on_msg(lambda message: comm.send({'back': message['content']['data']['there']}))",
    "opens_comm": True,
    "answers_comm": True,
    "installed": True,
}

REAL_KERNELS = (
    RealKernel(
        name="python3",
        argv=(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        interrupts={"signal": "goes on", "message": "goes on"},
        **PYTHON,
    ),
    RealKernel(
        name="xpython",
        argv=(sys.executable, "-m", "xpython_launcher", "-f", "{connection_file}"),
        interrupts={"signal": "starts anew", "message": "takes no notice"},
        answers_next=False,
        still_asks_next=False,
        **{**PYTHON, "failure": ("<class 'ZeroDivisionError'>", "division by zero")},
    ),
    RealKernel(
        name="ir",
        argv=("R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"),
        interrupts={"signal": "goes on", "message": "takes no notice"},
        speak="cat('out\\n')\nmessage('err')\n6 * 7",
        result=("display_data", "[1] 42"),
        fail="stop('not today')",
        failure=("ERROR", "not today"),
        half="print.data.fr",
        whole="print.data.frame",
        inspect="print",
        found=True,
        remember="x <- 41",
        recall="cat(x + 1)",
        endless="cat('begun\\n'); flush.console()\nwhile (TRUE) {}",
        ticking="repeat { cat('tick\\n'); flush.console(); Sys.sleep(0.05) }",
        count="i <- 0\nwhile (!file.exists('go')) {\n"
        "  cat(i, ''); flush.console(); i <- i + 1; Sys.sleep(0.1)\n}\ncat('end')",
        ask="cat('got', readline('name? '))",
        ask_later="while (!file.exists('go')) {\n"
        "  cat('tick\\n'); flush.console(); Sys.sleep(0.05)\n}\ncat('got', readline('name? '))",
        comm="comm <- IRkernel::comm_manager()$new_comm('here')\n"
        "comm$on_msg(function(message) comm$send(list(back = message$there)))\n"
        "comm$open(list(hello = 1))",
        opens_comm=True,
        answers_comm=True,
    ),
    RealKernel(
        name="deno",
        argv=(find_deno_bin(), "jupyter", "--kernel", "--conn", "{connection_file}"),
        interrupts={"signal": "starts anew", "message": "goes on"},
        answers_next=False,
        speak="console.log('out');\nconsole.error('err');\n6 * 7",
        result=("execute_result", "42"),
        fail="throw new Error('not today')",
        failure=("Error", "not today"),
        half="consol",
        whole="console",
        inspect="console",
        found=False,
        remember="let x = 41",
        recall="console.log(x + 1)",
        endless="console.log('begun');\nwhile (true) {}",
        ticking="while (true) {\n  console.log('tick');\n"
        "  await new Promise((wake) => setTimeout(wake, 50));\n}",
        count="const { existsSync } = await import('node:fs');\nlet i = 0;\n"
        "while (!existsSync('go')) {\n  console.log(i++);\n"
        "  await new Promise((wake) => setTimeout(wake, 100));\n}\nconsole.log('end')",
        ask="console.log('got', prompt('name? '))",
        ask_later="const { existsSync } = await import('node:fs');\n"
        "while (!existsSync('go')) {\n  console.log('tick');\n"
        "  await new Promise((wake) => setTimeout(wake, 50));\n}\n"
        "console.log('got', prompt('name? '))",
        comm="await Deno.jupyter.broadcast('comm_open',"
        " { comm_id: 'd', target_name: 'here', data: {} })",
        opens_comm=True,
        answers_comm=False,
    ),
)


@pytest.fixture(params=REAL_KERNELS, ids=lambda kernel: kernel.name)
def real(request: pytest.FixtureRequest, install: Callable[..., None]) -> RealKernel:
    """Each kernel in turn, with its kernelspec as it is when it has just been installed."""
    kernel: RealKernel = request.param
    if not kernel.installed:
        install(kernel)
    return kernel


@pytest.fixture
def install(install_kernel: Callable[..., Path]) -> Callable[..., None]:
    """`install(kernel, **spec)` writes a kernelspec for it; more keys change how it is run."""

    def write(kernel: RealKernel, **spec: Any) -> None:
        install_kernel(kernel.name, list(kernel.argv), **spec)

    return write


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the programs keep for their user is kept below the test's folder."""
    monkeypatch.setenv("DENO_DIR", str(tmp_path / "deno"))
    monkeypatch.setenv("DENO_NO_UPDATE_CHECK", "1")
    assert shutil.which("R"), "R is missing: python3 build_tools/check.py installs it"


Launch = Callable[..., Awaitable[tuple[str, Any]]]


@pytest.fixture
def launch(connect: Callable[..., Awaitable[Any]]) -> Launch:
    """`await launch(client, real, legacy=False)` starts a kernel: its id, and a line to it."""

    async def started(client: Client, kernel: RealKernel, **how: Any) -> tuple[str, Any]:
        reply = await client.post("/api/kernels", {"name": kernel.name})
        assert reply.status == 201, reply.text
        return reply.json["id"], await connect(client, reply.json["id"], **how)

    return started


@pytest.fixture
def pid_of(jupyter_folders: Path) -> Callable[[str], int]:
    """`pid_of(kernel_id)` is the process of a kernel, as it is on file."""

    def pid(kernel_id: str) -> int:
        folder = jupyter_folders / "jupyter-runtime" / "plughost" / "kernels"
        return int(json.loads((folder / f"{kernel_id}.json").read_text())["pid"])

    return pid


@pytest.fixture
def plain() -> Callable[[str], str]:
    """`plain(text)` without the colours of a terminal."""
    return lambda text: re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def texts(plain: Callable[[str], str]) -> Callable[..., str]:
    """`texts(messages, "stdout")` is what a stream has said in them."""

    def said(messages: list[Any], name: str = "stdout") -> str:
        streams = [m.content for m in messages if m.kind == "stream"]
        return plain("".join(one["text"] for one in streams if one["name"] == name))

    return said


Run = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def run() -> Run:
    """`await run(line, code, enough)`: what some code causes, until there is enough of it.

    Deno may say that it is idle before it sends the last of the output.
    """

    async def ran(line: Any, code: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
        asked = line.execute(code)
        messages: list[Any] = await line.answer(asked)
        while not enough(messages):
            message = await line.receive()
            if (message.parent or {}).get("msg_id") == asked:
                messages.append(message)
        return messages

    return ran


@pytest.fixture
def ended() -> Callable[[int], bool]:
    """Whether a process is over; one that nobody collects stays a zombie in many containers."""

    def is_over(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return is_over


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], Client]]]:
    """`serve()` starts a host in a process of its own: the process and a client of it."""
    running: list[subprocess.Popen[str]] = []

    def started() -> tuple[subprocess.Popen[str], Client]:
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        with (tmp_path / f"server-{len(running)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(KERNELS_TESTS / "serve_kernels.py"), str(root)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=dict(os.environ),
            )
        running.append(process)
        assert process.stdout is not None, "a pipe was asked for"
        return process, Client(f"http://127.0.0.1:{int(process.stdout.readline())}")

    yield started
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def kill() -> Callable[[subprocess.Popen[str]], None]:
    """`kill(process)`: without a chance to say good-bye."""

    def now(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    return now

"""Kernels as a person meets them in the lab: not ready yet, dead, or out of reach."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, Request, Response, Route, expect

from plughost.testing import Served

from .lab import layout_is_saved, open_file, save_with_language

STATUS = ".jp-Notebook-ExecutionIndicator"
CONNECTED = f"{STATUS}:is([data-status=busy], [data-status=unknown])"
ONE_KERNEL = re.compile(r"/api/kernels/[^/?]+(\?|$)")
COUNTDOWN = re.compile(r"trying again in \d+ s$")
A_LONG_PAUSE = re.compile(r"trying again in (2\d|30) s$")

SLOW = """
import pathlib, time
while not pathlib.Path('go').exists(): time.sleep(0.1)
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
FAILS = "import sys; print('<b>bold</b>', file=sys.stderr); import no_such_module"

SPECS = {
    "nowhere": ["/nowhere/python", "{connection_file}"],
    "fails": [sys.executable, "-c", f"import time; time.sleep(1); {FAILS}", "{connection_file}"],
    "stillborn": [sys.executable, "-c", FAILS, "{connection_file}"],
    "slow": [sys.executable, "-c", SLOW, "-f", "{connection_file}"],
}
"""Kernels that cannot be started: no such program, and two that end instead of answering; and
one that takes its time."""


@pytest.fixture
def specs(jupyter_folders: Path) -> None:
    for name, argv in SPECS.items():
        folder = jupyter_folders / "jupyter-data" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": argv, "display_name": name.title(), "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))


class Lab:
    """The lab in a page, and the notebook or console in front."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.front = page.locator(
            ".jp-NotebookPanel:not(.lm-mod-hidden), .jp-ConsolePanel:not(.lm-mod-hidden)"
        )
        self.dialog = page.locator(".jp-Dialog")

    async def open(self, kind: str, kernel: str = "Python 3") -> None:
        """Click a card of a new launcher, and wait for no more than a place to type."""
        launcher = self.page.locator(".jp-Launcher:visible")
        await launcher.or_(self.front).first.wait_for()
        if not await launcher.count():
            await self.page.locator("[data-command='launcher:create']").first.click()
        cards = f".jp-Launcher:visible .jp-LauncherCard[data-category={kind}]"
        await self.page.locator(cards, has_text=kernel).first.click()
        await launcher.wait_for(state="hidden")
        await self.front.locator(".cm-editor.cm-focused").wait_for()

    async def run(self, code: str) -> None:
        await self.page.keyboard.type(code)
        await self.page.keyboard.press("Shift+Enter")

    async def run_last(self, code: str) -> None:
        """After a dialog, which has taken the focus."""
        await self.front.locator(".cm-content").last.click()
        await self.run(code)

    async def press(self, command: str) -> None:
        """A button of the notebook's toolbar."""
        await self.front.locator(f".jp-Toolbar [data-command='{command}']").click()

    async def menu(self, *labels: str) -> None:
        """An entry of the menu bar."""
        await self.page.locator(".lm-MenuBar-itemLabel", has_text=labels[0]).click()
        for label in labels[1:]:
            entry = self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{label}"))
            await entry.first.click()

    async def prompts(self, *texts: str) -> None:
        """The cells show these numbers; the console's next cell, or the notebook's, is empty."""
        await expect(self.front.locator(".jp-CodeCell .jp-InputPrompt")).to_have_text(
            [f"[{text}]:" for text in texts]
        )

    async def prints(self, *texts: str) -> None:
        await expect(self.outputs()).to_have_text(list(texts))

    def outputs(self) -> Locator:
        return self.front.locator(".jp-OutputArea-output")

    async def says(self, status: str) -> None:
        """The indicator says what the kernel is at."""
        await self.front.locator(f"{STATUS}[data-status={status}]").wait_for()

    async def idle(self) -> None:
        await self.says("idle")

    async def told(self, *texts: str) -> None:
        """There is one dialog, which has these texts."""
        await expect(self.dialog).to_have_count(1)
        for text in texts:
            await expect(self.dialog).to_contain_text(text)

    async def answer(self, button: str = ".jp-mod-accept") -> None:
        await self.dialog.locator(button).click()
        await expect(self.dialog).to_have_count(0)

    async def choose(self, kernel: str) -> None:
        """Answer which kernel to start."""
        await self.dialog.locator("select").select_option(label=kernel)
        await self.answer()

    @contextlib.asynccontextmanager
    async def held(self, method: str, path: str) -> AsyncIterator[None]:
        """What the page asks of the server reaches it only afterwards."""
        release = asyncio.Event()
        url = re.compile(rf"/api/{path}(\?|$)")

        async def hold(route: Route) -> None:
            if route.request.method == method:
                await release.wait()
            await route.fallback()

        await self.page.route(url, hold)
        try:
            yield
        finally:
            release.set()


def is_for_a_session(request: Request) -> bool:
    return request.method == "POST" and urlsplit(request.url).path == "/api/sessions"


def log(word: str) -> str:
    """Code that leaves a trace of how often it ran."""
    return f"print('{word}'); print('{word}', file=open('log', 'a'))"


async def left(trace: Path, *words: str) -> None:
    """Wait until a trace has as many words; it has these, in their order."""
    for _ in range(600):
        if trace.exists() and len(trace.read_text().split()) >= len(words):
            break
        await asyncio.sleep(0.1)
    assert trace.read_text().split() == [*words]


async def test_code_that_is_run_before_its_kernel_is_ready_runs_once_when_it_is(
    served, visit, jupyter_folders, specs
):
    trace = jupyter_folders / "root" / "log"
    visited = await visit(served().url)
    lab = Lab(visited.page)

    # A notebook: its session is on its way.
    async with lab.held("POST", "sessions"):
        await lab.open("Notebook")
        await lab.run(log("one"))
        await lab.run(log("two"))
        await lab.prompts("*", "*", " ")
        await lab.says("initializing")
    await lab.prints("one\n", "two\n")
    await lab.prompts("1", "2", " ")

    # Its kernel is restarted; all cells are run at once.
    async with lab.held("POST", "kernels/[^/]+/restart"):
        await lab.press("notebook:restart-kernel")
        await lab.answer()
        await lab.menu("Run", "Run All Cells")
        await lab.prompts("*", "*", "*")
    await lab.prompts("1", "2", " ")
    await lab.idle()
    await left(trace, *["one", "two"] * 2)

    # It is exchanged for another.
    async with lab.held("PATCH", "sessions/[^/]+"):
        await lab.menu("Kernel", "Change Kernel")
        await lab.choose("Python 3 (ipykernel)")
        await lab.front.locator(".cm-content").first.click()
        await lab.page.keyboard.press("Shift+Enter")
        await lab.prompts("*", "2", " ")
    await lab.prompts("1", "2", " ")
    await left(trace, *["one", "two"] * 2, "one")

    # Whoever has no kernel is asked once, whatever is to be run.
    await lab.menu("Kernel", "Shut Down Kernel")
    await expect(lab.front.locator(".jp-Toolbar-kernelName")).to_have_text("No Kernel")
    await lab.menu("Run", "Run All Cells")
    await left(trace, *["one", "two"] * 2, "one", "one", "two")
    await lab.prompts("1", "2", " ")
    await lab.idle()

    # An interrupt while it waits.
    trace.unlink()
    async with lab.held("POST", "sessions"):
        await lab.open("Notebook")
        await lab.run(log("three"))
        await lab.prompts("*", " ")
        await lab.press("notebook:interrupt-kernel")
        await lab.prompts(" ", " ")
    await lab.idle()
    await lab.run(log("four"))
    await lab.prompts(" ", "1", " ")
    await left(trace, "four")

    # The same when there is a kernel already, but none that has said anything.
    async with lab.page.expect_websocket(lambda line: line.url.count("/channels")):
        await lab.open("Notebook", "Slow")
    await lab.run(log("never"))
    await lab.prompts("*", " ")
    await lab.press("notebook:interrupt-kernel")
    await lab.prompts(" ", " ")
    (jupyter_folders / "root" / "go").touch()
    await lab.idle()
    await lab.run(log("five"))
    await lab.prompts(" ", "1", " ")
    await left(trace, "four", "five")

    # A console clears itself when it gets its kernel, and not when that is asked for.
    async with lab.held("POST", "sessions"):
        async with lab.page.expect_request(is_for_a_session), lab.held("GET", "sessions"):
            await lab.open("Console")
            await lab.run("word = 'five'")
            await lab.run("print(word)")
            await lab.prompts("*", "*", " ")
        await lab.prompts("*", "*", " ")
    await lab.prints("five\n")
    await lab.prompts("1", "2", " ")

    # With nothing in the way, as fast as it goes.
    await lab.open("Notebook")
    await lab.run("print('six')")
    await lab.prints("six\n")
    assert visited.console_errors == []

    # It cannot be started: two questions, and no cell is left waiting.
    async with lab.held("POST", "sessions"):
        await lab.open("Notebook", "Nowhere")
        await lab.run("print('never')")
    await lab.told("Error Starting Kernel", "/nowhere/python")
    await lab.dialog.locator(".jp-mod-accept").click()
    await lab.told("Select Kernel")
    await lab.prompts("*", " ")
    await lab.answer(".jp-mod-reject")
    await lab.prompts(" ", " ")
    await lab.says("unknown")
    # Another one is chosen.
    await lab.front.locator(".cm-content").first.click()
    await lab.page.keyboard.press("Shift+Enter")
    await lab.told("Error Starting Kernel", "/nowhere/python")
    await lab.dialog.locator(".jp-mod-accept").click()
    await lab.told("Select Kernel")
    await lab.choose("Python 3 (ipykernel)")
    await lab.prints("never\n")


async def test_a_notebook_that_is_only_looked_at_stays_as_it_is(served, visit, jupyter_folders):
    """Its kernel is called otherwise here, is of another version, or is not to be had."""
    root = jupyter_folders / "root"
    there = {"name": "python3", "display_name": "Python", "language": "python"}
    root.mkdir()
    old = root / "old.ipynb"
    old.write_text(notebook(there, {"name": "python", "version": "3.4.0"}))
    gone = root / "gone.ipynb"
    gone.write_text(notebook({"name": "gone", "display_name": "Gone"}, {"name": "fortran"}))
    before = {file: file.read_bytes() for file in (old, gone)}
    visited = await visit(served().url)
    page = visited.page
    lab = Lab(page)

    await open_file(page, "old.ipynb")
    await lab.idle()
    changed = page.locator(".lm-TabBar-tab.jp-mod-dirty")
    await expect(changed).to_have_count(0)
    await page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    await expect(lab.front).to_have_count(0)
    await expect(lab.dialog).to_have_count(0)

    await open_file(page, "gone.ipynb")
    await lab.told("There is no kernel “gone” (fortran) here.", "Select Kernel")
    await visited.screenshot("no-such-kernel")
    await lab.answer(".jp-mod-reject")
    await expect(changed).to_have_count(0)
    assert {file: file.read_bytes() for file in before} == before

    # Whoever changes something saves what has run it.
    await open_file(page, "old.ipynb")
    await lab.idle()
    await lab.run_last("print('seen')")
    await lab.prints("seen\n")
    ours = {"name": "python", "version": platform.python_version()}
    saved = await save_with_language(page, old, ours)
    assert saved["metadata"]["kernelspec"] == there
    # Another kernel is a change as well.
    await open_file(page, "gone.ipynb")
    await lab.menu("Kernel", "Change Kernel")
    await lab.choose("Python 3 (ipykernel)")
    await lab.idle()
    saved = await save_with_language(page, gone, ours)
    assert saved["metadata"]["kernelspec"]["name"] == "python3"


def notebook(kernelspec: dict[str, str], language_info: dict[str, str]) -> str:
    cell = {"id": "1", "cell_type": "code", "source": "", "metadata": {}, "outputs": []}
    metadata = {"kernelspec": kernelspec, "language_info": language_info}
    cells = [{**cell, "execution_count": None}]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


async def test_who_comes_back_is_asked_what_a_kernel_has_asked(served, visit, jupyter_folders):
    trace = jupyter_folders / "root" / "log"
    server = served()
    visited = await visit(server.url)
    lab = Lab(visited.page)
    await lab.open("Notebook")
    await lab.run("print(input('<b>Who?</b> '), file=open('log', 'a'))")
    await lab.front.locator(".jp-Stdin-input").wait_for()
    await layout_is_saved(server, "Untitled.ipynb")
    await visited.page.close()

    visited = await visit(f"{server.client.base}/lab")
    lab = Lab(visited.page)
    await lab.told("The kernel for Untitled.ipynb asks", "<b>Who?</b>")
    await visited.screenshot("a-kernels-question")
    await visited.page.keyboard.type("Ada")
    await visited.page.keyboard.press("Enter")
    await expect(lab.dialog).to_have_count(0)
    await left(trace, "Ada")
    await lab.idle()

    # It asks nobody any more when it is done with that.
    await lab.run_last("from getpass import getpass; getpass('Your secret? ')")
    await lab.front.locator(".jp-Stdin-input").wait_for()
    await visited.page.close()
    visited = await visit(f"{server.client.base}/lab")
    lab = Lab(visited.page)
    await lab.told("Your secret?")
    await expect(lab.dialog.locator("input")).to_have_attribute("type", "password")
    (kernel,) = (await server.client.get("/api/kernels")).json
    await server.client.post(f"/api/kernels/{kernel['id']}/interrupt")
    await expect(lab.dialog).to_have_count(0)
    assert visited.console_errors == []


async def test_a_kernels_death_says_why_and_what_it_last_wrote(served, visit, specs):
    settings = {"WATCH_INTERVAL": "0.1", "RESTART_LIMIT": "1", "STABLE_AFTER": "600"}
    server = served(env={f"PLUGHOST_EXTENSIONS__KERNELS__{k}": v for k, v in settings.items()})
    visited = await visit(server.url)
    lab = Lab(visited.page)

    # The first time it is started anew.
    await lab.open("Notebook")
    await lab.idle()
    stderr = "getattr(sys.stderr, '_original_stdstream_copy', 2)"  # ipykernel puts its own on it
    await lab.run(f"import os, sys; os.write({stderr}, b'<b>last words</b>'); os._exit(3)")
    await lab.told("Kernel Restarting", "The kernel for Untitled.ipynb", "exit code 3")
    await expect(lab.dialog.locator("pre")).to_contain_text("<b>last words</b>")
    await visited.screenshot("a-kernels-death")
    await lab.answer()
    await lab.prompts(" ", " ")

    # The second time it stays dead.
    await lab.idle()
    await lab.run_last("import os; os.kill(os.getpid(), 9)")
    await lab.told("Kernel Died", "SIGKILL")
    await expect(lab.dialog).not_to_contain_text("last words")  # those were another process's
    await lab.answer()
    await lab.prompts(" ", " ", " ")
    # It can be restarted all the same.
    await lab.menu("Kernel", "Restart Kernel…")
    await lab.idle()
    await lab.run_last("print('alive')")
    await lab.prints("alive\n")

    # A console tells of its kernel, too, and whoever runs code when that is dead gets another.
    await lab.open("Console")
    await lab.run("x = 1")
    await lab.prompts("1", " ")
    await lab.run("import ctypes, faulthandler; faulthandler.enable(); ctypes.string_at(0)")
    await lab.told("Kernel Restarting", "The kernel for Console 1", "SIGSEGV")
    await expect(lab.dialog.locator("pre")).to_contain_text("in string_at")
    await lab.answer()
    await lab.run_last("import os; os._exit(4)")
    await lab.told("Kernel Died", "exit code 4")
    await lab.answer()
    await lab.run_last("print('another')")
    await lab.prints("another\n")

    # One that dies whenever it is started; what was run in it meanwhile is gone.
    async with lab.held("POST", "sessions"):  # its dialog would get the keys
        await lab.open("Notebook", "Fails")
        await lab.run("print('never')")
    await lab.told("Error Starting Kernel", "no_such_module", "<b>bold</b>")
    await lab.dialog.locator(".jp-mod-accept").click()
    await lab.told("Select Kernel")
    await lab.answer(".jp-mod-reject")
    await lab.prompts(" ", " ")

    # One that is dead before the notebook has it.
    answers: asyncio.Queue[Response] = asyncio.Queue()
    visited.page.on("response", answers.put_nowait)
    async with lab.held("PATCH", "sessions/[^/]+"):
        await lab.open("Notebook", "Stillborn")
        await lab.run("print('never')")
        await death(answers)
    await lab.told("Error Starting Kernel", "no_such_module")
    await lab.dialog.locator(".jp-mod-accept").click()
    await lab.told("Select Kernel")
    await lab.answer(".jp-mod-reject")
    await lab.prompts(" ", " ")


async def death(answers: asyncio.Queue[Response]) -> None:
    """Wait until the page has been told of a dead kernel that it asked for."""
    while True:
        answer = await answers.get()
        if not ONE_KERNEL.search(answer.url) or not answer.ok:
            continue
        if (await answer.json())["execution_state"] == "dead":
            return


class Gate:
    """Stands between a page and its servers; it can drop all connections and refuse WebSockets.

    It leads nowhere while there is no server: another process might have its port by then.
    """

    def __init__(self) -> None:
        self.refuses = False
        self.server: Served | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Its own port."""
        listening = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
            self.drop()

    def drop(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            first = await reader.read(65536)
            if self.refuses and b"upgrade: websocket" in first.lower():
                return
            if self.server is None:
                return
            port = urlsplit(self.server.url).port
            there, here = await asyncio.open_connection("127.0.0.1", port)
            self._writers |= {writer, here}
            here.write(first)
            await asyncio.gather(self._copy(reader, here), self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)


async def test_a_lost_server_is_tried_again_for_as_long_as_it_takes(served, visit, jupyter_folders):
    first = served()
    gate = Gate()
    gate.server = first
    async with gate.open() as front:
        visited = await visit(first.url.replace(f":{urlsplit(first.url).port}", f":{front}"))
        lab = Lab(visited.page)
        outage = lab.page.locator(".ph-Outage:visible")
        await lab.open("Notebook")
        await lab.run("x = 42; print(x)")
        await lab.prints("42\n")
        wait = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.1)\nprint('went on')"
        await lab.run(wait)
        await lab.prompts("1", "*", " ")

        # It stops. However often it is tried in vain, one click reaches the next one.
        gate.server = None
        gate.drop()
        assert await asyncio.to_thread(first.stop, signal.SIGTERM, 60) == 0
        for _ in range(10):
            await expect(outage).to_have_text(COUNTDOWN)
            await outage.click()
        await expect(outage).to_have_text(COUNTDOWN)
        await visited.screenshot("an-outage")
        await lab.run_last("print('waited', x)")
        await lab.prompts("1", "*", "*", " ")
        await expect(lab.dialog).to_have_count(0)
        second = await asyncio.to_thread(served)
        await outage.click()
        await expect(outage).to_have_text(A_LONG_PAUSE)  # it will not come before the click
        gate.server = second
        await outage.click()
        await expect(outage).to_have_count(0)
        # The server answers before it has its kernels; what those say until then is lost.
        await lab.front.locator(CONNECTED).wait_for()
        (jupyter_folders / "root" / "go").touch()
        await lab.prints("42\n", "went on\n", "waited 42\n")
        await lab.prompts("1", "2", "3", " ")

        # It is killed while code runs, and the page is left alone; there is no status bar.
        await lab.menu("View", "Appearance", "Show Status Bar")
        await lab.run_last(wait.replace("go", "stop").replace("sleep(0.1)", "sleep(0.1), print(1)"))
        await expect(lab.outputs().last).to_contain_text("1\n")
        gate.server = None
        second.stop(signal.SIGKILL)
        await lab.says("connecting")
        third = gate.server = await asyncio.to_thread(served)
        await lab.front.locator(CONNECTED).wait_for()
        (jupyter_folders / "root" / "stop").touch()
        await expect(lab.outputs().last).to_contain_text("went on")
        await lab.prompts("1", "2", "3", "4", " ")
        await expect(outage).to_have_count(0)

        # It answers, but no WebSocket gets through, until the page has given up.
        await lab.page.evaluate("Math.random = () => 0")  # JupyterLab waits for up to 2 minutes
        gate.refuses = True
        gate.drop()
        await expect(outage).to_have_text(COUNTDOWN)
        status = lab.front.locator(STATUS)
        await expect(status).to_have_attribute("data-status", "disconnected")
        gate.refuses = False
        await status.click()
        await expect(outage).to_have_count(0)
        await lab.run_last("print('at last', x)")
        await expect(lab.outputs().last).to_have_text("at last 42\n")
        await expect(lab.dialog).to_have_count(0)

        # Its kernel ends along with it, and while the debugger waits for an answer of it.
        silent = "get_ipython().kernel.do_debug_request = lambda question: asyncio.sleep(60)"
        await lab.run_last(f"import asyncio; {silent}")
        await lab.run_last("print('pid', os.getpid())")
        await expect(lab.outputs().last).to_have_text(re.compile(r"pid \d+"))
        pid = int((await lab.outputs().last.inner_text()).split()[1])
        gate.server = None
        third.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        gate.server = await asyncio.to_thread(served)
        await lab.told("Kernel Died", "Untitled.ipynb", "while the server could not be reached")
        await lab.answer()
        await lab.run_last("print('another')")
        await expect(lab.outputs().last).to_have_text("another\n")
    cut_off = ("Failed to load resource", "WebSocket connection to")
    assert [e for e in visited.console_errors if not e.startswith(cut_off)] == []

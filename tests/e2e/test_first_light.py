"""The workbench in a real browser: a notebook is made, run, saved, and found in its file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from importlib import metadata

import psutil
import pytest

from tests.contract.table import working

from .lab import Notebook, all_is_active


def without_node() -> str:
    """PATH without the folders in which a Node lies."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(f for f in folders if not shutil.which("node", path=f))


def names_below(pid: int) -> list[str]:
    """The names of the processes that a process has started, but for those that end just now."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(process.name())
    return found


@pytest.mark.proves("GET /lab")
async def test_a_notebook_is_made_run_saved_and_found_in_its_file(served, visit, jupyter_folders):
    server = served(env={"PATH": without_node()})
    lab = await visit(server.url)
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()
    assert "token" not in page.url
    await page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    notebook = Notebook(page)
    await notebook.is_ready()
    await notebook.prints("sum(range(10))", re.compile(r"45$"))
    await lab.screenshot("first-light")
    await page.keyboard.press("ControlOrMeta+S")
    dialog = page.locator(".jp-Dialog")
    await dialog.wait_for()
    await dialog.locator(".jp-mod-accept").click()
    await page.locator(".jp-DirListing-item", has_text="Untitled.ipynb").wait_for()
    await dialog.wait_for(state="detached")
    await page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")

    saved = json.loads((jupyter_folders / "root" / "Untitled.ipynb").read_text())
    cell = saved["cells"][0]
    assert "".join(cell["source"]) == "sum(range(10))"
    assert cell["outputs"][0]["data"]["text/plain"] in ("45", ["45"])

    assert [name for name in names_below(server.process.pid) if "node" in name] == []
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    assert "Content-Security-Policy" not in server.output.read_text()
    assert lab.console_errors == []


def test_neither_jupyterlab_nor_its_server_is_installed():
    names = {(d.metadata["Name"] or "").lower().replace("_", "-") for d in metadata.distributions()}
    assert names & {"jupyterlab", "jupyter-server", "jupyterlab-server", "notebook"} == set()


@pytest.mark.proves("plugins/*")
async def test_every_plugin_that_the_contract_calls_working_is_active(served, visit):
    server = served()
    lab = await visit(server.url)
    await lab.page.locator("html[data-plughost=ready]").wait_for(state="attached")
    await lab.page.locator(".jp-Launcher").wait_for()
    await all_is_active(lab.page)
    records = json.loads(await lab.page.evaluate("JSON.stringify(window.plughost.records)"))
    states = {r["name"]: r["state"] for r in records if r["kind"] == "plugin"}
    assert {i: states.get(i) for i in working("plugins") if states.get(i) != "active"} == {}


@pytest.mark.proves("page_config/*")
async def test_every_key_that_the_contract_calls_working_is_in_the_page(served, jupyter_folders):
    switches = {"disabledExtensions": {"some:plugin": True}, "deferredExtensions": {"a:b": True}}
    folder = jupyter_folders / "jupyter-config" / "labconfig"
    folder.mkdir()
    (folder / "page_config.json").write_text(json.dumps(switches))
    client = served().client
    config = {}
    # As it is sent: in a browser the second page is on its way to the first one already.
    for path in ("/lab", "/lab/no/such/page"):
        text = (await client.get(path)).text
        config |= json.loads(re.search(r'id="jupyter-config-data">(.*?)</script>', text, re.S)[1])
    assert set(working("page_config")) - set(config) == set()
    assert config["token"] == ""
    assert config["disabledExtensions"] == ["some:plugin"]

"""The workbench in a real browser: a notebook is made, run, saved, and found in its file."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from tests.contract.table import working

DEMO = Path(__file__).parents[1] / "data" / "demo"


def without_node() -> str:
    """PATH without the folders in which a Node lies."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(f for f in folders if not shutil.which("node", path=f))


async def run_cell(page, source):
    """Replace the active cell's source and run it with Shift-Enter."""
    await page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.type(source)
    await page.keyboard.press("Shift+Enter")


async def kernel_is_idle(page):
    """The status bar's word: the toolbar shows a circle before the kernel is connected."""
    await page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()


@pytest.mark.proves("GET /lab")
async def test_a_notebook_is_made_run_saved_and_found_in_its_file(served, visit, jupyter_folders):
    server = served(env={"PATH": without_node()})
    lab = await visit(server.url)
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()
    assert "token" not in page.url
    await page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    await page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    await kernel_is_idle(page)
    await run_cell(page, "sum(range(10))")
    output = page.locator(".jp-OutputArea-output").first
    await output.wait_for()
    assert (await output.inner_text()).strip() == "45"
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

    processes = psutil.Process(server.process.pid).children(recursive=True)
    assert [p.name() for p in processes if "node" in p.name()] == []
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    assert "Content-Security-Policy" not in server.output.read_text()
    assert lab.console_errors == []


def test_neither_jupyterlab_nor_its_server_is_installed():
    names = {(d.metadata["Name"] or "").lower().replace("_", "-") for d in metadata.distributions()}
    assert names & {"jupyterlab", "jupyter-server", "jupyterlab-server", "notebook"} == set()


async def test_the_demo_notebook_opens_with_its_outputs_and_runs(served, visit, jupyter_folders):
    shutil.copytree(DEMO, jupyter_folders / "root" / "demo")
    server = served("demo/notebooks/Data.ipynb")
    lab = await visit(server.url)
    page = lab.page
    await page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    table = page.locator(".jp-RenderedHTMLCommon table.dataframe")
    await table.wait_for()
    assert "setosa" in await table.inner_text()
    await kernel_is_idle(page)
    await page.evaluate(
        "document.querySelectorAll('.jp-OutputArea-output').forEach(e => e.dataset.stored = 'yes')"
    )
    await page.locator(".lm-MenuBar-item", has_text="Run").click()
    await page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
    fresh = page.locator(".jp-OutputArea-output:not([data-stored]) table.dataframe")
    await fresh.wait_for()
    await page.locator(
        ".jp-OutputArea-output:not([data-stored])", has_text="FeatureCollection"
    ).first.wait_for()
    assert await page.locator(".jp-RenderedText[data-mime-type*=stderr]").count() == 0
    await lab.screenshot("demo-notebook")
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []


@pytest.mark.proves("plugins/*")
async def test_every_plugin_that_the_contract_calls_working_is_active(served, visit):
    server = served()
    lab = await visit(server.url)
    await lab.page.locator("html[data-plughost=ready]").wait_for(state="attached")
    await lab.page.locator(".jp-Launcher").wait_for()
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

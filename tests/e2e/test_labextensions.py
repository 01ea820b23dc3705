"""Labextensions as their makers ship them, and broken ones, in the lab in a real browser."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .conftest import KEEP_THE_SCOPE
from .lab import all_is_active, layout_is_saved

REAL = (
    "jupyter-resource-usage==1.3.0",
    "jupyterlab-git-core==0.55.0",
    "nbdime==4.0.4",
    "notebook==7.6.5",
)
"""From webpack 5, from Rspack with and without the run time of Module Federation 2."""


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What some packages put below `share/jupyter/labextensions`, as pip installs them."""
    prefix = tmp_path_factory.mktemp("published")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", prefix, *REAL], check=True)
    return prefix / "share" / "jupyter" / "labextensions"


@pytest.fixture
def labextensions(jupyter_folders: Path) -> Path:
    """The person's own folder of labextensions."""
    folder = jupyter_folders / "jupyter-data" / "labextensions"
    folder.mkdir()
    return folder


@pytest.fixture
def add(labextensions: Path) -> Callable[..., None]:
    """A labextension by hand, whose container's methods have these bodies."""

    def added(name: str, get: str = "", init: str = "", script: str = "", **build: Any) -> None:
        folder = labextensions / name
        folder.mkdir(parents=True)
        container = f"{{ init(scope) {{ {init} }}, async get(module) {{ {get} }} }}"
        (folder / "entry.js").write_text(
            script or f"(globalThis._JUPYTERLAB ??= {{}})['{name}'] = {container};"
        )
        package = {
            "name": name,
            "version": "1.0.0",
            "jupyterlab": {"_build": {"load": "entry.js", "extension": "./extension", **build}},
        }
        (folder / "package.json").write_text(json.dumps(package))

    return added


def plugin(name: str, activate: str = "") -> str:
    """The body of a `get`: one plugin, which says in the page that it is there."""
    said = f"document.documentElement.dataset.{name} = 'active';"
    return f"""return () => ({{
      id: '{name}:plugin', autoStart: true, activate: () => {{ {activate or said} }}
    }});"""


async def patience(page: Any, module: int, activate: int) -> None:
    """Have the page wait for modules and activations for so many milliseconds."""
    await page.add_init_script(f"""
        const parse = JSON.parse;
        JSON.parse = (...text) => {{
          const value = parse(...text);
          if (value?.federation && value.app) {{
            value.patience = {{ module: {module}, activate: {activate} }};
          }}
          return value;
        }};
    """)


async def records(page: Any) -> dict[str, dict[str, Any]]:
    found = json.loads(await page.evaluate("JSON.stringify(window.plughost.records)"))
    return {each["name"]: each for each in found}


def notebook(*sources: str) -> str:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


async def test_a_slider_changes_a_value_in_the_kernel_and_is_alive_after_a_reload(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir()
    slider = "import ipywidgets\nslider = ipywidgets.IntSlider(3)\nslider"
    (root / "widgets.ipynb").write_text(notebook(slider, "print('value', slider.value)"))
    server = served("widgets.ipynb")
    lab = await visit(server.url)
    page = lab.page
    cells = page.locator(".jp-Notebook .jp-Cell")
    handle = page.locator(".jp-Notebook .noUi-handle")
    shown = cells.nth(1).locator(".jp-OutputArea-output")

    async def run(number: int) -> None:
        await cells.nth(number).locator(".cm-content").click()
        await page.keyboard.press("ControlOrMeta+Enter")

    await page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    await expect(tabs).to_have_text(["widgets.ipynb"])  # and no launcher beside it
    await run(0)
    # One step at a time: a widget keeps the second to itself until the kernel has had the first.
    for value in (4, 5):
        await handle.focus()
        await page.keyboard.press("ArrowRight")
        await run(1)
        await expect(shown).to_have_text(re.compile(f"value {value}"))
    await page.keyboard.press("ControlOrMeta+S")
    await page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")

    await page.reload()
    await page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    await expect(page.locator(".jp-Notebook .widget-readout")).to_have_text("5")
    await handle.focus()
    await page.keyboard.press("ArrowRight")
    await run(1)
    await expect(shown).to_have_text(re.compile("value 6"))
    await lab.screenshot("slider")
    assert lab.console_errors == []
    assert await lab.policy_violations() == []


async def test_published_ones_start_side_by_side(
    served, visit, published, labextensions, jupyter_folders
):
    for name in ("nbdime-jupyterlab", "@jupyter-notebook", "@jupyter-server"):
        shutil.copytree(published / name, labextensions / name)
    server = served()
    lab = await visit("about:blank")
    page = lab.page
    await page.add_init_script(KEEP_THE_SCOPE)
    # The server half of one, which counts memory.
    await page.route("**/api/metrics/v1/**", lambda route: route.fulfill(json={}))
    await page.route(
        "**/api/metrics/v1?*", lambda route: route.fulfill(json={"rss": 1, "limits": {}})
    )
    await page.goto(server.url)
    await page.locator(".jp-Launcher").wait_for()
    packages = {
        "nbdime-jupyterlab",
        "@jupyter-notebook/lab-extension",
        "@jupyter-server/resource-usage",
        "jupyterlab_pygments",
        "@jupyter-widgets/jupyterlab-manager",
    }
    await all_is_active(page)
    found = await records(page)
    mine = {name: each for name, each in found.items() if each["extension"] in packages}
    assert packages <= set(mine)
    assert {name: each["state"] for name, each in mine.items()} == dict.fromkeys(mine, "active")
    assert len(mine) > 2 * len(packages) - 1, "each has at least one plugin"
    scope = await page.evaluate("JSON.parse(JSON.stringify(shareScope))")
    assert [name for name, versions in scope.items() if "undefined" in versions] == []
    assert scope["@jupyterlab/docregistry"].keys() == {"4.6.4", "4.999.0"}
    await page.locator(".lm-MenuBar-item", has_text="View").click()
    await page.locator(".lm-Menu").get_by_text("Launch Jupyter Notebook File Browser").wait_for()
    assert lab.console_errors == []
    assert await lab.policy_violations() == []


async def test_git_says_that_its_server_half_is_missing_and_the_lab_goes_on(
    served, visit, published, labextensions
):
    shutil.copytree(published / "@jupyterlab/git", labextensions / "@jupyterlab/git")
    lab = await visit(served().url)
    dialog = lab.page.locator(".jp-Dialog")
    await dialog.get_by_text("Git server extension is unavailable").wait_for()
    await lab.screenshot("git-without-its-server-half")
    await dialog.locator("button").click()
    await lab.page.locator(".jp-LauncherCard", has_text="Text File").click()
    await lab.page.locator(".jp-FileEditor").wait_for()
    found = await records(lab.page)
    failed = [each for each in found.values() if each["state"] == "failed"]
    assert {each["extension"] for each in failed} == {"@jupyterlab/git"}
    assert {each["hint"] for each in failed} == {
        "Its server half, the Python package 'jupyterlab-git', is made for jupyter_server and "
        "does not run here: what needs it works only if an extension of plughost answers instead."
    }


async def test_gits_panel_shows_what_a_server_half_answers(served, visit, published, labextensions):
    shutil.copytree(published / "@jupyterlab/git", labextensions / "@jupyterlab/git")
    server = served()
    lab = await visit("about:blank")
    versions = {"frontendVersion": "0.55.0", "gitVersion": "2.47.0", "serverVersion": "0.55.0"}
    await lab.page.route("**/git/settings?*", lambda route: route.fulfill(json=versions))
    none = {"code": 128, "command": "git", "message": "not a git repository", "path": None}
    await lab.page.route("**/git/show_prefix?*", lambda route: route.fulfill(json=none))
    await lab.page.goto(server.url)
    await lab.page.locator(".jp-Launcher").wait_for()
    await lab.page.locator(".jp-SideBar [data-id=jp-git-sessions]").click()
    panel = lab.page.locator("#jp-git-sessions")
    await panel.get_by_role("button", name="Initialize a Repository").wait_for()
    # It adds a menu of its own where the application's version is none of JupyterLab's.
    assert await lab.page.locator(".lm-MenuBar-item", has_text="Git").count() == 1
    await lab.screenshot("git-with-a-server-half")
    await all_is_active(lab.page)
    found = await records(lab.page)
    mine = {n: each["state"] for n, each in found.items() if each["extension"] == "@jupyterlab/git"}
    assert mine == dict.fromkeys(mine, "active")


TOLD = [
    *("throws", "empty", "refuses", "hollow", "needy", "hangs", "gone", "slow"),
    *("sound:plugin", "stumbles:plugin"),
]
ALL_ARE_TOLD = """names => {
  const told = plughost.records.toJSON().filter(each => each.hint).map(each => each.name);
  return names.every(name => told.includes(name));
}"""
"""Whoever has a fault has a hint, and of two with one name the second."""


async def test_broken_ones_are_named_and_leave_the_page_working(served, visit, add):
    add("throws", script="throw new Error('no such luck');")
    add("empty", script="void 0;")
    add("refuses", init="throw new Error('not this scope');")
    add("hollow", get="return () => ({ __esModule: true });")
    add("needy", get='throw new Error("Shared module @acme/chart doesn\'t exist in shared scope");')
    add("hangs", init="return new Promise(() => undefined);")
    add("gone", plugin("gone"))
    add("slow", plugin("slow"))
    add("twin", plugin("sound"))
    add("sound", plugin("sound"))
    add("stumbles", plugin("stumbles", "throw new Error('tripped')"))
    add("useful", plugin("useful"), style="./style")
    server = served()
    lab = await visit("about:blank")
    release: list[Any] = []
    await lab.page.route("**/gone/entry.js", lambda route: route.fulfill(status=404))
    await lab.page.route("**/slow/entry.js", lambda route: release.append(route))
    await patience(lab.page, module=300, activate=1000)
    await lab.page.goto(server.url)
    await lab.page.locator(".jp-Launcher").wait_for()
    await lab.page.locator("html[data-useful='active']").wait_for(state="attached")
    await lab.page.locator("html[data-sound='active']").wait_for(state="attached")
    await lab.page.wait_for_function(ALL_ARE_TOLD, arg=TOLD)
    found = await records(lab.page)

    def said(*names: str) -> dict[str, tuple[str, str, str]]:
        facts = ("state", "error", "hint")
        return {name: tuple(found[name][fact] for fact in facts) for name in names}

    late = "Not there 3000 ms after it was asked for."
    author = 'Report this to the author of "{}".'.format
    again = 'Reinstall "empty"; if that does not help, report this to its author.'
    assert said(
        "throws", "empty", "refuses", "hollow", "needy", "hangs", "slow", "stumbles:plugin"
    ) == {
        "throws": ("failed", "no such luck", author("throws")),
        "empty": (
            "failed",
            'The script /lab/extensions/empty/entry.js makes no container "empty".',
            again,
        ),
        "refuses": (
            "failed",
            "Its container cannot be initialised: not this scope",
            author("refuses"),
        ),
        "hollow": (
            "failed",
            'Its module "./extension" has no default export.',
            author("hollow"),
        ),
        "needy": (
            "failed",
            'Its module "./extension" cannot be used: '
            "Shared module @acme/chart doesn't exist in shared scope",
            'It needs "@acme/chart", which this page does not share in a version that fits: '
            'install what brings it, or another version of "needy".',
        ),
        "hangs": ("loading", None, late),
        "slow": ("loading", None, late),
        "stumbles:plugin": ("failed", "tripped", author("stumbles")),
    }
    assert found["gone"]["error"] == "The script /lab/extensions/gone/entry.js did not load."
    assert found["gone"]["hint"].startswith("The server answered 404 for /lab/extensions/gone/")
    everything = json.loads(await lab.page.evaluate("JSON.stringify(window.plughost.records)"))
    twins = [each for each in everything if each["name"] == "sound:plugin"]
    assert sorted(each["state"] for each in twins) == ["active", "failed"]
    assert "has a plugin of that id" in str([each["hint"] for each in twins])

    await release[0].continue_()
    await lab.page.locator("html[data-slow='active']").wait_for(state="attached")


async def test_the_page_waits_for_none_of_them_and_the_first_click_for_all(
    served, visit, add, jupyter_folders
):
    """One that provides nothing comes when the launcher is there, or before a document is."""
    add("defers", plugin("defers"))
    labconfig = jupyter_folders / "jupyter-config" / "labconfig"
    labconfig.mkdir()
    (labconfig / "page_config.json").write_text('{"deferredExtensions": {"defers": true}}')
    marks = "{ createNew: panel => { panel.node.dataset.marked = 'yes'; } }"
    add("marks", f"""return () => ({{
      id: 'marks:plugin', autoStart: true,
      activate: app => app.docRegistry.addWidgetExtension('Notebook', {marks})
    }});""")  # fmt: skip
    server = served()
    lab = await visit("about:blank")
    page = lab.page
    held: asyncio.Queue[Any] = asyncio.Queue()
    await page.route("**/marks/entry.js", held.put)

    # More than this machine may take.
    await patience(page, module=20_000, activate=20_000)
    await page.goto(server.url)
    await page.locator(".jp-Launcher").wait_for()
    script = await held.get()
    await page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    await page.wait_for_timeout(300)
    assert await page.locator(".jp-NotebookPanel").count() == 0
    await script.continue_()
    await page.locator(".jp-NotebookPanel[data-marked=yes]").wait_for()
    assert (await records(page))["marks:plugin"]["state"] == "active"
    await page.locator("html[data-defers='active']").wait_for(state="attached")
    assert lab.console_errors == []


async def test_renderers_of_data_take_part_and_are_restored(served, visit, add, jupyter_folders):
    renderer = """return () => ({
      id: 'tea:factory',
      rendererFactory: {
        safe: true,
        mimeTypes: ['text/tea'],
        createRenderer: () => {
          const widget = new scope['@lumino/widgets'].Widget();
          widget.renderModel = async model => {
            widget.node.className = 'tea';
            widget.node.textContent = `A cup of ${model.data['text/tea']}`;
          };
          return widget;
        }
      },
      rank: 0,
      dataType: 'string',
      fileTypes: [{ name: 'tea', extensions: ['.tea'], mimeTypes: ['text/tea'] }],
      documentWidgetFactoryOptions: { name: 'Tea', primaryFileType: 'tea',
        fileTypes: ['tea'], defaultFor: ['tea'] }
    });"""
    take = "Object.values(page['@lumino/widgets'])[0].get().then(m => m())"
    get = renderer.replace("return () =>", f"const scope = {{ '@lumino/widgets': await {take} }};\n"
                           "return () =>")  # fmt: skip
    add("tea", get, init="globalThis.page = scope;", extension=None, mimeExtension="./mime")
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "earl.tea").write_text("Earl Grey")
    server = served("earl.tea")
    lab = await visit(server.url)
    await lab.page.locator(".tea", has_text="A cup of Earl Grey").wait_for()
    await layout_is_saved(server, "earl.tea")
    await lab.page.goto(f"{server.client.base}/lab")
    await lab.page.locator(".tea", has_text="A cup of Earl Grey").wait_for()
    assert lab.console_errors == []


async def test_one_of_a_stock_packages_name_comes_in_its_place(served, visit, add):
    stock = "@jupyterlab/help-extension"
    add(stock, plugin("help").replace("help:plugin", f"{stock}:about"))
    lab = await visit(served().url)
    await lab.page.locator("html[data-help='active']").wait_for(state="attached")
    everything = json.loads(await lab.page.evaluate("JSON.stringify(window.plughost.records)"))
    found = [each for each in everything if each["name"].startswith(f"{stock}:")]
    states = {(each["extension"], each["state"]) for each in found}
    assert states == {("lab", "disabled"), (stock, "active")}
    assert lab.console_errors == []


async def test_one_that_is_off_is_not_asked_for(served, visit, add, jupyter_folders):
    add("quiet", plugin("quiet"))
    add("loud", plugin("loud"))
    labconfig = jupyter_folders / "jupyter-config" / "labconfig"
    labconfig.mkdir()
    (labconfig / "page_config.json").write_text('{"disabledExtensions": {"quiet": true}}')
    lab = await visit(served(env={"PLUGHOST_EXTENSIONS__LOUD__ENABLED": "false"}).url)
    await lab.page.locator(".jp-Launcher").wait_for()
    found = await records(lab.page)
    assert [found[name]["state"] for name in ("quiet", "loud")] == ["disabled", "disabled"]
    assert [url for url in lab.requests if "/quiet/" in url or "/loud/" in url] == []
    assert "quiet:plugin" not in found


@pytest.fixture
def outsider(outsider_wheel: Path, tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The environment of a server for which its labextension alone is installed, and for both."""
    prefix, site = tmp_path / "prefix", tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", prefix, outsider_wheel], check=True)
    subprocess.run([*pip, "--target", site, outsider_wheel], check=True)
    data = {"JUPYTER_PATH": str(prefix / "share" / "jupyter")}
    return data, {**data, "PYTHONPATH": str(site)}


async def test_the_outsider_works_as_a_labextension_alone(served, visit, outsider):
    data, whole = outsider
    server = served(env=data)
    lab = await visit("about:blank")
    answer = {"greeting": "Hello from outside", "python": "3", "pid": 1}
    await lab.page.route("**/outsider/api/*", lambda route: route.fulfill(json=answer))
    await lab.page.goto(server.url)
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    panel = lab.page.locator(".outsider-greeting")
    await panel.wait_for()
    assert "Hello from outside" in await panel.inner_text()
    assert await panel.get_attribute("data-same-react") == "true"
    assert await panel.get_attribute("data-same-lumino") == "true"
    await panel.get_by_role("button").click()
    await panel.get_by_text("Copied").wait_for()
    assert lab.console_errors == []
    assert await lab.policy_violations() == []

    # With its native half installed as well there is one of it.
    both = await visit(served(env=whole).url)
    await both.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").wait_for()
    found = await records(both.page)
    assert found["plughost-outsider"]["extension"] == "outsider"
    assert [url for url in both.requests if "/lab/extensions/plughost-outsider/" in url] == []
    assert both.console_errors == []


@pytest.fixture
def bundled(jupyter_folders: Path) -> None:
    """The page's own files are joined into one."""
    subprocess.run([sys.executable, "-m", "plughost", "build", "--bundle"], check=True)


async def test_they_share_the_modules_of_a_bundle(served, visit, bundled, add):
    take = "Object.values(page['@lumino/widgets'])[0].get().then(make => make())"
    same = "app.shell instanceof widgets.Widget"
    activate = f"document.documentElement.dataset.same = String({same});"
    get = f"const widgets = await {take};\n" + plugin("same", activate)
    add("same", get.replace("activate: () =>", "activate: app =>"), init="globalThis.page = scope;")
    lab = await visit(served().url)
    await lab.page.locator("html[data-same='true']").wait_for(state="attached")
    assert [url for url in lab.requests if "/plughost/bundles/lab/" in url]
    assert [url for url in lab.requests if "/frontends/lab/index-" in url] == []
    assert (await records(lab.page))["@jupyter-widgets/jupyterlab-manager"]["state"] == "active"
    assert lab.console_errors == []

"""A stranger's page that is not the lab: built with `plughost build`, a few kilobytes in all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .frontends import add, plugin

SERVER = '''"""Dashboard: a page of its own, with tiles, and one whose app does not work."""

from plughost import Page, hookimpl


@hookimpl
def plughost_pages():
    names = ("dashboard", "dead")
    return [Page(name, f"/{name}", url=f"/{name}", title=name) for name in names]
'''

APP = """\
import { PluginRegistry } from '@lumino/coreutils';
import { type CreateApp, definePlugin, type IApp } from '@plughost/host';

/** Tiles in the page, put there by plugins. */
class Dashboard implements IApp {
  constructor() {
    this._registry.application = this;
  }

  readonly plugins = [greeting];

  /** Add a tile; disposing of what is returned removes it. */
  tile(text: string): { dispose(): void } {
    const tile = document.createElement('section');
    tile.textContent = text;
    document.body.append(tile);
    return { dispose: () => tile.remove() };
  }

  registerPlugin(plugin: Parameters<IApp['registerPlugin']>[0]): void {
    this._registry.registerPlugin(plugin);
  }

  activatePlugin(id: string): Promise<void> {
    return this._registry.activatePlugin(id);
  }

  deactivatePlugin(id: string): Promise<string[]> {
    return this._registry.deactivatePlugin(id);
  }

  start(options: { ignorePlugins: string[] }): Promise<void> {
    return this._registry.activatePlugins('startUp', options);
  }

  private readonly _registry = new PluginRegistry<Dashboard>();
}

const greeting = definePlugin({
  id: 'plughost-dashboard:greeting',
  activate: (app: Dashboard, keep) => {
    keep(app.tile('Hello'));
  }
});

const createApp: CreateApp = () => new Dashboard();
export default createApp;
"""

PACKAGE = {
    "name": "plughost-dashboard",
    "version": "1.0.0",
    "private": True,
    "plughost": {
        "package": "plughost_dashboard",
        "pages": ["dashboard"],
        "app": True,
        # The lab's copies come with all of the lab.
        "private": ["@lumino/algorithm", "@lumino/coreutils"],
    },
    "dependencies": {"@lumino/coreutils": "2.2.2"},
    "peerDependencies": {"@plughost/host": "*"},
}

INFO = "dashboard-1.0.dist-info"

TILE = """
export default {
  id: 'tile:plugin', autoStart: true, activate: app => { app.tile('A tile'); }
};"""

KILOBYTES = 12
"""The host, Lumino's registry of plugins, the app and the tiles, as they are transferred.

The page itself is not counted: its import map names all that is shared by whatever is enabled.
"""


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    """The dashboard as its author has built it, and others' tiles: a folder for `PYTHONPATH`."""
    site = tmp_path / "site"
    add(site, "tile", TILE, page="dashboard")
    add(site, "broken", "throw new Error('no such luck');", page="dashboard")
    add(site, "elsewhere", plugin("elsewhere"))
    add(
        site,
        "dead",
        "export default () => { throw new Error('no heart'); };",
        page="dead",
        app=True,
    )
    files = {
        "package.json": json.dumps(PACKAGE),
        "tsconfig.json": '{ "extends": "./.plughost/tsconfig.json", "include": ["src"] }',
        "src/index.ts": APP,
        "plughost_dashboard/__init__.py": SERVER,
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: dashboard\nVersion: 1.0\n",
        f"{INFO}/entry_points.txt": "[plughost]\ndashboard = plughost_dashboard\n",
    }
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = subprocess.run(
        [sys.executable, "-m", "plughost", "build"], cwd=site, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return site


async def test_a_page_that_is_not_the_lab_stands_on_the_host_in_a_few_kilobytes(
    served, visit, dashboard
):
    server = served(env={"PYTHONPATH": str(dashboard)})
    lab = await visit("about:blank")
    page = lab.page
    finished: list[Any] = []
    page.on("requestfinished", lambda request: finished.append(request))
    await page.goto(f"{server.client.base}/dashboard?token={server.client.token}")
    await expect(page.locator("section")).to_have_count(2)
    tiles = await page.locator("section").all_inner_texts()
    assert sorted(tiles) == ["A tile", "Hello"]
    problems = json.loads(await page.evaluate("JSON.stringify(plughost.records.problems())"))
    assert [(each["extension"], each["error"]) for each in problems] == [("broken", "no such luck")]

    # What the page is made of: nothing of the lab, nothing for other pages.
    await page.wait_for_load_state("networkidle")
    urls = [each.url.split("?")[0].removeprefix(server.client.base) for each in finished]
    compiled = [url for url in urls if url.startswith("/plughost/frontends/")]
    owners = {url.split("/")[3] for url in compiled}
    assert owners == {"host", "dashboard", "tile", "broken"}
    assert [url for url in lab.requests if "/lab" in url or "jupyter" in url] == []
    sizes = [await each.sizes() for each in finished]
    bytes_of = {url: each["responseBodySize"] for url, each in zip(urls, sizes, strict=True)}
    modules = sum(size for url, size in bytes_of.items() if url in compiled)
    assert modules <= KILOBYTES * 1000, bytes_of
    # Page, host, its facade, what tells of problems and where to, app, two frontends; an icon.
    assert len(urls) <= 10, urls

    # The server is told of what is broken, by a page without anything of JupyterLab's.
    assert await told(server, "broken", page) == ("dashboard", "no such luck")

    await page.evaluate("plughost.deactivate('dashboard')")
    assert await page.locator("section").all_inner_texts() == ["A tile"]
    await page.evaluate("plughost.activate('dashboard')")
    assert sorted(await page.locator("section").all_inner_texts()) == ["A tile", "Hello"]
    assert [each for each in lab.console_errors if "no such luck" not in each] == []
    assert await lab.policy_violations() == []

    # A page whose app does not work says so itself, and to the server.
    dead = (await visit(f"{server.client.base}/dead?token={server.client.token}")).page
    await dead.get_by_role("alert").get_by_text("no heart").wait_for()
    assert await told(server, "dead", dead) == ("dead", "no heart")


async def told(server: Any, extension: str, page: Any) -> tuple[str, str]:
    """The page and the error in the one problem that a page has told the server of."""
    for _ in range(600):
        record = (await server.client.get(f"/plughost/api/extensions/{extension}")).json
        if record["pageProblems"]:
            break
        await page.wait_for_timeout(100)
    (problem,) = record["pageProblems"]
    return problem["page"], problem["error"]

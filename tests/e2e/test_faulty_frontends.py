"""Frontends that break in every way, in one page: it works, and each is named in three places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from .frontends import add, plugin
from .lab import all_is_active

AUTHOR = 'Report this to the author of "{}".'
TOKEN = "import { Token } from '@lumino/coreutils';"


def one(name: str, activate: str, more: str = "", body: str = "") -> str:
    """A module with one plugin, whose `activate` is this function."""
    head = f"id: '{name}:plugin', autoStart: true,"
    return f"{body}\nexport default {{ {head} {more} activate: {activate} }};"


MODULES = {
    "throws": "throw new Error('no such luck');\nexport default [];",
    "garbled": "export default [;",
    "hangs": plugin("hangs"),
    "slow": plugin("slow"),
    "gone": plugin("gone"),
    "halved": "import './not-there-AAAAAAAA.js';\n" + plugin("halved"),
    "orphan": "import '@acme/nobody';\n" + plugin("orphan"),
    "outdated": "import { NoSuchThing } from '@lumino/widgets';\nNoSuchThing;\n"
    + plugin("outdated"),
    "silent": "export const plugin = 1;",
    "odd": "export default 42;",
    "bomb": "export default { get id() { throw new Error('hands off'); } };",
    "hollow": one("hollow", "() => undefined", "requires: [undefined],"),
    "sound": plugin("sound"),
    "twin": plugin("twin").replace("twin:plugin", "sound:plugin"),
    "trips": one("trips", "() => { throw new Error('tripped'); }"),
    "rejects": one("rejects", "async () => { throw new Error('refused'); }"),
    "dawdles": one("dawdles", "() => new Promise(() => undefined)"),
    "lonely": one("lonely", "() => undefined", "requires: [new Token('acme:ITea')],", TOKEN),
    "cycle": TOKEN
    + """
const [A, B] = [new Token('cycle:A'), new Token('cycle:B')];
const activate = () => ({});
export default [
  { id: 'cycle:a', autoStart: true, requires: [B], provides: A, activate },
  { id: 'cycle:b', autoStart: true, requires: [A], provides: B, activate }
];""",
    "careless": one("careless", "() => { setTimeout(() => { throw new Error('too late'); }); }"),
    "forgetful": one("forgetful", "() => { Promise.reject(new Error('unheard')); }"),
}

LATE = "Not there 1000 ms after the app; the page started without it."
NO_PLUGIN = 'The module exports something that is no plugin: it needs "id" and "activate".'
HOLE = '"requires" has no token at position 0: the module it is imported from does not export it.'
UNCAUGHT = "Nobody has caught an error in its code: "

EXPECTED: dict[str, tuple[str, str, str, str]] = {
    "throws": ("npm-throws", "failed", "no such luck", AUTHOR.format("npm-throws")),
    "garbled": ("npm-garbled", "failed", "Unexpected token ';'", AUTHOR.format("npm-garbled")),
    "hangs": ("npm-hangs", "loading", "", LATE),
    "slow": ("npm-slow", "loading", "", LATE),
    "gone": (
        "npm-gone",
        "failed",
        "Failed to fetch dynamically imported module: ",
        "The server answered 404 for /plughost/frontends/gone/index-AAAAAAAA.js: reload the page; "
        'if that does not help, build or reinstall "gone".',
    ),
    "halved": (
        "npm-halved",
        "failed",
        "Failed to fetch dynamically imported module: ",
        AUTHOR.format("npm-halved"),
    ),
    "orphan": (
        "npm-orphan",
        "failed",
        'Failed to resolve module specifier "@acme/nobody"',
        'No enabled extension provides "@acme/nobody": enable or install the one that does.',
    ),
    "outdated": (
        "npm-outdated",
        "failed",
        "does not provide an export named 'NoSuchThing'",
        'It was built against another version of what it imports: build "npm-outdated" again, '
        "or install a matching version.",
    ),
    "silent": (
        "npm-silent",
        "failed",
        "The module has no default export.",
        AUTHOR.format("npm-silent"),
    ),
    "odd": ("undefined", "failed", NO_PLUGIN, AUTHOR.format("odd")),
    "bomb": ("(without an id)", "failed", "hands off", AUTHOR.format("bomb")),
    "hollow": ("hollow:plugin", "failed", HOLE, AUTHOR.format("hollow")),
    "twin": (
        "sound:plugin",
        "failed",
        "Plugin 'sound:plugin' is already registered.",
        'Extension "sound" has a plugin of that id; disable one of the two.',
    ),
    "trips": ("trips:plugin", "failed", "tripped", AUTHOR.format("trips")),
    "rejects": ("rejects:plugin", "failed", "refused", AUTHOR.format("rejects")),
    "dawdles": (
        "dawdles:plugin",
        "loading",
        "",
        "Still activating after 1000 ms; the page went on without it.",
    ),
    "lonely": ("lonely:plugin", "waiting", "", "No enabled extension provides acme:ITea."),
    "cycle": (
        "cycle:b",
        "failed",
        "Cycle detected: cycle:b -> cycle:a.",
        AUTHOR.format("cycle"),
    ),
    "careless": ("npm-careless", "active", UNCAUGHT + "too late", AUTHOR.format("npm-careless")),
    "forgetful": ("npm-forgetful", "active", UNCAUGHT + "unheard", AUTHOR.format("npm-forgetful")),
    "container": ("container", "failed", "no container today", AUTHOR.format("container")),
}
"""By extension: which record has a problem, its state, what its error contains, and its hint."""

WAITS_FOR_THE_CYCLE = '"cycle:b" of extension "cycle" provides cycle:B and is failed.'


@pytest.fixture
def faulty(tmp_path: Path, jupyter_folders: Path) -> Path:
    """A folder for `PYTHONPATH` with an extension for each fault, and a faulty labextension."""
    site = tmp_path / "site"
    for name, module in MODULES.items():
        add(site, name, module)
    (site / "gone/frontend/index-AAAAAAAA.js").unlink()
    folder = jupyter_folders / "jupyter-data/labextensions/container"
    folder.mkdir(parents=True)
    (folder / "entry.js").write_text("throw new Error('no container today');")
    build = {"load": "entry.js", "extension": "./extension"}
    package = {"name": "container", "version": "1.0.0", "jupyterlab": {"_build": build}}
    (folder / "package.json").write_text(json.dumps(package))
    return site


def seen(problems: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["extension"], each["name"]): each for each in problems}


def check(problems: list[dict[str, Any]], *, but: tuple[str, ...] = ()) -> None:
    """Each fault is there with its reason and what to do, and nobody else."""
    found = seen(problems)
    expected = {n: facts for n, facts in EXPECTED.items() if n not in but}
    names = {(extension, facts[0]) for extension, facts in expected.items()} | {
        ("cycle", "cycle:a")
    }
    assert set(found) == names
    for extension, (name, state, error, hint) in expected.items():
        told = found[extension, name]
        assert (extension, told["state"], told["hint"]) == (extension, state, hint)
        assert error in (told["error"] or "")
    assert found["cycle", "cycle:a"]["state"] == "waiting"
    assert found["cycle", "cycle:a"]["hint"] == WAITS_FOR_THE_CYCLE


async def told_server(server: Any) -> list[dict[str, Any]]:
    records = (await server.client.get("/plughost/api/extensions")).json
    return [{**p, "extension": r["name"]} for r in records for p in r["pageProblems"]]


async def until(condition: Callable[[], Any], page: Page) -> None:
    """Wait, at most a minute, until what the server says holds."""
    for _ in range(600):
        if await condition():
            return
        await page.wait_for_timeout(100)
    raise AssertionError("It did not come to that.")


async def run_a_notebook(page: Page) -> None:
    await page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    await page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    cell = page.locator(".jp-Notebook .jp-CodeCell")
    await cell.locator(".cm-content").click()
    await page.keyboard.type("print(6 * 7)")
    await page.keyboard.press("ControlOrMeta+Enter")
    await expect(cell.locator(".jp-OutputArea-output")).to_have_text(re.compile("42"))


async def test_all_faults_at_once_leave_the_page_working_and_are_named(served, visit, faulty):
    server = served(env={"PYTHONPATH": str(faulty)})
    lab = await visit("about:blank")
    page = lab.page
    held: dict[str, Any] = {}

    async def hold(route: Any) -> None:
        held[route.request.url.rsplit("/", 2)[1]] = route

    await page.route(re.compile("/frontends/(hangs|slow)/.*[.]js"), hold)
    await page.goto(server.url)
    await page.locator(".jp-Launcher").wait_for()
    await run_a_notebook(page)

    # In the page: its records, a button, and the list that it opens.
    check(json.loads(await page.evaluate("JSON.stringify(window.plughost.records.problems())")))
    for name in ("sound", "careless", "forgetful"):
        record = f"JSON.stringify(window.plughost.records.find('{name}:plugin'))"
        assert json.loads(await page.evaluate(record))["state"] == "active"
    button = page.locator(".plughost-ExtensionProblems-button")
    await expect(button).to_have_text(f"{len(EXPECTED)} extension problems")
    await button.click()
    shown = page.locator(".jp-Dialog .plughost-ExtensionProblems")
    for extension, (name, state, error, hint) in EXPECTED.items():
        await expect(shown.locator("h3", has_text=re.compile(f"^{extension}$"))).to_have_count(1)
        await expect(shown).to_contain_text(f"{name}: {state}")
        await expect(shown).to_contain_text(error)
        await expect(shown).to_contain_text(hint)
    await lab.screenshot("faulty-frontends")
    await page.context.grant_permissions(["clipboard-read"])
    await page.locator(".jp-Dialog").get_by_role("button", name="Copy").click()
    await page.wait_for_function(
        "async text => (await navigator.clipboard.readText()).includes(text)",
        arg="trips\n  plugin trips:plugin: failed (activate)\n    tripped\n",
    )

    # On the server: in the records of extensions, and of labextensions.
    async def all_told() -> bool:
        return len(await told_server(server)) == len(EXPECTED) + 1

    await until(all_told, page)
    problems = await told_server(server)
    check(problems)
    assert {each["page"] for each in problems} == {"lab"}
    container = (await server.client.get("/plughost/api/extensions/container")).json
    assert (container["state"], container["guestOf"]) == ("active", "lab")

    # What comes late is a problem no more.
    await held["slow"].continue_()
    await page.locator("html[data-slow='active']").wait_for(state="attached")

    async def slow_is_gone() -> bool:
        return "slow" not in {each["extension"] for each in await told_server(server)}

    await until(slow_is_gone, page)
    check(await told_server(server), but=("slow",))
    await expect(button).to_have_text(f"{len(EXPECTED) - 1} extension problems")

    # And so is what has been mended, in the page and on the server. What two pages see at once
    # is told by both, and the last one counts.
    for name, module in MODULES.items():
        whole = module if name in ("sound", "slow") else plugin(name)
        folder = faulty / name / "frontend"
        (folder / "index-BBBBBBBB.js").write_text(whole)
        manifest = folder / "plughost.json"
        manifest.write_text(manifest.read_text().replace("AAAAAAAA", "BBBBBBBB"))
    disable = {"enabled": False}
    await server.client.patch("/plughost/api/extensions/container", disable)
    await page.unroute_all()
    await page.close()
    after = await visit(server.url)
    await after.page.locator("html[data-plughost=ready]").wait_for(state="attached")

    async def all_well() -> bool:
        return await told_server(server) == []

    await until(all_well, after.page)
    await expect(after.page.locator(".plughost-ExtensionProblems-button")).to_be_hidden()
    assert after.console_errors == []


KEEPER = """
import { definePlugin } from '@plughost/host';
import { ICommandPalette } from '@jupyterlab/apputils';
import { Token } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
const IPot = new Token('pot:IPot');
export default [
  definePlugin({
    id: 'pot:commands',
    requires: [ICommandPalette],
    provides: IPot,
    activate: (app, palette, keep) => {
      keep(app.commands.addCommand('pot:open', { label: 'Open Pot', execute: () => undefined }));
      keep(palette.addItem({ command: 'pot:open', category: 'Pot' }));
      return {};
    }
  }),
  definePlugin({
    id: 'pot:panel',
    requires: [IPot],
    activate: (app, _pot, keep) => {
      const panel = keep(new Widget());
      panel.id = 'pot-panel';
      panel.title.label = 'Pot';
      app.shell.add(panel, 'right');
      keep(app.commands.addKeyBinding({ command: 'pot:open', keys: ['Alt P'], selector: 'body' }));
    }
  })
];
"""


async def test_what_a_plugin_keeps_is_gone_when_it_is_deactivated_and_comes_back(
    served, visit, tmp_path
):
    site = tmp_path / "site"
    add(site, "pot", KEEPER)
    user = "import { Token } from '@lumino/coreutils';\n" + plugin("user")
    add(site, "user", user.replace("autoStart", "optional: [new Token('pot:IPot')], autoStart"))
    exposed = {"PLUGHOST_EXTENSIONS__LAB__EXPOSE_APP_IN_BROWSER": "true"}
    lab = await visit(served(env={**exposed, "PYTHONPATH": str(site)}).url)
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()
    await page.locator("html[data-user='active']").wait_for(state="attached")
    await all_is_active(page)
    look = """() => ({
      command: jupyterapp.commands.hasCommand('pot:open'),
      keys: jupyterapp.commands.keyBindings.filter(each => each.command === 'pot:open').length,
      panels: [...jupyterapp.shell.widgets('right')].filter(each => each.id === 'pot-panel').length,
      nodes: document.querySelectorAll('#pot-panel').length,
      commands: jupyterapp.commands.listCommands().length,
      states: ['pot:commands', 'pot:panel', 'user:plugin'].map(
        id => plughost.records.find(id).state)
    })"""
    before = await page.evaluate(look)
    assert (before["command"], before["keys"], before["panels"], before["nodes"]) == (True, 1, 1, 1)
    assert before["states"] == ["active"] * 3
    gone = await page.evaluate("plughost.deactivate('pot')")
    assert gone == ["pot:panel", "pot:commands"], "its own token is another one than the user's"
    off = await page.evaluate(look)
    assert (off["command"], off["keys"], off["panels"], off["nodes"]) == (False, 0, 0, 0)
    assert off["states"] == ["idle", "idle", "active"]
    assert off["commands"] == before["commands"] - 1
    # Twenty times: nothing is left, nothing is there twice.
    await page.evaluate(
        """async () => {
          for (let time = 0; time < 20; time++) {
            await plughost.activate('pot');
            await plughost.deactivate('pot');
          }
          await plughost.activate('pot');
        }"""
    )
    assert await page.evaluate(look) == before
    # A stock plugin cannot be deactivated, and says so.
    stock = "plughost.deactivate('@jupyterlab/launcher-extension:plugin').catch(e => e.message)"
    assert 'it has no "deactivate"' in await page.evaluate(stock)
    assert await page.evaluate("plughost.records.problems().length") == 0
    assert [url for url in lab.requests if "problems" in url] == [], "nor does it tell of any"
    assert lab.console_errors == []

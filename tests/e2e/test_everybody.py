"""The lab without a mouse, by ear, in every theme, in a narrow window."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

import pytest
from playwright.async_api import Error, Locator, Page, Route, expect

from . import axe
from .axe import choose_theme, theme_is, write_documents
from .lab import all_is_active


@pytest.fixture
def lab(served, visit, jupyter_folders):
    """Open the lab with two documents to look at; a path beside it is opened in place of it."""

    async def opening(path: str = "/lab"):
        root = jupyter_folders / "root"
        root.mkdir(exist_ok=True)
        write_documents(root)
        server = served(env={"PLUGHOST_EXTENSIONS__LAB__EXPOSE_APP_IN_BROWSER": "true"})
        return await visit(f"{server.client.base}{path}?token={server.client.token}")

    return opening


async def focused(page: Page, selector: str) -> None:
    """Wait until the focus is on such an element, or within it."""
    await expect(page.locator(f":is({selector}):focus-within")).to_have_count(1)


async def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is there."""
    for _ in range(100):
        if await target.and_(page.locator(":focus")).count():
            return
        await page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {target}.")


async def test_axe_finds_nothing_serious_that_stock_does_not_have(lab):
    stock = json.loads(axe.STOCK.read_text())
    page = (await lab()).page
    worse = {}
    async for state, part in axe.states(page):
        # Nothing but colours differs from theme to theme.
        rules = None if state.endswith("light") else axe.OF_COLOUR
        found = await axe.serious(page, part, rules)
        known = stock[state]
        more = {rule: at for rule, at in found.items() if len(at) > known.get(rule, 0)}
        if more:
            worse[state] = more
    assert worse == {}


async def test_axe_finds_nothing_serious_on_plain_pages(lab):
    visit = await lab()
    page = visit.page
    base = page.url.partition("/lab")[0]
    await page.route("**/plughost/frontends/lab/*.js", lambda route: route.abort())
    for path, text in {
        "/nowhere": "404",
        "/lab": "This page could not start",
        "/logout": "logged out",
        "/login": "Log in",
    }.items():
        await page.goto(f"{base}{path}")
        await page.get_by_text(text).first.wait_for()
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await visit.screenshot(f"plain{path.replace('/', '-')}-{scheme}")
            assert await axe.serious(page, "html") == {}, f"{path}, {scheme}"
            assert await page.locator("main, [role=main]").count() == 1


async def test_keys_reach_what_the_mouse_does(lab):
    visit = await lab()
    page = visit.page
    await page.locator(".jp-Launcher").wait_for()
    await all_is_active(page)  # what the start brings to the front has the focus by then
    await areas(page)
    await menus(page)
    await file_browser(page)
    await launcher_and_tabs(page)
    await palette(page)
    await sessions(page)
    await dialogs(page)
    await settings(page)
    assert visit.console_errors == []


async def areas(page: Page) -> None:
    """F6 and Shift+F6 lead round the window."""
    order = [
        "#jp-bottom-panel",
        "#jp-menu-panel",
        ".jp-SideBar.jp-mod-left",
        "#jp-left-stack",
        "#jp-main-dock-panel",
    ]
    await page.locator(".jp-Launcher").focus()
    await page.keyboard.press("F6")
    await focused(page, ".jp-SideBar.jp-mod-right")
    for area in order:
        await page.keyboard.press("F6")
        await focused(page, area)
    for area in reversed(order[:-1]):
        await page.keyboard.press("Shift+F6")
        await focused(page, area)


async def menus(page: Page) -> None:
    keys = page.keyboard
    await page.locator(".jp-LauncherCard").first.focus()
    await keys.press("F10")
    await focused(page, ".lm-MenuBar-item")
    await keys.press("ArrowDown")
    await page.locator(".lm-Menu").wait_for()
    await keys.press("Escape")
    await focused(page, ".lm-MenuBar-item")
    await keys.press("Escape")
    await focused(page, ".jp-LauncherCard")


async def file_browser(page: Page) -> None:
    """Sort, select, open the context menu, rename; the focus stays in the list."""
    keys = page.keyboard
    row = page.locator(".jp-DirListing-content [role=row]")
    selected = page.locator(".jp-DirListing-content [role=row][aria-selected=true]")
    await page.locator(".jp-SideBar.jp-mod-left .lm-mod-current").focus()
    await keys.press("F6")
    await focused(page, ".jp-DirListing-itemText")
    await tab_to(page, page.locator(".jp-id-name"), "Shift+Tab")
    await expect(page.locator(".jp-id-name")).to_have_attribute("aria-sort", "ascending")
    await keys.press("Enter")
    await expect(page.locator(".jp-id-name")).to_have_attribute("aria-sort", "descending")
    await expect(row.first).to_contain_text("text.py")
    await keys.press(" ")
    await expect(row.first).to_contain_text("book.ipynb")
    width = "document.querySelector('.jp-id-name').offsetWidth"
    before = await page.evaluate(width)
    await keys.press("Shift+ArrowLeft")
    await page.wait_for_function(f"{width} < {before}")
    await keys.press("ArrowRight")
    await focused(page, ".jp-id-modified")
    await keys.press("ArrowDown")
    await focused(page, ".jp-DirListing-itemText")
    await keys.type("t")
    await expect(selected).to_contain_text("text.py")
    await keys.press("Shift+F10")
    await page.locator(".lm-Menu-item[data-command='filebrowser:rename']").wait_for()
    await keys.press("Escape")
    await expect(page.locator(".lm-Menu")).to_have_count(0)
    await focused(page, ".jp-DirListing-itemText")
    await keys.press("F2")
    await focused(page, ".jp-DirListing-editor")
    await keys.press("ControlOrMeta+A")
    await keys.type("other.py")
    await keys.press("Enter")
    await expect(selected).to_contain_text("other.py")
    await focused(page, ".jp-DirListing-itemText")


async def dialogs(page: Page) -> None:
    """A dialog keeps the focus, and gives it back."""
    keys = page.keyboard
    await keys.press("Shift+F6")
    await focused(page, ".jp-DirListing-itemText")
    await keys.press("Delete")
    await focused(page, ".jp-Dialog")
    for _ in range(4):
        await keys.press("Tab")
        await focused(page, ".jp-Dialog")
    await keys.press("F6")
    await focused(page, ".jp-Dialog")
    await keys.press("Escape")
    await expect(page.locator(".jp-Dialog")).to_have_count(0)
    await focused(page, ".jp-DirListing-itemText")


async def launcher_and_tabs(page: Page) -> None:
    """Open by card, leave a terminal, move, widen and close tabs."""
    keys = page.keyboard
    tab = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    await keys.press("F6")
    await focused(page, ".jp-Launcher")
    await tab_to(page, page.locator(".jp-LauncherCard", has_text="Terminal"))
    await keys.press("Enter")
    await page.locator(".jp-Terminal .xterm-screen").wait_for()
    await focused(page, ".jp-Terminal")
    await keys.press("F6")
    await focused(page, ".jp-SideBar.jp-mod-right")
    await keys.press("Control+Shift+L")
    await focused(page, ".jp-Launcher")
    await expect(tab).to_have_count(2)
    width = "document.querySelector('.jp-Launcher').offsetWidth"
    whole = await page.evaluate(width)
    await run(page, "Split Tab to the Right")
    await expect(page.locator(".lm-DockPanel-tabBar")).to_have_count(2)
    await page.wait_for_function(f"{width} < {whole}")
    before = await page.evaluate(width)
    await run(page, "Make Area Wider")
    await page.wait_for_function(f"{width} > {before}")
    await run(page, "Move Tab to Next Tab Bar")
    await expect(page.locator(".lm-DockPanel-tabBar:visible")).to_have_count(1)
    await expect(tab).to_have_text(["Terminal 1", "Launcher"])
    await run(page, "Move Tab Left")
    await expect(tab).to_have_text(["Launcher", "Terminal 1"])
    await keys.press("Shift+F6")
    await tab_to(page, tab)
    await keys.press("ArrowRight")
    await keys.press("Enter")
    await expect(page.locator(".jp-Terminal")).to_be_visible()
    await tab_to(page, tab, "Shift+Tab")
    await keys.press("Delete")
    await expect(tab).to_have_text(["Launcher"])
    await focused(page, ".lm-DockPanel-tabBar .lm-TabBar-tab")


async def sessions(page: Page) -> None:
    """Open a terminal that is running, and shut it down."""
    keys = page.keyboard
    entry = page.locator(".jp-RunningSessions-item", has_text="terminals/1")
    await keys.press("Control+Shift+B")
    await entry.wait_for()
    await keys.press("F6")
    await tab_to(page, entry)
    await keys.press("Enter")
    await page.locator(".jp-Terminal .xterm-screen").wait_for()
    await focused(page, ".jp-Terminal")
    await keys.press("Shift+F6")
    await tab_to(page, entry)
    await keys.press("Delete")
    await expect(entry).to_have_count(0)
    await page.wait_for_function("document.activeElement.closest('.jp-RunningSessions-section')")
    await expect(page.locator(".jp-Terminal")).to_have_count(0)
    await keys.press("Control+Shift+F")
    await focused(page, "#filebrowser")
    await keys.press("F6")
    await focused(page, ".jp-Launcher")


async def run(page: Page, label: str) -> None:
    """Run a command from the palette."""
    await page.keyboard.press("Control+Shift+C")
    await focused(page, ".lm-CommandPalette-input")
    await page.keyboard.type(label)
    item = page.locator(".lm-CommandPalette-item.lm-mod-active")
    await expect(item).to_contain_text(label)
    await page.keyboard.press("Enter")
    await expect(page.locator(".lm-CommandPalette-input:visible")).to_have_count(0)


async def palette(page: Page) -> None:
    """A command that nobody has chosen leaves it open, with what was typed."""
    field = page.locator(".lm-CommandPalette-input")
    await page.keyboard.press("Control+Shift+C")
    await focused(page, ".lm-CommandPalette-input")
    await page.keyboard.type("some")
    await page.evaluate("jupyterapp.commands.execute('helpmenu:get-kernel')")
    await page.keyboard.type("thing")
    await expect(field).to_have_value("something")
    await page.keyboard.press("Escape")
    await expect(page.locator(".lm-CommandPalette-input:visible")).to_have_count(0)


async def settings(page: Page) -> None:
    """Choose a section of the settings, and change what is in it."""
    keys = page.keyboard
    await keys.press("Control+,")
    await page.locator(".jp-PluginList-entry").first.wait_for()
    section = page.locator(".jp-PluginList-entry", has_text="Document Search")
    await section.wait_for()
    await tab_to(page, section)
    await keys.press("Enter")
    await focused(page, ".jp-SettingsForm")
    field = page.get_by_label("Search debounce time (ms)")
    await expect(field).to_be_in_viewport()
    await tab_to(page, field)
    await keys.press("ControlOrMeta+A")
    await keys.type("400")
    await expect(section).to_have_class(re.compile("jp-mod-selected"))
    await expect(page.locator(".jp-PluginList-header").first).to_have_text("Modified")


async def test_themes_are_the_persons_and_the_systems(lab):
    visit = await lab("/lab")
    page = visit.page
    await page.locator(".jp-Launcher").wait_for()
    ground = "getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
    seen = set()
    for theme in axe.THEMES:
        await choose_theme(page, theme)
        seen.add(await page.evaluate(ground))
        await visit.screenshot(f"theme-{theme}")
    assert len(seen) > 1
    # The next visit begins dark, though the system is light.
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/*.js", hold)
    await page.reload(wait_until="commit")
    splash = page.locator("#plughost-splash")
    await expect(splash).to_have_css("background-color", "rgb(17, 17, 17)")
    held.set()
    await page.locator(".jp-Launcher").wait_for()
    await theme_is(page, "contrast")
    await page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    await page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    await page.locator(".lm-Menu-item[data-command='apputils:adaptive-theme']").click()
    await theme_is(page, "light")
    await page.emulate_media(color_scheme="dark")
    await theme_is(page, "dark")
    await page.emulate_media(reduced_motion="reduce", forced_colors="active")
    row = page.locator(".jp-DirListing-item").first
    await row.click()
    await expect(row).to_have_css("outline-style", "solid")
    await visit.screenshot("theme-forced")
    assert visit.console_errors == []


SAVED = """async () => {
  const { data } = await (await fetch('/lab/api/workspaces/default')).json();
  const { left, main, relativeSizes } = data['layout-restorer:data'] ?? {};
  const opened = main && JSON.stringify(main).includes('setting');
  return opened && !left.collapsed && relativeSizes[1] > 0.3;
}"""
"""The saved layout has what was opened in the narrow window, and is still one for a wide one."""


async def test_a_narrow_window_shows_one_area_at_a_time(lab):
    visit = await lab("/lab/tree/book.ipynb")
    page = visit.page
    files, book = page.locator(".jp-DirListing"), page.locator(".jp-Notebook")
    await book.locator(".jp-RenderedJSON").wait_for()
    await page.set_viewport_size({"width": 768, "height": 700})
    await expect(files).to_be_visible()
    await expect(book).to_be_visible()
    wide = await width(files)
    await page.set_viewport_size({"width": 360, "height": 700})
    await expect(files).to_be_hidden()
    assert await width(book) > 250
    await visit.screenshot("narrow-book")
    await page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab").first.click()
    await expect(files).to_be_visible()
    await expect(book).to_be_hidden()
    assert await width(files) > 250
    await visit.screenshot("narrow-files")
    await page.locator(".jp-SideBar.jp-mod-right .lm-TabBar-tab").first.click()
    await expect(files).to_be_hidden()
    await page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab").first.click()
    # What is current already is shown again, too.
    await page.locator(".jp-DirListing-itemText", has_text="book.ipynb").dblclick()
    await expect(book).to_be_visible()
    await expect(files).to_be_hidden()
    # Even while the notebook's kernel says what it is, at which the help menu runs a command.
    await page.keyboard.press("Control+Shift+C")
    await focused(page, ".lm-CommandPalette-input")
    await page.keyboard.type("Toggle")
    await fits(page, ".lm-CommandPalette")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await focused(page, ".jp-Notebook.jp-mod-commandMode")
    await restart_by_keys(page)
    await fits(page, ".jp-Dialog-content")
    await visit.screenshot("narrow-dialog")
    await page.keyboard.press("Escape")
    await page.locator(".jp-NotebookPanel-toolbar .jp-Toolbar-responsive-opener").click()
    await fits(page, ".jp-Toolbar-responsive-popup")
    await page.keyboard.press("Escape")
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert await page.evaluate(overflow) <= 0
    await fits(page, ".lm-MenuBar-item")
    await fits(page, ".jp-StatusBar-Item")
    # Whatever is opened beside a panel is seen: what is new, and what is there.
    for _ in range(2):
        await page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab").first.click()
        await expect(files).to_be_visible()
        await page.keyboard.press("Control+,")
        await page.locator(".jp-SettingsForm").first.wait_for()
        await expect(files).to_be_hidden()
    await fits(page, ".jp-PluginList")
    await fits(page, ".jp-SettingsPanel")
    await visit.screenshot("narrow-settings")
    await page.wait_for_function(SAVED)
    await page.set_viewport_size({"width": 768, "height": 700})
    await expect(files).to_be_visible()
    await expect(page.locator(".jp-SettingsPanel")).to_be_visible()
    assert abs(await width(files) - wide) < 10
    assert visit.console_errors == []


async def restart_by_keys(page: Page) -> None:
    """A page that is busy for a second between the two keys takes them for two others."""
    for _ in range(20):
        await page.keyboard.type("00")
        with contextlib.suppress(Error):
            await page.locator(".jp-Dialog-content").wait_for(timeout=3_000)
            break


async def width(shown: Locator) -> float:
    """How wide something is, once that does not change any more."""
    return float(await shown.evaluate(STEADY_WIDTH))


STEADY_WIDTH = """async element => {
  const frame = () => new Promise(requestAnimationFrame);
  let width;
  for (let steady = 0; steady < 5; steady++) {
    await frame();
    const now = element.getBoundingClientRect().width;
    if (now !== width) {
      steady = 0;
    }
    width = now;
  }
  return width;
}"""


async def fits(page: Page, selector: str) -> None:
    """Wait until something is shown, and wholly between the sides of the window."""
    await page.wait_for_function(
        """selector => {
          const found = [...document.querySelectorAll(selector)];
          const boxes = found.map(each => each.getBoundingClientRect());
          const shown = boxes.filter(box => box.width > 0);
          return shown.length > 0 && shown.every(box => box.left >= 0 && box.right <= innerWidth);
        }""",
        arg=selector,
    )

"""What a person does in the lab: menus, the palette, files, notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Error, Locator, Page, expect

VISIBLE = "#jp-main-dock-panel .lm-DockPanel-widget:not(.lm-mod-hidden)"
"""The tab that lies in front."""

WITHOUT_POLLS = """
const stock = window.setTimeout;
window.setTimeout = (call, time, ...rest) => stock(call, time >= 9000 ? 3600_000 : time, ...rest);
"""
"""For a page that asks for nothing again and again: what JupyterLab polls, it polls each 10 s."""

IS_A_PICTURE = """async image => {
  for (let times = 0; ; times++) {
    try {
      await image.decode();
      return image.naturalWidth;
    } catch (error) {
      if (times === 20) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}"""
"""For an `<img>`: its width, once it is there, and drawn for the last time. Throws when it is no
picture."""


async def all_is_active(page: Page) -> None:
    """Wait for what is activated when the browser is idle, and for what comes after that."""
    await page.wait_for_function("""() => {
      const { boot, records } = plughost;
      const come = ({ package: name }) => records.find(name);
      return (boot.federation?.containers ?? []).every(come) &&
        records.list('idle').length + records.list('loading').length === 0;
    }""")


async def layout_is_saved(server: Any, *names: str) -> None:
    """Wait until the next visit to the lab finds these documents open.

    What opens a document again, and its place in the window, are saved one after the other.
    """
    for _ in range(600):
        workspace = (await server.client.get("/lab/api/workspaces/default")).json
        data = workspace.get("data", {})
        main = json.dumps(data.pop("layout-restorer:data", {}).get("main"))
        if all(name in main and any(name in key for key in data) for name in names):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"The saved layout does not have {' and '.join(names)}.")


async def menu(page: Page, *labels: str) -> None:
    """Choose an entry of the menu bar: `menu(page, "File", "Workspaces", "Reset Workspace…")`."""
    await page.locator("#jp-MainMenu .lm-MenuBar-item", has_text=labels[0]).click()
    for label in labels[1:]:
        text = page.get_by_text(label, exact=True)
        await page.locator(".lm-Menu .lm-Menu-item", has=text).last.click()


async def command(page: Page, label: str) -> None:
    """Run a command that the palette finds by its label."""
    await page.keyboard.press("ControlOrMeta+Shift+C")
    await page.locator(".lm-CommandPalette-input").fill(label)
    found = page.locator(".lm-CommandPalette-itemLabel", has_text=re.compile(rf"^{label}$"))
    await found.first.click()


def row(page: Page, name: str) -> Locator:
    """An entry of the file browser."""
    text = page.locator(".jp-DirListing-itemText", has_text=re.compile(f"^{re.escape(name)}$"))
    return page.locator(".jp-DirListing-item", has=text)


def tab(page: Page, name: str) -> Locator:
    return page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=name)


async def open_file(page: Page, name: str) -> Locator:
    """Open an entry of the file browser; the tab that then lies in front."""
    await row(page, name).dblclick()
    await tab(page, name).and_(page.locator(".lm-mod-current")).first.wait_for()
    return page.locator(VISIBLE).last


async def save(page: Page) -> None:
    """Save what is in front, and wait for the server: the tab says a frame later that it must.

    The keys do nothing while what was saved before still gets its checkpoint.
    """
    for _ in range(20):
        with contextlib.suppress(Error):
            async with page.expect_response(
                lambda reply: reply.request.method == "PUT" and "/api/contents/" in reply.url,
                timeout=5_000,
            ):
                await page.keyboard.press("ControlOrMeta+S")
            break
    else:
        raise AssertionError("It was not saved.")
    await expect(page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)


async def save_with_language(page: Page, file: Path, known: dict[str, str]) -> dict[str, Any]:
    """Save the notebook in front until it has this of its kernel's language; what is saved."""
    for _ in range(600):
        await save(page)
        notebook: dict[str, Any] = json.loads(file.read_text())
        if known.items() <= notebook["metadata"]["language_info"].items():
            return notebook
        await asyncio.sleep(0.1)
    raise AssertionError(f"{notebook['metadata']} lacks some of {known}.")


async def kernel_is_idle(page: Page) -> None:
    """The status bar's word: the toolbar shows a circle before the kernel is connected."""
    await page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()


async def seconds(sound: Locator) -> float:
    """How long an `<audio>` plays, once it can be played."""
    element = await sound.element_handle()
    await sound.page.wait_for_function("sound => sound.readyState > 0", arg=element)
    return float(await sound.evaluate("sound => sound.duration"))


async def is_painted(canvas: Locator) -> None:
    element = await canvas.element_handle()
    await canvas.page.wait_for_function(IS_PAINTED, arg=element)


IS_PAINTED = """canvas => {
  const blank = document.createElement('canvas');
  [blank.width, blank.height] = [canvas.width, canvas.height];
  return canvas.toDataURL() !== blank.toDataURL();
}"""


class Notebook:
    """The notebook that lies in front."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cells = self.panel.locator(".jp-Notebook .jp-Cell")

    async def is_ready(self) -> None:
        await self.cells.first.wait_for()
        await kernel_is_idle(self.page)

    async def write(self, source: str) -> Locator:
        """Write into the last cell, and stay there; the cell."""
        cell = self.cells.nth(await self.cells.count() - 1)
        await self.bring(cell)
        await cell.locator(".cm-content").click()
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.insert_text(source)
        return cell

    async def run(self, source: str) -> Locator:
        """Run something in the last cell, which makes another; where its outputs are."""
        cell = await self.write(source)
        await self.page.keyboard.press("Shift+Enter")
        return cell.locator(".jp-OutputArea")

    async def press(self, button: str) -> None:
        """A button of the toolbar, by the name that the settings have for it."""
        await self.panel.locator(f".jp-NotebookPanel-toolbar [data-jp-item-name={button}]").click()

    async def bring(self, cell: Locator) -> None:
        """Bring a cell into view: out of sight it may be empty."""
        for _ in range(300):
            await cell.scroll_into_view_if_needed()
            if await cell.locator(".cm-content").count():
                break
            await self.page.wait_for_timeout(100)

    async def scroll_to(self, what: Locator) -> Locator:
        """Turn the wheel until something of a cell is drawn: what is out of sight may not be."""
        await self.panel.locator(".jp-Notebook").hover(position={"x": 300, "y": 300})
        for _ in range(300):
            if await what.count():
                break
            await self.page.mouse.wheel(0, 200)
            await self.page.wait_for_timeout(100)
        await what.first.scroll_into_view_if_needed()
        return what

    async def prints(self, source: str, text: str | re.Pattern[str]) -> None:
        await expect(await self.run(source)).to_contain_text(text)

"""axe-core on a workbench, in every state that a person looks at: ours, and stock's for comparison.

    python -m tests.e2e.axe

writes `tests/data/axe-stock.json` anew: what is serious in the peer of the benchmarks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

from benchmarks.servers import TOKEN, jupyterlab, running
from plughost.testing import CHROMIUM_FLAGS, chromium

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "node_modules" / "axe-core" / "axe.min.js"
STOCK = ROOT / "tests" / "data" / "axe-stock.json"

THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
CURRENT = "#jp-main-dock-panel > .lm-Widget:not(.lm-mod-hidden):not(.lm-TabBar)"
"""The document whose tab is in front."""

OF_COLOUR = ["color-contrast", "link-in-text-block"]
SERIOUS = ("serious", "critical")

RUN = """async ([part, rules]) => {
  const only = rules ? { runOnly: { type: 'rule', values: rules } } : {};
  const { violations } = await axe.run(part, { resultTypes: ['violations'], ...only });
  return violations.map(({ id, impact, nodes }) => ({
    id, impact, at: nodes.map(node => node.target.join(' '))
  }));
}"""

Findings = dict[str, list[str]]
"""The id of a rule, and the selectors of what breaks it."""


async def serious(page: Page, part: str, rules: list[str] | None = None) -> Findings:
    """What axe calls serious or critical in a part of the page; by some rules only."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(SCRIPT.read_text())
    # The body of a lab is empty and clips, in the browser for the whole window; axe takes
    # all there is in it for hidden, and passes its colours without a look.
    await page.evaluate(
        "[document.documentElement, document.body].forEach(node => node.style.height = '100%')"
    )
    violations: list[dict[str, Any]] = await page.evaluate(RUN, [part, rules])
    return {each["id"]: each["at"] for each in violations if each["impact"] in SERIOUS}


def write_documents(root: Path) -> None:
    """A notebook with outputs of the usual kinds, and a text."""
    table = "<table><tr><th></th><th>a</th></tr><tr><th>0</th><td>1</td></tr></table>"
    pixel = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": "printed\n"},
        {"output_type": "stream", "name": "stderr", "text": "warned\n"},
        {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "no",
            "traceback": ["\x1b[0;31mValueError\x1b[0m: no", "\x1b[0;32m----> 1\x1b[0m raise"],
        },
        *(
            {"output_type": "display_data", "metadata": {}, "data": data}
            for data in ({"text/html": table}, {"image/gif": pixel}, {"application/json": {"a": 1}})
        ),
    ]
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1}
    markdown = {"cell_type": "markdown", "metadata": {}}
    cells = [
        {**markdown, "id": "title", "source": "# Title\n\n[A link](https://example.org) and $x$"},
        {**code, "id": "code", "source": "# says it\nprint('printed', 1)", "outputs": outputs},
        {**code, "id": "more", "source": "class A:\n    def b(self): return None", "outputs": []},
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    (root / "book.ipynb").write_text(json.dumps(notebook))
    (root / "text.py").write_text("# A comment\nnumber = 1 + len('text')\n")


async def choose_theme(page: Page, theme: str) -> None:
    """Take a theme from the Settings menu."""
    await page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    await page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    await page.locator(".lm-Menu-itemLabel").get_by_text(THEMES[theme], exact=True).click()
    await theme_is(page, theme)


async def theme_is(page: Page, theme: str) -> None:
    """Wait for a theme, and for the end of what stock shows meanwhile: two at once are too many."""
    await expect(page.locator("body")).to_have_attribute("data-jp-theme-name", THEMES[theme])
    await expect(page.locator("#jupyterlab-splash")).to_have_count(0)


async def states(page: Page) -> AsyncIterator[tuple[str, str]]:
    """Bring a fresh workbench into one state after the other: its name, and what part is new."""
    files = page.locator(".jp-DirListing-itemText")
    tabs = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel")
    await page.locator(".jp-Launcher").wait_for()
    await page.locator(".jp-LauncherCard", has_text="Terminal").click()
    await page.locator(".jp-Terminal .xterm-screen").wait_for()
    await files.get_by_text("text.py").dblclick()
    await page.locator(".jp-FileEditor .cm-content").wait_for()
    await files.get_by_text("book.ipynb").dblclick()
    await page.locator(".jp-Notebook .jp-RenderedJSON").wait_for()
    await page.locator(".jp-NotebookPanel-toolbar [data-status=idle]").wait_for()
    await page.keyboard.press("Control+,")
    await page.locator(".jp-PluginList").wait_for()
    await page.locator(".jp-SettingsForm").first.wait_for()
    # All sections at once have thousands of elements, more of the same kinds.
    await page.locator(".jp-PluginList jp-search input").fill("debugger")
    await expect(page.locator(".jp-PluginList-entry")).to_have_count(1)
    await page.locator(".lm-DockPanel .lm-TabBar-addButton").click()
    await page.locator(".jp-Launcher").wait_for()
    for theme in THEMES:
        await choose_theme(page, theme)
        for label, state in {
            "Launcher": "launcher",
            "Settings": "settings",
            "Terminal 1": "terminal",
            "text.py": "editor",
            "book.ipynb": "notebook",
        }.items():
            await tabs.get_by_text(label).click()
            yield f"{state}, {theme}", "html" if state == "launcher" else CURRENT
        await page.locator(".lm-MenuBar-itemLabel", has_text="File").click()
        await page.locator(".lm-Menu").wait_for()
        yield f"menu, {theme}", ".lm-Menu"
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+Shift+C")
        await page.locator(".lm-CommandPalette-input").wait_for()
        yield f"palette, {theme}", ".jp-ModalCommandPalette"
        await page.keyboard.press("Escape")
        await files.get_by_text("text.py").click()
        await page.keyboard.press("Delete")
        await page.locator(".jp-Dialog").wait_for()
        yield f"dialog, {theme}", ".jp-Dialog"
        await page.keyboard.press("Escape")


async def stock() -> dict[str, dict[str, int]]:
    """What is serious in stock's states: how often each rule is broken."""
    found: dict[str, dict[str, int]] = {}
    with running(jupyterlab()) as server:
        write_documents(server.root)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium(), args=CHROMIUM_FLAGS
            )
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.goto(f"{server.base}/lab?token={TOKEN}")
            async for state, part in states(page):
                findings = await serious(page, part)
                found[state] = {rule: len(at) for rule, at in sorted(findings.items())}
            await browser.close()
    return found


if __name__ == "__main__":
    STOCK.write_text(json.dumps(asyncio.run(stock()), indent=1) + "\n")

"""A notebook of 600 cells, of which a few are drawn: all of them are there all the same."""

from __future__ import annotations

import base64
import contextlib
import json
import platform
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from .lab import all_is_active, save, save_with_language

COUNT = 600
CODE = [number for number in range(COUNT) if number % 3 == 0]
PICTURE = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
FAR = 580
HEADED = 399
ASKED = 150
ASKING = f"""\
from builtins import print as write
def print(*what):
    if what[1] == {ASKED * 2}:
        write("a line")
        what += (input("How far? "),)
    write(*what)
"""
STOCK_ERROR = "CodeMirrorEditor already set."
"""Of the stock search, for a cell that is drawn after it has been searched; nothing comes of it."""

SECONDS = 60  # for what a busy machine takes a while to do


def cell(number: int) -> dict[str, Any]:
    base = {"id": f"cell-{number}", "metadata": {}}
    if number not in CODE:
        source = f"## Heading {number}\n\nA text in the middle of cell {number}."
        if number == 1:
            source += f" [Far down](#cell-id=cell-{FAR})"
        return {**base, "cell_type": "markdown", "source": [source]}
    stream = {"output_type": "stream", "name": "stdout", "text": [f"before {number}\n"] * 5}
    data = {"image/png": PICTURE.decode(), "text/plain": ["<Figure>"]}
    if number == HEADED:
        data = {"text/html": ["<h2>Heading of an output</h2>"]}
    return {
        **base,
        "cell_type": "code",
        "execution_count": number + 1,
        "source": [f"value_{number} = {number}\n", f"print('now', value_{number} * 2)"],
        "outputs": [stream, {"output_type": "display_data", "metadata": {}, "data": data}],
    }


NOTEBOOK = {
    "cells": [cell(number) for number in range(COUNT)],
    "metadata": {
        "kernelspec": {
            "name": "python3",
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
        },
        "language_info": {"name": "python"},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Notebook:
    """The notebook of a page, as its user has it, and its file."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.file = file
        self.saves: list[str] = []
        page.on(
            "request",
            lambda request: (
                self.saves.append(request.url)
                if request.method == "PUT" and file.name in request.url
                else None
            ),
        )

    def cell(self, number: int) -> Locator:
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}']")

    @property
    def cells(self) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell")

    async def filled(self) -> int:
        return await self.page.locator(".jp-Notebook .jp-Cell:has(.cm-content)").count()

    async def has(self, count: int) -> None:
        await expect(self.cells).to_have_count(count, timeout=SECONDS * 1000)

    async def shows(self, number: int) -> None:
        """This cell is in view, and drawn."""
        await expect(self.cell(number).locator(".cm-content")).to_be_attached()
        await expect(self.cell(number)).to_be_in_viewport()

    async def scroll(self, to: int) -> None:
        """Bring this cell into view, as long as it is not: cells may be higher than expected."""
        for _ in range(50):
            await self.cell(to).evaluate("cell => cell.scrollIntoView({ block: 'center' })")
            await self.page.wait_for_timeout(100)
            with contextlib.suppress(AssertionError):
                await expect(self.cell(to)).to_be_in_viewport(timeout=100)
                break
        await self.shows(to)

    async def command_mode(self) -> None:
        await self.page.keyboard.press("Escape")
        await expect(self.page.locator(".jp-Notebook.jp-mod-commandMode")).to_be_attached()

    async def select(self, number: int) -> None:
        """A click beside the cell's text."""
        await self.cell(number).locator(".jp-InputPrompt").first.click()
        await self.command_mode()

    async def menu(self, name: str, entry: str) -> None:
        await self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
        item = self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}"))
        await item.first.click()

    async def save(self) -> dict[str, Any]:
        """Save it; what is in the file then."""
        await save(self.page)
        await self.is_as_saved()
        saved: dict[str, Any] = json.loads(self.file.read_text())
        return saved

    @property
    def tab(self) -> Locator:
        return self.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=self.file.name)

    async def is_as_saved(self) -> None:
        await expect(self.tab).not_to_have_class(re.compile("jp-mod-dirty"))

    async def search(self, text: str, found: str) -> None:
        """Search for a text, and go on to the next place where it is."""
        await self.page.keyboard.press("ControlOrMeta+F")
        box = self.page.locator(".jp-DocumentSearch-input").first
        await box.fill(text)
        counter = self.page.locator(".jp-DocumentSearch-index-counter")
        await expect(counter).to_have_text(re.compile(found), timeout=SECONDS * 1000)
        await box.press("Enter")

    async def end_search(self) -> None:
        await self.page.locator(".jp-DocumentSearch-input").first.press("Escape")
        await expect(self.page.locator(".jp-DocumentSearch-overlay")).to_have_count(0)


def joined(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Its cells with every text in one piece."""

    def join(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: join(each) for key, each in value.items()}
        if isinstance(value, list):
            if value and all(isinstance(each, str) for each in value):
                return "".join(value)
            return [join(each) for each in value]
        return value

    return [join(cell) for cell in notebook["cells"]]


@pytest.fixture
def notebook(served, visit, jupyter_folders):
    """Open the notebook: `lab, notebook = await notebook()`."""
    root = jupyter_folders / "root"
    root.mkdir()
    file = root / "long.ipynb"
    file.write_text(json.dumps(NOTEBOOK))
    server = served("long.ipynb")

    async def open_it():
        lab = await visit(server.url)
        notebook = Notebook(lab.page, file)
        await notebook.cell(0).locator(".cm-content").wait_for()
        await notebook.has(COUNT)
        return lab, notebook

    return open_it


async def test_cells_are_drawn_when_they_come_near_and_the_file_stays_as_it_is(notebook):
    lab, first = await notebook()
    await all_is_active(lab.page)
    ours = {"version": platform.python_version()}  # what the kernel tells of it
    saved = await save_with_language(first.page, first.file, ours)
    assert joined(saved) == joined(NOTEBOOK)
    as_saved = first.file.read_bytes()
    await lab.page.close()

    lab, long = await notebook()
    assert 0 < await long.filled() < 40
    await lab.page.locator("[data-status=idle]").first.wait_for()
    await expect(long.cell(0).locator(".jp-OutputArea-output")).to_have_count(2)
    await expect(long.cell(0).locator("img")).to_be_attached()
    await long.scroll(COUNT - 1)
    await long.scroll(COUNT // 2)
    await long.scroll(0)
    assert await long.filled() < 150
    await long.is_as_saved()
    assert long.saves == []
    await long.save()
    assert long.file.read_bytes() == as_saved
    assert lab.console_errors == []


async def test_what_is_typed_is_in_the_cell_it_is_meant_for_however_late_the_next_frame_is(
    notebook,
):
    lab, long = await notebook()
    page = lab.page
    await long.scroll(COUNT - 1)
    await page.evaluate("window.requestAnimationFrame = draw => setTimeout(draw, 1000)")

    # The cell that running the last one makes; another one, made in the mode for commands.
    await long.select(COUNT - 1)
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("first")
    await expect(long.cell(COUNT).locator(".cm-content")).to_have_text("first")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second")
    await expect(long.cell(COUNT + 1).locator(".cm-content")).to_have_text("second")
    await long.command_mode()
    await page.keyboard.type("b\nthird")
    await expect(long.cell(COUNT + 2).locator(".cm-content")).to_have_text("third")

    cells = (await long.save())["cells"]
    texts = ["".join(cells[number]["source"]) for number in (COUNT, COUNT + 1, COUNT + 2)]
    assert texts == ["first", "second", "third"]
    assert lab.console_errors == []


async def test_what_is_done_with_all_cells_is_done_with_those_that_are_not_drawn(notebook):
    lab, long = await notebook()
    page = lab.page
    await page.locator("[data-status=idle]").first.wait_for()

    # A link leads to a cell.
    await long.cell(1).get_by_role("link", name="Far down").click()
    await long.shows(FAR)

    # The table of contents has all headings, and leads to the last.
    await page.locator(".lm-TabBar-tab[title^='Table of Contents']").click()
    headings = page.locator(".jp-TableOfContents .jp-tocItem-content")
    await expect(headings).to_have_count(COUNT - len(CODE) + 1)
    await headings.get_by_text("Heading of an output").click()
    await long.shows(HEADED)
    await headings.last.click()
    await long.shows(COUNT - 1)
    await expect(long.cell(COUNT - 1).locator("h2")).to_be_in_viewport()

    # Search finds what is far away: in code, in a text, in all texts.
    await long.search("value_450 = 450", "1/1|-/1")
    await long.shows(450)
    await long.end_search()
    await long.search("middle of cell 301.", "1/1|-/1")
    await long.shows(301)
    await long.end_search()
    await long.search("in the middle of", f"/{COUNT - len(CODE)}$")
    await long.end_search()

    # What is typed into a cell far away is undone.
    await long.search("value_300 = 300", "1/1|-/1")
    await long.shows(300)
    await long.end_search()
    editor = long.cell(300).locator(".cm-content")
    await editor.click()
    await page.keyboard.press("ControlOrMeta+Home")
    await page.keyboard.type("typed_here = 1")
    await expect(editor).to_contain_text("typed_here")
    await page.keyboard.press("ControlOrMeta+Z")
    await expect(editor).not_to_contain_text("typed_here")

    # Replaced everywhere.
    await long.command_mode()
    await page.keyboard.press("ControlOrMeta+F")
    await page.locator(".jp-DocumentSearch-replace-toggle").click()
    boxes = page.locator(".jp-DocumentSearch-input")
    await boxes.first.fill("'now'")
    counter = page.locator(".jp-DocumentSearch-index-counter")
    await expect(counter).to_have_text(re.compile(f"/{len(CODE)}$"))
    await boxes.nth(1).fill("'then'")
    await page.get_by_role("button", name="Replace All").click()
    await expect(counter).to_have_text(re.compile("0/0|-/-"))
    await long.end_search()

    # All are run, and all that they print is drawn when one looks.
    await long.menu("Run", "Run All Cells")
    last = CODE[-1]
    await expect(long.cell(last).locator(".jp-InputPrompt")).to_have_text(
        f"[{len(CODE)}]:", timeout=SECONDS * 1000
    )
    await expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_attached(
        timeout=SECONDS * 1000
    )
    saved = joined(await long.save())
    assert [saved[number]["outputs"] for number in CODE] == [
        [{"name": "stdout", "output_type": "stream", "text": f"then {number * 2}\n"}]
        for number in CODE
    ]
    assert [saved[number]["execution_count"] for number in CODE] == [*range(1, len(CODE) + 1)]
    await long.search(f"value_{last} = {last}", "1/1|-/1")
    await long.shows(last)
    await long.end_search()
    await expect(long.cell(last).locator(".jp-OutputArea-output")).to_have_text(f"then {last * 2}")

    # All are selected, copied, pasted, and taken back.
    await long.select(last)
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.press("C")
    await page.keyboard.press("V")
    await long.has(2 * COUNT)
    await long.menu("Edit", "Undo Cell Operation")
    await long.has(COUNT)
    assert joined(await long.save()) == saved

    # One that asks for something while all are run comes into view, and is answered.
    await long.scroll(last)
    await long.cell(last).locator(".cm-content").click()
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.insert_text(ASKING)
    await page.keyboard.press("ControlOrMeta+Enter")
    await long.menu("Run", "Run All Above Selected Cell")
    await expect(long.cell(ASKED).locator(".jp-Stdin-input")).to_be_in_viewport()
    await long.cell(ASKED).locator(".jp-Stdin-input").fill("far")
    await page.keyboard.press("Enter")
    await expect(long.cell(ASKED).locator(".jp-OutputArea")).to_contain_text(
        f"then {ASKED * 2} far"
    )
    assert [error for error in lab.console_errors if STOCK_ERROR not in error] == []

"""The file browser: a hundred thousand files in one folder, and a few files as they always were."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, Page, expect

from .lab import WITHOUT_POLLS

COUNT = 100_000
CONTENT = ".jp-DirListing-content"


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        os.close(os.open(folder / f"file{number}.txt", os.O_CREAT | os.O_WRONLY))
    yield folder
    shutil.rmtree(folder)  # pytest would keep those of three runs


class Listing:
    """The file browser of a page, as its user has it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def row(self, name: str) -> Locator:
        text = self.page.locator(".jp-DirListing-itemText", has_text=re.compile(rf"^{name}$"))
        return self.page.locator(".jp-DirListing-item", has=text)

    async def shows(self, name: str) -> None:
        await expect(self.row(name)).to_be_in_viewport()

    async def names(self) -> list[str]:
        return await self.page.locator(".jp-DirListing-itemText").all_inner_texts()

    async def press(self, command: str) -> None:
        """A button of the toolbar."""
        button = f".jp-FileBrowser-toolbar [data-command='filebrowser:{command}']"
        await self.page.locator(button).click()

    async def selects(self, *names: str) -> None:
        await expect(
            self.page.locator(f"{CONTENT} .jp-mod-selected .jp-DirListing-itemText")
        ).to_have_text(list(names))

    async def nodes(self) -> int:
        return await self.page.locator(f"{CONTENT} > li").count()

    async def scroll(self, share: float) -> None:
        """Drag the scroll bar to a share of its way."""
        await self.page.evaluate(
            f"e = document.querySelector('{CONTENT}'), e.scrollTop = {share} * e.scrollHeight"
        )

    async def name_it(self, name: str) -> None:
        """Type a name where one is asked for."""
        await expect(self.page.locator(".jp-DirListing-editor")).to_be_focused()
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.type(name)
        await self.page.keyboard.press("Enter")

    async def delete(self) -> None:
        await self.page.keyboard.press("Delete")
        await self.page.locator(".jp-Dialog .jp-mod-accept").click()

    async def find(self, name: str, beginning: str) -> None:
        """Type how a name begins; a page that is busy for a second takes the rest for another."""
        for _ in range(20):
            await self.page.keyboard.type(beginning)
            with contextlib.suppress(AssertionError):
                await expect(self.row(name)).to_have_class(
                    re.compile("jp-mod-selected"), timeout=3_000
                )
                break
        await self.selects(name)


@pytest.fixture
def listing(served, visit, jupyter_folders):
    """Open a folder in the lab: `lab, listing = await listing(folder)`."""

    async def open_folder(folder: str, script: str = ""):
        server = served()
        lab = await visit("about:blank")
        await lab.page.add_init_script(script)
        await lab.page.goto(f"{server.client.base}/lab/tree/{folder}?token={server.client.token}")
        await lab.page.locator(".jp-Launcher").wait_for()
        return lab, Listing(lab.page)

    return open_folder


@pytest.fixture
def root(jupyter_folders) -> Path:
    folder = jupyter_folders / "root"
    folder.mkdir()
    return folder


def pages(requests: list[str], folder: str) -> list[int]:
    """How many entries of a folder each request asked for; 0 is all of them."""
    urls = [urlsplit(url) for url in requests]
    queries = [parse_qs(url.query) for url in urls if url.path.endswith(f"/api/contents/{folder}")]
    return [int(q.get("limit", ["0"])[0]) for q in queries if q.get("content") == ["1"]]


async def test_a_hundred_thousand_files_can_be_looked_through(listing, root, many):
    (root / "many").symlink_to(many)
    lab, files = await listing("many")
    await files.shows("file0.txt")
    assert await files.nodes() < 200
    await files.scroll(1)
    await files.shows("file99999.txt")
    assert await files.nodes() < 200
    await lab.screenshot("many-files-end")
    await files.scroll(0.5)
    await files.shows("file50001.txt")

    await files.row("file50001.txt").click()
    await lab.page.keyboard.press("End")
    await files.shows("file99999.txt")
    await lab.page.keyboard.press("ArrowDown")
    await files.selects("file50002.txt")
    await files.shows("file50002.txt")
    await files.find("file777.txt", "file777")
    await lab.page.locator(".jp-id-name").click()
    await files.scroll(0)
    await files.shows("file99999.txt")
    await lab.page.locator(".jp-id-name").click()
    await files.shows("file0.txt")

    await files.press("toggle-file-filter")
    await lab.page.locator(".jp-FileBrowser-filterBox input").click()
    await lab.page.keyboard.type("7777 9")
    await expect(lab.page.locator(".jp-DirListing-itemText")).to_have_text(
        ["file77779.txt", "file97777.txt"]
    )
    asked = pages(lab.requests, "many")
    assert 0 not in asked
    assert max(asked) <= 2000
    assert lab.console_errors == []


async def test_a_file_among_a_hundred_thousand_is_made_renamed_and_deleted(listing, root, many):
    (root / "many").symlink_to(many)
    lab, files = await listing("many")
    await files.shows("file0.txt")
    await lab.page.locator(".jp-DirListing-content").click(button="right")
    await lab.page.locator(
        ".lm-Menu-item[data-command='filebrowser:create-new-file']"
    ).first.click()
    await files.name_it("file50000-a.txt")
    await files.selects("file50000-a.txt")
    await files.shows("file50000-a.txt")
    await lab.page.keyboard.press("F2")
    await files.name_it("file1234-b.txt")
    await files.selects("file1234-b.txt")
    await files.shows("file1234.txt")
    assert (many / "file1234-b.txt").exists()
    await files.delete()
    await expect(files.row("file1234-b.txt")).to_have_count(0)
    assert not (many / "file1234-b.txt").exists()
    assert 0 not in pages(lab.requests, "many")
    assert lab.console_errors == []


async def test_a_few_files_are_handled_as_ever(listing, root):
    folder = root / "few"
    folder.mkdir()
    for name, size in [("b10.txt", 3), ("b9.txt", 2), ("A.ipynb", 1), ("c.csv", 4)]:
        (folder / name).write_text("x" * size)
    (folder / "z folder").mkdir()
    lab, files = await listing("few")
    keys = lab.page.keyboard
    await files.shows("c.csv")
    assert await files.names() == ["z folder", "A.ipynb", "b9.txt", "b10.txt", "c.csv"]
    await lab.screenshot("few-files")

    await files.row("A.ipynb").click()
    await files.row("b10.txt").click(modifiers=["Shift"])
    await files.selects("A.ipynb", "b9.txt", "b10.txt")
    await files.row("b9.txt").click(modifiers=["ControlOrMeta"])
    await files.selects("A.ipynb", "b10.txt")
    await files.row("c.csv").click()
    await keys.press("ArrowUp")
    await keys.press("Shift+ArrowUp")
    await files.selects("b9.txt", "b10.txt")
    await keys.type("c")
    await files.selects("c.csv")

    await lab.page.locator(".jp-id-name").click()
    await expect(lab.page.locator(".jp-DirListing-itemText")).to_have_text(
        ["z folder", "c.csv", "b10.txt", "b9.txt", "A.ipynb"]
    )
    await lab.page.locator(".jp-id-name").click()

    await files.row("c.csv").click()
    await keys.press("F2")
    await files.name_it("d.csv")
    await files.selects("d.csv")
    await files.press("create-new-directory")
    await files.name_it("made")
    await files.selects("made")
    await files.row("d.csv").drag_to(files.row("made"))
    await expect(files.row("d.csv")).to_have_count(0)
    await files.row("b9.txt").click()
    await files.delete()
    await expect(files.row("b9.txt")).to_have_count(0)
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert left == ["A.ipynb", "b10.txt", "made", "made/d.csv", "z folder"]

    await files.row("made").dblclick()
    await files.shows("d.csv")
    await keys.press("Backspace")
    await files.shows("A.ipynb")
    assert lab.console_errors == []


async def test_what_a_program_does_to_a_folder_is_seen_within_a_moment(listing, root):
    folder = root / "busy"
    folder.mkdir()
    (folder / "old.txt").touch()
    _, files = await listing("busy", WITHOUT_POLLS)
    await files.shows("old.txt")
    await asyncio.to_thread((folder / "new.txt").touch)
    await expect(files.row("new.txt")).to_be_visible()
    await asyncio.to_thread((folder / "old.txt").unlink)
    await expect(files.row("old.txt")).to_have_count(0)

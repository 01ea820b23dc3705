"""Parts of the workbench that load late, or need a server half, at work in a real browser."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from playwright.async_api import Page, expect

from .lab import (
    IS_A_PICTURE,
    Notebook,
    command,
    kernel_is_idle,
    layout_is_saved,
    menu,
    open_file,
    row,
    save,
    tab,
)


async def test_a_terminal_runs_a_shell_in_the_root_folder(served, visit, jupyter_folders):
    server = served()
    lab = await visit(server.url)
    await lab.page.locator(".jp-LauncherCard", has_text="Terminal").click()
    await lab.page.locator(".jp-Terminal .xterm-screen").wait_for()
    await lab.page.locator(".jp-Terminal textarea").focus()
    await lab.page.keyboard.type("echo $((6 * 7)) > answer.txt\n")
    await until_it_is_there(lab.page, jupyter_folders / "root" / "answer.txt", "42\n")
    assert lab.console_errors == []
    assert await lab.policy_violations() == []


async def test_formulas_diagrams_and_charts_are_drawn_without_another_origin(
    served, visit, jupyter_folders
):
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"a": "A", "b": 28}, {"a": "B", "b": 55}]},
        "mark": "bar",
        "encoding": {
            "x": {"field": "a", "type": "nominal"},
            "y": {"field": "b", "type": "quantitative"},
        },
    }
    text = "# Notes\n\n$$\\int_0^1 x^2 dx$$\n\n```mermaid\ngraph LR\n  a --> b\n```\n"
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "id": "text", "metadata": {}, "source": text},
            {
                "cell_type": "code",
                "id": "chart",
                "metadata": {},
                "execution_count": 1,
                "source": "chart",
                "outputs": [
                    {
                        "output_type": "display_data",
                        "metadata": {},
                        "data": {"application/vnd.vegalite.v5+json": chart, "text/plain": "chart"},
                    }
                ],
            },
        ],
    }
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "drawn.ipynb").write_text(json.dumps(notebook))
    server = served("drawn.ipynb")
    lab = await visit(server.url)
    await lab.page.locator("mjx-container").first.wait_for()
    await lab.page.locator(".jp-RenderedMermaid").first.wait_for()
    await lab.page.locator(".vega-embed canvas, .vega-embed svg").first.wait_for()
    await lab.screenshot("drawn")
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []


async def test_a_second_visit_restores_the_layout_and_the_kernel(served, visit, jupyter_folders):
    server = served()
    lab = await visit(server.url)
    await lab.page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    idle = ".jp-NotebookPanel-toolbar [data-status=idle]"
    await lab.page.locator(idle).first.wait_for()
    await layout_is_saved(server, "Untitled.ipynb")
    (kernel,) = [k["id"] for k in (await server.client.get("/api/kernels")).json]
    await lab.page.close()  # JupyterLab gives a second open page a workspace of its own
    again = await visit(f"{server.client.base}/lab")
    await again.page.locator(".jp-NotebookPanel .jp-Notebook .jp-Cell").first.wait_for()
    await again.page.locator(idle).first.wait_for()
    assert [k["id"] for k in (await server.client.get("/api/kernels")).json] == [kernel]
    assert again.console_errors == []


async def test_files_come_from_the_desktop_are_written_previewed_and_put_into_notebooks(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir()
    desktop = jupyter_folders / "desktop"
    (desktop / "folder").mkdir(parents=True)
    (desktop / "folder" / "inner.txt").write_text("from the desktop")
    (desktop / "dot.png").write_bytes(base64.b64decode(DOT))
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "A picture: "}
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}}
    (root / "notes.ipynb").write_text(json.dumps({**notebook, "cells": [cell]}))
    server = served()
    lab = await visit(server.url)
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()

    await drag_in(page, desktop / "folder", desktop / "dot.png")
    await row(page, "folder").wait_for()
    await row(page, "dot.png").wait_for()
    await until_it_is_there(page, root / "folder" / "inner.txt", "from the desktop")

    await page.locator(".jp-LauncherCard", has_text="Markdown File").click()
    editor = page.locator(".jp-FileEditor .cm-content")
    await editor.click()
    await page.keyboard.type("# Written here")
    await expect(page.locator("#jp-main-statusbar")).to_contain_text("Ln 1, Col 15")
    await page.keyboard.press("ControlOrMeta+S")
    await page.locator(".jp-Dialog input").first.fill("written.md")
    await page.locator(".jp-Dialog .jp-mod-accept").click()
    await tab(page, "written.md").wait_for()
    await until_it_is_there(page, root / "written.md", "# Written here")
    await editor.click(button="right")
    await page.locator(".lm-Menu-item", has_text="Show Markdown Preview").click()
    preview = page.locator(".jp-MarkdownViewer")
    await expect(preview.locator("h1")).to_contain_text("Written here")
    await editor.click()
    await page.keyboard.press("End")
    await page.keyboard.type(" and changed")
    await expect(preview.locator("h1")).to_contain_text("Written here and changed")
    await lab.screenshot("markdown-preview")
    await save(page)
    await until_it_is_there(page, root / "written.md", "# Written here and changed")

    await open_file(page, "notes.ipynb")
    notes = Notebook(page)
    await notes.is_ready()
    await notes.panel.locator(".jp-RenderedMarkdown").dblclick()
    await row(page, "dot.png").drag_to(notes.cells.first.locator(".cm-content"))
    await expect(notes.cells.first.locator(".cm-content")).to_contain_text("attachment:")
    await notes.cells.first.locator(".cm-content").click()
    await page.keyboard.press("Shift+Enter")
    picture = notes.cells.first.locator("img[src^='data:']")
    assert await picture.evaluate(IS_A_PICTURE) == 1
    await save(page)
    saved = json.loads((root / "notes.ipynb").read_text())["cells"][0]
    assert [list(each) for each in saved["attachments"].values()] == [["image/png"]]
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    # JupyterLab puts the picture into the page before it has what is attached, and asks whether
    # there is such a file before it writes one.
    expected = ("attachment:", "/inner.txt?content=0")
    said = [e for e in lab.console_errors if not any(each in e for each in expected)]
    assert said == []


async def test_the_look_settings_shortcuts_and_workspaces_are_ones_own(
    served, visit, jupyter_folders
):
    (jupyter_folders / "root").mkdir()
    (jupyter_folders / "root" / "some.txt").touch()
    server = served()
    lab = await visit(server.url)
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()
    await menu(page, "Settings", "Theme", "JupyterLab Dark")
    await is_dark(page)
    await page.locator("#jupyterlab-splash").wait_for(state="detached")
    await lab.screenshot("dark")
    await page.reload()
    await page.locator(".jp-Launcher").wait_for()
    await is_dark(page)

    await menu(page, "Settings", "Settings Editor")
    await page.locator(".jp-PluginList-entry").get_by_text("File Browser", exact=True).click()
    await expect(page.locator(".jp-id-modified")).to_be_visible()
    await page.get_by_label("Show last modified column").click()
    await expect(page.locator(".jp-id-modified")).to_be_hidden()
    await lab.screenshot("settings")
    await page.locator(".jp-PluginList-entry", has_text="Keyboard Shortcuts").click()
    await page.locator(".jp-Shortcuts-Top input").fill("filebrowser rename")
    rename = page.locator(".jp-Shortcuts-Row", has_text="F2")
    await rename.hover()
    await rename.locator(".jp-Shortcuts-Plus").click()
    await expect(rename.locator(".jp-Shortcuts-Input:focus")).to_have_count(1)
    await page.keyboard.press("Control+F8")
    await rename.locator(".jp-Shortcuts-Submit:not([disabled])").last.click()
    await expect(rename).to_contain_text(re.compile(r"Ctrl\s*\+\s*F8"))
    await row(page, "some.txt").click()
    await page.keyboard.press("Control+F8")
    await expect(page.locator(".jp-DirListing-editor")).to_be_focused()
    await page.keyboard.press("Escape")

    await menu(page, "File", "Workspaces", "Create New Workspace…")
    await page.locator(".jp-Dialog input").fill("other")
    await page.locator(".jp-Dialog .jp-mod-accept").click()
    await page.locator(".jp-SideBar [data-id=jp-running-sessions]").click()
    panel = page.locator("#jp-running-sessions")
    running = panel.locator(".jp-RunningSessions-item")
    await running.filter(has_text="other").locator(".jp-RunningSessions-itemLabel").click()
    await page.wait_for_url("**/lab/workspaces/other**")
    await page.locator(".jp-Launcher").wait_for()
    await expect(tab(page, "Settings")).to_have_count(0)
    await is_dark(page)
    await expect(page.locator(".jp-id-modified")).to_be_hidden()

    await page.locator(".jp-LauncherCard[data-category=Console]", has_text="(ipykernel)").click()
    await page.locator(".jp-CodeConsole-input .cm-content").click()
    await kernel_is_idle(page)
    await page.keyboard.type("6 * 7")
    await page.keyboard.press("Shift+Enter")
    await expect(page.locator(".jp-CodeConsole-content .jp-OutputArea")).to_contain_text("42")
    await page.locator(".jp-SideBar [data-id=jp-running-sessions]").click()
    await expect(running.filter(has_text="Console 1").first).to_be_visible()
    await lab.screenshot("running")
    assert len((await server.client.get("/api/kernels")).json) == 1
    await panel.locator("h3", has_text="Kernels").get_by_text("Shut Down All").click()
    await page.locator(".jp-Dialog .jp-mod-accept").click()
    await expect(page.locator("#jp-main-statusbar")).to_contain_text("No Kernel")
    assert (await server.client.get("/api/kernels")).json == []
    await command(page, "Use Theme: JupyterLab Light")
    await expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    workspaces = (await server.client.get("/lab/api/workspaces")).json
    assert {"default", "other"} <= set(workspaces["workspaces"]["ids"])
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    assert lab.console_errors == []


DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
"""A picture of one point."""


async def drag_in(page: Page, *files: Path) -> None:
    """Drop files of the system onto the file browser, as a browser hands them to a page."""
    listing = page.locator(".jp-DirListing-content")
    await listing.wait_for()
    box = await listing.bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] - 20, "data": data}
    session = await page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        await session.send("Input.dispatchDragEvent", {"type": kind, **place})


async def until_it_is_there(page: Page, file: Path, content: str) -> None:
    for _ in range(600):
        if file.exists() and file.read_text() == content:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"{file} is not what it should be")


async def is_dark(page: Page) -> None:
    body = page.locator("body")
    await expect(body).to_have_attribute("data-jp-theme-light", "false")
    await expect(page.locator("#jp-main-dock-panel .lm-DockPanel-widget").first).to_have_css(
        "background-color", "rgb(17, 17, 17)"
    )

"""A notebook with real kernels, as a person works with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error, Route, expect

from .lab import IS_A_PICTURE, Notebook, is_painted, layout_is_saved, row, save, seconds, tab

DRAWING = ("bokeh==3.9.2", "plotly==7.1.0", "narwhals==2.29.0", "xyzservices==2026.9.1")
"""What draws in the page; Plotly has a labextension, which other tests do without."""


@pytest.fixture(scope="session")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a server whose kernels find these packages, and its page their halves."""
    target = tmp_path_factory.mktemp("drawing")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", target, *DRAWING], check=True)
    return {
        "PYTHONPATH": str(target),
        "JUPYTER_PATH": str(target / "share" / "jupyter"),
        "IPYTHONDIR": str(target / "ipython"),
        "MPLCONFIGDIR": str(target / "matplotlib"),
    }


async def test_a_notebook_is_made_worked_in_renamed_and_read_again(
    served, visit, jupyter_folders, drawing
):
    server = served(env=drawing)
    lab = await visit(server.url)
    page = lab.page
    python = page.locator(".jp-LauncherCard[data-category=Notebook]", has_text="(ipykernel)")
    await python.click()
    notebook = Notebook(page)
    await notebook.is_ready()
    await has_a_heading(notebook)
    await draws_and_plays(notebook)
    await lab.screenshot("pictures")
    await asks_and_is_interrupted(notebook)
    await lab.screenshot("interrupted")
    await is_restarted(notebook)
    await completes_and_explains(notebook)
    await is_tagged(notebook)
    await is_searched(notebook)
    await its_contents_lead_to_a_heading(notebook)
    await lab.screenshot("table-of-contents")
    await is_saved_and_renamed(notebook)

    saved = json.loads((jupyter_folders / "root" / "second.ipynb").read_text())
    assert [cell["cell_type"] for cell in saved["cells"]][:2] == ["markdown", "code"]
    assert saved["cells"][-1]["metadata"]["tags"] == ["slow"]
    session = await session_of(server, "second.ipynb")

    await layout_is_saved(server, "second.ipynb")
    await page.reload()
    await notebook.is_ready()
    await are_drawn_again(notebook)
    await notebook.prints("print(collected_here)", "1")
    await draws_with_scripts_of_its_own(notebook)
    await lab.screenshot("bokeh")
    assert [k["id"] for k in (await server.client.get("/api/kernels")).json] == [
        session["kernel"]["id"]
    ]
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    # The list of recent files looks for the file under its first names.
    said = [error for error in lab.console_errors if "404 (Not Found)" not in error]
    assert said == []


async def has_a_heading(notebook: Notebook) -> None:
    await notebook.write("# The heading\n\nand *text*")
    await notebook.page.keyboard.press("Escape")
    await notebook.page.keyboard.press("m")
    await notebook.page.keyboard.press("Shift+Enter")
    await expect(notebook.cells.first.locator("h1")).to_contain_text("The heading")


async def draws_and_plays(notebook: Notebook) -> None:
    output = await notebook.run("from matplotlib import pyplot\npyplot.plot([1, 3, 2]);")
    assert await output.locator("img").evaluate(IS_A_PICTURE) > 100
    output = await notebook.run("import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[1, 3, 2]))")
    await expect(output.locator(PLOTLY_BARS)).to_have_count(3)
    output = await notebook.run("from IPython.display import Audio\nAudio([0.0] * 4000, rate=8000)")
    assert await seconds(output.locator("audio")) == 0.5


async def are_drawn_again(notebook: Notebook) -> None:
    picture = await notebook.scroll_to(notebook.panel.locator(".jp-RenderedImage img"))
    assert await picture.evaluate(IS_A_PICTURE) > 100
    bars = await notebook.scroll_to(notebook.panel.locator(PLOTLY_BARS))
    await expect(bars).to_have_count(3)


async def draws_with_scripts_of_its_own(notebook: Notebook) -> None:
    """Bokeh's output brings its library along. Stored, JupyterLab runs it before it is shown."""
    await notebook.run(
        "from bokeh.io import output_notebook\n"
        "from bokeh.plotting import figure, show\n"
        "from bokeh.resources import INLINE\n"
        "output_notebook(INLINE, hide_banner=True)"
    )
    output = await notebook.run(
        "chart = figure(width=300, height=200)\nchart.line([1, 2, 3], [1, 3, 2])\nshow(chart)"
    )
    await is_painted(output.locator(".bk-Figure canvas").first)


PLOTLY_BARS = ".js-plotly-plot .barlayer .point"


async def asks_and_is_interrupted(notebook: Notebook) -> None:
    await notebook.prints("1 / 0", "ZeroDivisionError: division by zero")
    output = await notebook.run("name = input('Who? ')\nprint('Hello', name)")
    await output.locator(".jp-Stdin-input").fill("world")
    await output.locator(".jp-Stdin-input").press("Enter")
    await expect(output).to_contain_text("Hello world")
    loop = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.1)"
    output = await notebook.run(loop)
    await expect(output).to_contain_text("begun")
    await notebook.press("interrupt")
    await expect(output).to_contain_text("KeyboardInterrupt")


async def is_restarted(notebook: Notebook) -> None:
    await notebook.press("restart")
    dialog = notebook.page.locator(".jp-Dialog")
    await expect(dialog).to_contain_text("All variables will be lost.")
    await dialog.locator(".jp-mod-accept").click()
    await notebook.prints("name", "NameError")


async def completes_and_explains(notebook: Notebook) -> None:
    keyboard = notebook.page.keyboard
    await notebook.run("collected_here, collected_there = 1, 2")
    cell = await notebook.write("collected_")
    matches = notebook.page.locator(".jp-Completer .jp-Completer-match")
    for _ in range(10):
        # The page gives up on a kernel after a second, and its first answer takes longer.
        await keyboard.press("Tab")
        with contextlib.suppress(Error):
            await matches.first.wait_for(timeout=3_000)
            break
    await expect(matches).to_have_text(["collected_here", "collected_there"])
    await keyboard.press("ArrowDown")
    await keyboard.press("Enter")
    await expect(cell.locator(".cm-content")).to_have_text("collected_there")
    await keyboard.press("ControlOrMeta+A")
    await keyboard.insert_text("print")
    await keyboard.press("Shift+Tab")
    tooltip = notebook.page.locator(".jp-Tooltip")
    await expect(tooltip).to_contain_text("Prints the values to a stream")
    await keyboard.press("Escape")
    await expect(tooltip).to_have_count(0)


async def is_tagged(notebook: Notebook) -> None:
    """In the property inspector."""
    page = notebook.page
    await page.locator(".jp-SideBar [data-id=jp-property-inspector]").click()
    inspector = page.locator(".jp-PropertyInspector")
    await inspector.locator(".jp-Collapse-header", has_text="Common Tools").click()
    new = inspector.locator(".jp-CellTags-Add")
    await new.click()
    await expect(new).to_be_focused()
    await page.keyboard.type("slow\n")
    await expect(inspector.locator(".jp-CellTags-Applied")).to_have_text("slow")
    await page.locator(".jp-SideBar [data-id=jp-property-inspector]").click()


async def is_searched(notebook: Notebook) -> None:
    page = notebook.page
    await notebook.cells.last.locator(".cm-content").click()
    await page.keyboard.press("ControlOrMeta+F")
    overlay = page.locator(".jp-DocumentSearch-overlay")
    await overlay.locator("textarea").first.fill("collected_")
    counter = overlay.locator(".jp-DocumentSearch-index-counter")
    await expect(counter).to_have_text("-/2")
    await page.keyboard.press("Enter")
    await expect(counter).to_have_text("1/2")
    await page.keyboard.press("Escape")
    await expect(overlay).to_have_count(0)


async def its_contents_lead_to_a_heading(notebook: Notebook) -> None:
    page = notebook.page
    await page.locator(".jp-SideBar [data-id=table-of-contents]").click()
    await page.locator(".jp-tocItem", has_text="The heading").first.click()
    await expect(notebook.cells.first).to_have_class(re.compile("jp-mod-active"))
    await expect(notebook.cells.first).to_be_in_viewport()
    await page.locator(".jp-SideBar [data-id=filebrowser]").click()


async def is_saved_and_renamed(notebook: Notebook) -> None:
    page = notebook.page
    renamed = asyncio.Event()

    async def hold(route: Route) -> None:
        await renamed.wait()
        await route.continue_()

    # The page asks for them for the caption of its tab, of the name that the file had a moment ago.
    await page.route("**/api/contents/Untitled.ipynb/checkpoints?*", hold)
    await page.keyboard.press("ControlOrMeta+S")
    dialog = page.locator(".jp-Dialog")
    await dialog.locator("input").first.fill("first.ipynb")
    await dialog.locator(".jp-mod-accept").click()
    await dialog.wait_for(state="detached")
    await row(page, "first.ipynb").click()
    renamed.set()
    await page.keyboard.press("F2")
    await page.locator(".jp-DirListing-editor").fill("second.ipynb")
    await page.keyboard.press("Enter")
    await tab(page, "second.ipynb").wait_for()
    await tab(page, "second.ipynb").click()
    await notebook.cells.first.click()
    await save(page)
    await expect(page.locator("#jp-main-statusbar")).to_contain_text("second.ipynb")


async def session_of(server: Any, name: str) -> dict[str, Any]:
    """The only session, once it knows the new name of its notebook."""
    for _ in range(600):
        (session,) = (await server.client.get("/api/sessions")).json
        if (session["path"], session["name"]) == (name, name):
            return session
        await asyncio.sleep(0.1)
    raise AssertionError(f"The session is still that of {session['path']}.")


async def test_the_debugger_stops_at_a_breakpoint_shows_variables_and_goes_on(served, visit):
    server = served()
    lab = await visit(server.url)
    page = lab.page
    python = page.locator(".jp-LauncherCard[data-category=Notebook]", has_text="(ipykernel)")
    await python.click()
    notebook = Notebook(page)
    await notebook.is_ready()
    cell = await notebook.write(
        "def add(a, b):\n    total = a + b\n    return total\n\nadd(20, 22)"
    )
    await notebook.panel.locator(".jp-DebuggerBugButton").click()
    await notebook.panel.locator(".jp-DebuggerBugButton[aria-pressed=true]").wait_for()
    await cell.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(2).click()
    breakpoints = page.locator(".jp-DebuggerBreakpoints-body .jp-DebuggerBreakpoint")
    await expect(breakpoints).to_have_count(1)
    await cell.locator(".cm-line").nth(2).click()
    await page.keyboard.press("Alt+F9")
    await expect(breakpoints).to_have_count(2)
    await expect(breakpoints.last).to_contain_text("3")
    await page.keyboard.press("Alt+F9")
    await expect(breakpoints).to_have_count(1)
    await page.keyboard.press("Shift+Enter")
    variables = page.locator(".jp-DebuggerVariables-body:not(.lm-mod-hidden)")
    stack = page.locator(".jp-DebuggerCallstack")
    await expect(variables.get_by_role("treeitem", name="a: 20")).to_be_visible()
    await expect(variables.get_by_role("treeitem", name="b: 22")).to_be_visible()
    await expect(stack).to_contain_text("add")
    await expect(cell.locator(".jp-DebuggerEditor-highlight")).to_contain_text("total = a + b")
    await lab.screenshot("breakpoint")
    await page.locator("[data-command='debugger:next']").click()
    await expect(variables.get_by_role("treeitem", name="total: 42")).to_be_visible()
    await page.locator("[data-command='debugger:continue']").first.click()
    await expect(cell.locator(".jp-OutputArea")).to_contain_text("42")
    await notebook.panel.locator(".jp-DebuggerBugButton").click()
    await notebook.panel.locator(".jp-DebuggerBugButton[aria-pressed=false]").wait_for()
    await notebook.prints("add(1, 2)", "3")
    assert lab.console_errors == []
    assert await lab.policy_violations() == []


async def test_of_two_tabs_on_one_notebook_none_overwrites_the_other_unasked(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir()
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3"}
    stored = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [{**cell, "execution_count": None}],
    }
    (root / "both.ipynb").write_text(json.dumps(stored))
    server = served("both.ipynb")
    labs = [await visit(server.url), await visit(f"{server.client.base}/lab/tree/both.ipynb")]
    first, second = (Notebook(lab.page) for lab in labs)
    await first.is_ready()
    await second.is_ready()
    kernels = (await server.client.get("/api/kernels")).json
    assert [k["connections"] for k in kernels] == [2]

    await writes(first, "x = 'first'")
    await save(first.page)
    await writes(second, "x = 'second'")
    dialog = await is_asked(second)
    assert source(root / "both.ipynb") == "x = 'first'"
    await labs[1].screenshot("file-changed")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(second.cells.first.locator(".cm-content")).to_have_text("x = 'second'")
    dialog = await is_asked(second)
    await dialog.get_by_role("button", name="Overwrite").click()
    await second.page.locator(".jp-mod-dirty").wait_for(state="detached")
    assert source(root / "both.ipynb") == "x = 'second'"

    await writes(first, "x = 'third'")
    dialog = await is_asked(first)
    await dialog.get_by_role("button", name="Revert").click()
    await expect(first.cells.first.locator(".cm-content")).to_have_text("x = 'second'")
    await first.page.locator(".jp-mod-dirty").wait_for(state="detached")
    await first.page.bring_to_front()
    await first.cells.first.locator(".cm-content").click()
    await first.page.keyboard.press("Shift+Enter")
    await expect(first.cells.first.locator(".jp-InputPrompt")).to_have_text("[1]:")
    await second.page.bring_to_front()
    await second.prints("print(x)", "second")
    assert await labs[0].policy_violations() + await labs[1].policy_violations() == []
    # Each page's widgets hear from the kernel of what the other's have opened.
    said = [error for lab in labs for error in lab.console_errors]
    assert [error for error in said if not error.startswith("Comm not found")] == []


async def writes(notebook: Notebook, text: str) -> None:
    await notebook.page.bring_to_front()
    await notebook.write(text)


async def is_asked(notebook: Notebook):
    """Save, and be told that the file has changed meanwhile."""
    await notebook.page.keyboard.press("ControlOrMeta+S")
    dialog = notebook.page.locator(".jp-Dialog")
    await expect(dialog).to_contain_text("has changed on disk")
    return dialog


def source(file: Path) -> str:
    return "".join(json.loads(file.read_text())["cells"][0]["source"])

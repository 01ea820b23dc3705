"""Parts of the workbench that load late, or need a server half, at work in a real browser."""

from __future__ import annotations

import json


async def test_a_terminal_runs_a_shell_in_the_root_folder(served, visit, jupyter_folders):
    server = served()
    lab = await visit(server.url)
    await lab.page.locator(".jp-LauncherCard", has_text="Terminal").click()
    await lab.page.locator(".jp-Terminal .xterm-screen").wait_for()
    await lab.page.locator(".jp-Terminal textarea").focus()
    await lab.page.keyboard.type("echo $((6 * 7)) > answer.txt\n")
    answer = jupyter_folders / "root" / "answer.txt"
    for _ in range(100):
        if answer.exists() and answer.read_text():
            break
        await lab.page.wait_for_timeout(100)
    assert answer.read_text() == "42\n"
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
    await lab.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    layout = "/lab/api/workspaces/default"
    for _ in range(100):
        if "Untitled.ipynb" in (await server.client.get(layout)).text:
            break
        await lab.page.wait_for_timeout(100)
    kernels = [k["id"] for k in (await server.client.get("/api/kernels")).json]
    await lab.page.close()  # JupyterLab gives a second open page a workspace of its own
    again = await visit(f"{server.client.base}/lab")
    await again.page.locator(".jp-NotebookPanel .jp-Notebook .jp-Cell").first.wait_for()
    await again.page.locator(".jp-NotebookPanel-toolbar [data-status=idle]").first.wait_for()
    assert [k["id"] for k in (await server.client.get("/api/kernels")).json] == kernels
    assert again.console_errors == []

"""Language servers at work for JupyterLab's own client, in a real browser."""

from __future__ import annotations

import asyncio
import json

from .lab import all_is_active

SETTINGS = "/lab/api/settings/@jupyterlab/lsp-extension:plugin"
SECONDS = 60


def asked(lab, path):
    return [url for url in lab.requests if path in url]


async def test_an_editor_and_a_notebook_are_told_what_is_wrong_with_their_code(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "broken.py").write_text("import os\n")
    cells = [code_cell("a", "import sys"), code_cell("b", "print(undefined_name)")]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": PYTHON, "cells": cells}
    (root / "nb.ipynb").write_text(json.dumps(notebook))
    server = served()
    await server.client.put(SETTINGS, {"raw": json.dumps({"activate": "on"})})
    lab = await visit(server.url)
    messages = received(lab.page)
    await until(lab.page, lambda: len(asked(lab, "/lsp/status")) > 0)
    await lab.page.locator(".jp-DirListing-item", has_text="broken.py").dblclick()
    await diagnostics(messages, f"{root.as_uri()}/broken.py", "'os' imported but unused")
    await lab.page.locator(".jp-DirListing-item", has_text="nb.ipynb").dblclick()
    wrong = ["'sys' imported but unused", "undefined name 'undefined_name'"]
    await diagnostics(messages, f"{root.as_uri()}/nb.ipynb", *wrong)
    sessions = (await server.client.get("/lsp/status")).json["sessions"]
    running = (await server.client.get("/api/status")).json["language_servers"]
    assert (sessions["pylsp"]["status"], running) == ("started", 1)
    assert lab.console_errors == []
    await lab.page.close()
    await until_stopped(server.client)


async def test_as_long_as_they_are_off_the_page_asks_once_and_starts_nothing(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "broken.py").write_text("import os\n")
    server = served("broken.py")
    lab = await visit(server.url)
    await lab.page.locator(".jp-FileEditor .cm-content").wait_for()
    await lab.page.locator(".jp-DirListing-item").first.wait_for()
    await all_is_active(lab.page)
    await until(lab.page, lambda: len(asked(lab, "/lsp/status")) > 0)
    assert len(asked(lab, "/lsp/status")) == 1
    assert (await server.client.get("/api/status")).json["language_servers"] == 0
    assert lab.console_errors == []


PYTHON = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {
        "name": "python",
        "mimetype": "text/x-python",
        "file_extension": ".py",
        "codemirror_mode": {"name": "ipython", "version": 3},
    },
}


def code_cell(name, source):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "source": source,
        "outputs": [],
    }


def received(page):
    """What comes in from language servers, as it comes."""
    queue: asyncio.Queue[dict] = asyncio.Queue()

    def listen(socket):
        if "/lsp/ws/" in socket.url:
            socket.on("framereceived", lambda frame: queue.put_nowait(json.loads(frame)))

    page.on("websocket", listen)
    return queue


async def diagnostics(messages, uri, *expected):
    """Wait until the diagnostics of a document are these: a notebook's first have part of it."""
    found = None
    while found != [*expected]:
        try:
            message = await asyncio.wait_for(messages.get(), SECONDS)
        except asyncio.TimeoutError:
            raise AssertionError(f"{found} is not {expected}") from None
        of_a_document = message.get("method") == "textDocument/publishDiagnostics"
        if of_a_document and message["params"]["uri"] == uri:
            found = sorted(each["message"] for each in message["params"]["diagnostics"])


async def until(page, condition):
    for _ in range(SECONDS * 10):
        if condition():
            return
        await page.wait_for_timeout(100)
    raise AssertionError("it did not come about")


async def until_stopped(client):
    for _ in range(SECONDS * 10):
        if not (await client.get("/api/status")).json["language_servers"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the language server outlives its page")

"""What is measured: each function takes a running server and returns figures by name."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from contents import contents
from load import load
from playwright.async_api import Page, async_playwright
from servers import TOKEN, Running
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from plughost.testing import CHROMIUM_FLAGS, chromium

ROUND_TRIPS = 100
SCRIPT_BYTES = 200_000

Figures = dict[str, float]


async def start(server: Running) -> Figures:
    """First answer and readiness of a server that was just started, and its memory (MB)."""
    for path in ("/api/contents?content=1", "/api/kernelspecs", "/lab/api/settings", "/lab"):
        server.get(path)
    ready = time.perf_counter() - server.began
    await asyncio.sleep(2)
    return {
        "first answer (s)": server.first_answer,
        "ready with all extensions (s)": ready,
        "memory after start (MB)": server.process.memory_info().rss / 1e6,
    }


async def page(server: Running) -> Figures:
    """The lab's page until its launcher is visible: seconds, requests and bytes, cold and warm."""
    figures: Figures = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        for visit in ("cold", "warm"):
            tab = await context.new_page()
            figures |= {f"{visit}: {k}": v for k, v in (await _launcher(tab, server)).items()}
            await tab.close()
        await browser.close()
    return figures


async def _launcher(tab: Page, server: Running) -> Figures:
    requests: list[str] = []
    transferred = 0

    def count(event: dict[str, float]) -> None:
        nonlocal transferred
        transferred += int(event["encodedDataLength"])

    tab.on("request", lambda request: requests.append(request.url))
    session = await tab.context.new_cdp_session(tab)
    await session.send("Network.enable")
    session.on("Network.loadingFinished", count)
    began = time.perf_counter()
    await tab.goto(f"{server.base}/lab?token={TOKEN}", wait_until="commit")
    await tab.locator(".jp-LauncherCard").first.wait_for()
    took = time.perf_counter() - began
    return {
        "launcher visible (s)": took,
        "requests": len([r for r in requests if r.startswith("http")]),
        "transferred (MB)": transferred / 1e6,
    }


async def kernel(server: Running) -> Figures:
    """One kernel's round trip through the WebSocket: `kernel_info` on shell, in milliseconds."""
    kernel_id = server.post("/api/kernels", {"name": "python3"})["id"]
    session = uuid.uuid4().hex
    socket = await websocket_connect(
        HTTPRequest(
            f"{server.base.replace('http', 'ws')}/api/kernels/{kernel_id}/channels"
            f"?session_id={session}",
            headers={"Authorization": f"token {TOKEN}"},
        )
    )
    times = []
    for _ in range(ROUND_TRIPS + 10):
        msg_id = uuid.uuid4().hex
        message = {
            "header": {
                "msg_id": msg_id,
                "msg_type": "kernel_info_request",
                "session": session,
                "username": "",
                "version": "5.3",
                "date": "2026-01-01T00:00:00Z",
            },
            "parent_header": {},
            "metadata": {},
            "content": {},
            "channel": "shell",
        }
        began = time.perf_counter()
        await socket.write_message(json.dumps(message))
        while True:
            answer = json.loads(await socket.read_message() or "{}")
            parent = answer.get("parent_header", {}).get("msg_id")
            if answer.get("channel") == "shell" and parent == msg_id:
                break
        times.append((time.perf_counter() - began) * 1000)
    socket.close()
    return {"kernel round trip (ms)": statistics.median(times[10:])}


async def requests(server: Running) -> Figures:
    """Requests per second: the status, and a script of 200 kB for a client that takes `br`."""
    headers = {"Authorization": f"token {TOKEN}"}
    script = server.kind.script(SCRIPT_BYTES)
    path = server.kind.scripts_path + script.name
    server.get(path)  # holds until the server has it
    status = await load(server.base, "/api/status", headers)
    served = await load(server.base, path, {**headers, "Accept-Encoding": "br"})
    sent = script.with_name(script.name + server.kind.twin)
    if served.first.body != sent.read_bytes():
        raise ValueError(f"What {server.base}{path} sends is not {sent}.")
    encoding = f".{served.first.headers.get('content-encoding', '')}"
    if encoding != (server.kind.twin or "."):
        raise ValueError(f"What {server.base}{path} sends is said to be {encoding!r}.")
    return {"/api/status (requests/s)": status.rate, "200 kB script (requests/s)": served.rate}


MEASUREMENTS: dict[str, Callable[[Running], Coroutine[Any, Any, Figures]]] = {
    "start": start,
    "page": page,
    "contents": contents,
    "kernel": kernel,
    "requests": requests,
}
BUDGETS = {
    "first answer (s)": 1 / 5,
    "ready with all extensions (s)": 1 / 3,
    "memory after start (MB)": 1 / 2,
    "cold: launcher visible (s)": 1 / 3,
    "warm: launcher visible (s)": 1 / 3,
    "cold: requests": 1 / 3,
    "cold: transferred (MB)": 1 / 3,
    "/api/status (requests/s)": 1.5,
    "list 10,000 files (s)": 1 / 30,
    "read 20 MB notebook (s)": 1 / 4,
    "save 20 MB notebook (s)": 1 / 4,
}
"""Ratios: for a rate the least there may be, for everything else the most."""

LIMITS = {
    "read 20 MB notebook: stall (ms)": 50,
    "save 20 MB notebook: stall (ms)": 50,
}
"""The most there may be, whatever the peer does."""


def is_rate(figure: str) -> bool:
    """Whether more of it is better."""
    return figure.endswith("/s)")

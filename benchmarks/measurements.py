"""What is measured: each function takes a running server and returns figures by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from builds import build_extension, build_lab, build_medium
from contents import contents
from kernels import (
    kernel_away,
    kernel_idle,
    kernel_neighbour,
    kernel_output,
    kernel_start,
    kernel_together,
    kernel_trips,
)
from labextensions import kind, labextensions
from load import load
from notebooks import open_notebook
from pages import Figures, page
from servers import TOKEN, Running, contender
from workshops import workshop

SCRIPT_BYTES = 200_000


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


@dataclass(frozen=True)
class Measurement:
    """A function, whom it measures, how often each, and what a name stands for."""

    take: Callable[[Any], Coroutine[Any, Any, Figures]]
    contenders: tuple[str, ...] = ("plughost", "jupyterlab")
    rounds: int = 3
    subject: Callable[[str], AbstractContextManager[Any]] = contender


SERVERS = ("plughost", "jupyterlab", "no limits")

MEASUREMENTS = {
    "start": Measurement(start),
    "page": Measurement(page, rounds=5),
    "page-labextensions": Measurement(labextensions, rounds=2, subject=kind),
    "contents": Measurement(contents),
    "notebook": Measurement(open_notebook, rounds=2),
    "requests": Measurement(requests),
    "kernel-start": Measurement(kernel_start, (*SERVERS[:2], "jupyter_client")),
    "kernel-trips": Measurement(kernel_trips, (*SERVERS[:2], "jupyter_client"), rounds=5),
    "kernel-output": Measurement(kernel_output, (*SERVERS, "jupyter_client"), rounds=2),
    "kernel-neighbour": Measurement(kernel_neighbour, (*SERVERS[:2], "jupyter_client")),
    "kernel-together": Measurement(kernel_together, (*SERVERS[:2], "jupyter_client"), rounds=2),
    "kernel-idle": Measurement(kernel_idle, rounds=2),
    "kernel-away": Measurement(kernel_away, SERVERS, rounds=1),
    "build-extension": Measurement(build_extension, subject=workshop),
    "build-medium": Measurement(build_medium, subject=workshop),
    "build-lab": Measurement(build_lab, rounds=2, subject=workshop),
}
GROUPS = {
    group: [name for name in MEASUREMENTS if name.startswith(f"{prefix}-")]
    for group, prefix in (("kernels", "kernel"), ("build", "build"))
}

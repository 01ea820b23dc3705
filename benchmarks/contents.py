"""Files: listing, reading and saving, and how long each holds up another client.

Each figure is the median of REPEATS requests of one client. The stall is the longest that a
second client has waited for `/api/status`, which it asks for all the time, during one more
such request each; the first ones have the server to themselves.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from servers import TOKEN, Running

Figures = dict[str, float]

CELLS = 5_000
REPEATS = 3
WORDS = ("the", "of", "and", "to", "in", "data", "frame", "model", "value", "column")


async def contents(server: Running) -> Figures:
    """Seconds for each request, and milliseconds for which it stalls another client."""
    prepare(server.root)
    figures: Figures = {}
    for name in ("few", "many"):
        path = f"/api/contents/{name}?content=1"
        label = f"list {len(list((server.root / name).iterdir())):,} files"
        figures |= await measured(server, label, "GET", path)
    for label, path in (("20 MB notebook", "big.ipynb"), ("1 MB text", "text.txt")):
        url = f"/api/contents/{path}"
        figures |= await measured(server, f"read {label}", "GET", f"{url}?content=1&hash=0")
        model = json.loads(await ask(server, "GET", f"{url}?content=1"))
        body = json.dumps({key: model[key] for key in ("type", "format", "content")}).encode()
        figures |= await measured(server, f"save {label}", "PUT", url, body)
    return figures


async def measured(
    server: Running, label: str, method: str, path: str, body: bytes | None = None
) -> Figures:
    times, stalls = [], []
    await ask(server, method, path, body)  # whatever is imported when it is first needed
    for _ in range(REPEATS):
        began = time.perf_counter()
        await ask(server, method, path, body)
        times.append(time.perf_counter() - began)
    for _ in range(REPEATS):
        async with another_client(server) as waits:
            await ask(server, method, path, body)
        stalls.append(max(waits))
    return {
        f"{label} (s)": statistics.median(times),
        f"{label}: stall (ms)": statistics.median(stalls) * 1000,
    }


@asynccontextmanager
async def another_client(server: Running) -> AsyncIterator[list[float]]:
    """Somebody who asks for the status all the time; yields the seconds of each answer."""
    waits: list[float] = []
    # A process of its own: the one who measures must not wait for its own big reply.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("ping.py")),
        server.base,
        TOKEN,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()  # it is under way
    try:
        yield waits
    finally:
        process.stdin.close()
        waits += json.loads(await process.stdout.read())
        await process.wait()


async def ask(server: Running, method: str, path: str, body: bytes | None = None) -> bytes:
    """One request with the standard library's client, which costs next to nothing itself."""

    def exchange() -> bytes:
        address = urlsplit(server.base)
        client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        client.request(method, path, body, headers)
        reply = client.getresponse()
        content = reply.read()
        client.close()
        if reply.status >= 400:
            raise ValueError(f"{method} {path} was answered with {reply.status}: {content[:200]!r}")
        return content

    return await asyncio.to_thread(exchange)


def prepare(root: Path) -> None:
    """The same files for both servers."""
    if (root / "text.txt").exists():
        return
    for name, number in (("few", 100), ("many", 10_000)):
        (root / name).mkdir()
        for each in range(number):
            (root / name / f"file_{each}.txt").touch()
    (root / "big.ipynb").write_text(json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n")
    line = "some words that stand in a line of a text file, and an umlaut: ü\n"
    (root / "text.txt").write_text(line * (1_000_000 // len(line)))


def notebook() -> dict[str, Any]:
    """5,000 cells and 20 MB: text, printed lines, and pictures in every fifth cell."""
    chance = random.Random(1)
    return {
        "cells": [_cell(number, chance) for number in range(CELLS)],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, chance: random.Random) -> dict[str, Any]:
    source = [f"x_{number}_{line} = compute({chance.random()})\n" for line in range(8)]
    text = [" ".join(chance.choices(WORDS, k=12)) + "\n" for _ in range(20)]
    outputs: list[dict[str, Any]] = [{"output_type": "stream", "name": "stdout", "text": text}]
    if number % 5 == 0:
        picture = base64.b64encode(chance.randbytes(9_000)).decode()
        data = {"image/png": picture, "text/plain": ["<Figure>"]}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    return {
        "cell_type": "code",
        "id": f"c{number}",
        "metadata": {},
        "execution_count": number,
        "source": source,
        "outputs": outputs,
    }

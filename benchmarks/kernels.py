"""Kernels: how fast they start and answer, what of their output arrives, what clients cost.

The peers are JupyterLab and jupyter_client without a server. Every client is a process of its
own (`client.py`), as lean as can be and the same for both servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from outputs import OUTPUTS, summary
from places import PLAIN
from servers import Kind, Plain, Running, running, warmed

Figures = dict[str, float]
Subject = Running | Plain

TRIPS = 1_000
FEW_TRIPS = 40
"""For JupyterLab, which takes 44 ms for each, and for what is there for orientation."""
NEIGHBOUR_SECONDS = 2
TOGETHER = 10
SOCKETS = 200
AWAY_SECONDS = 10
AWAY_BYTES = 10_000
WARM_SECONDS = 30


async def kernel_start(subject: Subject) -> Figures:
    """Seconds from asking for a kernel until it has told of itself and has run a cell."""
    first, second = await value(subject, "starts")
    figures = {
        "first kernel: info (s)": first["info"],
        "first kernel: cell has run (s)": first["execute"],
        "next kernel: info (s)": second["info"],
        "next kernel: cell has run (s)": second["execute"],
    }
    if isinstance(subject, Running) and subject.kind.name == "plughost":
        figures |= await _warm(warmed())
    return figures


async def _warm(kind: Kind) -> Figures:
    """The same in milliseconds for a kernel that was in stock."""
    with running(kind) as server:
        await _in_stock(server.process)
        first, _ = await value(server, "starts")
    names = {"started": "answered", "execute": "cell has run"}
    return {f"warm kernel: {names[key]} (ms)": first[key] * 1000 for key in names}


async def _in_stock(server: psutil.Process) -> None:
    """Wait until the server has a child that has stopped working, which nobody can ask for.

    Raises TimeoutError.
    """
    used, deadline = 0.0, time.monotonic() + WARM_SECONDS
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        before, used = used, sum(sum(child.cpu_times()[:2]) for child in server.children())
        if used and used - before < 0.02:
            return
    raise TimeoutError(f"The server has no warm kernel after {WARM_SECONDS} seconds.")


async def kernel_trips(subject: Subject) -> Figures:
    """Round trips of a small cell and of `kernel_info`, in both framings.

    What they cost the client is its CPU time, Python's overhead included. jupyter_client has
    no framing, so that both are compared with the same figures of its own.
    """
    if isinstance(subject, Plain):
        plain = await _trips(subject, "jupyter_client", TRIPS)
        bare = await _trips(subject, "ZeroMQ", FEW_TRIPS)
        return _named("v1", plain) | _named("legacy", plain) | _named("ZeroMQ", bare)
    count = TRIPS if subject.kind.name == "plughost" else FEW_TRIPS
    figures: Figures = {}
    for framing in ("v1", "legacy"):
        figures |= _named(framing, await _trips(subject, framing, count))
    return figures


async def _trips(subject: Subject, way: str, count: int) -> dict[str, Figures]:
    return {
        kind.removesuffix("_request"): {
            "median": statistics.median(result["times"]),
            "99th": hundredth(result["times"]),
            "client": result["own"],
        }
        for kind, result in (await value(subject, "trips", way, str(count))).items()
    }


def _named(label: str, results: dict[str, Figures]) -> Figures:
    return {
        f"{kind}, {label}: {which} (ms)": figure
        for kind, figures in results.items()
        for which, figure in figures.items()
    }


async def kernel_output(subject: Subject) -> Figures:
    """How much of what a cell writes arrives, and how fast.

    A kernel keeps 1,000 messages that its connection is not ready for, and drops the rest, for
    jupyter_client as well; plughost's numbers tell that from what plughost itself has lost.
    """
    figures: Figures = {}
    for received in await value(subject, "output", *OUTPUTS):
        figures |= summary(received)
        if isinstance(subject, Running) and subject.kind.name == "plughost":
            figures[f"{received['name']}: server lost"] = received["skipped"]
    return figures


async def kernel_neighbour(subject: Subject) -> Figures:
    """What the flood of one kernel costs the client of another.

    The flooding kernel and its client have the lowest priority, so that on few cores it is
    the server that is measured; jupyter_client's figure is what the machine itself adds.
    """
    waits = await value(subject, "neighbour", str(NEIGHBOUR_SECONDS))
    quiet, loud = waits["quiet"], waits["loud"]
    return {
        "beside a flood: median (ms)": statistics.median(loud),
        "beside a flood: 99th (ms)": hundredth(loud),
        "beside a flood: longest (ms)": max(loud),
        "a flood costs: 99th (ms)": hundredth(loud) - hundredth(quiet),
        "a flood costs: longest (ms)": max(loud) - max(quiet),
    }


async def kernel_together(subject: Subject) -> Figures:
    """Kernels that are all started at once, and the server's memory when they have answered."""
    async with job(subject, "together", str(TOGETHER)) as step:
        figures = {f"{TOGETHER} kernels at once (s)": float(await step())}
        if isinstance(subject, Running):
            figures[f"{TOGETHER} kernels: memory (MB)"] = memory(subject.process) / 1e6
    return figures


async def kernel_idle(subject: Subject) -> Figures:
    """Memory and descriptors of the server for each WebSocket on which nothing happens."""
    assert isinstance(subject, Running), "WebSockets are a server's"
    async with job(subject, "idle", str(SOCKETS)) as step:
        await step()
        bytes_before, descriptors_before = memory(subject.process), subject.process.num_fds()
        await step()
        await asyncio.sleep(0.5)
        used = memory(subject.process) - bytes_before
        descriptors = subject.process.num_fds() - descriptors_before
    return {
        "idle WebSocket: memory (kB)": used / SOCKETS / 1e3,
        "idle WebSocket: descriptors": descriptors / SOCKETS,
    }


async def kernel_away(subject: Subject) -> Figures:
    """The server's memory while a client reads nothing of a flood, and what it reads later."""
    assert isinstance(subject, Running), "what waits for a client waits in a server"
    async with job(subject, "away", str(AWAY_SECONDS), str(AWAY_BYTES)) as step:
        await step()
        before = most = memory(subject.process)
        await step()
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:
            await asyncio.sleep(0.5)
            most = max(most, memory(subject.process))
        received = await step()
    return {
        "client away: memory (MB)": (most - before) / 1e6,
        "client away: messages it gets later": received,
    }


def hundredth(times: list[float]) -> float:
    """What no more than one in a hundred has exceeded."""
    return sorted(times)[len(times) * 99 // 100]


def memory(process: psutil.Process) -> int:
    """Bytes that would be free without the process (unique set size)."""
    return int(process.memory_full_info().uss)


async def value(subject: Subject, name: str, *arguments: str) -> Any:
    """What a job of a single step has found."""
    async with job(subject, name, *arguments) as step:
        return await step()


Step = Callable[[], Coroutine[Any, Any, Any]]


@asynccontextmanager
async def job(subject: Subject, name: str, *arguments: str) -> AsyncIterator[Step]:
    """A client at work; each call of what this yields lets it go on to its next value.

    Raises ChildProcessError when it fails.
    """
    where, environment = _at(subject)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("client.py")),
        where,
        name,
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines, going = process.stdout, False

    async def step() -> Any:
        nonlocal going
        if going:
            assert process.stdin is not None
            process.stdin.write(b"\n")
        going = True
        line = await lines.readline()
        if not line:
            raise ChildProcessError(f"The client's job {name!r} at {where} has failed.")
        return json.loads(line)

    try:
        yield step
    finally:
        process.stdin.close()
        await process.wait()


def _at(subject: Subject) -> tuple[str, Mapping[str, str]]:
    if isinstance(subject, Plain):
        return PLAIN, subject.environment
    return subject.base, os.environ

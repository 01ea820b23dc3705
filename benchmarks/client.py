"""A client of kernels in a process of its own: `client.py WHERE JOB [ARGUMENT…]`.

WHERE is a server's URL, or `plain` for jupyter_client without a server. A job prints JSON, a
value a line, and goes on after each when it reads a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lines import Line, Message
from outputs import OUTPUTS, Received, flood
from places import PLAIN, Kernel, Place, place

PATIENCE = 60.0
"""Seconds that a reply may take before the benchmark gives up."""
SILENCE = 2.0
"""Seconds after which nothing more comes of an output, its end having been lost."""
WARM_UP = 10
"""Round trips that do not count."""
LOWEST = 19
"""Niceness: whatever else wants to run goes first."""

EXECUTE = {
    "code": "1",
    "silent": False,
    "store_history": True,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": True,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "execute_request": EXECUTE,
    "kernel_info_request": {},
}


def own(where: str) -> str:
    """How clients reach kernels there, unless a job says otherwise."""
    return "jupyter_client" if where == PLAIN else "v1"


def starts(where: str) -> Iterator[Any]:
    """Two kernels, one after the other: seconds until started, told of itself, run a cell."""
    spot = place(where)
    kernels, times = [], []
    for _ in range(2):
        began = time.perf_counter()
        kernels.append(spot.start())
        times.append({"started": time.perf_counter() - began})
        line = kernels[-1].line(own(where))
        for kind, name in (("kernel_info_request", "info"), ("execute_request", "execute")):
            replied(line, line.send(kind, REQUESTS[kind]))
            times[-1][name] = time.perf_counter() - began
        line.close()
    yield times
    stop(kernels)


def trips(where: str, way: str, count: str) -> Iterator[Any]:
    """Milliseconds of each of so many round trips, by request, and of CPU that they took here."""
    kernel = place(where).start()
    line = ready(kernel.line(way))
    results = {}
    for kind in REQUESTS:
        used = time.process_time()
        times = round_trips(line, kind, count=int(count))
        used = time.process_time() - used
        results[kind] = {"times": times, "own": used * 1000 / (len(times) + WARM_UP)}
    yield results
    kernel.stop()


def output(where: str, *names: str) -> Iterator[Any]:
    """What has come of each kind of output, and how fast."""
    kernel = place(where).start()
    line = ready(kernel.line(own(where)))
    received = []
    for name in names:
        received.append(received_of(line, name))
        if not received[-1].whole:
            line.close()
            line = ready(kernel.line(own(where)))  # nothing late gets into the next one
    yield [vars(each) for each in received]
    kernel.stop()


def neighbour(where: str, seconds: str) -> Iterator[Any]:
    """Milliseconds of round trips for so many seconds, alone and beside a flooded kernel."""
    kernel = place(where).start()
    line = ready(kernel.line(own(where)))
    kind = "kernel_info_request"
    quiet = round_trips(line, kind, seconds=float(seconds))
    arguments = [sys.executable, __file__, where, "flooded", seconds]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()  # it is under way
        loud = round_trips(line, kind, seconds=float(seconds))
        other.stdin.close()
    yield {"quiet": quiet, "loud": loud}
    kernel.stop()


def flooded(where: str, seconds: str) -> Iterator[Any]:
    """A kernel that floods its client, both of which give way to whoever wants to run."""
    kernel = place(where).start()
    line = ready(kernel.line(own(where)))
    os.nice(LOWEST)
    # Longer than asked for, so that it has not ended when the neighbour has.
    code = f"import os; os.nice({LOWEST})\n{flood(float(seconds) + 1, size=200)}"
    asked = line.send("execute_request", {**EXECUTE, "code": code})
    while line.published(PATIENCE).kind != "display_data":
        pass
    yield "under way"
    until_end(line, asked)
    kernel.stop()


def together(where: str, count: str) -> Iterator[Any]:
    """Seconds until so many kernels, all started at once, have each run a cell."""
    spot = place(where)
    began = time.perf_counter()
    with ThreadPoolExecutor(int(count)) as threads:
        kernels = [*threads.map(lambda _: _one_cell(spot, where), range(int(count)))]
    yield time.perf_counter() - began
    stop(kernels)


def _one_cell(spot: Place, where: str) -> Kernel:
    kernel = spot.start()
    line = kernel.line(own(where))
    replied(line, line.send("execute_request", EXECUTE))
    line.close()
    return kernel


def idle(where: str, count: str) -> Iterator[Any]:
    """One client of a kernel, and then so many more."""
    kernel = place(where).start()
    lines = [ready(kernel.line(own(where)))]
    yield 1
    with ThreadPoolExecutor(20) as threads:
        lines += threads.map(lambda _: kernel.line(own(where)), range(int(count)))
    yield len(lines)
    for line in lines:
        line.close()
    kernel.stop()


def away(where: str, seconds: str, size: str) -> Iterator[Any]:
    """A client that reads nothing of a flood for so many seconds, and then what there is."""
    kernel = place(where).start()
    line = ready(kernel.line(own(where)))
    yield "ready"
    code = flood(float(seconds), int(size))
    asked = line.send("execute_request", {**EXECUTE, "code": code})
    yield "not reading"
    yield until_end(line, asked)
    kernel.stop()


def ready(line: Line) -> Line:
    """Return a line once the kernel answers on it and what it publishes is heard."""
    while True:
        asked = line.send("kernel_info_request", {})
        replied(line, asked)
        try:
            until_idle(line, asked, 0.5)
        except TimeoutError:
            continue
        return line


def replied(line: Line, asked: str) -> None:
    """Wait for the reply to a request."""
    while line.reply(PATIENCE).parent != asked:
        pass


def until_idle(line: Line, asked: str, patience: float = PATIENCE) -> int:
    """Read until the kernel is done with a request; how many messages it has published."""
    count = 0
    for message in published(line, asked, patience):
        count += 1
        if message.content.get("execution_state") == "idle":
            break
    return count


def until_end(line: Line, asked: str) -> int:
    """The same where messages may be lost, the last one among them."""
    count = 0
    with contextlib.suppress(TimeoutError):
        for message in published(line, asked, SILENCE):
            count += 1
            if message.content.get("execution_state") == "idle":
                break
    return count


def published(line: Line, asked: str, patience: float) -> Iterator[Message]:
    """What a kernel publishes for a request. Raises TimeoutError."""
    while True:
        message = line.published(patience)
        if message.parent == asked:
            yield message


def round_trips(
    line: Line, kind: str, *, count: int = sys.maxsize, seconds: float = float("inf")
) -> list[float]:
    """Milliseconds from each request until its reply and the kernel's `idle` are both there."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < count + WARM_UP and time.perf_counter() < end:
        began = time.perf_counter()
        asked = line.send(kind, REQUESTS[kind])
        replied(line, asked)
        until_idle(line, asked)
        times.append((time.perf_counter() - began) * 1000)
    return times[WARM_UP:]


def received_of(line: Line, name: str) -> Received:
    """Run the cell of an output; what has come of it when the kernel is done, or silent."""
    received = Received(name)
    began = time.perf_counter()
    before = line.skipped
    asked = line.send("execute_request", {**EXECUTE, "code": OUTPUTS[name].code})
    while not received.idle:
        try:
            message = line.published(SILENCE)
        except TimeoutError:
            break  # whatever has been lost, the end is among it
        if message.parent == asked:
            received.take(message, time.perf_counter() - began)
    try:
        while line.reply(SILENCE).parent != asked:
            pass
    except TimeoutError:
        received.replied = False
    received.skipped = line.skipped - before
    return received.judged()


def stop(kernels: list[Kernel]) -> None:
    for kernel in kernels:
        kernel.stop()


JOBS: dict[str, Callable[..., Iterator[Any]]] = {
    job.__name__: job for job in (starts, trips, output, neighbour, flooded, together, idle, away)
}


def main(where: str, name: str, *arguments: str) -> None:
    for value in JOBS[name](where, *arguments):
        print(json.dumps(value), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])

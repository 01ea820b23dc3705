"""Saves that are killed: `killed_saves.py FOLDER WAY KILLS`.

Each save runs in a forked child, which SIGKILL ends after a random part of the time that a
save takes; that is measured first, and follows what the machine does meanwhile. After each,
a fresh reader has to find one of two contents, whole. Prints, as JSON, how often which
content was there and what is left in the folder after one more save.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import statistics
import sys
import time
from pathlib import Path

from plughost_contents.files import Files

NAME = "a.bin"
SIZES = (1_100_000, 2_100_000)  # not whole pages
SEED = 20_260_101
LONGER, SHORTER = 1.05, 1 / 1.3
"""What the time becomes after a kill that came too early, and after one that came too late."""


async def _read(root: Path) -> bytes:
    return b"".join([block async for block in Files(root).read(NAME)])


def _save(root: Path, data: bytes) -> int:
    """Start to save in a child; returns its process id once it is under way."""
    ready, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(begin, b"!")
        asyncio.run(Files(root).write(NAME, data))
        os._exit(0)
    os.read(ready, 1)
    os.close(ready)
    os.close(begin)
    return child


def _seconds(root: Path, contents: list[bytes]) -> float:
    """The time that a save takes which nobody kills."""
    times = []
    for data in contents * 3:
        began = time.perf_counter()
        os.waitpid(_save(root, data), 0)
        times.append(time.perf_counter() - began)
    return 1.1 * statistics.median(times)


def main(root: Path, way: str, kills: int) -> None:
    chance = random.Random(SEED)
    contents = [chance.randbytes(size) for size in SIZES]
    (root / NAME).write_bytes(contents[0])
    if way == "in place":
        (root / "another name").hardlink_to(root / NAME)
    span = _seconds(root, contents)
    found = [0, 0]
    there = contents[1]
    for _ in range(kills):
        before, wanted = there, contents[1 - contents.index(there)]
        child = _save(root, wanted)
        time.sleep(chance.uniform(0, span))  # this is the test: any moment will do
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        there = asyncio.run(_read(root))
        assert there in contents, "neither the old content nor the new"
        late = there is not before and there != before
        found[late] += 1
        span *= SHORTER if late else LONGER
    os.waitpid(_save(root, contents[0]), 0)
    print(json.dumps({"old": found[0], "new": found[1], "left": sorted(os.listdir(root))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

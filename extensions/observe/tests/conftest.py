"""Strangers for a served process, and waiting for what happens in another thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60

Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder for `PYTHONPATH`, empty until `install` puts something there."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    return folder


@pytest.fixture
def install(strangers: Path) -> Callable[..., Path]:
    """Write an installed distribution: `install(name, source, *lines of its metadata)`."""

    def write(name: str, source: str, *metadata: str) -> Path:
        module = strangers / f"{name}.py"
        module.write_text(source)
        info = strangers / f"{name}-1.0.dist-info"
        info.mkdir()
        head = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata)
        info.joinpath("METADATA").write_text("\n".join(head) + "\n")
        info.joinpath("entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")
        info.joinpath("RECORD").write_text(f"{name}.py,,\n")
        return module

    return write


@pytest.fixture
def eventually() -> Eventually:
    """`await eventually(question)` asks again until the answer counts, and returns it."""

    async def wait(question: Callable[[], Awaitable[Any]], seconds: float = SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := await question()):
            assert time.monotonic() < deadline, f"It did not happen within {seconds} s."
            await asyncio.sleep(0.02)
        return answer

    return wait


@pytest.fixture
def lines(eventually: Eventually) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """`await lines(client, "a word", query="level=error")`: the lines with it, once there are."""

    async def found(client: Any, word: str, query: str = "") -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            reply = await client.get(f"/plughost/api/logs?limit=5000&{query}")
            return [line for line in reply.json if word in line["message"]]

        return list(await eventually(ask))

    return found

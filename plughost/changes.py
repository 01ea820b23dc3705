"""Waiting for what the host is about to know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Changes:
    """Something changes now and then, and others wait for a condition on it."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Say that something has changed; everybody who waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until `condition()` holds; False if it does not within `seconds`."""
        if not condition():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._until(condition), seconds)
        return condition()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

"""What goes on for one kernel beside everything else, until it ends or is not ours any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("plughost.kernels")


class Tasks:
    """The tasks of the kernel with this id; one that fails is named in the log."""

    def __init__(self, kernel_id: str) -> None:
        self._id = kernel_id
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def cancel(self) -> None:
        """End them all, except the caller."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "Kernel %s is not watched any more.",
                self._id,
                exc_info=task.exception(),
                extra={"kernel": self._id},
            )

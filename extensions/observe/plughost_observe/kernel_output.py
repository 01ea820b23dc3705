"""What kernels write to stdout and stderr outside of any cell, line by line in the log.

The extension `kernels` has each kernel write to `<id>.out` and `<id>.err`. They are followed
while the kernel is known; what a kernel wrote last is read after its files are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

SERVICE = "plughost_kernels.kernels.Kernels"
POLL_SECONDS = 1.0
PIECE = 64 * 1024
"""Bytes of one file that are read at a time; what a kernel writes beyond that is left out."""
LONGEST = 8 * 1024
"""Bytes after which what has no end of line yet is a line."""

STREAMS = {".out": "stdout", ".err": "stderr"}

log = logging.getLogger("plughost.observe")


class KernelOutput:
    """Follows the kernels' files; `ids` says which kernels there are."""

    def __init__(self, ids: Callable[[], Iterable[str]], folder: Path | None = None) -> None:
        self._ids = ids
        self._folder = folder or Path(jupyter_runtime_dir(), "plughost", "kernels")
        self._files: dict[tuple[str, str], _Followed] = {}
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Kernels that are there already were adopted: what they wrote before is old."""
        await asyncio.to_thread(self._read, [*self._ids()], at_end=True)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        await asyncio.to_thread(self._read, [])
        for file in self._files.values():
            file.close()
        self._files.clear()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            ids = [*self._ids()]
            if ids or self._files:
                await asyncio.to_thread(self._read, ids)

    def _read(self, ids: list[str], *, at_end: bool = False) -> None:
        """Log what has been written since; new files are read from the start, or `at_end`."""
        for kernel in ids:
            for suffix in STREAMS:
                if (kernel, suffix) not in self._files:
                    with contextlib.suppress(OSError):  # a kernel that writes elsewhere
                        path = self._folder / f"{kernel}{suffix}"
                        self._files[kernel, suffix] = _Followed(path, at_end=at_end)
        for (kernel, suffix), file in [*self._files.items()]:
            stream = STREAMS[suffix]
            for line in file.lines():
                about = {"extension": "kernels", "kernel": kernel, "terminal": False}
                logging.getLogger(f"plughost.kernels.{stream}").info("%s", line, extra=about)
            if kernel not in ids and file.gone:
                file.close()
                del self._files[kernel, suffix]


class _Followed:
    """One file, and how far it has been read. Raises OSError when it is not there."""

    def __init__(self, path: Path, *, at_end: bool) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._position = os.fstat(self._descriptor).st_size if at_end else 0
        self._rest = b""

    @property
    def gone(self) -> bool:
        """Whether it has been removed; what is in it can still be read."""
        return os.fstat(self._descriptor).st_nlink == 0

    def lines(self) -> Iterable[str]:
        """What has been written since, without empty lines and what has no end yet."""
        size = os.fstat(self._descriptor).st_size
        if size < self._position:
            yield "(Some lines may be left out here: the file was too long, and is shorter now.)"
            self._position, self._rest = size, b""
        skipped = max(0, size - self._position - PIECE)
        if skipped:
            yield f"({skipped} bytes are left out here: it writes faster than they are read.)"
            self._position += skipped
        os.lseek(self._descriptor, self._position, os.SEEK_SET)
        data = os.read(self._descriptor, PIECE)
        self._position += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (len(self._rest) > LONGEST or self.gone):
            whole.append(self._rest)
            self._rest = b""
        for line in whole:
            if line.strip():
                yield line.decode("utf-8", "replace").rstrip()

    def close(self) -> None:
        os.close(self._descriptor)


def kernel_ids(service: Callable[[str], Any], missing: type[Exception]) -> list[str]:
    """The ids of the kernels of this server; none where there is no extension for them."""
    try:
        return [str(kernel.id) for kernel in service(SERVICE)]
    except missing:
        return []

"""The files that take what a kernel writes to stdout and stderr outside of its cells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

KEPT = 64 * 1024
"""Bytes that are left of a file that has become too long."""


def appending(path: Path) -> BinaryIO:
    """Open a file for a process to write to, of which others may take away what is old."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)


def shorten(path: Path, limit: int) -> bool:
    """Leave only the last lines of a file longer than `limit` bytes; whether it was.

    Of one line without end, its end.

    The process that writes to it goes on at the new end, since it appends. What it writes
    in this very moment may be lost.
    """
    try:
        size = path.stat().st_size
        if size <= limit:
            return False
        with path.open("r+b") as file:
            file.seek(size - KEPT)
            end = file.read(KEPT)
            kept = end.partition(b"\n")[2] or end
            file.seek(0)
            file.write(b"(%d bytes that stood here were too much.)\n" % (size - len(kept)))
            file.write(kept)
            file.truncate()
    except OSError:  # it is gone, or cannot be written now
        return False
    return True

"""What saving asks of the system: bytes on the disk, and locks that die with their owner."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

BLOCK = 4 * 1024 * 1024
"""Bytes to read or write in one go."""

OLD = 600
"""Seconds after which an unfinished file is given up, where no lock tells whose it is."""


def blocks(source: BinaryIO) -> Iterator[bytes]:
    """All that `source` holds, from its beginning."""
    source.seek(0)
    while block := source.read(BLOCK):
        yield block


def blocks_of(descriptor: int, size: int) -> Iterator[bytes]:
    """The first `size` bytes of an open file, or what there is of them."""
    for offset in range(0, size, BLOCK):
        yield os.pread(descriptor, min(BLOCK, size - offset), offset)


def fill(descriptor: int, content: Iterable[bytes]) -> None:
    """Make `content` all that is in an open file; it has reached the disk after an fsync."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "wb", closefd=False) as file:
        for block in content:
            file.write(block)
        file.truncate()


def sync(folder: int) -> None:
    """Make a new name in a folder outlive a power failure, where the disk can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock(descriptor: int) -> bool | None:
    """Take a file, unless somebody alive has it; None where the file system has no locks.

    It is ours until the descriptor is closed, or this process dies (flock(2)).
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_abandoned(descriptor: int) -> bool:
    """Whether nobody is at work on a file any more. It is ours then."""
    locked = lock(descriptor)
    if locked is None:
        return time.time() - os.fstat(descriptor).st_mtime > OLD
    return locked

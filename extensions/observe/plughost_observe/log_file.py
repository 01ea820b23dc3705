"""Lines in files: for their user only, put aside when they have become large."""

from __future__ import annotations

import os
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nobody can rename a file that somebody has open anyway
    fcntl = None  # type: ignore[assignment]  # a module's name, bound to none

SERVERS = 50
"""Servers that log to one folder under the same name at once."""


class LineFile:
    """A file that lines are added to, whole ones only; nobody but its user can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def open(self) -> None:
        """Make the folder and the file. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = _opened(self.path)

    def write(self, line: bytes) -> None:
        """Add a line. Raises OSError."""
        # One call at the file's end: lines of several servers do not get mixed up.
        left = line + b"\n"
        while left:  # a disk that is nearly full takes a part
            left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RotatingFile(LineFile):
    """A file of lines that begins anew at `size` bytes; `count` older ones are kept.

    These are `<name>.1` and so on, the youngest first. While a server has the file, another
    that wants the same takes `<stem>-2` and so on: two would put it aside for each other.
    """

    def __init__(self, path: Path, size: int, count: int) -> None:
        super().__init__(path)
        self._wanted = path
        self._limit = size
        self._count = count
        self._size = 0

    def open(self) -> None:
        self._wanted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, SERVERS):
            self.path = self._wanted
            if number > 1:
                self.path = self._wanted.with_stem(f"{self._wanted.stem}-{number}")
            descriptor = _opened(self.path)
            if _lock(descriptor):
                self._descriptor = descriptor
                self._size = os.fstat(descriptor).st_size
                return
            os.close(descriptor)
        raise OSError(f"{SERVERS} servers write to {str(self._wanted.parent)!r} already.")

    def write(self, line: bytes) -> None:
        if self._size and self._size + len(line) >= self._limit:
            self._put_aside()
        super().write(line)
        self._size += len(line) + 1

    def _put_aside(self) -> None:
        for number in range(self._count, 0, -1):
            younger = self._aside(number - 1) if number > 1 else self.path
            if younger.exists():
                younger.replace(self._aside(number))
        self.close()
        if self._count == 0:
            self.path.unlink(missing_ok=True)
        self.open()

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _opened(path: Path) -> int:
    """Open for adding; nothing but a file of our own, in a folder that others may write to."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{str(path)!r} is not an ordinary file.")
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)
    return descriptor


def _lock(descriptor: int) -> bool:
    """Make a file ours until it is closed; False when it is another server's."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True

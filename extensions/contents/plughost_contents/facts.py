"""Facts about files. A folder can have thousands, so no system call is made twice."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import datetime, timezone

from plughost_contents.provider import Entry


def is_shown(facts: os.stat_result) -> bool:
    """Whether it is a file or a folder: pipes, sockets and devices are neither."""
    return stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)


def entry_of(name: str, facts: os.stat_result, *, writable: bool) -> Entry:
    return Entry(
        name=name,
        folder=stat.S_ISDIR(facts.st_mode),
        size=facts.st_size,
        created=_time(getattr(facts, "st_birthtime", facts.st_ctime)),
        modified=_time(facts.st_mtime),
        writable=writable,
    )


def writable_in(folder: int, *, follow: bool) -> Callable[[str, os.stat_result], bool]:
    """How to tell whether we may write what is in an open folder, given its facts.

    What is ours and has the owner's bit may be written, whoever we are: an access control
    list has no say over the owner. That settles it for nearly everything, without asking
    a file server about each file. The system is asked about the rest: files of others
    (root's powers, groups, lists), of other devices, and all where nothing can be written.
    An immutable file of ours (chattr(1)) is taken for a writable one; saving it then fails.
    """
    here = os.fstat(folder).st_dev
    nobody = -1
    mine = nobody if os.fstatvfs(folder).f_flag & os.ST_RDONLY else os.getuid()

    def writable(name: str, facts: os.stat_result) -> bool:
        if facts.st_uid == mine and facts.st_mode & stat.S_IWUSR and facts.st_dev == here:
            return True
        return os.access(name, os.W_OK, dir_fd=folder, follow_symlinks=follow)

    return writable


def _time(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):  # some file systems have odd clocks
        return datetime.fromtimestamp(0, timezone.utc)

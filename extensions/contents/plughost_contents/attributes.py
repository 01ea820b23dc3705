"""What belongs to a file and is not content: owner, permissions, extended attributes."""

from __future__ import annotations

import contextlib
import os
import stat
import sys


def keep(descriptor: int, old: os.stat_result, extended: dict[str, bytes]) -> None:
    """Give an open file owner, permissions and extended attributes of the old one.

    Raises OSError when we may not: then they are not lost silently.
    """
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    given = extended_of(descriptor)
    if given != extended:
        for name in given.keys() - extended.keys():  # a folder can give some to new files
            os.removexattr(descriptor, name)
        for name, value in extended.items():
            if given.get(name) != value:
                os.setxattr(descriptor, name, value)


def copy(source: int, target: int) -> None:
    """Give an open file permissions, times and extended attributes of another, if we may."""
    facts = os.fstat(source)
    with contextlib.suppress(OSError):
        for name, value in extended_of(source).items():
            os.setxattr(target, name, value)
    os.fchmod(target, stat.S_IMODE(facts.st_mode))
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def extended_of(descriptor: int) -> dict[str, bytes]:
    """The extended attributes of an open file; access control lists are among them."""
    found = {}
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # some file systems have none
            for name in os.listxattr(descriptor):
                with contextlib.suppress(OSError):  # some are not for everybody to read
                    found[name] = os.getxattr(descriptor, name)
    return found

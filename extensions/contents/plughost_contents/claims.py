"""Hidden files beside one that is being saved, and whose they are.

`.~plan.ipynb.1.new` holds new bytes until they take the name `plan.ipynb`. The process
that writes them has it locked; one that nobody has locked was left by a process that died.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator

from plughost_contents.disk import is_abandoned, lock
from plughost_contents.jail import Place

MOST = 100
"""Savers of one file at the same time."""

_LONGEST = 110  # bytes: some file systems (eCryptfs) have room for 143


def mark(name: str, ending: str) -> str:
    """A name for something that belongs to the file `name`: `.~<name>.<ending>`.

    The dot hides it. It is always the same, and fits where the file's own name did.
    """
    encoded = os.fsencode(name)
    if len(encoded) > _LONGEST:
        name = f"{encoded[:80].decode(errors='ignore')}-{hashlib.sha256(encoded).hexdigest()[:16]}"
    return f".~{name}.{ending}"


def take(place: Place, mode: int) -> int:
    """Create a file that is ours as long as we live. Raises FileExistsError."""
    while True:
        descriptor = place.open(os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        if lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # somebody took it for abandoned, before it was locked


@contextlib.contextmanager
def claim(place: Place, mode: int) -> Iterator[tuple[Place, int]]:
    """A new file for the content of the one at `place`, and its descriptor.

    The block gives it another name, or removes it; an error in the block removes it.
    """
    for number in range(1, MOST):
        claimed = _numbered(place, number)
        try:
            descriptor = take(claimed, mode)
        except FileExistsError:
            continue
        break
    else:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), place.path)
    try:
        yield claimed, descriptor
    except BaseException:
        claimed.unlink()
        raise
    finally:
        os.close(descriptor)


def sweep(place: Place) -> None:
    """Remove what savers of this file left behind when they died."""
    for number in range(1, MOST):
        try:
            if not _remove_abandoned(_numbered(place, number)):
                return
        except OSError:  # not ours to remove
            continue


def _numbered(place: Place, number: int) -> Place:
    return place.beside(mark(place.name, f"{number}.new"))


def _remove_abandoned(claimed: Place) -> bool:
    """Remove a file if nobody is at work on it; False when there is none."""
    try:
        descriptor = claimed.open(os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        facts = os.fstat(descriptor)
        # While it is locked here, only we can take its name away: what has the name now
        # is what was opened.
        if (
            stat.S_ISREG(facts.st_mode)
            and is_abandoned(descriptor)
            and os.path.samestat(facts, claimed.stat())
        ):
            claimed.unlink()
    finally:
        os.close(descriptor)
    return True

"""Saving a file so that nothing is lost: after a crash the old or the new one is there, whole.

Usually the new bytes go to a hidden file in the same folder (`claims`), reach the disk,
and take the old file's name by one rename. Where a rename would not do (see `save`), the
old bytes are kept (`in_place`) until the new ones have reached the disk in place.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from typing import BinaryIO

from plughost_contents import attributes, in_place
from plughost_contents.claims import claim, sweep
from plughost_contents.disk import blocks, fill, sync
from plughost_contents.in_place import NOT_HERE
from plughost_contents.jail import Place

_NO_LINKS = (*NOT_HERE, errno.ENOSYS, errno.EMLINK)

log = logging.getLogger("plughost.contents")


def save(place: Place, source: BinaryIO) -> None:
    """Make what `source` holds, from its beginning, the content of the file at a place.

    Permissions, owner and extended attributes of an existing file stay. A file with
    several hard links, one that is mounted by itself, one whose owner or attributes we
    cannot give to a new file, and one in a folder where we may not create any, are
    overwritten in place. Raises OSError; the file is then what it was.
    """
    old = _ready(place)
    if old is None or old.st_nlink == 1:
        try:
            with claim(place, 0o666 if old is None else 0o600) as (new, descriptor):
                fill(descriptor, blocks(source))
                _take_place(new, descriptor, place, old)
        except OSError as error:
            if old is None or error.errno not in NOT_HERE:
                raise
            log.info("Saving %r in place: %s", place.path, error)
        else:
            return
    in_place.overwrite(place, source)


def save_new(place: Place, source: BinaryIO) -> None:
    """The same for a file that must not exist yet. Raises FileExistsError."""
    sweep(place)
    with claim(place, 0o666) as (new, descriptor):
        fill(descriptor, blocks(source))
        os.fsync(descriptor)
        try:
            # Unlike a rename, it takes no name that somebody has.
            new.link(place)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _move(new, place, folder=False)
        else:
            new.unlink()
    sync(place.folder)


def replace(place: Place, new: Place) -> None:
    """Make a file the content of the one at a place, like `save`; it has no other name then."""
    old = _ready(place)
    descriptor = new.open(os.O_RDONLY)
    try:
        if old is None or old.st_nlink == 1:
            try:
                _take_place(new, descriptor, place, old)
            except OSError as error:
                if old is None or error.errno not in NOT_HERE:
                    raise
                log.info("Saving %r in place: %s", place.path, error)
            else:
                return
        with open(descriptor, "rb", closefd=False) as source:
            in_place.overwrite(place, source)
        new.unlink()
    finally:
        os.close(descriptor)


def move(source: Place, target: Place) -> None:
    """Give a file, link or folder another name, one that nobody has. Raises FileExistsError."""
    facts = source.stat()
    if _is_same(source, target):
        source.rename(target)
    else:
        _move(source, target, folder=stat.S_ISDIR(facts.st_mode))
    sync(source.folder)
    sync(target.folder)


def _ready(place: Place) -> os.stat_result | None:
    """The facts about a file that may be saved, put right after crashes; None for a new one."""
    old = place.facts()
    if old is not None:
        if stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place.path)
        if not stat.S_ISREG(old.st_mode):  # a pipe or a device; nobody reads it as a file
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.path)
        if not place.is_writable():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place.path)
        in_place.settle(place)
    sweep(place)
    return place.facts()


def _take_place(new: Place, descriptor: int, place: Place, old: os.stat_result | None) -> None:
    """Let a new file have the name of the old one, and all that is not content."""
    if old is not None:
        attributes.keep(descriptor, old, _extended(place))
    os.fsync(descriptor)
    new.rename(place)
    sync(place.folder)
    if new.folder != place.folder:
        sync(new.folder)


def _extended(place: Place) -> dict[str, bytes]:
    try:
        descriptor = place.open(os.O_RDONLY)
    except PermissionError:  # we may write it, but not read it
        return {}
    try:
        return attributes.extended_of(descriptor)
    finally:
        os.close(descriptor)


def _move(source: Place, target: Place, *, folder: bool) -> None:
    # A rename takes a name from whatever has it. So the name is taken first, by something
    # empty that a rename may replace.
    if folder:
        target.mkdir()
    else:
        os.close(target.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        source.rename(target)
    except BaseException:
        if folder:
            target.rmdir()
        else:
            target.unlink()
        raise


def _is_same(one: Place, other: Place) -> bool:
    """Whether two names are one file, as `a` and `A` are where letter case does not count."""
    there = other.facts()
    same_name = one.path.lower() == other.path.lower()
    return same_name and there is not None and os.path.samestat(one.stat(), there)

"""Saving in place: the old bytes are kept until the new ones have reached the disk.

`.~plan.ipynb.old` is the old content of `plan.ipynb`, or, where its folder may not be
written, a file in the user's own data folder. As long as somebody saves he has it locked.
One that nobody has locked was left by a process that died while it saved: whoever opens
`plan.ipynb` next puts the old bytes back.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from plughost_contents.claims import mark, take
from plughost_contents.disk import blocks, fill, is_abandoned, lock
from plughost_contents.jail import FOLDER, Place
from plughost_contents.kept import Kept

NOT_HERE = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP)
"""What the system says where no new file, or no rename, will do."""

PATIENCE = 10.0
"""Seconds to wait for somebody else who saves the same file."""

log = logging.getLogger("plughost.contents")


def overwrite(place: Place, source: BinaryIO) -> None:
    """Make what `source` holds the content of an existing file, without another file.

    One at a time, whatever names the file has. After an error it is what it was. Raises
    OSError; EBUSY when somebody else has it locked for longer than `PATIENCE`.
    """
    target = place.open(os.O_RDWR)
    try:
        _wait(place, lambda: lock(target) is not False)
        with _keeping(place, target, source) as kept:
            try:
                fill(target, blocks(source))
                os.fsync(target)
            except BaseException:
                log.warning("Saving %r failed; putting back what was there.", place.path)
                kept.put_back(target)  # when this fails too, the copy stays for who comes next
                kept.place.unlink()
                raise
            kept.place.unlink()
    finally:
        os.close(target)


def settle(place: Place) -> None:
    """If a save of this file was broken off, put back what was there before.

    To be called by whoever opens a file. Waits for somebody who is still saving; raises
    OSError (EBUSY) when that takes longer than `PATIENCE`.
    """
    _settle(place, place.beside(mark(place.name, "old")))
    with contextlib.ExitStack() as stack:
        try:
            elsewhere = stack.enter_context(_elsewhere(place))
        except OSError:  # nearly always: there is no such folder
            return
        _settle(place, elsewhere)


def _settle(place: Place, copy: Place) -> None:
    try:
        descriptor = copy.open(os.O_RDWR)
    except OSError:  # nearly always: there is none
        return
    try:
        _settle_by(place, copy, descriptor)
    finally:
        os.close(descriptor)


def _settle_by(place: Place, copy: Place, descriptor: int) -> None:
    facts, file = os.fstat(descriptor), place.facts()
    owners = (os.geteuid(), file.st_uid if file else -1)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1 or facts.st_uid not in owners:
        log.warning("%r is no copy of ours: left alone.", copy.path)
        return
    _wait(place, lambda: is_abandoned(descriptor))
    if not os.fstat(descriptor).st_nlink:  # whoever had it is done
        return
    try:
        kept = Kept.read(copy, descriptor)
        if kept is None:
            copy.unlink()
        else:
            _recover(place, kept)
    except OSError as error:
        log.warning(
            "A save of %r was broken off, and what was there cannot be put back from %r: %s",
            place.path,
            copy.path,
            error,
        )


def _recover(place: Place, kept: Kept) -> None:
    try:
        target = place.open(os.O_RDWR)
    except FileNotFoundError:
        state = "changed"
    else:
        try:
            # By another of its names somebody may be saving it now.
            _wait(place, lambda: lock(target) is not False)
            state = kept.judge(target)
            if state == "torn":
                kept.put_back(target)
        finally:
            os.close(target)
    if state == "changed":
        log.warning(
            "A save of %r was broken off, and somebody has changed it since: it stays as it is. "
            "What was there before that save is in %r.",
            place.path,
            kept.set_aside().path,
        )
        return
    kept.place.unlink()
    if state == "torn":
        log.warning("A save of %r was broken off: what was there is back.", place.path)


@contextlib.contextmanager
def _keeping(place: Place, target: int, source: BinaryIO) -> Iterator[Kept]:
    """Keep the content of an open file, in a copy that is locked as long as the block runs."""
    with _made(place) as (copy, descriptor):
        try:
            kept = Kept.write(copy, descriptor, target, source)
            if kept is None:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), place.path)
        except BaseException:
            copy.unlink()
            raise
        yield kept


@contextlib.contextmanager
def _made(place: Place) -> Iterator[tuple[Place, int]]:
    """A new file for a copy, beside the file if that can be."""
    with contextlib.ExitStack() as stack:
        copy = place.beside(mark(place.name, "old"))
        try:
            descriptor = _taken(copy, place)
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            os.makedirs(_own_folder(), mode=0o700, exist_ok=True)
            copy = stack.enter_context(_elsewhere(place))
            descriptor = _taken(copy, place)
        stack.callback(os.close, descriptor)
        yield copy, descriptor


def _taken(copy: Place, place: Place) -> int:
    for _ in range(3):
        try:
            return take(copy, 0o600)
        except FileExistsError:
            settle(place)  # waits for whoever is saving, clears up after who died
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), place.path)


def _wait(place: Place, is_free: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_free():
        if time.monotonic() > end:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), place.path)
        time.sleep(0.01)


@contextlib.contextmanager
def _elsewhere(place: Place) -> Iterator[Place]:
    """A place for the copy in the user's own data folder. Raises OSError if there is none."""
    path = _own_folder()
    folder = os.open(path, FOLDER)
    try:
        name = f"{hashlib.sha256(os.fsencode(place.path)).hexdigest()[:32]}.old"
        yield Place(folder, name, os.path.join(path, name))
    finally:
        os.close(folder)


def _own_folder() -> str:
    from jupyter_core.paths import jupyter_data_dir

    return os.path.join(jupyter_data_dir(), "plughost", "kept")

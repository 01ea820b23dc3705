"""Saving in place: the old bytes are kept until the new ones have reached the disk.

`.~plan.ipynb.old` is the old content of `plan.ipynb`, or, where its folder may not be
written, a file in the user's own data folder. As long as somebody saves he has it locked.
One that nobody has locked was left by a process that died while it saved: whoever opens
`plan.ipynb` next puts the old bytes back.

The copy ends with a checksum of each page of the new content and a trailer, which is
written last. No trailer: the copy is not whole, so the file was not touched yet. And the
checksums tell what a broken save has done to a file from what somebody did to it later.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import logging
import os
import secrets
import stat
import struct
import time
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from plughost_contents.claims import mark, take
from plughost_contents.disk import BLOCK, blocks, blocks_of, fill, is_abandoned, lock, sync
from plughost_contents.jail import FOLDER, Place

NOT_HERE = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP)
"""What the system says where no new file, or no rename, will do."""

PATIENCE = 10.0
"""Seconds to wait for somebody else who saves the same file."""

_PAGE = 4096  # bytes; a process that is killed while it writes leaves whole pages
_TRAILER = struct.Struct("<8sQQq")
_MAGIC = b"plughost"

log = logging.getLogger("plughost.contents")


@dataclass(frozen=True)
class _Kept:
    """The old content of a file, and how to know the new one."""

    place: Place
    descriptor: int
    size: int
    new_size: int
    modified: int  # of the old file, in nanoseconds since the epoch
    sums: array[int]  # CRC-32 of each page of the new content

    def put_back(self, target: int) -> None:
        fill(target, blocks_of(self.descriptor, self.size))
        os.fsync(target)
        with contextlib.suppress(OSError):  # others than the owner may write, but not this
            os.utime(target, ns=(time.time_ns(), self.modified))

    def judge(self, target: int) -> Literal["old", "new", "torn", "changed"]:
        """What a file is now: the old or the new content, a mixture, or somebody else's."""
        size = os.fstat(target).st_size
        old, new = size == self.size, size == self.new_size
        if not new and not self.size <= size <= max(self.size, self.new_size):
            return "changed"
        pages = zip(_pages(target, size), self._old_pages(), strict=False)
        for number, (page, old_page) in enumerate(pages):
            is_old, is_new = page == old_page, self._is_new(number, page, old_page)
            # A power failure can leave nothing where there was nothing.
            if not is_old and not is_new and (old_page or any(page)):
                return "changed"
            old, new = old and is_old, new and is_new
        return "old" if old else "new" if new else "torn"

    def set_aside(self) -> Place:
        """Keep the copy for good, under another name."""
        stem = self.place.name.removesuffix(".old")
        aside = self.place.beside(f"{stem}.{secrets.token_hex(4)}.kept")
        self.place.rename(aside)
        os.ftruncate(self.descriptor, self.size)
        return aside

    def _old_pages(self) -> Iterator[bytes]:
        return itertools.chain(_pages(self.descriptor, self.size), itertools.repeat(b""))

    def _is_new(self, number: int, page: bytes, old_page: bytes) -> bool:
        """Whether a page is of the new content; behind its end may still be the old one."""
        length = min(_PAGE, self.new_size - number * _PAGE)
        if length <= 0:
            return False
        rest_is_old = page[length:] == old_page[length:]
        return zlib.crc32(page[:length]) == self.sums[number] and rest_is_old


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
        kept = _read(copy, descriptor)
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


def _recover(place: Place, kept: _Kept) -> None:
    try:
        target = place.open(os.O_RDWR)
    except FileNotFoundError:
        state = "changed"
    else:
        try:
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


def _read(copy: Place, descriptor: int) -> _Kept | None:
    """A copy as it was kept; None when it is not whole."""
    size = os.fstat(descriptor).st_size
    trailer = os.pread(descriptor, _TRAILER.size, max(0, size - _TRAILER.size))
    if len(trailer) < _TRAILER.size:
        return None
    magic, old_size, new_size, modified = _TRAILER.unpack(trailer)
    sums = array("I")
    length = -(-new_size // _PAGE) * sums.itemsize
    if magic != _MAGIC or old_size + length + _TRAILER.size != size:
        return None
    sums.frombytes(os.pread(descriptor, length, old_size))
    return _Kept(copy, descriptor, old_size, new_size, modified, sums)


@contextlib.contextmanager
def _keeping(place: Place, target: int, source: BinaryIO) -> Iterator[_Kept]:
    """Keep the content of an open file, in a copy that is locked as long as the block runs."""
    sums, new_size = array("I"), 0
    for block in blocks(source):
        new_size += len(block)
        sums.extend(zlib.crc32(page) for page in _cut(block))
    with _made(place) as (copy, descriptor):
        old = os.fstat(target)
        try:
            fill(descriptor, itertools.chain(blocks_of(target, old.st_size), [sums.tobytes()]))
            os.fsync(descriptor)
            trailer = _TRAILER.pack(_MAGIC, old.st_size, new_size, old.st_mtime_ns)
            os.write(descriptor, trailer)
            os.fsync(descriptor)
            sync(copy.folder)
            kept = _read(copy, descriptor)
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


def _pages(descriptor: int, size: int) -> Iterator[bytes]:
    for block in blocks_of(descriptor, size):
        yield from _cut(block)


def _cut(block: bytes) -> Iterator[bytes]:
    return (block[start : start + _PAGE] for start in range(0, len(block), _PAGE))


assert BLOCK % _PAGE == 0

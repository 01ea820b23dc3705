"""The old content of a file that is being overwritten, and how to know the new one.

A copy ends with a checksum of each page of the new content and a trailer, which is written
last. No trailer: the copy is not whole, and so the file was not touched yet. The checksums
tell what a broken save has done to a file from what somebody did to it later.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import struct
import time
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from plughost_contents.disk import blocks, blocks_of, fill, sync
from plughost_contents.jail import Place

PAGE = 4096
"""Bytes; a process that is killed while it writes has written whole pages."""

_TRAILER = struct.Struct("<8sQQq")
_MAGIC = b"plughost"


@dataclass(frozen=True)
class Kept:
    """A whole copy of what was in a file, in a file of its own that is open."""

    place: Place
    descriptor: int
    size: int
    new_size: int
    modified: int  # when the old file was, in nanoseconds since the epoch
    sums: array[int]  # CRC-32 of each page of the new content

    @classmethod
    def write(cls, place: Place, descriptor: int, target: int, source: BinaryIO) -> Kept | None:
        """Copy what is in `target` before it becomes what `source` holds, down to the disk.

        None when `target` was changed meanwhile. Raises OSError.
        """
        sums, new_size = array("I"), 0
        for block in blocks(source):
            new_size += len(block)
            sums.extend(zlib.crc32(page) for page in _cut(block))
        old = os.fstat(target)
        fill(descriptor, itertools.chain(blocks_of(target, old.st_size), [sums.tobytes()]))
        os.fsync(descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(_TRAILER.pack(_MAGIC, old.st_size, new_size, old.st_mtime_ns))
        os.fsync(descriptor)
        sync(place.folder)
        return cls.read(place, descriptor)

    @classmethod
    def read(cls, place: Place, descriptor: int) -> Kept | None:
        """The copy in an open file; None when it is not whole."""
        size = os.fstat(descriptor).st_size
        trailer = os.pread(descriptor, _TRAILER.size, max(0, size - _TRAILER.size))
        if len(trailer) < _TRAILER.size:
            return None
        magic, old_size, new_size, modified = _TRAILER.unpack(trailer)
        sums = array("I")
        length = -(-new_size // PAGE) * sums.itemsize
        if magic != _MAGIC or old_size + length + _TRAILER.size != size:
            return None
        sums.frombytes(os.pread(descriptor, length, old_size))
        return cls(place, descriptor, old_size, new_size, modified, sums)

    def put_back(self, target: int) -> None:
        """Make the old content that of `target` again, and the time of its last change."""
        fill(target, blocks_of(self.descriptor, self.size))
        os.fsync(target)
        with contextlib.suppress(OSError):  # who may write a file may not always do this
            os.utime(target, ns=(time.time_ns(), self.modified))

    def judge(self, target: int) -> Literal["old", "new", "torn", "changed"]:
        """What a file is now: the old content, the new, some of each, or somebody else's."""
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
        """Let the copy be a file like others, under a name that nobody looks for."""
        stem = self.place.name.removesuffix(".old")
        aside = self.place.beside(f"{stem}.{secrets.token_hex(4)}.kept")
        self.place.rename(aside)
        os.ftruncate(self.descriptor, self.size)
        return aside

    def _old_pages(self) -> Iterator[bytes]:
        return itertools.chain(_pages(self.descriptor, self.size), itertools.repeat(b""))

    def _is_new(self, number: int, page: bytes, old_page: bytes) -> bool:
        """Whether a page is of the new content; behind its end may still be the old one."""
        length = min(PAGE, self.new_size - number * PAGE)
        if length <= 0:
            return False
        if page[length:] not in (b"", old_page[length:]):
            return False
        return zlib.crc32(page[:length]) == self.sums[number]


def _pages(descriptor: int, size: int) -> Iterator[bytes]:
    for block in blocks_of(descriptor, size):
        yield from _cut(block)


def _cut(block: bytes) -> Iterator[bytes]:
    return (block[start : start + PAGE] for start in range(0, len(block), PAGE))

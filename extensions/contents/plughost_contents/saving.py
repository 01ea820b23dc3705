"""Saving a file so that nothing is lost: after a crash the old or the new one is there, whole.

Usually the new bytes go to a temporary file in the same folder, reach the disk, and take
the old file's name by one rename. Where a rename would not do (see `save`), the old bytes
are kept in a second file until the new ones have reached the disk in place.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

BLOCK = 1024 * 1024

_NO_RENAME = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP)

log = logging.getLogger("plughost.contents")


def save(path: Path, source: BinaryIO) -> None:
    """Make what `source` holds, from its beginning, the content of the file at `path`.

    A link stays a link: what it points to is saved. Permissions, owner and extended
    attributes of an existing file stay. A file with several hard links, one that is
    mounted by itself, one whose owner we cannot give to a new file, and one in a folder
    where we may not create any, are overwritten in place. Raises OSError; the file is
    then what it was.
    """
    target = Path(os.path.realpath(path))
    old = _facts(target)
    if old is not None:
        if stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if old is None or old.st_nlink == 1:
        try:
            _save_by_rename(target, old, source)
        except OSError as error:
            if old is None or error.errno not in _NO_RENAME:
                raise
            log.info("Saving %r in place: %s", str(path), error)
        else:
            return
    _save_in_place(target, source)


def save_new(path: Path, source: BinaryIO) -> None:
    """The same for a file that must not exist yet. Raises FileExistsError."""
    _create(path, source, 0o666)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file, or a rename in a folder, outlive a power failure, where the disk can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _save_by_rename(target: Path, old: os.stat_result | None, source: BinaryIO) -> None:
    temporary = _beside(target.parent, target.name, secrets.token_hex(4))
    _create(temporary, source, 0o666 if old is None else 0o600)
    try:
        if old is not None:
            _keep_attributes(temporary, target, old)
        temporary.replace(target)
    except BaseException:
        temporary.unlink()
        raise
    sync(target.parent)


def _beside(folder: Path, name: str, suffix: str) -> Path:
    """A name for a temporary file: the dot hides it, 200 bytes of the name leave room."""
    return folder / f".~{os.fsdecode(os.fsencode(name)[:200])}.{suffix}"


def _keep_attributes(path: Path, target: Path, old: os.stat_result) -> None:
    mine = path.stat()
    if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
        os.chown(path, old.st_uid, old.st_gid)
    path.chmod(stat.S_IMODE(old.st_mode))
    if sys.platform == "linux":  # access control lists are among them
        with contextlib.suppress(OSError):
            for name in os.listxattr(target):
                os.setxattr(path, name, os.getxattr(target, name))


def _save_in_place(target: Path, source: BinaryIO) -> None:
    kept = _keep(target)
    try:
        _overwrite(target, source)
    except BaseException:
        log.warning("Saving %r failed; restoring it from %r.", str(target), str(kept))
        with kept.open("rb") as old:
            _overwrite(target, old)  # when this fails too, `kept` stays
        kept.unlink()
        raise
    kept.unlink()


def _keep(target: Path) -> Path:
    """Copy the old bytes to a file of their own, beside it if we may, and say where."""
    name, suffix = target.name, f"{secrets.token_hex(4)}.old"
    with target.open("rb") as old:
        kept = _beside(target.parent, name, suffix)
        try:
            _create(kept, old, 0o600)
        except OSError as error:
            if error.errno not in _NO_RENAME:
                raise
            kept = _beside(Path(tempfile.gettempdir()), name, suffix)
            _create(kept, old, 0o600)
    sync(kept.parent)
    return kept


def _create(path: Path, source: BinaryIO, mode: int) -> None:
    """Write a new file down to the disk; nothing of it stays behind when that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        _fill(descriptor, source)
    except BaseException:
        path.unlink()
        raise


def _overwrite(path: Path, source: BinaryIO) -> None:
    _fill(os.open(path, os.O_WRONLY | os.O_CLOEXEC), source)


def _fill(descriptor: int, source: BinaryIO) -> None:
    source.seek(0)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(source, file, BLOCK)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())

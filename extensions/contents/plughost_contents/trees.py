"""Whole folders: copied and moved to another disk, from descriptor to descriptor.

So nobody can lead us elsewhere by exchanging a folder for a link; links are copied as links.
"""

from __future__ import annotations

import contextlib
import os
import stat

from plughost import BadRequest
from plughost_contents import attributes
from plughost_contents.disk import blocks_of, fill
from plughost_contents.errors import explained
from plughost_contents.jail import Place

_FOLDER = os.O_RDONLY | os.O_DIRECTORY

LARGEST = 500 * 1024 * 1024
"""Bytes of the largest folder that is copied."""


def copy_folder(source: Place, path: str, target: Place, new: str) -> None:
    """Copy the folder at the API path `path` to `new`. Raises BadRequest."""
    with explained(path):
        if _contains(source, target.folder):
            raise BadRequest(
                f"The folder {path!r} cannot be copied into itself.",
                hint="Copy it to a folder that does not lie in it.",
            )
        size = _size_of(source)
    if size > LARGEST:
        raise BadRequest(
            f"The folder {path!r} has {size // 2**20} MiB, more than the "
            f"{LARGEST // 2**20} MiB that are copied.",
            hint="Copy it in a terminal.",
        )
    with explained(new):
        failures = _copied(source, target)
    _require_all(failures, path, new)


def move_across(source: Place, path: str, target: Place, new: str) -> None:
    """Move to another disk, where a rename does not lead: copy, and then remove."""
    if stat.S_ISDIR(source.stat().st_mode):
        copy_folder(source, path, target, new)
    else:
        _require_all(_copied(source, target), path, new)
    os.sync()
    _remove(source)


def _require_all(failures: list[str], path: str, new: str) -> None:
    if failures:
        raise BadRequest(
            f"Not all of {path!r} could be copied: {failures[0]}.",
            hint=f"{new!r} has what could be.",
        )


def _size_of(place: Place) -> int:
    """How many bytes are in a folder."""
    size = 0
    for _, _, names, folder in os.fwalk(place.name, dir_fd=place.folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    return size


def _contains(place: Place, folder: int) -> bool:
    """Whether an open folder is the one at a place, or below it."""
    there = os.fstat(folder)
    walk = os.fwalk(place.name, dir_fd=place.folder)
    return any(os.path.samestat(os.fstat(found), there) for *_, found in walk)


def _copied(source: Place, target: Place) -> list[str]:
    """Copy a file, link or folder to where nothing is yet; returns what could not be copied.

    Raises OSError when that is everything.
    """
    failures: list[str] = []
    _copy(source, target, None, failures)
    return failures


def _remove(place: Place) -> None:
    """Remove a file or link, or a folder with all that is in it."""
    if not stat.S_ISDIR(place.stat().st_mode):
        place.unlink()
        return
    for _, folders, names, folder in os.fwalk(place.name, topdown=False, dir_fd=place.folder):
        for name in names:
            os.unlink(name, dir_fd=folder)
        for name in folders:
            found = Place(folder, name, name)
            if stat.S_ISLNK(found.stat().st_mode):
                found.unlink()
            else:
                found.rmdir()
    place.rmdir()


def _copy(source: Place, target: Place, made: os.stat_result | None, failures: list[str]) -> None:
    """`made` is the folder that the copy began with: it is not copied into itself."""
    facts = source.stat()
    if stat.S_ISLNK(facts.st_mode):
        link = os.readlink(source.name, dir_fd=source.folder)
        os.symlink(link, target.name, dir_fd=target.folder)
    elif stat.S_ISDIR(facts.st_mode):
        if made is None or not os.path.samestat(facts, made):
            _copy_folder(source, target, made, failures)
    elif stat.S_ISREG(facts.st_mode):
        _copy_file(source, target)
    else:
        failures.append(f"{source.name!r} is no file")


def _copy_folder(
    source: Place, target: Place, made: os.stat_result | None, failures: list[str]
) -> None:
    old = source.open(_FOLDER)
    try:
        target.mkdir(0o700)
        new = target.open(_FOLDER)
        try:
            made = made or os.fstat(new)
            for name in os.listdir(old):
                found = Place(old, name, f"{source.path}/{name}")
                try:
                    _copy(found, Place(new, name, f"{target.path}/{name}"), made, failures)
                except OSError as error:
                    failures.append(f"{name!r}: {error.strerror}")
            attributes.copy(old, new)
        finally:
            os.close(new)
    finally:
        os.close(old)


def _copy_file(source: Place, target: Place) -> None:
    old = source.open(os.O_RDONLY)
    try:
        new = target.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            fill(new, blocks_of(old, os.fstat(old).st_size))
            attributes.copy(old, new)
        except BaseException:
            target.unlink()
            raise
        finally:
            os.close(new)
    finally:
        os.close(old)

"""The folder that keeps what builds download: a Node, the bundler and the type checker.

Everything in it can be deleted at any time; the next build fills it again.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from plughost_build.errors import CacheError

_NOBODYS = 24 * 3600
"""Seconds after which nobody is still filling a folder."""


def cache_folder() -> Path:
    """`PLUGHOST_CACHE`, else the user's cache folder (which honours `XDG_CACHE_HOME`)."""
    if chosen := os.environ.get("PLUGHOST_CACHE"):
        return Path(chosen).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("plughost", appauthor=False)


def machine() -> str:
    """Home folders are shared between machines; what is compiled for one is kept apart."""
    return f"{sys.platform}-{platform.machine()}".lower()


def fill_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return `folder`, which `fill` writes if it is not there yet: whole or not at all.

    Two builds may do so at once: the first one done wins, the other's work is thrown away.
    """
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_old_drafts(folder)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            fill(draft)
            _put_in_place(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise CacheError(str(folder.parent), error.strerror or str(error)) from error
    return folder


def _put_in_place(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # A folder that is not empty is never replaced: someone else was first.
        if not folder.is_dir():
            raise


def _remove_old_drafts(folder: Path) -> None:
    """What killed builds left half filled; a Node in there is 200 MB."""
    for draft in folder.parent.glob(f".{folder.name}-*"):
        # Another build may have been quicker.
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _NOBODYS:
                shutil.rmtree(draft, ignore_errors=True)

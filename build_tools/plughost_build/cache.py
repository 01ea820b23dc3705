"""The folder that keeps what builds download: a Node, the bundler and the type checker.

Everything in it can be deleted at any time; the next build fills it again.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from plughost_build.errors import CacheError


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
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise CacheError(str(folder.parent), error.strerror or str(error)) from error
    try:
        fill(draft)
        try:
            draft.rename(folder)
        except OSError:
            # A folder that is not empty is never replaced: someone else was first.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder

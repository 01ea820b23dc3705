"""The type packs of other frontends, unpacked once into the user's cache.

A pack is made by node/types.mjs and lies beside its frontend's manifest, which names it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from plughost_build.cache import cache_folder, fill_once
from plughost_build.errors import TypePackError

FORMAT = 1
MODULES = "modules.json"
"""In an unpacked pack: specifier → file with its types. It is written last."""


def unpacked(packs: Iterable[Path]) -> list[Path]:
    """The folder of each pack, in their order."""
    return [_unpacked(pack) for pack in packs]


def _unpacked(pack: Path) -> Path:
    try:
        content = pack.read_bytes()
    except OSError as error:
        raise TypePackError(str(pack), error.strerror or str(error)) from error
    folder = cache_folder() / "types" / hashlib.sha256(content).hexdigest()[:16]
    if folder.is_dir() and not (folder / MODULES).is_file():
        # Somebody cleaned up in there.
        shutil.rmtree(folder, ignore_errors=True)
    fill_once(folder, lambda draft: _fill(draft, pack, content))
    # The compiler names files by their real paths.
    return folder.resolve()


def _fill(draft: Path, pack: Path, content: bytes) -> None:
    files, modules = _parsed(pack, content)
    for name, text in files.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    (draft / MODULES).write_text(json.dumps(modules), encoding="utf-8")


def _parsed(pack: Path, content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    try:
        data: Any = json.loads(gzip.decompress(content))
        if data["format"] != FORMAT:
            raise TypePackError(str(pack), f"this plughost reads format {FORMAT}")
        files, modules = data["files"], data["modules"]
        if not all(_stays_inside(name) for name in files) or not set(modules.values()) <= set(
            files
        ):
            raise ValueError("it names files that it cannot hold")
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError) as error:
        raise TypePackError(str(pack), str(error)) from error
    return files, modules


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not (
        path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive
    )

"""What notebooks can be converted to: found out once, for what is installed.

Only the exporters themselves know, and to import them takes a second. Every page asks at its
start, so the answer is kept, in memory and in Jupyter's runtime folder, for as long as the same
exporters are installed and Jupyter's configuration files are the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import msgspec
from importlib_metadata import entry_points
from jupyter_core.paths import jupyter_config_path, jupyter_runtime_dir
from jupyter_core.utils import ensure_dir_exists

from plughost_nbconvert.converter import GROUP, OWN_CONFIG, SERVER_CONFIG
from plughost_nbconvert.errors import ConversionFailed
from plughost_nbconvert.workers import Workers

FormatList = dict[str, dict[str, str]]

log = logging.getLogger("plughost.nbconvert")


class Kept(msgspec.Struct):
    """An answer, and what it is the answer for."""

    key: str
    formats: FormatList


class Formats:
    """The formats; with `write=False` nothing is written anywhere."""

    def __init__(self, workers: Workers, *, seconds: float, write: bool) -> None:
        self._workers = workers
        self._seconds = seconds
        self._write = write
        self._known: Kept | None = None
        self._finding = asyncio.Lock()

    async def all(self) -> FormatList:
        """The MIME type of each format: `{"html": {"output_mimetype": "text/html"}}`.

        None without nbconvert. Raises ConversionFailed where it cannot be imported.
        """
        if not is_installed():
            return {}
        async with self._finding:  # several pages may be opened at once
            key = await asyncio.to_thread(_key)
            known = self._known or await asyncio.to_thread(_read)
            if known is None or known.key != key:
                known = Kept(key, await self._ask())
                if self._write:
                    await asyncio.to_thread(_write, known)
            self._known = known
            return known.formats

    async def _ask(self) -> FormatList:
        async with self._workers.another() as worker:
            reply = await worker.ask({"do": "list"}, self._seconds)
        if reply.formats is None:
            assert reply.error is not None, "a converter answers one or the other"
            log.warning("nbconvert cannot be asked.\n%s", reply.error.traceback)
            raise ConversionFailed(
                f"nbconvert cannot say what it converts to: {reply.error.message}",
                hint="The server's log has the details; "
                "`pip install --upgrade plughost[nbconvert]` mends a broken installation.",
            )
        return reply.formats


def is_installed() -> bool:
    """Whether there is an nbconvert, without importing it."""
    return find_spec("nbconvert") is not None


def _key() -> str:
    """What the formats depend on, in a few characters."""
    folders = tuple((path, _stamp(Path(path))) for path in sys.path)
    config = [
        (str(file), stamp)
        for folder in jupyter_config_path()
        for name in (*SERVER_CONFIG, OWN_CONFIG)
        for file in (Path(folder, f"{name}.py"), Path(folder, f"{name}.json"))
        if (stamp := _stamp(file))
    ]
    facts = [sys.version, _exporters(folders), config]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


@functools.lru_cache(maxsize=1)
def _exporters(folders: tuple[tuple[str, float], ...]) -> list[tuple[str, ...]]:
    """Each installed exporter with its distribution's version.

    To read it off the metadata takes 20 ms; a folder changes when something is installed in it.
    """
    return sorted(
        (entry.name, entry.value, *((entry.dist.name, entry.dist.version) if entry.dist else ()))
        for entry in entry_points(group=GROUP)
    )


def _stamp(path: Path) -> float:
    """When a file or folder was changed; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _file() -> Path:
    """One file for each environment: they have different exporters, and a runtime folder."""
    name = hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]
    return Path(jupyter_runtime_dir(), "plughost", f"nbconvert-formats-{name}.json")


def _read() -> Kept | None:
    with contextlib.suppress(OSError, msgspec.DecodeError):  # as good as none
        return msgspec.json.decode(_file().read_bytes(), type=Kept)
    return None


def _write(kept: Kept) -> None:
    file = _file()
    temporary = file.with_suffix(f".{os.getpid()}")
    try:
        for folder in (file.parent.parent, file.parent):
            ensure_dir_exists(str(folder), mode=0o700)
        temporary.write_bytes(msgspec.json.encode(kept))
        temporary.replace(file)
    except OSError as error:
        log.info("The formats will be asked for again at the next start: %s", error)

"""Conversions: a notebook from wherever contents are stored, in another format."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from plughost import HostError
from plughost_nbconvert.errors import (
    ConversionFailed,
    ConverterDied,
    NotANotebook,
    NotInstalled,
    UnknownFormat,
)
from plughost_nbconvert.settings import Settings

# What converts is imported when something is to be converted.
if TYPE_CHECKING:
    from plughost import Host
    from plughost_nbconvert.formats import FormatList, Formats
    from plughost_nbconvert.workers import Problem, Workers

CONTENTS = "plughost_contents.contents.Contents"
"""The service that has the notebooks."""

ERRORS: dict[str, type[HostError]] = {
    "unknown format": UnknownFormat,
    "not a notebook": NotANotebook,
    "failed": ConversionFailed,
}
"""By the kind of problem that a converter names."""

log = logging.getLogger("plughost.nbconvert")


@dataclass
class Converted:
    """What a notebook has become; who asked for it closes the file, which has no name any more.

    `size` is in bytes; `modified` is when the notebook was changed, where that is known.
    """

    name: str
    media_type: str
    attachment: bool
    file: BinaryIO
    size: int
    modified: datetime | None = None


class Conversions:
    """Converts notebooks in processes that end with the host."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host = host
        self._settings = settings

    async def start(self) -> None:
        self._contents: Any = self._host.service(CONTENTS)

    async def stop(self) -> None:
        if "_workers" in vars(self):
            await self._workers.close()

    @functools.cached_property
    def _workers(self) -> Workers:
        from plughost_nbconvert.workers import Workers

        settings = self._settings
        return Workers(
            self._host.config.root, at_once=settings.at_once, idle_seconds=settings.idle_seconds
        )

    @functools.cached_property
    def _formats(self) -> Formats:
        from plughost_nbconvert.formats import Formats

        seconds, safe = self._settings.timeout_seconds, self._host.config.safe
        return Formats(self._workers, seconds=seconds, write=not safe)

    async def formats(self) -> FormatList:
        """The MIME type of each format, by its name; none without nbconvert."""
        return await self._formats.all()

    async def of_file(
        self,
        path: str,
        into: str,
        *,
        sanitize: bool | None = None,
    ) -> Converted:
        """Convert the notebook at an API path.

        With `sanitize` scripts are taken out of HTML, or left in where the configuration
        takes them out. Raises NotInstalled, UnknownFormat, NotANotebook, ConversionFailed and
        its like, and what contents raises for a path without a file.
        """
        _require_nbconvert()
        model = await self._contents.get(path, content=False)
        if model.type != "notebook":
            raise NotANotebook(
                f"{path!r} is a {model.type}, not a notebook.",
                hint="Only files whose names end in `.ipynb` are converted.",
            )
        facts = {
            "name": model.name,
            "modified": f"{model.last_modified:%B} {model.last_modified.day}, "
            f"{model.last_modified.year}",
            "folder": await asyncio.to_thread(self._folder, model.path),
            "sanitize": sanitize,
        }
        converted = await self._convert(self._contents.read(path), into, facts)
        converted.modified = model.last_modified
        return converted

    async def of_request(self, body: bytes, into: str) -> Converted:
        """Convert the notebook in the JSON `{"content": {…}, "name": "a.ipynb"}`.

        Raises NotInstalled, UnknownFormat, NotANotebook, ConversionFailed and its like.
        """
        _require_nbconvert()
        # The body can be large: the converter looks at it.
        facts = {"name": None, "modified": None, "folder": None, "sanitize": None}
        return await self._convert(_once(body), into, facts)

    async def _convert(
        self,
        source: AsyncGenerator[bytes, None],
        into: str,
        facts: dict[str, Any],
    ) -> Converted:
        async with self._workers.one() as worker:
            taken, target = worker.folder / "source", worker.folder / "target"
            await _store(source, taken)
            work = {"do": "convert", "format": into, "source": str(taken), "target": str(target)}
            try:
                reply = await worker.ask({**work, **facts}, self._settings.timeout_seconds)
            except ConverterDied as error:
                log.warning("%s It said: %s", error.message, error.said or "nothing")
                raise
            if reply.made is None:
                assert reply.error is not None, "a converter answers one or the other"
                raise _error(reply.error)
            made = reply.made
            file, size = await asyncio.to_thread(_take, target)
        return Converted(made.name, made.media_type, made.attachment, file, size)

    def _folder(self, path: str) -> str | None:
        """The folder of a notebook that is on this disk, below the root: images are beside it."""
        root = self._host.config.root
        file = root / path
        inside = file.is_file() and file.resolve().is_relative_to(root.resolve())
        return str(file.parent) if inside else None


def _require_nbconvert() -> None:
    from plughost_nbconvert.formats import is_installed

    if not is_installed():
        raise NotInstalled


def _error(problem: Problem) -> HostError:
    message = problem.message
    if problem.traceback:
        log.warning("nbconvert has failed.\n%s", problem.traceback)
        message = f"The conversion failed: {message}"
    return ERRORS[problem.kind](message, hint=problem.hint)


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def _store(source: AsyncGenerator[bytes, None], path: Path) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async with aclosing(source) as blocks:
            async for block in blocks:
                await asyncio.to_thread(file.write, block)
    finally:
        file.close()


def _take(path: Path) -> tuple[BinaryIO, int]:
    """Open a file and forget its name: it is the client's now, and its place is free."""
    file = path.open("rb")
    path.unlink()
    return file, os.fstat(file.fileno()).st_size

"""The formats that notebooks can be converted to, as nbconvert and its plugins name them.

nbconvert is an extra: its exporters are found by entry point, so without it there are none.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from importlib_metadata import entry_points

GROUP = "nbconvert.exporters"

log = logging.getLogger("plughost.settings")


class Exporters:
    """The exporters that are meant for people, asked once: nbconvert is slow to import."""

    def __init__(self) -> None:
        self._found: asyncio.Future[dict[str, dict[str, str]]] | None = None

    async def all(self) -> dict[str, dict[str, str]]:
        """The MIME type of what each exporter makes: `{"html": {"output_mimetype": …}}`."""
        if self._found is None:
            self._found = asyncio.ensure_future(asyncio.to_thread(_find))
        return await asyncio.shield(self._found)


def _find() -> dict[str, dict[str, str]]:
    found = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            exporter: Any = entry.load()
        except Exception as error:  # anybody's code, which can raise anything
            log.warning("The exporter %r cannot be imported: %r.", entry.name, error)
            continue
        # nbconvert's rule: one without this text is a building block for others.
        if getattr(exporter, "export_from_notebook", None):
            found[entry.name] = {"output_mimetype": str(exporter.output_mimetype)}
    return found

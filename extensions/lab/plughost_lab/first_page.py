"""The first visit of the page finds ready what each process has to make once."""

from __future__ import annotations

import asyncio
import logging

from plughost import Host, PageRequest
from plughost_lab import labextensions, startup
from plughost_lab.visit import LAB

PAUSE = 0.2
"""Seconds after the start, in which those are served who have waited for it."""

LONGEST_START = 600.0
"""Seconds."""

log = logging.getLogger("plughost.lab")


class FirstPage:
    """Draws the page for nobody once all extensions are up, unless somebody has asked for it.

    That imports Jinja2, compiles the template, reads the setting schemas and looks through
    labextensions, which would take four fifths of the time of the first visit.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.ensure_future(self._prepare())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def is_asked_for(self) -> None:
        """Somebody visits the page: leave it to them."""
        if self._task is not None:
            self._task.cancel()

    async def _prepare(self) -> None:
        host = self._host
        await host.until(lambda: not host.loading, LONGEST_START)
        await asyncio.sleep(PAUSE)
        page = next((each for each in host.pages if each.url == LAB), None)
        if page is None:
            return  # another extension is in its place
        arguments = dict.fromkeys(("workspace", "path", "unknown"), "")
        visit = PageRequest(LAB, {"mode": "lab", **arguments}, {}, host.config.base_url)
        try:
            config = {
                **await startup.page_config(host, visit),
                **await labextensions.page_config(host, visit),
            }
            drawn = (page, list(host.frontends), config, visit.base_url, "")
            await asyncio.to_thread(lambda: host.renderer.page(*drawn))
        except Exception:  # whatever it is, whoever visits the page is told
            log.debug("The first page is not made ready.", exc_info=True)

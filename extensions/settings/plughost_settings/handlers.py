"""What all apps share at one address: parse, ask the domain, reply."""

from __future__ import annotations

import asyncio
from typing import Any

from plughost import Handler, JSONHandler, Route
from plughost_settings.bodies import body
from plughost_settings.custom import CustomStyle
from plughost_settings.sections import Sections


def routes(sections: Sections, custom: CustomStyle) -> list[Route]:
    """The addresses that are the same for every app; what answers is handed over by name."""
    return [
        Route(r"/api/config/(?P<section>\w+)", SectionHandler, sections=sections),
        Route(r"/custom/custom\.css", CustomStyleHandler, custom=custom),
        Route(r"/lab/api/news", NewsHandler),
        Route(r"/lab/api/update", UpdateHandler),
    ]


class SectionHandler(JSONHandler):
    """One configuration section: read, replace, change it."""

    def initialize(self, sections: Sections) -> None:
        self._sections = sections

    async def get(self, section: str) -> None:
        self.reply(await asyncio.to_thread(self._sections.read, section))

    async def put(self, section: str) -> None:
        values = body(self, dict[str, Any])
        await asyncio.to_thread(self._sections.replace, section, values)
        self.reply(None, status=204)

    async def patch(self, section: str) -> None:
        changes = body(self, dict[str, Any])
        self.reply(await asyncio.to_thread(self._sections.update, section, changes))


class CustomStyleHandler(Handler):
    """The person's own style sheet."""

    def initialize(self, custom: CustomStyle) -> None:
        self._custom = custom

    async def get(self) -> None:
        self.set_header("Content-Type", "text/css; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(await asyncio.to_thread(self._custom.read))


class NewsHandler(JSONHandler):
    """News about JupyterLab: none, since nothing is fetched from elsewhere."""

    def get(self) -> None:
        self.reply({"news": []})


class UpdateHandler(JSONHandler):
    """Whether there is a newer JupyterLab: unknown, since nothing is fetched from elsewhere."""

    def get(self) -> None:
        self.reply({"notification": None})

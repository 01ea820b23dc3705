"""The icons of the lab's page."""

from __future__ import annotations

from pathlib import Path

from tornado.web import StaticFileHandler

from plughost import Handler

DAY = 24 * 3600


class FaviconHandler(Handler, StaticFileHandler):
    """One icon out of a folder; `only` names the one that an address without a name stands for."""

    def initialize(self, folder: Path, only: str = "") -> None:  # type: ignore[override]
        super().initialize(path=str(folder))
        self._only = only

    async def get(self, file: str = "", include_body: bool = True) -> None:
        await super().get(file or self._only, include_body)

    async def head(self, file: str = "") -> None:
        await self.get(file, include_body=False)

    def set_extra_headers(self, path: str) -> None:
        # Their names say nothing about their content, and they hardly ever change.
        self.set_header("Cache-Control", f"public, max-age={DAY}")

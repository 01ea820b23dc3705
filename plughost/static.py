"""Compiled files of the frontends: hashed, precompressed, immutable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tornado import web

from plughost.errors import NotFound
from plughost.web import Handler

if TYPE_CHECKING:
    from plughost.frontend import LoadedFrontend

YEAR = 365 * 24 * 3600
_HASHED = re.compile(r".*-[A-Z0-9]{8}\.\w+(?:\.map)?")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class FrontendFiles(Handler, web.StaticFileHandler):
    """`/plughost/frontends/<extension>/<file>`: one file out of one frontend's folder.

    A name that carries a hash of its content never changes its meaning and is cached for
    a year (RFC 8246); others are revalidated. Where a `.br` or `.gz` twin lies beside the
    file and the client takes it, the twin is sent (RFC 9110, 8.4).
    """

    def initialize(self) -> None:  # type: ignore[override]  # the folder depends on the path
        super().initialize(path="")

    async def get(self, extension: str, file: str, include_body: bool = True) -> None:  # type: ignore[override]
        frontend = self._frontend(extension)
        self.root = str(frontend.folder)
        await super().get(self._twin(frontend.folder, file), include_body)

    async def head(self, extension: str, file: str) -> None:  # type: ignore[override]
        await self.get(extension, file, include_body=False)

    def _frontend(self, extension: str) -> LoadedFrontend:
        for frontend in self.host.frontends:
            if frontend.extension == extension:
                return frontend
        raise NotFound(
            f"The extension {extension!r} has no browser half here.",
            hint="`plughost extensions list` shows what is installed.",
        )

    def _twin(self, folder: Path, file: str) -> str:
        self._plain = file
        accepted = self.request.headers.get("Accept-Encoding", "")
        for encoding, suffix in _ENCODINGS:
            if encoding in accepted and Path(folder, file + suffix).is_file():
                self.set_header("Content-Encoding", encoding)
                return file + suffix
        return file

    def get_content_type(self) -> str:
        assert self.absolute_path is not None, "asked after the file was found"
        path = self.absolute_path
        if "Content-Encoding" in self._headers:
            self.absolute_path = str(Path(path).with_suffix(""))
        try:
            return super().get_content_type()
        finally:
            self.absolute_path = path

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Vary", "Accept-Encoding")
        if _HASHED.fullmatch(self._plain):
            self.set_header("Cache-Control", f"private, max-age={YEAR}, immutable")
        else:
            self.set_header("Cache-Control", "no-cache")

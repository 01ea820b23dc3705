"""Files out of folders: compiled frontends above all, hashed, precompressed, immutable."""

from __future__ import annotations

import re
from pathlib import Path

from tornado import web

from plughost.errors import NotFound
from plughost.web import Handler

YEAR = 365 * 24 * 3600
_HASHED = re.compile(r".*-[A-Z0-9]{8}\.\w+(?:\.map)?")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class FileHandler(Handler, web.StaticFileHandler):
    """One file out of a folder; the route's group `file` says which.

        Route(r"/icons/(?P<file>.+)", FileHandler, folder=Path(__file__).parent / "icons")

    Where there are several folders, a subclass says in `folder()` which one the route's
    other groups mean. Ranges, ETags and HEAD are Tornado's. Clients keep a file for
    `max_age` seconds, by default they ask each time whether it has changed. Where a `.br`
    or `.gz` twin lies beside the file and the client takes it, the twin is sent
    (RFC 9110, 8.4).
    """

    def initialize(  # type: ignore[override]  # Tornado's takes the folder as text, and a default
        self, folder: Path | None = None, max_age: int = 0
    ) -> None:
        super().initialize(path=str(folder or ""))
        self._max_age = max_age

    def folder(self, **groups: str) -> Path:
        """The folder that the route's groups mean. Raises NotFound."""
        return Path(self.root)

    async def get(self, file: str, **groups: str) -> None:  # type: ignore[override]
        await self._send(file, groups, include_body=True)

    async def head(self, file: str, **groups: str) -> None:  # type: ignore[override]
        await self._send(file, groups, include_body=False)

    async def _send(self, file: str, groups: dict[str, str], *, include_body: bool) -> None:
        self.root = str(self.folder(**groups))
        self._plain = file
        await super().get(self._twin(file), include_body)

    def _twin(self, file: str) -> str:
        accepted = self.request.headers.get("Accept-Encoding", "")
        for encoding, suffix in _ENCODINGS:
            if encoding in accepted and Path(self.root, file + suffix).is_file():
                self.set_header("Content-Encoding", encoding)
                return file + suffix
        return file

    def get_content_type(self) -> str:
        """The type of the file, not of its twin."""
        assert self.absolute_path is not None, "asked after the file was found"
        path = self.absolute_path
        if "Content-Encoding" in self._headers:
            self.absolute_path = str(Path(path).with_suffix(""))
        try:
            return super().get_content_type()
        finally:
            self.absolute_path = path

    def cache_control(self, file: str) -> str:
        """How long clients may keep a file (RFC 9111, 5.2.2)."""
        return f"private, max-age={self._max_age}" if self._max_age else "no-cache"

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("Cache-Control", self.cache_control(self._plain))


class FrontendFiles(FileHandler):
    """`/plughost/frontends/<extension>/<file>`: the compiled files of the frontends.

    A name that carries a hash of its content never changes its meaning (RFC 8246).
    """

    def cache_control(self, file: str) -> str:
        hashed = _HASHED.fullmatch(file)
        return f"private, max-age={YEAR}, immutable" if hashed else super().cache_control(file)

    def folder(self, **groups: str) -> Path:
        for frontend in self.host.frontends:
            if frontend.extension == groups["extension"]:
                return frontend.folder
        raise NotFound(
            f"The extension {groups['extension']!r} has no browser half here.",
            hint="`plughost extensions list` shows what is installed.",
        )

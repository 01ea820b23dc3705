"""Files out of folders: compiled frontends above all, hashed, precompressed, immutable."""

from __future__ import annotations

import mimetypes
import os
import re
from pathlib import Path

from tornado import web

from plughost.errors import NotFound
from plughost.handlers import Handler

YEAR = 365 * 24 * 3600
WHOLE_BYTES = 4 * 1024 * 1024
"""Hashed files up to this size are sent at one go."""
_HASHED = re.compile(r"(?:[\w@.+-]+/)*[\w@.+-]+-[A-Z0-9]{8}\.\w+(?:\.map)?")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_REFUSED = re.compile(r"(?:br|gzip|\*)\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")


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

    async def get(self, file: str, **groups: str) -> None:  # type: ignore[override]  # groups too
        await self._send(file, groups, include_body=True)

    async def head(self, file: str, **groups: str) -> None:  # type: ignore[override]  # groups too
        await self._send(file, groups, include_body=False)

    async def _send(self, file: str, groups: dict[str, str], *, include_body: bool) -> None:
        self.root = str(self.folder(**groups))
        self._plain = file
        await super().get(self._twin(file), include_body)

    def _twin(self, file: str) -> str:
        accepted = self.request.headers.get("Accept-Encoding", "")
        if _REFUSED.search(accepted):
            return file  # rare enough not to weigh the others
        for encoding, suffix in _ENCODINGS:
            if encoding in accepted and os.path.isfile(os.path.join(self.root, file + suffix)):
                self.set_header("Content-Encoding", encoding)
                return file + suffix
        return file

    def get_content_type(self) -> str:
        """The type of the file, not of its twin."""
        assert self.absolute_path is not None, "asked after the file was found"
        path = self.absolute_path
        if "Content-Encoding" in self._headers:
            self.absolute_path = path.rpartition(".")[0]
        try:
            return super().get_content_type()
        finally:
            self.absolute_path = path

    def compute_etag(self) -> str | None:
        """The file's time and size (RFC 9110, 8.8.3).

        Tornado hashes the content and keeps that for the life of the process: a file that is
        compiled anew would go on being "not modified".
        """
        assert self.absolute_path is not None, "asked after the file was found"
        facts = os.stat(self.absolute_path)
        return f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'

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

    async def get(self, file: str, **groups: str) -> None:  # type: ignore[override]  # groups too
        self.root = str(self.folder(**groups))
        if "Range" in self.request.headers or not _is_hashed(file) or not self._send_whole(file):
            await super().get(file, **groups)

    def _send_whole(self, file: str) -> bool:
        """Send a hashed file at one go, half as much work as Tornado's way; False if too large."""
        try:
            with open(os.path.join(self.root, self._twin(file)), "rb", buffering=0) as content:
                size = os.fstat(content.fileno()).st_size
                data = content.read() if size <= WHOLE_BYTES else None
        except OSError:
            data = None
        if data is None:
            self.clear_header("Content-Encoding")
            return False
        self.set_header("Content-Type", mimetypes.guess_type(file)[0] or "application/octet-stream")
        self._plain = file
        self.set_extra_headers(file)
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
        else:
            self.finish(data)
        return True

    def compute_etag(self) -> str | None:
        if not _is_hashed(self._plain):
            return super().compute_etag()
        encoding = self._headers.get("Content-Encoding")
        return f'"{self._plain.rpartition("/")[2]}{f"-{encoding}" if encoding else ""}"'

    def cache_control(self, file: str) -> str:
        if _is_hashed(file):
            return f"private, max-age={YEAR}, immutable"
        return super().cache_control(file)

    def folder(self, **groups: str) -> Path:
        for frontend in self.host.frontends:
            if frontend.extension == groups["extension"]:
                return frontend.folder
        raise NotFound(
            f"The extension {groups['extension']!r} has no browser half here.",
            hint="`plughost extensions list` shows what is installed.",
        )


def _is_hashed(file: str) -> bool:
    return ".." not in file and _HASHED.fullmatch(file) is not None

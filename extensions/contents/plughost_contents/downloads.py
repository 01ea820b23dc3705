"""`/files/` and `/view/`: files as browsers load them.

A file is somebody's text: HTML or SVG in it never runs with this server's origin. The
policy puts it into a sandbox of an origin of its own (CSP level 3, `sandbox`).
"""

from __future__ import annotations

import codecs
import html
import mimetypes
import re
from contextlib import aclosing
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from plughost import BadRequest, Handler
from plughost_contents.contents import Contents
from plughost_contents.formats import NOTEBOOK_TYPE
from plughost_contents.paths import name_of, normal, url_path
from plughost_contents.provider import Entry

SNIFF = 8192
"""Bytes to look at when a name does not tell text from bytes."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class FilesHandler(Handler):
    """`/files/<path>`: a file's bytes, also in part (RFC 9110, 14)."""

    def initialize(self, contents: Contents) -> None:
        self.contents = contents

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Security-Policy", f"{_policy(self)}; sandbox allow-scripts")
        self.set_header("Cache-Control", "no-cache")

    def compute_etag(self) -> None:
        """None: `_send` has one that needs no look at the content."""

    async def get(self, path: str) -> None:
        await self._send(path, with_body=True)

    async def head(self, path: str) -> None:
        await self._send(path, with_body=False)

    async def _send(self, path: str, *, with_body: bool) -> None:
        entry = await self.contents.entry(path)
        if entry.folder:
            raise BadRequest(f"{path!r} is a folder.", hint="Ask for a file in it.")
        tag = f'"{entry.modified.timestamp():f}-{entry.size}"'
        self.set_header("Etag", tag)
        self.set_header("Last-Modified", entry.modified)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Content-Type", await self._media_type(path, entry))
        if self.get_query_argument("download", None) is not None or entry.name.endswith(".ipynb"):
            # RFC 6266, 4.3: the form that carries any character.
            name = quote(entry.name, safe="")
            self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        if self.check_etag_header():
            self.set_status(304)
            return
        wanted = self._range(entry.size, tag)
        if wanted is None:
            start, stop = 0, entry.size
        elif wanted[0] >= wanted[1]:
            self.set_status(416)
            self.set_header("Content-Range", f"bytes */{entry.size}")
            return
        else:
            start, stop = wanted
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{stop - 1}/{entry.size}")
        self.set_header("Content-Length", str(stop - start))
        if with_body:
            await self._stream(path, start, stop)

    async def _stream(self, path: str, start: int, stop: int) -> None:
        async with aclosing(self.contents.read(path, start, stop)) as blocks:
            async for block in blocks:
                self.write(block)
                try:
                    await self.flush()
                except StreamClosedError:  # nobody listens any more
                    return

    def _range(self, size: int, tag: str) -> tuple[int, int] | None:
        """The one range that is asked for, as start and stop; None: send everything.

        Several ranges at once may be answered with everything (RFC 9110, 14.2), and so
        must a range of what has changed meanwhile (13.1.5).
        """
        match = _RANGE.fullmatch(self.request.headers.get("Range", ""))
        if not match or self.request.headers.get("If-Range", tag) != tag:
            return None
        first, last = match.groups()
        if first:
            if last and int(last) < int(first):  # is no range at all (14.1.1)
                return None
            return int(first), min(size, int(last) + 1) if last else size
        return (max(0, size - int(last)), size) if last else None

    async def _media_type(self, path: str, entry: Entry) -> str:
        if entry.name.endswith(".ipynb"):
            return NOTEBOOK_TYPE
        kind, encoding = mimetypes.guess_type(entry.name)
        if encoding == "gzip":
            return "application/gzip"
        if encoding is not None:
            return "application/octet-stream"
        if kind is None:
            kind = "text/plain" if await self._is_text(path) else "application/octet-stream"
        return f"{kind}; charset=UTF-8" if kind.startswith("text/") else kind

    async def _is_text(self, path: str) -> bool:
        async with aclosing(self.contents.read(path, 0, SNIFF)) as blocks:
            sample = b"".join([block async for block in blocks])
        try:
            # A whole sample may end inside a character.
            codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) < SNIFF)
        except UnicodeDecodeError:
            return False
        return b"\0" not in sample


class ViewHandler(Handler):
    """`/view/<path>`: a page around a file, which is drawn in a sandbox of its own."""

    def initialize(self, contents: Contents) -> None:
        self.contents = contents

    async def get(self, path: str) -> None:
        entry = await self.contents.entry(path)
        if entry.folder:
            raise BadRequest(f"{path!r} is a folder.", hint="View a file in it.")
        url = f"{self.host.config.base_url}files/{url_path(normal(path))}"
        self.set_header(
            "Content-Security-Policy",
            f"{_policy(self)}; default-src 'none'; frame-src 'self'; style-src 'unsafe-inline'",
        )
        self.finish(_VIEW.format(title=html.escape(name_of(normal(path))), url=html.escape(url)))


_VIEW = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
  html, body, iframe {{ width: 100%; height: 100%; margin: 0; border: 0; display: block }}
</style>
<iframe sandbox="allow-scripts" src="{url}" title="{title}"></iframe>
</html>
"""


def _policy(handler: Handler) -> str:
    report = handler.report_uri
    return f"frame-ancestors 'self'; report-uri {report}"

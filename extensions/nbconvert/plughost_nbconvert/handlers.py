"""The addresses of nbconvert: parse, have it converted, send it in a sandbox.

What comes out is somebody's HTML and never runs with this server's origin: the policy puts it
into an origin of its own (CSP level 3, `sandbox`), where there are no cookies to read and the
API is another site's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from plughost import Handler, JSONHandler
from plughost_nbconvert.conversions import Conversions, Converted
from plughost_nbconvert.origin import require_own_page

BLOCK = 1024 * 1024
"""Bytes that are sent at once."""

FLAG = {"true": True, "1": True, "false": False, "0": False}


class FormatsHandler(JSONHandler):
    """`GET /api/nbconvert`: what notebooks can be converted to."""

    def initialize(self, conversions: Conversions) -> None:
        self._conversions = conversions

    async def get(self) -> None:
        self.reply(await self._conversions.formats())


class ConvertedHandler(Handler):
    """Sends what a notebook has become, unless the client has gone meanwhile."""

    _work: asyncio.Task[Converted] | None = None
    _gone = False

    def initialize(self, conversions: Conversions) -> None:
        self._conversions = conversions

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header(
            "Content-Security-Policy",
            f"frame-ancestors 'self'; report-uri {self.report_uri}; sandbox allow-scripts",
        )
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None: nothing of this is kept."""

    def on_connection_close(self) -> None:
        self._gone = True
        if self._work is not None:
            self._work.cancel()

    async def send(self, work: Coroutine[None, None, Converted], *, download: bool) -> None:
        """Wait for a conversion and send what it has made."""
        self._work = asyncio.ensure_future(work)
        try:
            converted = await self._work
        except asyncio.CancelledError:
            if self._gone:
                return
            raise
        with converted.file:
            self.set_header("Content-Type", converted.media_type)
            self.set_header("Content-Length", str(converted.size))
            if converted.modified is not None:
                self.set_header("Last-Modified", converted.modified)
            if download or converted.attachment:
                # RFC 6266, 4.3: the form that carries any character.
                name = quote(converted.name, safe="")
                self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
            while block := await asyncio.to_thread(converted.file.read, BLOCK):
                self.write(block)
                try:
                    await self.flush()
                except StreamClosedError:  # nobody listens any more
                    return


class NotebookHandler(ConvertedHandler):
    """`GET /nbconvert/<format>/<path>`: a notebook of the contents, converted."""

    clean_address = True  # a script in the page could read the token there

    async def get(self, format: str, path: str) -> None:  # noqa: A002  # its name on the wire
        if self.caller is None or self.caller.proof != "token":
            require_own_page(self.request, self.host.auth.allows_origin)
        download = FLAG.get(self.get_query_argument("download", "").lower(), False)
        sanitize = FLAG.get(self.get_query_argument("sanitize_html", "").lower())
        await self.send(
            self._conversions.of_file(path, format, sanitize=sanitize), download=download
        )


class PostedHandler(ConvertedHandler):
    """`POST /nbconvert/<format>`: the notebook in the request, converted."""

    async def post(self, format: str) -> None:  # noqa: A002  # its name on the wire
        await self.send(self._conversions.of_request(self.request.body, format), download=False)

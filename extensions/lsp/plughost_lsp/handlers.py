"""Language servers over HTTP and WebSockets, as jupyter-lsp's clients ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from plughost import JSONHandler, WebSocketHandler
from plughost_lsp.servers import LanguageServers

if TYPE_CHECKING:
    from plughost_lsp.session import Session

REASON_BYTES = 123
"""Room for a reason (RFC 6455, 5.5)."""


class StatusHandler(JSONHandler):
    """`/lsp/status`: which servers there are, and what they do."""

    def initialize(self, servers: LanguageServers) -> None:
        self.servers = servers

    async def get(self) -> None:
        pool = await self.servers.pool()
        self.reply(await pool.status())


class ServerSocket(WebSocketHandler):
    """`/lsp/ws/<name>`: a server of one's own; each message is one of JSON-RPC, without header."""

    def initialize(self, servers: LanguageServers, max_message_bytes: int) -> None:
        self.servers = servers
        self._limit = max_message_bytes
        self._session: Session | None = None

    @property
    def max_message_size(self) -> int:
        """A longer one closes the WebSocket with 1009, before it is read."""
        return self._limit

    async def prepare(self) -> None:
        """Find the server while an error still has a status."""
        await super().prepare()
        self._pool = await self.servers.pool()
        self._server = await self._pool.check(self.path_kwargs["name"])

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self._session = self._pool.connect(self._server, self)

    async def on_message(self, message: str | bytes) -> None:
        # Tornado reads the next message when this is done: who writes too fast, waits.
        if self._session is not None:
            await self._session.tell(message.encode() if isinstance(message, str) else message)

    def on_close(self) -> None:
        if self._session is not None:
            self._session.leave()

    async def send(self, body: bytes) -> None:
        """Send one message (`session.Client`)."""
        try:
            await self.write_message(body)
        except (WebSocketClosedError, StreamClosedError) as error:
            raise ConnectionError("The WebSocket is closed.") from error

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        cut = reason.encode()[:REASON_BYTES].decode("utf-8", "ignore") if reason else None
        super().close(code, cut)

"""`WS /api/kernels/<id>/channels`: a client's line to a kernel, in either framing."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Sequence

from tornado.iostream import StreamClosedError

from plughost import BadRequest, WebSocketHandler
from plughost_kernels import framing
from plughost_kernels.errors import BadMessage, KernelNotFound
from plughost_kernels.kernels import Kernels

INVALID_DATA = 1007
REASON_BYTES = 123
"""A close code, and the room for a reason: RFC 6455, sections 7.4 and 5.5."""

_SINCE = re.compile(r"(?P<epoch>\w+):(?P<number>\d{1,18})", re.ASCII)


class ChannelsHandler(WebSocketHandler):
    """One client of one kernel.

    `session_id` names the client: one that comes back under the same name gets what it
    has missed. `since=<epoch>:<number>` asks for everything after a message instead.
    """

    def initialize(self, kernels: Kernels) -> None:
        self.kernels = kernels

    async def prepare(self) -> None:
        """Find the kernel and wait until it answers, while errors still have a status."""
        await super().prepare()
        self.kernel = self.kernels.get(self.path_kwargs["kernel_id"])
        self.session = self.get_query_argument("session_id", "") or secrets.token_hex(16)
        self.since = _since(self.get_query_argument("since", ""))
        await self.kernel.reachable()
        if self.kernel.id not in self.kernels:  # it was shut down meanwhile
            raise KernelNotFound(self.kernel.id, [kernel.id for kernel in self.kernels])

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return framing.PROTOCOL if framing.PROTOCOL in subprotocols else None

    def open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        super().open(*args, **kwargs)
        self.is_legacy = not self.selected_subprotocol
        self.kernel.clients.attach(self, self.since)
        return None

    def on_message(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes) and not self.is_legacy:
                channel, parts = framing.decode(message)
            else:
                channel, parts = framing.decode_legacy(message)
            self.kernel.send(self, channel, parts)
        except BadMessage as error:
            # A client that frames messages wrongly once will do so again.
            self.close(
                INVALID_DATA, error.message.encode()[:REASON_BYTES].decode("utf-8", "ignore")
            )

    def on_close(self) -> None:
        self.kernel.clients.detach(self)

    def send_frames(self, frames: Sequence[bytes]) -> asyncio.Future[None]:
        """Send messages, given in the binary framing (`delivery.Client`)."""
        pieces: list[bytes] = []
        for frame in frames:
            message: str | bytes = frame
            if self.is_legacy:
                message = framing.encode_legacy(*framing.decode(frame))
            payload = message.encode() if isinstance(message, str) else message
            pieces += (framing.websocket_head(len(payload), isinstance(message, str)), payload)
        line = self.ws_connection
        try:
            if line is None or line.stream is None or line.is_closing():
                raise StreamClosedError
            # Tornado writes one message at a time, each with a call to the system and a task
            # of its own: a flood takes three times as long.
            return line.stream.write(b"".join(pieces))
        except StreamClosedError as error:
            closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            closed.set_exception(error)
            return closed


def _since(text: str) -> tuple[str, int] | None:
    match = _SINCE.fullmatch(text)
    if text and not match:
        raise BadRequest(
            f"The argument since={text!r} cannot be read.",
            hint="It is <epoch>:<number>, as in a message's metadata under `plughost`.",
        )
    return (match["epoch"], int(match["number"])) if match else None

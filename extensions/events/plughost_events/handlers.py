"""`/api/events`: emit an event, or hear of all of them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from importlib import import_module
from typing import Any

import msgspec
from tornado.websocket import WebSocketClosedError

from plughost import JSONHandler, WebSocketHandler
from plughost_events.events import EventBus, Listener

TRY_AGAIN_LATER = 1013
"""WebSocket close code of a server that cannot keep up (IANA registry of close codes)."""


class EventMessage(msgspec.Struct):
    """The body of a POST: one event. `timestamp` says when it happened, nobody asks yet."""

    schema_id: str
    version: str | int
    data: dict[str, Any]
    timestamp: datetime | None = None


class EventsHandler(JSONHandler):
    """Emit an event."""

    def initialize(self, bus: EventBus) -> None:
        self._bus = bus

    def post(self) -> None:
        event = self.body(EventMessage)
        self._bus.emit(event.schema_id, event.data, version=event.version)
        self.reply(None, status=204)


class EventsSocket(WebSocketHandler):
    """Every event from now on, one JSON text each; what the client says is not heard."""

    def initialize(self, bus: EventBus) -> None:
        self._bus = bus
        self._listener: Listener | None = None

    async def get(self, *args: str, **kwargs: str) -> None:
        # What the first event needs is slow to import, and would hold up everybody then.
        await asyncio.to_thread(import_module, "jsonschema")
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self._listener = self._bus.listen()
        self._forwarding = asyncio.ensure_future(self._forward(self._listener))

    def on_message(self, message: str | bytes) -> None:
        pass

    def on_close(self) -> None:
        if self._listener is not None:
            self._listener.close()

    async def _forward(self, listener: Listener) -> None:
        try:
            async for event in listener:
                await self.write_message(msgspec.json.encode(event).decode())
        except WebSocketClosedError:
            return
        if listener.behind:
            self.close(TRY_AGAIN_LATER, "Too slow: some events are lost.")
        else:
            self.close()

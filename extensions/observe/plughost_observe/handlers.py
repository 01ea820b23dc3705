"""What is observed, over HTTP: logs, the loop, metrics, and the description of all routes."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from tornado.websocket import WebSocketClosedError

from plughost import BadRequest, Handler, JSONHandler, WebSocketHandler, __version__
from plughost_observe.description import Description
from plughost_observe.lines import LEVELS, Wanted, level_named, moment
from plughost_observe.logs import Follower, Tail
from plughost_observe.metrics import Requests
from plughost_observe.watchdog import Watchdog, places_of

LIMIT = 500
"""Lines in a reply, unless somebody asks for another number; so many more at the most."""
MOST = 100_000
TRY_AGAIN_LATER = 1013
"""A close code, in IANA's registry of RFC 6455."""


def _text(name: str, description: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "string", **more}
    return {"name": name, "in": "query", "description": description, "schema": schema}


_FILTERS = [
    _text("extension", "Only lines of this extension; `plughost` is the host itself."),
    _text("kernel", "Only lines about this kernel."),
    _text("level", "Only lines of this level or a graver one.", enum=[*LEVELS]),
    _text("since", "Only lines from this time on, in ISO 8601.", format="date-time"),
]
_LINE = {
    "type": "object",
    "required": ["time", "level", "logger", "message"],
    "properties": {
        name: {"type": "string"}
        for name in (
            *("time", "level", "logger", "message", "extension", "kernel"),
            *("user", "request", "exception"),
        )
    },
}


def _wanted(handler: Handler) -> Wanted:
    """Which lines the query asks for. Raises BadRequest."""
    level = handler.get_query_argument("level", "")
    since = handler.get_query_argument("since", "")
    return Wanted(
        extension=handler.get_query_argument("extension", None) or None,
        kernel=handler.get_query_argument("kernel", None) or None,
        level=level_named(level) if level else 0,
        since=moment(since) if since else None,
    )


class LogsHandler(JSONHandler):
    """`GET /plughost/api/logs`: the last log lines, the oldest first.

    They come from memory: what is older is in the log file.
    """

    openapi: ClassVar[dict[str, Any]] = {
        "get": {
            "parameters": [
                *_FILTERS,
                {
                    "name": "limit",
                    "in": "query",
                    "description": "How many lines, the last ones.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
                },
            ],
            "responses": {
                "200": {
                    "description": "The lines.",
                    "content": {"application/json": {"schema": {"type": "array", "items": _LINE}}},
                }
            },
        }
    }

    def initialize(self, tail: Tail) -> None:
        self._tail = tail

    def get(self) -> None:
        text = self.get_query_argument("limit", str(LIMIT))
        if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= MOST:
            raise BadRequest(
                f"The argument limit={text!r} is no number of lines.",
                hint=f"It is a number from 1 to {MOST}.",
            )
        lines = self._tail.last(_wanted(self), int(text[:9]))
        # Each line is JSON already.
        self.finish(b"[" + b",\n".join(entry.json for entry in lines) + b"]")


class LiveLogs(WebSocketHandler):
    """`WS /plughost/api/logs/live`: log lines as they come, one JSON object each.

    With `since` it begins with those that are kept in memory. What the client says is not
    heard. A client that is too slow is let go, with the close code 1013.
    """

    openapi: ClassVar[dict[str, Any]] = {"get": {"parameters": _FILTERS}}

    def initialize(self, tail: Tail) -> None:
        self._tail = tail
        self._follower: Follower | None = None

    async def prepare(self) -> None:
        await super().prepare()
        self._wanted = _wanted(self)  # before the upgrade, so that a mistake has a status

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self._follower = self._tail.follow(self._wanted)
        self._forwarding = asyncio.ensure_future(self._forward(self._follower))

    def on_message(self, message: str | bytes) -> None:
        pass

    def on_close(self) -> None:
        if self._follower is not None:
            self._follower.close()

    async def _forward(self, follower: Follower) -> None:
        try:
            async for line in follower:
                await self.write_message(line.decode())
        except WebSocketClosedError:
            return
        if follower.behind:
            self.close(TRY_AGAIN_LATER, "Too slow: some lines are lost.")
        else:
            self.close()


class LoopHandler(JSONHandler):
    """`GET /plughost/api/loop`: who has held the event loop, where and for how long.

    Times are in milliseconds; `lag` is how late the loop came to what was due.
    """

    def initialize(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog

    def get(self) -> None:
        lag = self._watchdog.lag
        self.reply(
            {
                "limit": self._watchdog.limit,
                "lag": {
                    "last": round(lag.last * 1000, 3),
                    "mean": round(lag.total / lag.count * 1000, 3) if lag.count else 0.0,
                    "measured": lag.count,
                },
                "extensions": self._watchdog.totals(),
                "places": places_of(self._watchdog.holds),
            }
        )


class MetricsHandler(Handler):
    """`GET /metrics`: what is counted and measured, as Prometheus reads it."""

    openapi: ClassVar[dict[str, Any]] = {
        "get": {
            "responses": {
                "200": {
                    "description": "The metrics, in the text format that the client prefers.",
                    "content": {
                        "text/plain": {"schema": {"type": "string"}},
                        "application/openmetrics-text": {"schema": {"type": "string"}},
                    },
                }
            }
        }
    }

    def initialize(self, requests: Requests, watchdog: Watchdog) -> None:
        self._requests = requests
        self._watchdog = watchdog

    async def get(self) -> None:
        # On the loop what counts stands still for a moment; the rest may take its time.
        facts = {
            "version": __version__,
            "requests": self._requests.copy(),
            "holds": self._watchdog.totals(),
            "lag": (self._watchdog.lag.buckets.copy(), self._watchdog.lag.total),
            "status": self.host.status(),
            "sockets": dict(self.host.application.open_sockets),
            "extensions": {
                name: (record.state.value, dict(record.milliseconds), record.memory)
                for name, record in self.host.records.items()
            },
        }
        accept = self.request.headers.get("Accept", "")
        body, media_type = await asyncio.to_thread(_exposed, facts, accept)
        self.set_header("Content-Type", media_type)
        self.set_header("Cache-Control", "no-store")
        self.finish(body)


def _exposed(facts: dict[str, Any], accept: str) -> tuple[bytes, str]:
    from plughost_observe.exposition import Snapshot, exposed  # with prometheus_client, psutil

    return exposed(Snapshot(**facts), accept)


class DescriptionHandler(JSONHandler):
    """`GET /plughost/api/openapi.json`: every route, as OpenAPI 3.1 describes it."""

    media_type = "application/json"

    def initialize(self, description: Description) -> None:
        self._description = description

    async def get(self) -> None:
        await self.host.until(lambda: not self.host.loading)
        self.set_header("Content-Type", self.media_type)
        self.finish(self._description.json())


class SpecHandler(DescriptionHandler):
    """`GET /api/spec.yaml`: the same, where Jupyter's clients look for it; JSON is YAML."""

    openapi: ClassVar[dict[str, Any]] = {
        "get": {
            "responses": {
                "200": {"description": "The description.", "content": {"text/x-yaml": {}}},
            }
        }
    }

    media_type = "text/x-yaml; charset=UTF-8"

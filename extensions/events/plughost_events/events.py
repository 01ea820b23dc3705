"""Events: what happens on the server, told to whoever listens.

An extension describes its events by a JSON schema each, in the hook `events_schemas`, and
emits them when they happen:

    with contextlib.suppress(ServiceNotFound):  # fine without the extension `events`
        bus = host.service("plughost_events.events.EventBus")
        bus.emit("https://example.org/tea/v1", {"minutes": 3})

Listeners in the browser use `/api/events/subscribe`, those on the server `EventBus.listen`.
Everything here runs on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from plughost import BadRequest, Conflict, HostError

BACKLOG = 1000
"""So many events wait for a slow listener before it is let go; it can come back."""

Schema = Mapping[str, Any]

log = logging.getLogger("plughost.events")


class UnknownEvent(BadRequest):
    def __init__(self, schema_id: str, known: Iterable[str]) -> None:
        self.schema_id = schema_id
        super().__init__(
            f"There is no event schema {schema_id!r}.",
            hint=f"Registered: {', '.join(sorted(known)) or 'none'}.",
        )


class InvalidEvent(BadRequest):
    """Data that the schema does not allow; `place` is its JSONPath."""

    def __init__(self, schema_id: str, place: str, reason: str) -> None:
        self.schema_id = schema_id
        self.place = place
        super().__init__(
            f"The event {schema_id!r} is not valid at {place!r}: {reason}.",
            hint="Send what the registered schema asks for.",
        )


class EventBus:
    """Takes events that fit their schema and hands each to every listener.

    `ask` returns what the extensions say about their events, by their names. They are asked
    when an event comes that nobody has described yet: extensions come and go. `tell` is
    called when the first listener comes, with True, and when the last one goes.
    """

    def __init__(
        self,
        ask: Callable[[], Mapping[str, Iterable[Schema]]] = dict,
        tell: Callable[[bool], None] = lambda listening: None,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._validators: dict[str, Any] = {}
        self._schemas: dict[str, Schema] = {}
        self._listeners: dict[Listener, None] = {}

    def register(self, schema: Schema) -> None:
        """Describe a kind of event by a JSON schema (draft 7) with `$id` and `version`.

        Raises BadRequest for one without them, Conflict when the id is taken by another.
        """
        missing = [key for key in ("$id", "version") if not schema.get(key)]
        if missing:
            raise BadRequest(
                f"The event schema {schema.get('$id', '')!r} has no {' and no '.join(missing)}.",
                hint='Give it both, such as "$id": "https://example.org/tea/v1", "version": "1".',
            )
        known = self._schemas.get(schema["$id"])
        if known is not None and known != schema:
            raise Conflict(
                f"The event schema {schema['$id']!r} is registered with another content.",
                hint="Give the changed schema a new id.",
            )
        self._schemas[schema["$id"]] = schema

    def emit(
        self, schema_id: str, data: Mapping[str, Any], *, version: str | int | None = None
    ) -> None:
        """Tell every listener. Raises UnknownEvent and InvalidEvent.

        `version` is compared with the schema's where the sender gives one. An event that an
        extension emits is looked at only when somebody listens.
        """
        schema = self._find(schema_id)
        if version is not None and str(version) != str(schema["version"]):
            reason = f"the registered version is {str(schema['version'])!r}, not {str(version)!r}"
            raise InvalidEvent(schema_id, "version", reason)
        if not self._listeners and version is None:
            return
        error = self._first_error(schema_id, data)
        if error is not None:
            raise InvalidEvent(schema_id, error.json_path, error.message)
        event = {"schema_id": schema_id, **data}
        for listener in [*self._listeners]:
            listener.put(event)

    @property
    def listening(self) -> bool:
        """Whether somebody listens, for those who come later than the first listener."""
        return bool(self._listeners)

    def tell(self, schema_id: str, data: Mapping[str, Any]) -> None:
        """Emit what has been done; an event that cannot be told is logged, and harms nobody.

        For who has done the work already: nothing is undone by an error then.
        """
        try:
            self.emit(schema_id, data)
        except HostError as error:
            log.warning("An event is not told: %s", error.message)

    def listen(self) -> Listener:
        """Begin to collect events; iterate over what this returns, and close it in the end."""
        listener = Listener(self._leave)
        self._listeners[listener] = None
        if len(self._listeners) == 1:
            self._tell(True)
        return listener

    def _leave(self, listener: Listener) -> None:
        del self._listeners[listener]
        if not self._listeners:
            self._tell(False)

    async def stop(self) -> None:
        """Let all listeners go."""
        for listener in [*self._listeners]:
            listener.close()

    def _find(self, schema_id: str) -> Schema:
        if schema_id not in self._schemas:
            for name, schemas in self._ask().items():
                for schema in schemas:
                    try:
                        self.register(schema)
                    except HostError as error:
                        log.warning("An event schema of %r is left out: %s", name, error.message)
        if schema_id not in self._schemas:
            raise UnknownEvent(schema_id, self._schemas)
        return self._schemas[schema_id]

    def _first_error(self, schema_id: str, data: Mapping[str, Any]) -> Any:
        if schema_id not in self._validators:
            from jsonschema import Draft7Validator  # when needed: slow to import

            self._validators[schema_id] = Draft7Validator(dict(self._schemas[schema_id]))
        return next(self._validators[schema_id].iter_errors(dict(data)), None)


class Listener:
    """The events from `listen()` on, in order; ends when closed or too far behind."""

    def __init__(self, leave: Callable[[Listener], None]) -> None:
        self._leave = leave
        self._left = False
        self._waiting: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.behind = False

    def put(self, event: dict[str, Any]) -> None:
        if self._waiting.qsize() >= BACKLOG:
            self.behind = True
            self.close()
        else:
            self._waiting.put_nowait(event)

    def close(self) -> None:
        """Collect no more; what has been collected is still given out."""
        if not self._left:
            self._left = True
            self._leave(self)
            self._waiting.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while (event := await self._waiting.get()) is not None:
            yield event

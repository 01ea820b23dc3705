"""`/api/events`: what happens, told to whoever listens."""

import json

import pytest
from tornado.httpclient import HTTPClientError

import plughost_events
from plughost import BadRequest, Conflict, hookimpl
from plughost_events.events import BACKLOG, EventBus

TEA = {
    "$id": "https://example.org/tea/v1",
    "version": "1",
    "type": "object",
    "properties": {"minutes": {"type": "number"}},
    "required": ["minutes"],
}
READY = {"schema_id": TEA["$id"], "version": "1", "data": {"minutes": 3}}


@pytest.mark.proves("POST /api/events", "WS /api/events/subscribe")
async def test_every_listener_hears_what_is_posted_and_what_is_emitted(start):
    async with start(plughost_events) as (host, client):
        bus = host.service("plughost_events.events.EventBus")
        bus.register(TEA)
        sockets = [await client.websocket("/api/events/subscribe") for _ in range(2)]
        posted = await client.post("/api/events", {**READY, "timestamp": "2026-11-23T08:00:00Z"})
        bus.emit(TEA["$id"], {"minutes": 4})
        heard = [json.loads(await s.read_message()) for s in [*sockets, *sockets]]
        for socket in sockets:
            socket.close()
    assert (posted.status, posted.body) == (204, b"")
    first, second = ({"schema_id": TEA["$id"], "minutes": minutes} for minutes in (3, 4))
    assert heard == [first, first, second, second]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({**READY, "schema_id": "tea"}, "There is no event schema 'tea'."),
        ({**READY, "version": "2"}, "version is '1', not '2'"),
        ({**READY, "data": {"minutes": "3"}}, "not valid at '$.minutes'"),
        ({**READY, "data": {}}, "'minutes' is a required property"),
        ({**READY, "timestamp": "at noon"}, "`$.timestamp`"),
        ({"schema_id": TEA["$id"]}, "`version`"),
        ([], "body cannot be used"),
    ],
)
async def test_an_event_that_does_not_fit_is_refused(start, event, said):
    async with start(plughost_events) as (host, client):
        host.service(EventBus).register(TEA)
        reply = await client.post("/api/events", event)
    assert reply.status == 400
    assert said in reply.json["message"]


class Kettle:
    @hookimpl(optionalhook=True)
    def events_schemas(self):
        return [TEA, {"$id": "https://example.org/nothing"}]


async def test_extensions_describe_their_events(start):
    async with start(plughost_events, Kettle()) as (host, client):
        socket = await client.websocket("/api/events/subscribe")
        posted = await client.post("/api/events", READY)
        with pytest.raises(BadRequest, match="'minutes' is a required property"):
            host.service(EventBus).emit(TEA["$id"], {})
        heard = json.loads(await socket.read_message())
        socket.close()
    assert (posted.status, heard) == (204, {"schema_id": TEA["$id"], "minutes": 3})


async def test_listening_needs_an_authenticated_caller(start):
    async with start(plughost_events) as (_, client):
        with pytest.raises(HTTPClientError) as refused:
            await client.websocket("/api/events/subscribe", token=None)
    assert refused.value.code == 403


async def test_a_stopping_host_closes_its_listeners(start):
    async with start(plughost_events) as (_, client):
        socket = await client.websocket("/api/events/subscribe")
    last = await socket.read_message()
    socket.close()
    assert last is None


async def test_a_listener_that_falls_behind_is_let_go_with_what_it_has():
    bus = EventBus()
    bus.register(TEA)
    listener = bus.listen()
    for minutes in range(BACKLOG + 1):
        bus.emit(TEA["$id"], {"minutes": minutes})
    heard = [event["minutes"] async for event in listener]
    assert (listener.behind, heard) == (True, list(range(BACKLOG)))


def test_a_schema_needs_an_id_and_a_version_and_stays_what_it_is():
    bus = EventBus()
    bus.register(TEA)
    bus.register(dict(TEA))
    with pytest.raises(Conflict, match="another content"):
        bus.register({**TEA, "required": []})
    with pytest.raises(BadRequest, match=r"has no \$id and no version"):
        bus.register({})

"""Traps that were found by attacking the host: each is closed, and stays closed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from plughost import (
    Authenticator,
    JSONHandler,
    LogHandler,
    Page,
    PageConfig,
    Route,
    Service,
    ServiceNotFound,
    Status,
    User,
    WebSocketHandler,
    hookimpl,
)
from plughost.cookies import CookieKey
from tests.core.test_exchange import TEA, Provider, Shelf
from tests.core.test_exchange import User as TeaUser


class Hello(JSONHandler):
    def get(self):
        self.reply("hello")


class Good:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/good/api", Hello)]


async def test_a_log_handler_that_raises_is_detached_and_named(start):
    class Sink(logging.Handler):
        def emit(self, record):
            raise RuntimeError("the disk is gone")

        def close(self):
            raise OSError("and cannot be closed")

    class Keeper:
        @hookimpl
        def plughost_log_handlers(self):
            return [LogHandler(Sink())]

    async with start(Good(), Keeper()) as (host, client):
        await host.settle()
        logging.getLogger("plughost.test").error("first")
        logging.getLogger("plughost.test").error("second")
        reply = await client.get("/good/api")
        record = host.records["Keeper"].to_json()
    assert reply.status == 200
    assert (record["state"], record["phase"]) == ("active", "log")
    assert "cannot be closed" in record["error"] or "the disk is gone" in record["error"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: LogHandler("no handler"), "LogHandler.handler is a Handler, not str"),
        (lambda: Page("p", "/p", url="/p", title="P", rank="high"), "Page.rank is a int, not str"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_where_it_is_made(make, error):
    with pytest.raises(TypeError, match=error):
        make()


async def test_a_disabled_user_stays_disabled_when_its_provider_is_replaced(start):
    async with start() as (host, _):
        host.add("pot", Provider("pot", []))
        host.add("cup", TeaUser("cup", []))
        await host.settle()
        await host.disable("cup")
        await host.replace("pot", Provider("pot", []))
        state = host.records["cup"].state.value
    assert state == "disabled"


@pytest.mark.parametrize("change", ["replace", "disable"])
async def test_a_host_that_is_closed_during_an_exchange_stops_each_service_once(start, change):
    story = []

    class Slow(Shelf):
        async def stop(self):
            await super().stop()
            await asyncio.sleep(0.3)

    def provider():
        made = Provider("pot", story)
        made.shelf = Slow("pot", story)
        return made

    async with start() as (host, _):
        host.add("pot", provider())
        await host.settle()
        exchange = asyncio.ensure_future(
            host.replace("pot", provider()) if change == "replace" else host.disable("pot")
        )
        await host.until(lambda: host.exchanging, seconds=60)
        await asyncio.sleep(0.05)
    await asyncio.gather(exchange, return_exceptions=True)
    assert story.count("+pot") == story.count("-pot")
    assert story[:2] == ["+pot", "-pot"]


async def test_a_websocket_with_a_close_of_its_own_does_not_stop_its_extension_from_going(start):
    class Own(WebSocketHandler):
        def close(self):
            raise AssertionError("never called")

    class Sockets:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/own", Own)]

    async with start(Sockets()) as (host, client):
        await host.settle()
        socket = await client.websocket("/own")
        await host.disable("Sockets")
        assert await socket.read_message() is None
        socket.close()
        state = host.records["Sockets"].state.value
    assert state == "disabled"


async def test_what_stopped_an_extension_is_not_forgotten_for_what_comes_later(start):
    class Fails:
        async def start(self):
            raise OSError("no such device")

    class Broken:
        @hookimpl
        def plughost_services(self):
            return [Service(Fails())]

        @hookimpl
        def plughost_status(self):
            return [Status(lambda: 1 / 0)]

        @hookimpl
        def plughost_authenticators(self):
            return [Authenticator(lambda request: User(username="anybody"), ambient=False)]

    async with start(Broken(), Good()) as (host, client):
        await host.settle()
        await client.get("/api/status")
        host.records["Broken"].note("request", KeyError("late"))
        stranger = await client.get("/good/api", token=None)
        record = host.records["Broken"].to_json()
    assert stranger.status == 403
    assert "no such device" in record["error"]
    assert "KeyError" in record["notes"][0]


async def test_odd_facts_and_values_take_nothing_else_along(start):
    class Odd:
        @hookimpl
        def plughost_status(self):
            return [Status(lambda: {1: "one"}), Status(lambda: {"loading": "never"})]

        @hookimpl
        def plughost_pages(self):
            return [Page("odd", r"/odd", url="/odd", title="Odd")]

        @hookimpl
        def plughost_page_config(self):
            return [
                PageConfig("odd", lambda visit: {"a": float("nan")}),
                PageConfig("odd", lambda visit: {"b": "\udcff"}),
                PageConfig("odd", lambda visit: {"c": 1}),
            ]

    async with start(Odd()) as (_, client):
        status = await client.get("/api/status")
        page = await client.get("/odd")
    assert (status.status, status.json["loading"], page.status) == (200, False, 200)
    assert '"config":{"c":1}' in page.text


@pytest.mark.parametrize("step", ["get", "set_default_headers", "write_error", "prepare"])
async def test_a_panic_in_a_handler_is_a_500_and_on_record(start, step):
    class Panic(BaseException):
        pass

    def panic(self, *args, **kwargs):
        raise Panic("from a compiled module")

    handler = type("Handler", (JSONHandler,), {step: panic})
    if step == "write_error":
        handler.get = lambda self: 1 / 0

    class Wild:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/wild/api", handler)]

    async with start(Wild(), Good()) as (host, client):
        reply = await client.get("/wild/api")
        fine = await client.get("/good/api")
        error = host.records["Wild"].error
    assert (reply.status, fine.status) == (500, 200)
    assert error


async def test_a_service_that_is_said_to_be_missing_and_is_not_ends_nothing(start):
    class Liar:
        @hookimpl
        def plughost_routes(self):
            raise ServiceNotFound(TEA, [])

    async with start() as (host, client):
        host.add("pot", Provider("pot", []))
        host.add("liar", Liar())
        await host.settle()
        await host.replace("pot", Provider("pot", []))
        reply = await client.get("/pot/api")
        state = host.records["liar"].state.value
    assert (reply.json, state) == ("pot", "waiting")


async def test_extensions_count_in_the_same_order_after_an_exchange(start):
    class Takes:
        def __init__(self, name):
            self.name = name

        @hookimpl
        def plughost_routes(self):
            name = self.name

            class Named(JSONHandler):
                def get(self):
                    self.reply(name)

            return [Route(rf"/(?:shared|{name})/api", Named)]

    async with start() as (host, client):
        host.add("a", Takes("a"))
        host.add("b", Takes("b"))
        await host.settle()
        before = await client.get("/shared/api")
        await host.replace("a", Takes("a"))
        after = await client.get("/shared/api")
    assert (before.json, after.json) == ("a", "a")


async def test_an_object_that_is_equal_to_everything_hides_nobody(start):
    class Equal:
        def __eq__(self, other):
            raise ValueError("cannot compare")

        __hash__ = None

        @hookimpl
        def plughost_routes(self):
            return [Route(r"/equal/api", Hello)]

    async with start(Equal(), Good()) as (host, client):
        await host.settle()
        replies = [await client.get(f"/{name}/api") for name in ("equal", "good")]
        states = {record.state.value for record in host.records.values()}
    assert [reply.status for reply in replies] == [200, 200]
    assert states == {"active"}


async def test_a_handler_whose_base_asks_for_more_is_served_as_it_is(start):
    class Labelled(JSONHandler):
        def __init_subclass__(cls, *, label, **options):
            super().__init_subclass__(**options)

    class Mine(Labelled, label="mine"):
        def get(self):
            self.reply("mine")

    class Labels:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/mine/api", Mine)]

    async with start(Labels()) as (_, client):
        reply = await client.get("/mine/api")
    assert reply.json == "mine"


async def test_a_login_key_that_cannot_be_kept_lasts_as_long_as_the_server(
    jupyter_folders, monkeypatch, caplog
):
    (jupyter_folders / "file").write_text("")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(jupyter_folders / "file" / "below"))
    key = CookieKey(also="", keep=True)
    signed = key.sign("name", "value").decode()
    assert key.verified("name", signed, 1) == b"value"
    assert "cannot be kept" in caplog.text


async def test_the_body_of_a_caller_nobody_knows_is_small(start):
    class Public:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/public/api", Length, public=True)]

    class Length(JSONHandler):
        def post(self):
            self.reply(len(self.request.body))

    async with start(Public()) as (_, client):
        small = await client.post("/public/api", "x" * 1000, token=None)
        large = await client.post("/public/api", "x" * 2_000_000, token=None)
        known = await client.post("/public/api", "x" * 2_000_000)
    assert (small.json, large.status, known.status) == (1000, 413, 413)


NEW = """
from {package}.helper import ANSWER
from plughost import JSONHandler, Route, hookimpl
class Hello(JSONHandler):
    def get(self): self.reply(ANSWER)
@hookimpl
def plughost_routes(): return [Route(r"/pk/api", Hello)]
"""


async def test_the_whole_package_is_replaced_not_only_the_module_of_the_hooks(
    served, strangers, distribution
):
    distribution("pk", "")
    (strangers / "pk.py").unlink()
    (strangers / "pk").mkdir()
    (strangers / "pk" / "__init__.py").write_text("")
    (strangers / "pk" / "ext.py").write_text(NEW.format(package="pk"))
    (strangers / "pk" / "helper.py").write_text("ANSWER = 'old'")
    entry_points = strangers / "pk-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[plughost]\npk = pk.ext\n")
    server = served(env={"PYTHONPATH": str(strangers), "PYTHONDONTWRITEBYTECODE": "1"})
    old = await server.client.get("/pk/api")
    (strangers / "pk" / "helper.py").write_text("ANSWER = 'new, and longer'")
    await server.client.post("/plughost/api/extensions/pk", "")
    new = await server.client.get("/pk/api")
    assert (old.json, new.json) == ("old", "new, and longer")

"""A broken extension is news, not an outage."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

import pytest

from plughost import ExtensionError, Host, JSONHandler, Route, Service, Status, hookimpl


class Greeting(JSONHandler):
    def get(self) -> None:
        self.reply("hello")


class Good:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/good/api", Greeting)]


class RaisesInRoutes:
    @hookimpl
    def plughost_services(self):
        return [Service(self)]

    @hookimpl
    def plughost_routes(self):
        raise LookupError("no routes today")


class ExitsInRoutes:
    @hookimpl
    def plughost_routes(self):
        raise SystemExit(3)


class Misspelt:
    @hookimpl
    def plughost_rutes(self):
        return []


class WrongArgument:
    @hookimpl
    def plughost_routes(self, hots):
        return []


class NoList:
    @hookimpl
    def plughost_routes(self):
        return Route(r"/x", Greeting)


class WrongKind:
    @hookimpl
    def plughost_routes(self):
        return ["/x"]


class BadPattern:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/(", Greeting)]


class Twin(Good):
    pass


@pytest.mark.parametrize(
    ("broken", "phase", "error", "next_step"),
    [
        (RaisesInRoutes(), "plughost_routes", "no routes today", "extensions disable broken"),
        (ExitsInRoutes(), "plughost_routes", "SystemExit", "extensions disable broken"),
        (Misspelt(), "register", "plughost_rutes", "Did you mean 'plughost_routes'?"),
        (WrongArgument(), "register", "plughost_routes takes hots", "It has: host."),
        (NoList(), "plughost_routes", "returned Route, not a list", "Return a list"),
        (WrongKind(), "plughost_routes", "returned a str, not a Route", "is a Route"),
        (BadPattern(), "collect", "missing )", "extensions disable broken"),
        (Twin(), "collect", "'/good/api' already belongs to the extension 'good'", "disable one"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
async def test_one_broken_extension_is_named_and_the_others_run(
    start, broken, phase, error, next_step
):
    async with start() as (host, client):
        host.add("good", Good())
        host.add("broken", broken)
        reply = await client.get("/good/api")
        news = (await client.get("/plughost/api/extensions/broken")).json
    assert reply.json == "hello"
    assert (news["state"], news["phase"]) == ("failed", phase)
    assert error in news["error"]
    assert next_step in news["nextStep"]
    assert news["traceback"]


async def test_a_function_that_looks_like_a_hook_and_is_none_is_told(start):
    class Forgetful:
        def plughost_routes(self):
            return [Route(r"/forgetful/api", Greeting)]

    async with start(Good(), Forgetful()) as (host, client):
        await host.settle()
        record = (await client.get("/plughost/api/extensions/Forgetful")).json
        good = (await client.get("/plughost/api/extensions/Good")).json
    assert (record["state"], good["notes"]) == ("active", [])
    assert record["notes"] == [
        "Its function 'plughost_routes' is not a hook. "
        "Write `@hookimpl` (from plughost) above it, or give it another name."
    ]


async def test_what_fails_while_serving_is_recorded_and_the_extension_goes_on(start):
    class Moody:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/moody/api", Fault)]

        @hookimpl
        def plughost_status(self):
            return [Status(lambda: {"moods": 1 / 0})]

    class Fault(JSONHandler):
        def get(self):
            raise KeyError("mood")

    async with start(Good(), Moody()) as (_, client):
        status = await client.get("/api/status")
        after_status = (await client.get("/plughost/api/extensions/Moody")).json
        reply = await client.get("/moody/api")
        after_request = (await client.get("/plughost/api/extensions/Moody")).json
    assert (status.status, reply.status) == (200, 500)
    assert (after_status["state"], after_status["phase"]) == ("active", "status")
    assert (after_request["state"], after_request["phase"]) == ("active", "request")
    assert "KeyError while in request: 'mood'" in after_request["error"]


async def test_a_handler_that_cannot_be_made_still_gives_a_reply(start):
    class Unmade(JSONHandler):
        def initialize(self, needed):
            raise AssertionError("never called: the route gives no such argument")

    class Careless:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/careless/api", Unmade)]

    async with start(Careless()) as (_, client):
        reply = await client.post("/careless/api", "{}")
        record = (await client.get("/plughost/api/extensions/Careless")).json
    assert (reply.status, record["phase"]) == (500, "request")
    assert "'Careless' cannot answer here" in reply.json["message"]
    assert "needed" in record["error"]


def test_what_extensions_offer_is_known_before_anything_runs(jupyter_folders):
    host = Host({"good": Good(), "broken": RaisesInRoutes()})
    assert [r.handler for r in host.routes if r.pattern.startswith("/good")] == [Greeting]
    assert "while in plughost_routes" in host.records["broken"].error


async def test_nothing_of_a_failed_extension_stays_behind(start):
    async with start() as (host, _client):
        host.add("broken", RaisesInRoutes())
        with pytest.raises(ExtensionError, match="RaisesInRoutes"):
            host.service(RaisesInRoutes)
        assert "broken" not in host.offers


class Fails:
    async def start(self):
        raise OSError("no such device")


class Hangs:
    def __init__(self):
        self.stopped = asyncio.Event()

    async def stop(self):
        self.stopped.set()
        await asyncio.sleep(3600)


async def test_a_service_that_does_not_start_takes_only_its_routes_along(start):
    class Broken:
        @hookimpl
        def plughost_services(self):
            return [Service(Fails())]

        @hookimpl
        def plughost_routes(self):
            return [Route(r"/broken/api", Greeting)]

    async with start(Good(), Broken()) as (host, client):
        await host.until(lambda: host.records["Broken"].settled)
        reply = await client.get("/broken/api")
        fine = await client.get("/good/api")
    assert fine.json == "hello"
    assert (reply.status, reply.headers["Retry-After"]) == (503, "60")
    assert "no such device" in reply.json["message"]


async def test_a_service_that_hangs_in_stop_is_left_after_five_seconds(start):
    hangs = Hangs()

    class Stubborn:
        @hookimpl
        def plughost_services(self):
            return [Service(hangs)]

    async with start(Stubborn()) as (host, _client):
        await host.until(lambda: host.records["Stubborn"].settled)
        began = time.monotonic()
    assert hangs.stopped.is_set()
    assert time.monotonic() - began < 30, "it would hang for ever"
    assert host.records["Stubborn"].phase == "stop"


async def test_services_start_after_what_they_require(start):
    order = []

    class First:
        async def start(self):
            await asyncio.sleep(0)
            order.append("first")

    class Second:
        async def start(self):
            order.append("second")

    class Later:
        @hookimpl
        def plughost_services(self):
            return [Service(Second(), requires=(First,))]

    class Earlier:
        @hookimpl
        def plughost_services(self):
            return [Service(First())]

    async with start(Later(), Earlier()) as (host, _):
        await host.until(lambda: all(r.settled for r in host.records.values()))
        states = [r.state.value for r in host.records.values()]
    assert (order, states) == (["first", "second"], ["active", "active"])


async def test_an_extension_that_requires_what_nobody_provides_says_so(start):
    class Lonely:
        @hookimpl
        def plughost_services(self):
            return [Service(self, requires=("somewhere.Else",))]

    async with start(Lonely()) as (host, _):
        await host.until(lambda: bool(host.records["Lonely"].waiting_for))
        waiting = host.records["Lonely"].to_json()
        await host.settle()
        failed = host.records["Lonely"].to_json()
    assert (waiting["state"], waiting["waitingFor"]) == ("waiting", ["somewhere.Else"])
    assert (failed["state"], failed["waitingFor"]) == ("waiting", ["somewhere.Else"])
    assert "'somewhere.Else', which no active extension provides" in failed["error"]
    assert "Install or enable an extension" in failed["nextStep"]


def test_an_extension_that_raises_on_import_is_named_in_the_list(
    jupyter_folders, strangers, distribution
):
    distribution("broken_at_import", "raise RuntimeError('no GPU here')")
    distribution("fine", "")
    run = subprocess.run(
        [sys.executable, "-m", "plughost", "extensions", "list"],
        env={**os.environ, "PYTHONPATH": str(strangers)},
        capture_output=True,
        text=True,
    )
    states = {
        line.split()[0]: line.split()[1] for line in run.stdout.splitlines() if " 1.0 " in line
    }
    assert states == {"broken_at_import": "failed", "fine": "active"}
    assert "broken_at_import: RuntimeError while in import: no GPU here" in run.stdout
    assert "`plughost extensions disable broken_at_import`" in run.stdout
    assert run.returncode == 1


def test_the_list_is_also_json(jupyter_folders, strangers, distribution):
    distribution("exits", "import sys; sys.exit(0)")
    run = subprocess.run(
        [sys.executable, "-m", "plughost", "extensions", "list", "--json"],
        env={**os.environ, "PYTHONPATH": str(strangers)},
        capture_output=True,
        text=True,
    )
    records = {r["name"]: r for r in json.loads(run.stdout)}
    assert (records["exits"]["state"], records["exits"]["phase"]) == ("failed", "import")
    assert "SystemExit" in records["exits"]["error"]


async def test_a_slow_extension_delays_nobody_and_its_route_is_held(
    served, strangers, distribution
):
    distribution(
        "slow",
        "import time; time.sleep(10)\n"
        "from plughost import JSONHandler, Route, hookimpl\n"
        "class Hello(JSONHandler):\n"
        "    def get(self): self.reply('worth the wait')\n"
        "@hookimpl\n"
        "def plughost_routes(): return [Route(r'/slow/api', Hello)]\n",
    )
    began = time.monotonic()
    server = served(env={"PYTHONPATH": str(strangers), "PLUGHOST_HOLD": "5"})
    first = await server.client.get("/api/status")
    answered = time.monotonic() - began
    early = await server.client.get("/slow/api")
    refused = time.monotonic() - began
    reply = early
    while reply.status == 503 and time.monotonic() - began < 60:
        reply = await server.client.get("/slow/api")
    took = time.monotonic() - began
    assert first.status == 200
    assert answered < 5
    assert (early.status, early.headers["Retry-After"]) == (503, "2")
    assert "slow" in early.json["message"]
    assert 5 <= refused < 10
    assert (reply.status, reply.json) == (200, "worth the wait")
    assert took >= 10

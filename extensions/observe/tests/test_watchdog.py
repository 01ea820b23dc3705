"""The watchdog: whoever holds the event loop is named, with file and line, once."""

from __future__ import annotations

import asyncio
import inspect
import time

import pytest

import plughost_observe
from plughost import JSONHandler, Route, hookimpl
from plughost_observe.watchdog import Watchdog


class Sleepy(JSONHandler):
    def get(self):
        time.sleep(0.5)
        self.reply("good morning")


class Computing(JSONHandler):
    """Holds the loop in code of its own, line by line."""

    def get(self):
        self.reply(sum(_squares(time.monotonic() + 0.4)))


def _squares(until):
    while time.monotonic() < until:
        yield 4


class Prompt(JSONHandler):
    """Waits without holding anything."""

    async def get(self):
        await asyncio.sleep(0.4)
        for _ in range(20):
            time.sleep(0.02)  # noqa: ASYNC251  # that is what is tried here
            await asyncio.sleep(0)
        self.reply("no harm done")


class Slow:
    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/slow/api/sleep", Sleepy),
            Route(r"/slow/api/compute", Computing),
            Route(r"/slow/api/prompt", Prompt),
        ]


def line_of(function, text):
    """The number of the line with a text in a function of this file."""
    source, first = inspect.getsourcelines(function)
    return next(first + n for n, line in enumerate(source) if text in line)


async def held(client):
    return (await client.get("/plughost/api/loop")).json


async def settled(client, eventually, extension, milliseconds):
    """The report, once what has been held is counted to its end."""

    async def ask():
        report = await held(client)
        total = report["extensions"].get(extension, {"milliseconds": 0})
        return total["milliseconds"] > milliseconds and report

    return await eventually(ask)


async def test_who_sleeps_in_a_handler_is_named_once_with_the_line(start, lines, eventually):
    async with start(plughost_observe, Slow()) as (host, client):
        await host.settle()
        for _ in range(3):
            await client.get("/slow/api/sleep")
        (line,) = await lines(client, "held the event loop")
        report = await settled(client, eventually, "Slow", 1_300)
        blocked = (await client.get("/plughost/api/extensions/Slow")).json["loopBlocked"]
        notes = [note for note in host.records["Slow"].notes if "held" in note]
    here = line_of(Sleepy.get, "time.sleep")
    (place,) = [place for place in report["places"] if place["extension"] == "Slow"]
    assert (place["file"], place["line"], place["function"]) == (__file__, here, "get")
    assert place["count"] == 3
    assert place["milliseconds"] < 3_000
    assert 400 < place["worst"] < 1_500
    assert report["extensions"]["Slow"]["count"] == 3
    assert f"{__file__}:{here}" in line["message"]
    assert (line["extension"], line["level"]) == ("Slow", "WARNING")
    assert blocked["count"] == 3
    assert blocked["milliseconds"] == pytest.approx(place["milliseconds"], abs=1)
    assert len(notes) == 1
    assert "asyncio.to_thread" in notes[0]


async def test_it_is_said_within_a_second_while_the_loop_is_still_held(start, caplog):
    async with start(plughost_observe, Slow()) as (host, client):
        await host.settle()
        await client.get("/slow/api/sleep")
        (record,) = [r for r in caplog.records if "held the event loop" in r.getMessage()]
        answered = time.time()
    assert answered - record.created < 1.0
    assert record.threadName == "loop watchdog"


async def test_code_of_an_extension_is_named_wherever_it_is(start, eventually):
    async with start(plughost_observe, Slow()) as (host, client):
        await host.settle()
        await client.get("/slow/api/compute")
        places = (await held(client))["places"]
    assert {place["extension"] for place in places} == {"Slow"}
    assert {place["function"] for place in places} <= {"_squares", "get"}


async def test_who_gives_the_loop_back_in_time_is_not_reported(start):
    async with start(plughost_observe, Slow()) as (host, client):
        await host.settle()
        before = (await held(client))["places"]
        await client.get("/slow/api/prompt")
        after = (await held(client))["places"]
    assert after == before


async def test_an_idle_server_is_never_reported_and_not_woken(start):
    async with start(plughost_observe) as (host, client):
        await host.settle()
        before = await held(client)
        for _ in range(30):
            await asyncio.sleep(0.05)
        after = await held(client)
    assert after["places"] == before["places"]
    assert after["lag"]["measured"] - before["lag"]["measured"] <= 3


async def test_the_limit_is_a_setting(start, eventually):
    settings = {"observe": {"loop_limit": 1000.0}}
    async with start(plughost_observe, Slow(), extensions=settings) as (host, client):
        await host.settle()
        await client.get("/slow/api/sleep")
        report = await held(client)
    assert (report["limit"], report["places"]) == (1000.0, [])


async def test_nothing_runs_on_after_the_end(start):
    async with start(plughost_observe) as (host, _):
        await host.settle()
        watchdog = host.service(Watchdog)
    assert watchdog.ended


STRANGER = """
import time
from plughost import JSONHandler, Route, hookimpl

class Nap(JSONHandler):
    def get(self):
        time.sleep(0.5)
        self.reply("awake")

@hookimpl
def plughost_routes():
    return [Route(r"/nap/api", Nap)]
"""


async def test_a_stranger_is_named_with_the_address_of_its_authors(
    served, strangers, install, lines
):
    module = install(
        "nap",
        STRANGER,
        "Project-URL: Documentation, https://example.org/nap/docs",
        "Project-URL: Bug Tracker, https://example.org/nap/issues",
        "Home-page: https://example.org/nap",
    )
    server = served(env={"PYTHONPATH": str(strangers)})
    await server.client.get("/nap/api")
    await server.client.get("/nap/api")
    (line,) = await lines(server.client, "nap held the event loop")
    report = await held(server.client)
    (place,) = [place for place in report["places"] if place["extension"] == "nap"]
    record = (await server.client.get("/plughost/api/extensions/nap")).json
    assert (place["distribution"], place["file"], place["line"]) == ("nap", str(module), 7)
    assert place["report_to"] == "https://example.org/nap/issues"
    assert place["count"] == 2
    assert f"{module}:7" in line["message"]
    assert line["message"].endswith("https://example.org/nap/issues")
    assert any("held the event loop" in note for note in record["notes"])
    assert server.output.read_text().count("nap held the event loop") == 1

"""The watchdog: whoever holds the event loop is named, with file and line, once."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import threading
import time

import pytest

import plughost_observe
from plughost import JSONHandler, Route, hookimpl
from plughost_observe.watchdog import Watchdog

LONGER = 0.3
"""Seconds for which the loop is still held when the watchdog has noticed."""


class Sleepy(JSONHandler):
    def get(self):
        time.sleep(0.5)
        self.reply("good morning")


class Waiting(JSONHandler):
    """Holds the loop until somebody lets go of a lock."""

    def initialize(self, lock):
        self.lock = lock

    def get(self):
        self.lock.acquire()
        self.reply("good morning")


class Computing(JSONHandler):
    """Holds the loop in code of its own, line by line, until somebody has had enough."""

    def initialize(self, enough):
        self.enough = enough

    def get(self):
        self.reply(sum(_squares(self.enough)))


def _squares(enough):
    while not enough.is_set():
        yield 4


class Prompt(JSONHandler):
    """Waits without holding anything; tells how long each of its turns took."""

    async def get(self):
        await asyncio.sleep(0.4)
        turns = [time.monotonic()]
        for _ in range(20):
            time.sleep(0.02)  # noqa: ASYNC251  # that is what is tried here
            await asyncio.sleep(0)
            turns.append(time.monotonic())
        self.reply([after - before for before, after in itertools.pairwise(turns)])


class Slow:
    def __init__(self):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.enough = threading.Event()

    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/slow/api/sleep", Sleepy),
            Route(r"/slow/api/wait", Waiting, lock=self.lock),
            Route(r"/slow/api/compute", Computing, enough=self.enough),
            Route(r"/slow/api/prompt", Prompt),
        ]


@contextlib.contextmanager
def noticing(watchdog, act):
    """Act, in a thread, once the watchdog has counted one hold of `Slow` more.

    However late its own thread is, the loop is held until then.
    """

    def count():
        return sum(hold.count for hold in watchdog.holds if hold.place.extension == "Slow")

    before = count()

    def look():
        deadline = time.monotonic() + 60
        while count() == before and time.monotonic() < deadline:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=look)
    thread.start()
    yield
    thread.join()


async def hold(client, watchdog, slow):
    """Hold the loop until the watchdog has noticed, and for `LONGER`."""

    def let_go():
        time.sleep(LONGER)
        slow.lock.release()

    with noticing(watchdog, let_go):
        await client.get("/slow/api/wait")


def line_of(function, text):
    """The number of the line with a text in a function of this file."""
    source, first = inspect.getsourcelines(function)
    return next(first + n for n, line in enumerate(source) if text in line)


async def held(client):
    return (await client.get("/plughost/api/loop")).json


async def settled(client, eventually):
    """The report, and what the record of `Slow` says, once all is counted to its end."""

    async def ask():
        blocked = (await client.get("/plughost/api/extensions/Slow")).json["loopBlocked"]
        report = await held(client)
        count = report["extensions"]["Slow"]["count"]
        return blocked is not None and blocked["count"] == count and (report, blocked)

    return await eventually(ask)


async def test_who_waits_in_a_handler_is_named_once_with_the_line(start, lines, eventually):
    here, slow = line_of(Waiting.get, "acquire"), Slow()
    async with start(plughost_observe, slow) as (host, client):
        await host.settle()
        began = time.monotonic()
        for _ in range(3):
            await hold(client, host.service(Watchdog), slow)
        (line,) = await lines(client, f"{__file__}:{here}")
        report, blocked = await settled(client, eventually)
        took = (time.monotonic() - began) * 1000
        notes = [note for note in host.records["Slow"].notes if "held" in note]
    (place,) = [place for place in report["places"] if place["extension"] == "Slow"]
    assert (place["file"], place["line"], place["function"]) == (__file__, here, "get")
    assert place["count"] == 3
    assert 3 * 400 <= place["milliseconds"] <= took
    assert 400 <= place["worst"] <= took
    assert report["extensions"]["Slow"]["count"] == 3
    assert (line["extension"], line["level"]) == ("Slow", "WARNING")
    assert blocked["count"] == 3
    assert blocked["milliseconds"] == pytest.approx(place["milliseconds"], abs=1)
    assert len(notes) == 1
    assert "asyncio.to_thread" in notes[0]


async def test_it_is_said_while_the_loop_is_still_held(start, caplog):
    slow = Slow()
    async with start(plughost_observe, slow) as (host, client):
        await host.settle()
        await hold(client, host.service(Watchdog), slow)
        (record,) = [r for r in caplog.records if "Slow held the event loop" in r.getMessage()]
        answered = time.time()
    assert answered - record.created >= LONGER
    assert record.threadName == "loop watchdog"


async def test_code_of_an_extension_is_named_wherever_it_is(start):
    slow = Slow()
    async with start(plughost_observe, slow) as (host, client):
        await host.settle()
        with noticing(host.service(Watchdog), slow.enough.set):
            await client.get("/slow/api/compute")
        places = [each for each in (await held(client))["places"] if each["extension"] == "Slow"]
    assert {place["function"] for place in places} in ({"_squares"}, {"get"})


async def test_who_gives_the_loop_back_in_time_is_not_reported(start):
    async with start(plughost_observe, Slow()) as (host, client):
        await host.settle()
        turns = (await client.get("/slow/api/prompt")).json
        report = await held(client)
    # On a machine that stands still now and then one turn can become a long one.
    long = [turn for turn in turns if turn * 1000 >= report["limit"]]
    reported = report["extensions"].get("Slow", {"count": 0})["count"]
    assert reported <= len(long) < len(turns)


async def test_an_idle_server_is_never_reported_and_not_woken(start):
    settings = {"observe": {"loop_limit": 1000.0}}
    async with start(plughost_observe, extensions=settings) as (host, client):
        await host.settle()
        before = await held(client)
        await asyncio.sleep(1.6)
        after = await held(client)
    assert after["places"] == before["places"]
    assert after["lag"]["measured"] - before["lag"]["measured"] <= 3


async def test_the_limit_is_a_setting(start):
    settings = {"observe": {"loop_limit": 60_000.0}}
    async with start(plughost_observe, Slow(), extensions=settings) as (host, client):
        await host.settle()
        await client.get("/slow/api/sleep")
        report = await held(client)
    assert (report["limit"], report["places"]) == (60_000.0, [])


async def test_nothing_runs_on_after_the_end(start, eventually):
    async with start(plughost_observe) as (host, _):
        await host.settle()
        watchdog = host.service(Watchdog)

    async def ended():
        return watchdog.ended

    await eventually(ended)


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
    served, strangers, install, lines, eventually
):
    asked = 0
    module = install(
        "nap",
        STRANGER,
        "Project-URL: Documentation, https://example.org/nap/docs",
        "Project-URL: Bug Tracker, https://example.org/nap/issues",
        "Home-page: https://example.org/nap",
    )
    server = served(env={"PYTHONPATH": str(strangers)})

    async def named_twice():
        nonlocal asked
        asked += 1
        await server.client.get("/nap/api")
        places = (await held(server.client))["places"]
        return [each for each in places if each["extension"] == "nap" and each["count"] > 1]

    (place,) = await eventually(named_twice)
    (line,) = await lines(server.client, "nap held the event loop")
    record = (await server.client.get("/plughost/api/extensions/nap")).json
    assert (place["distribution"], place["file"], place["line"]) == ("nap", str(module), 7)
    assert place["report_to"] == "https://example.org/nap/issues"
    assert place["count"] <= asked, "not more often than it was asked to"
    assert f"{module}:7" in line["message"]
    assert line["message"].endswith("https://example.org/nap/issues")
    assert any("held the event loop" in note for note in record["notes"])
    assert server.output.read_text().count("nap held the event loop") == 1

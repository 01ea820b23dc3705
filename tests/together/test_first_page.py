"""What the first visit would wait for is made ready before it comes."""

import asyncio
import time

import pytest

import plughost_lab
import plughost_settings
from plughost_lab import first_page


class Renderer:
    """Notes what it is to draw."""

    def __init__(self, failure=None):
        self.drawn = []
        self.failure = failure

    def page(self, page, frontends, config, base_url, nonce):
        self.drawn.append((page.name, sorted(config.get("startup", ()))))
        if self.failure:
            raise self.failure
        return "<!DOCTYPE html>"


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(first_page, "PAUSE", 0.05)


def is_preparing():
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    return "FirstPage._prepare" in names


async def until(condition, seconds=60):
    """Returns once something is so; it fails when it is not for so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_the_page_is_drawn_for_nobody_with_the_answers_it_begins_with(start, soon):
    async with start(plughost_lab, plughost_settings) as (host, _):
        host.renderer = renderer = Renderer()
        await until(lambda: renderer.drawn)
        await until(lambda: not is_preparing())
    ((name, answers),) = renderer.drawn
    assert name == "lab"
    assert "/lab/api/settings" in answers


class Starting:
    """A host whose extensions are still being imported, as far as a first page looks at it."""

    def __init__(self):
        self.loading = True
        self.asked = []

    async def until(self, condition, seconds):
        while not condition():  # noqa: ASYNC110  # a test's host has no events
            await asyncio.sleep(0.01)

    @property
    def pages(self):
        self.asked.append(self.loading)
        return ()


async def test_a_host_that_is_still_starting_is_left_alone(soon):
    host = Starting()
    first = first_page.FirstPage(host)
    await first.start()
    await asyncio.sleep(0.2)
    before = list(host.asked)
    host.loading = False
    await until(lambda: host.asked)
    await first.stop()
    assert (before, host.asked) == ([], [False])


async def test_somebody_who_comes_first_is_served_and_no_more_is_done(start, monkeypatch):
    monkeypatch.setattr(first_page, "PAUSE", 60)
    async with start(plughost_lab, plughost_settings) as (host, client):
        await host.settle()
        assert is_preparing()
        reply = await client.get("/lab")
        assert not is_preparing()
    assert reply.status == 200


async def test_what_goes_wrong_with_it_is_told_to_who_comes(start, soon, caplog):
    async with start(plughost_lab, plughost_settings) as (host, client):
        host.renderer = renderer = Renderer(RuntimeError("no ink"))
        await until(lambda: renderer.drawn)
        await until(lambda: not is_preparing())
        assert "no ink" not in caplog.text
        del host.renderer
        assert (await client.get("/lab")).status == 200


async def test_a_host_that_stops_meanwhile_leaves_nothing_behind(start, monkeypatch):
    monkeypatch.setattr(first_page, "PAUSE", 60)
    async with start(plughost_lab) as (_, client):
        await client.get("/favicon.ico")
    assert not is_preparing()

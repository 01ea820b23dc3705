"""The processes that convert: one that hangs, dies or is not wanted any more harms nobody."""

import asyncio
import contextlib
import json
import math
import os
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from .conftest import notebook


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files go, and nobody else's."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def converting():
    """The processes that convert for this one."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # ended, or another test's zombie
            if any("converter.py" in argument for argument in child.cmdline()):
                found.append(child)
    return found


async def until_so_many(number):
    """The processes that convert, once there are so many of them: some may still be ending."""
    deadline = time.monotonic() + 60
    while len(found := converting()) != number:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)
    return found


async def test_conversions_are_made_by_one_process_as_long_as_it_is_not_busy(
    serve, drive, brewery, temporary
):
    async with serve() as (_, client):
        await client.get("/api/nbconvert")
        await client.get("/nbconvert/tea/a.ipynb")
        (first,) = await until_so_many(1)
        await client.get("/nbconvert/html/a.ipynb")
        (second,) = await until_so_many(1)
    assert first == second
    assert not first.is_running()
    assert [*temporary.iterdir()] == [], "and swept up"


async def test_a_conversion_that_takes_too_long_is_broken_off(serve, drive, begun, temporary):
    async with serve() as (_, client):
        began = time.monotonic()
        await client.get("/nbconvert/tea/a.ipynb")
        # Long enough on this machine today for all that comes before the conversion.
        seconds = 3 + math.ceil(3 * (time.monotonic() - began))
    async with serve(timeout_seconds=seconds) as (_, client):
        asked = asyncio.ensure_future(client.get("/nbconvert/slow/a.ipynb"))
        process = await begun()
        reply = await asked
        await process.ended()
        after = await client.get("/nbconvert/tea/a.ipynb")
    assert reply.status == 500
    assert f"took longer than {seconds} seconds" in reply.text
    assert "timeout_seconds" in reply.text
    assert after.status == 200
    assert [*temporary.iterdir()] == []


async def test_a_process_that_is_killed_is_said_to_be_and_another_takes_its_place(
    serve, drive, begun, brewery
):
    async with serve() as (_, client):
        asked = asyncio.ensure_future(client.get("/nbconvert/slow/a.ipynb"))
        os.kill((await begun()).pid, signal.SIGKILL)
        killed = await asked
        crashed = await client.get("/nbconvert/crash/a.ipynb")
        after = await client.get("/nbconvert/tea/a.ipynb")
        (idle,) = await until_so_many(1)
        idle.kill()
        again = await client.get("/nbconvert/tea/a.ipynb")
    assert (killed.status, crashed.status) == (500, 500)
    assert "The process that converts was killed." in killed.text
    assert "The process that converts ended with SIGABRT." in crashed.text
    assert (after.status, again.status) == (200, 200)


async def test_the_last_words_of_a_process_are_in_the_log(serve, drive, brewery, caplog):
    async with serve() as (_, client):
        await client.get("/nbconvert/crash/a.ipynb")
    assert "Here it goes." in caplog.text


async def test_a_conversion_ends_when_the_client_goes_away(serve, drive, begun, brewery):
    async with serve() as (_, client):
        host, _, port = client.base.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /nbconvert/slow/a.ipynb HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: token {client.token}\r\n\r\n".encode()
        )
        process = await begun()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await process.ended()
        after = await client.get("/nbconvert/tea/a.ipynb")
    assert after.status == 200


async def test_only_so_many_notebooks_are_converted_at_once(serve, drive, begun, brewery):
    async with serve(at_once=2) as (_, client):
        slow = [asyncio.ensure_future(client.get("/nbconvert/slow/a.ipynb"))]
        first = await begun()
        quick = await client.get("/nbconvert/tea/a.ipynb")
        slow.append(asyncio.ensure_future(client.get("/nbconvert/slow/a.ipynb")))
        second = await begun()
        waiting = asyncio.ensure_future(client.get("/nbconvert/tea/a.ipynb"))
        listed = await client.get("/api/nbconvert")
        assert not waiting.done()
        os.kill(first.pid, signal.SIGKILL)
        late = await waiting
        os.kill(second.pid, signal.SIGKILL)
        await asyncio.gather(*slow)
    assert (quick.status, listed.status, late.status) == (200, 200, 200)


async def test_a_process_without_work_ends(serve, drive, brewery):
    async with serve(idle_seconds=0.2) as (_, client):
        await client.get("/nbconvert/tea/a.ipynb")
        await until_so_many(0)
        after = await client.get("/nbconvert/tea/a.ipynb")
    assert after.status == 200


async def test_whoever_waits_is_told_when_the_host_stops(serve, drive, begun, temporary):
    async with serve() as (host, client):
        asked = asyncio.ensure_future(client.get("/nbconvert/slow/a.ipynb"))
        process = await begun()
        await host.disable("nbconvert")
        await process.ended()
        reply = await asked
    assert reply.status == 503
    assert "stopping" in reply.text
    assert [*temporary.iterdir()] == []


async def test_a_process_ends_with_a_server_that_is_killed(
    served, jupyter_folders, begun, temporary
):
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "a.ipynb").write_text(json.dumps(notebook("x = 1")))
    server = served()
    asked = asyncio.ensure_future(server.client.get("/nbconvert/slow/a.ipynb"))
    process = await begun()
    server.stop(signal.SIGKILL)
    await process.ended()
    with pytest.raises(Exception, match=r"Stream closed|reset"):
        await asked
    left = [Path(path).name for path in temporary.iterdir()]
    assert [name for name in left if name.startswith("plughost-nbconvert-")] == []


async def test_others_are_answered_while_a_large_notebook_is_converted(serve, drive):
    """What nbconvert does for seconds is done elsewhere."""
    drive["large.ipynb"] = notebook(*(f"x = {n}" for n in range(1000)))
    computed = []
    async with serve() as (_, client):
        await client.get("/nbconvert/html/a.ipynb")
        asked = asyncio.ensure_future(client.get("/nbconvert/html/large.ipynb"))
        while not asked.done():
            began = time.process_time()  # of this process: what others do is no matter
            await client.get("/api/status")
            computed.append(time.process_time() - began)
        reply = await asked
    assert reply.status == 200
    assert len(computed) > 20
    assert sorted(computed)[len(computed) * 9 // 10] < 0.05

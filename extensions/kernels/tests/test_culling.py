"""Kernels that nobody uses for long are ended. The clock is moved, never waited for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest

import plughost_kernels
from plughost_kernels.kernels import Kernels
from plughost_kernels.settings import KernelSettings

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
HOUR = 3600


def culling(**settings):
    usual = {"cull_idle_timeout": HOUR, "watch_interval": 0.05, "restart_limit": 0}
    return {"extensions": {"kernels": {**usual, **settings}}}


class Time:
    """The clock of a host's culling, and its looks."""

    def __init__(self, host):
        self.culling = host.service(Kernels).culling
        self.ahead = 0
        self.culling.clock = lambda: time.monotonic() + self.ahead

    async def passes(self, seconds):
        """So much time passes, with a look at the kernels before and after it."""
        await self.culling.look()
        self.ahead += seconds
        await self.culling.look()


async def launch(client, **request):
    kernel_id = (await client.post("/api/kernels", request or None)).json["id"]
    return kernel_id, f"/api/kernels/{kernel_id}"


async def running(client):
    return [kernel["id"] for kernel in (await client.get("/api/kernels")).json]


@pytest.fixture
def state(eventually):
    """`await state(client, url, "busy")` waits for an execution state; the model."""

    async def wait(client, url, wanted):
        async def reached():
            return (await client.get(url)).json["execution_state"] == wanted

        await eventually(reached)
        return (await client.get(url)).json

    return wait


async def test_an_idle_kernel_is_ended_with_its_session_and_the_log_says_why(
    start, connect, gone, caplog
):
    caplog.set_level("INFO")
    async with start(plughost_kernels, **culling()) as (host, client):
        session = {"path": "a.ipynb", "type": "notebook", "name": "a", "kernel": {}}
        opened = (await client.post("/api/sessions", session)).json
        kernel_id = opened["kernel"]["id"]
        line = await connect(client, kernel_id)
        await line.run("x = 1")
        line.close()
        await gone(client, kernel_id)
        clock = Time(host)
        await clock.passes(HOUR - 60)
        before = await running(client)
        await clock.passes(120)
        after = [await running(client), (await client.get("/api/sessions")).json]
    assert before == [kernel_id]
    assert after == [[], []]
    assert f"Culling kernel {kernel_id} (python3): idle without activity for 36" in caplog.text


async def test_without_a_timeout_nothing_is_ended_not_even_what_is_dead(start, connect, state):
    for timeout in (0, -1, float("nan")):
        async with start(plughost_kernels, **culling(cull_idle_timeout=timeout)) as (host, client):
            idle, _ = await launch(client)
            dead, url = await launch(client)
            (await connect(client, dead)).execute("import os; os._exit(1)")
            await state(client, url, "dead")
            await Time(host).passes(10**9)
            assert await running(client) == [idle, dead]


async def test_a_dead_kernel_is_ended_at_once_even_with_somebody_connected(
    start, connect, state, eventually, caplog
):
    async with start(plughost_kernels, **culling()) as (host, client):
        alive, _ = await launch(client)
        dead, url = await launch(client)
        line = await connect(client, dead)
        line.execute("import os; os._exit(1)")
        await state(client, url, "dead")

        async def ended():  # its server may still be at work on its death
            await host.service(Kernels).culling.look()
            return await running(client) == [alive]

        await eventually(ended)
    assert f"Culling kernel {dead} (python3): it is dead." in caplog.text


@pytest.mark.parametrize("connected_too", [False, True])
async def test_a_kernel_with_somebody_connected_is_ended_only_where_that_is_set(
    start, connect, connected_too
):
    async with start(plughost_kernels, **culling(cull_connected=connected_too)) as (host, client):
        kernel_id, _ = await launch(client)
        line = await connect(client, kernel_id)
        await line.run("1")
        await Time(host).passes(2 * HOUR)
        assert await running(client) == ([] if connected_too else [kernel_id])


@pytest.mark.parametrize("busy_too", [False, True])
@pytest.mark.parametrize("code", ["import time; time.sleep(600)", "input('Name? ')"])
async def test_a_kernel_at_work_or_waiting_for_input_is_ended_only_where_that_is_set(
    start, connect, state, gone, code, busy_too
):
    async with start(plughost_kernels, **culling(cull_busy=busy_too)) as (host, client):
        kernel_id, url = await launch(client)
        line = await connect(client, kernel_id)
        line.execute(code, allow_stdin=True)
        await line.until(lambda m: m.kind in ("input_request", "execute_input"))
        await state(client, url, "busy")
        line.close()
        await gone(client, kernel_id)
        await Time(host).passes(2 * HOUR)
        assert await running(client) == ([] if busy_too else [kernel_id])


async def test_a_kernelspec_has_the_last_word_on_its_own_kernels(
    start, install_kernel, state, caplog
):
    for name, timeout in {"quick": 60, "patient": 10**6, "endless": 0, "odd": "10 s"}.items():
        metadata = {"cull_idle_timeout": timeout}
        install_kernel(name, ARGV, language="python", metadata=metadata)
    async with start(plughost_kernels, **culling()) as (host, client):
        ids = {
            name: (await launch(client, name=name))[0]
            for name in ("quick", "patient", "endless", "odd", "python3")
        }
        for kernel_id in ids.values():
            await state(client, f"/api/kernels/{kernel_id}", "idle")
        clock = Time(host)
        await clock.passes(120)
        soon = await running(client)
        await clock.passes(2 * HOUR)
        later = await running(client)
    assert soon == [ids[name] for name in ("patient", "endless", "odd", "python3")]
    assert later == [ids[name] for name in ("patient", "endless")]
    assert caplog.text.count("'odd' has cull_idle_timeout '10 s' in its metadata") == 1


async def test_a_kernelspec_can_ask_for_it_where_nobody_else_does(start, install_kernel, state):
    install_kernel("quick", ARGV, language="python", metadata={"cull_idle_timeout": 60})
    async with start(plughost_kernels, **culling(cull_idle_timeout=0)) as (host, client):
        _, url = await launch(client, name="quick")
        kernel_id, _ = await launch(client)
        await state(client, url, "idle")
        await Time(host).passes(2 * HOUR)
        assert await running(client) == [kernel_id]


async def test_a_kernel_that_is_asked_something_just_then_is_not_ended(
    start, connect, eventually, printed, state
):
    """It cannot say that it is busy: it is stopped, as a machine with too much to do is."""
    async with start(plughost_kernels, **culling(cull_connected=True)) as (host, client):
        kernel_id, url = await launch(client)
        line = await connect(client, kernel_id)
        pid = int(await line.print("import os; print(os.getpid())"))
        clock = Time(host)
        await clock.culling.look()
        os.kill(pid, signal.SIGSTOP)
        asked = line.execute("print('not lost')")

        async def received():
            return (await client.get(url)).json["queued"] > 0

        await eventually(received)
        clock.ahead = 2 * HOUR
        await clock.culling.look()
        os.kill(pid, signal.SIGCONT)
        answer = await line.answer(asked)
        assert printed(answer) == "not lost\n"
        assert await running(client) == [kernel_id]


async def test_a_kernel_that_somebody_restarts_just_then_is_not_ended(start, connect, gone):
    async with start(plughost_kernels, **culling()) as (host, client):
        kernel_id, _ = await launch(client)
        (await connect(client, kernel_id)).close()
        await gone(client, kernel_id)
        clock = Time(host)
        await clock.culling.look()
        clock.ahead = 2 * HOUR
        kernels = host.service(Kernels)
        restarting = asyncio.ensure_future(kernels.restart(kernel_id))
        await asyncio.sleep(0)  # it has begun
        assert kernels.get(kernel_id).changing
        await clock.culling.look()
        await restarting
        await clock.culling.look()
        assert await running(client) == [kernel_id]


async def test_a_kernel_used_between_two_looks_counts_from_its_last_use(start, connect):
    async with start(plughost_kernels, **culling(cull_connected=True)) as (host, client):
        kernel_id, _ = await launch(client)
        line = await connect(client, kernel_id)
        await line.run("1")
        clock = Time(host)
        await clock.passes(HOUR - 60)
        await line.run("2")
        await clock.passes(120)
        assert await running(client) == [kernel_id]
        await clock.passes(HOUR)
        assert await running(client) == []


async def test_idle_kernels_are_looked_for_without_being_told_to(start, eventually):
    settings = culling(cull_idle_timeout=0.2, cull_interval=0.05)
    async with start(plughost_kernels, **settings) as (_, client):
        await launch(client)

        async def gone():
            return await running(client) == []

        await eventually(gone)


@pytest.mark.parametrize("interval", [0, -5])
async def test_an_interval_that_is_none_is_an_error_of_the_settings(start, interval):
    async with start(plughost_kernels, **culling(cull_interval=interval)) as (host, client):
        await host.settle()
        record = (await client.get("/plughost/api/extensions/kernels")).json
    assert record["state"] == "failed"
    assert "'extensions.kernels.cull_interval'" in record["error"]
    assert "> 0" in record["error"]


@pytest.mark.parametrize("owner", ["MappingKernelManager", "AsyncMappingKernelManager"])
def test_jupyters_names_count(jupyter_folders, owner):
    from plughost import Config

    names = ("cull_idle_timeout", "cull_interval", "cull_connected", "cull_busy")
    lines = [f"c.{owner}.{n} = {v}" for n, v in zip(names, (600, 60, True, True), strict=True)]
    file = jupyter_folders / "jupyter-config" / "jupyter_server_config.py"
    file.write_text("\n".join(lines))
    settings = Config.load().extension("kernels", KernelSettings)
    assert [getattr(settings, name) for name in names] == [600, 60, True, True]

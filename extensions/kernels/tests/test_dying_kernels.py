"""Kernels whose processes end when nobody expects it, or not all of them."""

import asyncio
import contextlib
import os
import signal
import time

import psutil
import pytest

import plughost_kernels

COUNT_STARTS = """
with open("starts", "a") as file:
    file.write("x")
starts = os.path.getsize("starts")
"""
FORK = """
import signal
def leave_a_child(own_group):
    child = os.fork()
    if child == 0:
        if own_group:
            os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pause()
    return child
"""


def settings(**changes):
    return {"extensions": {"kernels": {"watch_interval": 0.05, **changes}}}


@contextlib.contextmanager
def soon():
    """Before anybody's patience with a kernel ends, which is a minute."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 60


async def restarted(line, reconnect):
    """A new line to the kernel once it has died, been started again, and answers."""
    await line.until(lambda m: m.content.get("execution_state") == "restarting")
    line.close()
    return await reconnect()


async def test_a_kernel_that_dies_at_some_starts_is_started_until_it_lives(
    start, launch, connect, root, caplog
):
    """Another program may have had its port, a disk may have been full."""
    code = COUNT_STARTS + "if starts < 4: raise SystemExit('not in the mood')"
    async with start(plughost_kernels, **settings(restart_limit=3)) as (_, client):
        kernel_id = await launch(client, code)
        line = await connect(client, kernel_id)
        assert await line.print("request.print('at last')") == "at last"
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert (root / "starts").read_text() == "xxxx"
    assert model["execution_state"] == "idle"
    assert model["traceback"] == "not in the mood"
    assert caplog.text.count("the last line of its stderr: not in the mood") == 3


async def test_a_kernel_that_lived_long_enough_has_recovered(
    start, launch, connect, root, eventually
):
    live_and_die = "import time; time.sleep(0.4); os._exit(7)"
    limits = settings(restart_limit=1, stable_after=0.3)
    async with start(plughost_kernels, **limits) as (_, client):
        kernel_id = await launch(client, COUNT_STARTS)
        line = await connect(client, kernel_id)
        for _ in range(3):
            line.execute(live_and_die)
            line = await restarted(line, lambda: connect(client, kernel_id))
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert (root / "starts").read_text() == "xxxx"
    assert model["execution_state"] == "idle"


async def test_a_kernel_that_keeps_dying_early_is_left_dead_at_its_limit(
    start, launch, connect, root
):
    limits = settings(restart_limit=2, stable_after=60)
    async with start(plughost_kernels, **limits) as (_, client):
        kernel_id = await launch(client, COUNT_STARTS)
        line = await connect(client, kernel_id)
        for _ in range(2):
            line.execute("os._exit(7)")
            line = await restarted(line, lambda: connect(client, kernel_id))
        line.execute("os._exit(7)")
        told = await line.until(lambda m: m.content.get("execution_state") == "dead")
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
        again = await client.post(f"/api/kernels/{kernel_id}/restart")
        assert await line.print("request.print('back')") == "back"
    assert (root / "starts").read_text() == "xxxx"
    assert "restarting" not in {m.content.get("execution_state") for m in told}
    assert (model["execution_state"], model["reason"]) == (
        "dead",
        "its process ended with exit code 7",
    )
    assert (model["running"], model["queued"], model["input"]) == (None, 0, None)
    assert again.status == 200


async def test_a_question_and_what_waits_behind_it_end_with_the_process(
    start, launch, connect, eventually
):
    ask = """
question = kernel.frames("input_request", {"prompt": "name? ", "password": False}, request.header)
kernel.raw("stdin", [*request.asker, *question])
kernel.sockets["stdin"].poll()
os._exit(1)
"""
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        asked = line.execute(ask, allow_stdin=True)
        line.execute("request.print('never')")
        await line.until(lambda m: m.kind == "input_request")

        async def at_work():  # which it has said on another channel
            return (await client.get(f"/api/kernels/{kernel_id}")).json["running"]

        await eventually(at_work)
        asking = (await client.get(f"/api/kernels/{kernel_id}")).json
        line.send("input_reply", {"value": "Ada"}, channel="stdin")
        await restarted(line, lambda: connect(client, kernel_id))
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert asking["input"] == {"msg_id": asked, "prompt": "name? ", "password": False}
    assert (asking["running"]["msg_id"], asking["queued"]) == (asked, 1)
    assert (model["running"], model["queued"], model["input"]) == (None, 0, None)
    assert model["execution_state"] == "idle"


async def test_deaths_and_restarts_leave_no_descriptor_behind(start, launch, connect, eventually):
    """Nor a socket, nor a task: the host runs in this process."""

    async def end_twice(line):
        line.execute("os._exit(1)")
        line = await restarted(line, lambda: connect(client, kernel_id))
        assert (await client.post(f"/api/kernels/{kernel_id}/restart")).status == 200
        await line.print("request.print('up')")
        return line

    async with start(plughost_kernels, **settings(restart_limit=9)) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        for _ in range(2):
            line = await end_twice(line)
        tasks, descriptors = len(asyncio.all_tasks()), psutil.Process().num_fds()
        for _ in range(4):
            line = await end_twice(line)

        async def as_before():
            """ZeroMQ opens some when it likes, and there have been eight processes."""
            return (
                len(asyncio.all_tasks()) <= tasks and psutil.Process().num_fds() < descriptors + 8
            )

        await eventually(as_before)


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os._exit(0)"])
async def test_a_kernel_that_ends_while_it_is_shut_down_has_ended(
    start, launch, connect, caplog, death
):
    code = f"kernel.handlers['shutdown_request'] = lambda request: {death}"
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client, code)
        line = await connect(client, kernel_id)
        await line.print("request.print('up')")
        deleted = await client.delete(f"/api/kernels/{kernel_id}")
        left = (await client.get("/api/kernels")).json
    assert (deleted.status, left) == (204, [])
    assert "died" not in caplog.text


async def test_of_death_restart_and_shutdown_at_once_the_shutdown_has_the_last_word(
    start, launch, connect, tmp_path
):
    """Asked for in the order of most trouble: while it is being started again."""
    async with start(plughost_kernels, **settings()) as (_, client):
        for _ in range(3):
            kernel_id = await launch(client)
            url = f"/api/kernels/{kernel_id}"
            line = await connect(client, kernel_id)
            line.execute("os._exit(3)")
            with soon():
                replies = await asyncio.gather(
                    client.post(f"{url}/restart"),
                    client.post(f"{url}/restart"),
                    client.post(f"{url}/interrupt"),
                    client.delete(url),
                    client.delete(url),
                )
            statuses = [reply.status for reply in replies]
            assert statuses[3] in (204, 404)
            assert {*statuses} <= {200, 204, 404, 409, 500}
            assert all(reply.json["message"] for reply in replies if reply.status >= 400)
            assert (await client.get("/api/kernels")).json == []
        files = [*(tmp_path / "jupyter-runtime").rglob("*.*")]
    assert [file.name for file in files if file.suffix != ".lock"] == []


@pytest.mark.parametrize("own_group", [False, True])
@pytest.mark.parametrize("way", ["delete", "restart", "crash"])
async def test_a_child_that_outlives_its_kernel_does_not_keep_the_kernel_from_ending_or_starting(
    start, launch, connect, own_group, way
):
    """A forked child holds on to the ports that its parent has listened on."""
    async with start(plughost_kernels, **settings(shutdown_wait=1)) as (_, client):
        kernel_id = await launch(client, FORK)
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        code = f"leave_a_child({own_group})"
        child = int(await line.print(f"request.print(str({code}))"))
        try:
            if way == "delete":
                with soon():
                    assert (await client.delete(url)).status == 204
                return
            if way == "restart":
                with soon():
                    assert (await client.post(f"{url}/restart")).status == 200
            else:
                line.execute("os._exit(1)")
                line = await restarted(line, lambda: connect(client, kernel_id))
            assert await line.print("request.print('anew')") == "anew"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


async def test_what_is_asked_between_two_processes_is_asked_of_the_second(start, launch, connect):
    """Whatever its ports are: those of the first are held by a child that it has left."""
    slow = COUNT_STARTS + "import time; time.sleep(0.5 if starts > 1 else 0)\n" + FORK
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client, slow)
        line = await connect(client, kernel_id)
        child = int(await line.print("request.print(str(leave_a_child(True)))"))
        try:
            line.execute("os._exit(1)")
            await line.until(lambda m: m.content.get("execution_state") == "restarting")
            for asked in (line.send("kernel_info_request", {}), line.execute("1")):
                await line.until(
                    lambda m, asked=asked: m.kind.endswith("_reply") and m.parent["msg_id"] == asked
                )
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


async def test_what_the_second_process_says_first_is_heard(start, launch, connect, eventually):
    """ZeroMQ may reach its shell before its iopub: what it publishes until then is lost."""
    code = (
        COUNT_STARTS
        + """
if starts > 1:
    import time
    heard, publish = time.monotonic() + 0.5, kernel.publish
    kernel.publish = lambda *a, **k: time.monotonic() > heard and publish(*a, **k)
"""
    )
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client, code)
        line = await connect(client, kernel_id)
        url = f"/api/kernels/{kernel_id}"
        restarting = asyncio.ensure_future(client.post(f"{url}/restart"))

        async def under_way():
            state = (await client.get(url)).json["execution_state"]
            return state in ("restarting", "starting") or restarting.done()

        await eventually(under_way)
        assert await line.print("request.print('early')") == "early"
        await restarting


async def test_an_interrupt_of_a_kernel_that_is_being_started_ends_only_what_waits(
    start, launch, connect, root, eventually
):
    slow = (
        COUNT_STARTS
        + """
import time
while starts > 1 and not os.path.exists("go"):
    time.sleep(0.02)
"""
    )
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client, slow)
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        restarting = asyncio.ensure_future(client.post(f"{url}/restart"))

        async def under_way():
            return (root / "starts").stat().st_size == 2

        await eventually(under_way)
        asked = line.execute("open('ran', 'w').close()")

        async def waits():
            return (await client.get(url)).json["queued"] == 1

        await eventually(waits)
        assert (await client.post(f"{url}/interrupt")).status == 204
        answer = await line.answer(asked)
        (root / "go").touch()
        assert (await restarting).status == 200
        assert await line.print("request.print('up')") == "up"
    assert [m.content["status"] for m in answer if m.kind == "execute_reply"] == ["aborted"]
    assert (root / "starts").stat().st_size == 2
    assert not (root / "ran").exists()


async def test_what_a_process_that_died_was_asked_too_late_is_asked_of_nobody(
    start, launch, connect, root, eventually
):
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        pid = int(await line.print("request.print(str(os.getpid()))"))
        line.execute("kernel.unbind('shell')")
        await line.until(lambda m: m.content.get("execution_state") == "idle")
        line.execute("open('ran', 'w').close()")

        async def sent():
            return (await client.get(f"/api/kernels/{kernel_id}")).json["queued"] == 1

        await eventually(sent)
        os.kill(pid, signal.SIGKILL)
        await line.until(lambda m: m.content.get("execution_state") == "restarting")
        assert await line.print("request.print('anew')") == "anew"
    assert not (root / "ran").exists()


async def test_a_kernel_may_write_as_much_to_stderr_as_it_likes(start, launch, connect):
    """Nobody reads it; a pipe would be full after 64 KiB."""
    flood = "import sys; [sys.stderr.write('mumble ' * 1_000) for _ in range(1_000)]"
    async with start(plughost_kernels, **settings(restart_limit=0)) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        assert await line.print(f"{flood}; request.print('done')") == "done"
        line.execute(f"{flood}; print('\\nfarewell', file=sys.stderr, flush=True); os._exit(1)")
        await line.until(lambda m: m.content.get("execution_state") == "dead")
        farewell = (await client.get(f"/api/kernels/{kernel_id}")).json["reason"]
        await client.post(f"/api/kernels/{kernel_id}/restart")
        line.execute(f"{flood}; sys.stderr.flush(); os._exit(1)")
        await line.until(lambda m: m.content.get("execution_state") == "dead")
        endless = (await client.get(f"/api/kernels/{kernel_id}")).json["reason"]
    assert farewell.endswith("the last line of its stderr: farewell")
    assert len(endless) < 10_000

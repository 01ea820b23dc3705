"""Kernels whose processes misbehave: silent, deaf, stubborn. Nobody else is to notice."""

import asyncio
import contextlib
import json
import os
import signal
import time
from types import SimpleNamespace

import psutil
import pytest
from tornado.httpclient import HTTPClientError

import plughost_kernels
from plughost_kernels import connection
from plughost_kernels.process import KernelProcess

SILENT = {
    "binds nothing": "import time; time.sleep(600)",
    "binds and reads nothing": "import time; kernel.bind(); time.sleep(600)",
    "answers nothing": "kernel.handlers.clear()",
    "answers and publishes nothing": """
kernel.publish, asked = lambda *_, **__: None, []
def answer(request):
    asked.append(request)
    request.reply(kernel.info)
    # Who has heard no answer asks twice a second, who has heard one goes on at once.
    len(asked) == 20 and open("answered", "w").close()
kernel.handlers["kernel_info_request"] = answer
""",
    "publishes and answers nothing": (
        "kernel.handlers['kernel_info_request'] = lambda request: request.print('hello')"
    ),
}
STUBBORN = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
kernel.handlers["shutdown_request"] = lambda request: None
"""
COUNT_STARTS = """
with open("starts", "a") as file:
    file.write("x")
starts = os.path.getsize("starts")
"""


def settings(**changes):
    return {"extensions": {"kernels": {"watch_interval": 0.05, **changes}}}


@pytest.fixture
def bystander(connect, launch, eventually):
    """`await bystander(client)` is a line to a healthy kernel; call `check()` of it whenever."""

    async def started(client):
        line = await connect(client, await launch(client, name="healthy"))

        async def check():
            assert await line.print("request.print('well')") == "well"

        async def answers():
            line.execute("request.print('up')")
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(line.until(lambda m: m.kind == "stream"), 1)

        # Where tests give kernels little time, it may not have had enough.
        await eventually(answers)
        line.check = check
        return line

    return started


@pytest.fixture
def pid_of(jupyter_folders):
    """`pid_of(kernel_id)` as it is on file."""
    folder = jupyter_folders / "jupyter-runtime" / "plughost" / "kernels"
    return lambda kernel_id: json.loads((folder / f"{kernel_id}.json").read_text())["pid"]


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def soon():
    """Before anybody's patience with a kernel ends, which is a minute."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 60


async def test_who_waits_for_a_kernel_that_is_shut_down_hears_just_that(
    start, connect, launch, pid_of, eventually
):
    async with start(plughost_kernels, **settings(shutdown_wait=0.2)) as (_, client):
        kernel_id = await launch(client, SILENT["answers nothing"])
        url, pid = f"/api/kernels/{kernel_id}", pid_of(kernel_id)
        connecting = asyncio.ensure_future(connect(client, kernel_id))
        restarting = asyncio.ensure_future(client.post(f"{url}/restart"))

        async def launched_again():
            return pid_of(kernel_id) != pid

        await eventually(launched_again)
        assert (await client.delete(url)).status == 204
        restarted = await restarting
        with pytest.raises(HTTPClientError, match="404"):
            await connecting
    assert restarted.status == 404
    assert "has just been shut down" in restarted.json["message"]


@pytest.fixture
def patience_ends(monkeypatch, root, eventually):
    """`await patience_ends()`: time passes with whoever waits for a kernel that has answered."""
    clock = SimpleNamespace(ahead=0, monotonic=lambda: time.monotonic() + clock.ahead)
    monkeypatch.setattr(connection, "time", clock)

    async def answered():
        return (root / "answered").exists()

    async def passes():
        await eventually(answered)
        (root / "answered").unlink()
        clock.ahead += 3600

    return passes


@pytest.mark.parametrize("fault", SILENT)
async def test_a_kernel_that_does_not_answer_is_starting_until_it_is_restarted_or_deleted(
    start, launch, bystander, connect, pid_of, caplog, patience_ends, fault
):
    answers = fault.startswith("answers and")  # however long it takes to start
    patience = 600 if answers else 0.5
    limits = settings(answer_timeout=patience, shutdown_wait=0.4)
    async with start(plughost_kernels, **limits) as (_, client):
        other = await bystander(client)
        kernel_id = await launch(client, SILENT[fault])
        url = f"/api/kernels/{kernel_id}"
        if answers:
            await patience_ends()
        await connect(client, kernel_id)  # waits for as long as an answer may take
        model = (await client.get(url)).json
        with soon():
            await other.check()
            interrupted = await client.post(f"{url}/interrupt")
        with soon():
            restarting = asyncio.ensure_future(client.post(f"{url}/restart"))
            if answers:
                await patience_ends()
            restarted = await restarting
        pid = pid_of(kernel_id)
        with soon():
            deleted = await client.delete(url)
        await other.check()
    assert model["execution_state"] in ("starting", "idle")
    assert f"Kernel {kernel_id} (fake) has not answered in {patience} s." in caplog.text
    assert restarted.status == (200 if answers else 500)
    assert (interrupted.status, deleted.status) == (204, 204)
    assert not lives(pid)


@pytest.mark.parametrize("action", ["delete", "restart"])
async def test_a_kernel_can_be_deleted_or_restarted_before_it_has_answered(
    start, launch, connect, action, tmp_path
):
    code = "import time; time.sleep(0.5)"
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client, code)
        url = f"/api/kernels/{kernel_id}"
        with soon():
            if action == "delete":
                reply = await client.delete(url)
            else:
                reply = await client.post(f"{url}/restart")
                line = await connect(client, kernel_id)
                assert await line.print("request.print('up')") == "up"
                await client.delete(url)
        files = [*(tmp_path / "jupyter-runtime").rglob(f"*{kernel_id}*")]
    assert (reply.status, files) == (204 if action == "delete" else 200, [])


async def test_a_kernel_whose_files_somebody_has_removed_runs_on_and_can_be_restarted(
    start, launch, connect, tmp_path
):
    """Runtime folders are temporary, and some systems tidy them."""
    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        await line.print("request.print('up')")
        for file in (tmp_path / "jupyter-runtime").rglob(f"*{kernel_id}*"):
            file.unlink()
        assert await line.print("request.print('still up')") == "still up"
        assert (await client.post(f"/api/kernels/{kernel_id}/restart")).status == 200
        assert await line.print("request.print('anew')") == "anew"
        assert (await client.delete(f"/api/kernels/{kernel_id}")).status == 204


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub"])
async def test_a_kernel_may_close_a_socket_and_open_it_again(
    start, launch, connect, bystander, eventually, channel
):
    async with start(plughost_kernels) as (_, client):
        other = await bystander(client)
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.execute(f"kernel.unbind({channel!r})\nkernel.bind({channel!r})")

        async def answers():
            line.execute("request.print('heard')")
            line.send("kernel_info_request", {}, channel="control")
            missing = {"execute_reply", "stream", "kernel_info_reply"}
            with contextlib.suppress(asyncio.TimeoutError):
                while missing:
                    missing.discard((await asyncio.wait_for(line.receive(), 0.5)).kind)
            return not missing

        await eventually(answers)
        await other.check()


async def test_a_stranger_on_a_kernels_port_is_not_taken_for_it_for_ever(start, launch, connect):
    """Another program's publisher, which has the port for a moment before the kernel has it."""
    code = """
import time, zmq
stranger = zmq.Context()
publishers = [stranger.socket(zmq.PUB) for _ in range(3)]
met = publishers[0].get_monitor_socket(zmq.EVENT_ACCEPTED)
for publisher, channel in zip(publishers, ("shell", "control", "stdin")):
    publisher.bind(f"tcp://{kernel.facts['ip']}:{kernel.facts[channel + '_port']}")
met.poll(30_000)
time.sleep(0.2)
publishers[0].disable_monitor()
stranger.destroy(linger=0)
"""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client, code)
        line = await connect(client, kernel_id)
        await line.answer(line.send("kernel_info_request", {}, channel="control"))
        assert await line.print("request.print('met')") == "met"
        assert (await client.post(f"/api/kernels/{kernel_id}/restart")).status == 200
        assert await line.print("request.print('again')") == "again"


async def test_a_server_ends_though_a_kernel_cannot_be_shut_down(
    start, launch, connect, monkeypatch, caplog
):
    shutdown = KernelProcess.shutdown

    async def complaining(process: KernelProcess, *, now: bool) -> None:
        await shutdown(process, now=True)
        raise RuntimeError("its provisioner will not have it")

    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await launch(client))
        assert await line.print("request.print('up')") == "up"
        monkeypatch.setattr(KernelProcess, "shutdown", complaining)
    assert "its provisioner will not have it" in caplog.text


async def test_a_kernel_that_cannot_be_shut_down_costs_the_others_nothing(
    start, launch, connect, pid_of, monkeypatch, caplog
):
    shutdown = KernelProcess.shutdown

    async with start(plughost_kernels, **settings(shutdown_wait=0.4)) as (_, client):
        kernels = [await launch(client, STUBBORN) for _ in range(2)]
        for kernel_id in kernels:
            line = await connect(client, kernel_id)
            assert await line.print("request.print('up')") == "up"
        pids = [pid_of(kernel_id) for kernel_id in kernels]

        async def one_complains(process: KernelProcess, *, now: bool) -> None:
            first = kernels[0] in process.connection_file
            await shutdown(process, now=now or first)
            if first:
                raise RuntimeError("its provisioner will not have it")

        monkeypatch.setattr(KernelProcess, "shutdown", one_complains)
    assert not any(lives(pid) for pid in pids)
    assert "its provisioner will not have it" in caplog.text


async def test_a_kernel_that_cannot_be_shut_down_is_as_before(
    start, launch, connect, pid_of, monkeypatch
):
    async def complaining(process: KernelProcess, *, now: bool) -> None:
        raise RuntimeError("its provisioner will not have it")

    async with start(plughost_kernels, **settings()) as (_, client):
        with monkeypatch.context() as patch:
            patch.setattr(KernelProcess, "shutdown", complaining)
            kernel_id = await launch(client, "import time; time.sleep(0.5)")
            url = f"/api/kernels/{kernel_id}"
            assert (await client.delete(url)).status == 500
        with soon():
            line = await connect(client, kernel_id)
            assert await line.print("request.print('here')") == "here"
            os.kill(pid_of(kernel_id), signal.SIGKILL)
            await line.until(lambda m: m.content.get("execution_state") == "restarting")
            assert await line.print("request.print('anew')") == "anew"
        assert (await client.delete(url)).status == 204


async def test_a_kernel_is_watched_on_though_its_life_cannot_be_told_for_a_while(
    start, launch, connect, pid_of, monkeypatch, caplog, eventually
):
    asked = []

    async def unreachable(process: KernelProcess) -> bool:
        asked.append(process)
        raise OSError("nobody there")

    async with start(plughost_kernels, **settings()) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        with monkeypatch.context() as patch:
            patch.setattr(KernelProcess, "is_alive", unreachable)

            async def in_doubt():
                return len(asked) > 3

            await eventually(in_doubt)
        os.kill(pid_of(kernel_id), signal.SIGKILL)
        await line.until(lambda m: m.content.get("execution_state") == "restarting")
        assert await line.print("request.print('anew')") == "anew"
    assert caplog.text.count("is alive cannot be told for now: nobody there") == 1


async def test_what_is_asked_of_a_stopped_kernel_is_answered_when_it_goes_on(
    start, launch, connect, bystander, pid_of
):
    async with start(plughost_kernels) as (_, client):
        other = await bystander(client)
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        pid = pid_of(kernel_id)
        os.kill(pid, signal.SIGSTOP)
        asked = [line.execute(f"request.print('{n} ' + 'x' * 10_000)") for n in range(300)]
        with soon():
            await other.check()
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            waiting = asyncio.ensure_future(connect(client, kernel_id))
            await waiting
        os.kill(pid, signal.SIGCONT)
        answer = await line.until(lambda m: m.kind == "execute_reply" and is_for(m, asked[-1]))
    replies = [m.parent["msg_id"] for m in answer if m.kind == "execute_reply"]
    texts = [int(m.content["text"].split()[0]) for m in answer if m.kind == "stream"]
    assert model["execution_state"] in ("idle", "busy")
    assert replies == asked
    assert texts == sorted(set(texts))


def is_for(message, msg_id):
    return (message.parent or {}).get("msg_id") == msg_id


async def test_what_is_asked_of_a_process_that_is_being_ended_is_not_waited_for(
    start, launch, connect, pid_of, eventually
):
    async with start(plughost_kernels, **settings(shutdown_wait=1)) as (_, client):
        kernel_id = await launch(client)
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        await line.print("request.print('up')")
        os.kill(pid_of(kernel_id), signal.SIGSTOP)
        restart = asyncio.ensure_future(client.post(f"{url}/restart"))

        async def under_way():
            return (await client.get(url)).json["execution_state"] == "restarting"

        await eventually(under_way)
        for _ in range(3):
            line.execute("request.print('too late')")
        assert (await restart).status == 200
        assert await line.print("request.print('anew')") == "anew"
        model = (await client.get(url)).json
    assert (model["execution_state"], model["running"], model["queued"]) == ("idle", None, 0)


@pytest.mark.parametrize("how", ["stopped", "stubborn", "stubborn and at work"])
@pytest.mark.parametrize("action", ["delete", "restart"])
async def test_whatever_a_kernel_ignores_it_ends_within_seconds(
    start, launch, connect, pid_of, bystander, how, action
):
    async with start(plughost_kernels, **settings(shutdown_wait=0.4)) as (_, client):
        other = await bystander(client)
        kernel_id = await launch(client, "" if how == "stopped" else STUBBORN)
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        pid = pid_of(kernel_id)
        if how == "stopped":
            os.kill(pid, signal.SIGSTOP)
        elif "work" in how:
            line.execute("request.print('begun')\nwhile True: pass")
            await line.until(lambda m: m.kind == "stream")
        with soon():
            if action == "delete":
                ending = asyncio.ensure_future(client.delete(url))
            else:
                ending = asyncio.ensure_future(client.post(f"{url}/restart"))
            await other.check()
            reply = await ending
        assert not lives(pid)
        if action == "restart":
            assert await line.print("request.print('anew')") == "anew"
    assert reply.status == (204 if action == "delete" else 200)


async def test_a_kernel_that_is_being_shut_down_is_not_started_again(
    start, launch, connect, root, eventually, tmp_path
):
    """Who comes too late finds no kernel, and leaves none behind that nobody knows of."""
    noting = STUBBORN + (
        "kernel.handlers['shutdown_request'] = lambda request: open('asked', 'w').close()"
    )
    async with start(plughost_kernels, **settings(shutdown_wait=1)) as (_, client):
        kernel_id = await launch(client, COUNT_STARTS + noting)
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        await line.print("request.print('up')")
        deleting = asyncio.ensure_future(client.delete(url))

        async def under_way():
            return (root / "asked").exists()

        await eventually(under_way)
        late = await asyncio.gather(
            client.post(f"{url}/restart"), client.delete(url), client.post(f"{url}/restart")
        )
        deleted = await deleting
        left = (await client.get("/api/kernels")).json
        files = [*(tmp_path / "jupyter-runtime").rglob(f"*{kernel_id}*")]
    assert (deleted.status, left, files) == (204, [], [])
    assert (root / "starts").read_text() == "x"
    assert [late[0].status, late[2].status] == [404, 404]
    assert late[1].status in (204, 404)

"""Programs that talk to a kernel with jupyter_client, past the server, which sees what they do."""

import asyncio
import json
import os
import sys
from itertools import groupby
from pathlib import Path

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import plughost_kernels

SECONDS = 60


@pytest.fixture
def connection_file(jupyter_folders):
    """`connection_file(kernel_id)`, where `jupyter console --existing` looks for it."""
    return lambda kernel_id: str(jupyter_folders / "jupyter-runtime" / f"kernel-{kernel_id}.json")


@pytest.fixture
def foreign(connection_file):
    """`await foreign(kernel_id)` is an AsyncKernelClient that is connected to the kernel."""
    clients = []

    async def connected(kernel_id):
        client = AsyncKernelClient(connection_file=connection_file(kernel_id))
        client.load_connection_file()
        client.hb_channel.time_to_dead = SECONDS  # a second is not much for one that starts
        client.start_channels()
        clients.append(client)
        await client.wait_for_ready(timeout=SECONDS)
        return client

    yield connected
    for client in clients:
        client.stop_channels()
        client.context.destroy(linger=0)


async def started(client):
    return (await client.post("/api/kernels")).json["id"]


async def next_reply(client):
    """The next reply on shell; how often it has asked whether the kernel is ready is its own."""
    while True:
        message = await client.get_shell_msg(timeout=SECONDS)
        if message["msg_type"] != "kernel_info_reply":
            return message


async def reply_to(client, msg_id):
    """The reply to one request; a reply to anything else is an error."""
    message = await next_reply(client)
    assert message["parent_header"]["msg_id"] == msg_id
    return message


def is_idle_after(message, msg_id):
    idle = message.content.get("execution_state") == "idle"
    return idle and message.parent.get("msg_id") == msg_id


def texts_of(messages):
    """What is written in them; a line can come in pieces."""
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")


async def output_of(client, msg_id):
    """What a request has put out, up to the kernel's rest after it."""
    messages = []
    while True:
        message = await client.get_iopub_msg(timeout=SECONDS)
        if message["parent_header"].get("msg_id") == msg_id:
            messages.append(message)
            if message["content"].get("execution_state") == "idle":
                return messages


def test_what_jupyter_client_lists_is_what_we_list(start, install_kernel):
    install_kernel("other", [sys.executable, "-c", "pass"], env={"A": "b"})

    async def listed():
        async with start(plughost_kernels) as (_, client):
            return (await client.get("/api/kernelspecs")).json["kernelspecs"]

    ours = asyncio.run(listed())
    theirs = KernelSpecManager().get_all_specs()
    assert {name: one["spec"] for name, one in ours.items()} == {
        name: one["spec"] for name, one in theirs.items()
    }


async def test_a_blocking_client_gets_all_its_answers_and_a_websocket_its_outputs(
    start, connect, printed, connection_file
):
    def work(path):
        client = BlockingKernelClient(connection_file=path)
        client.load_connection_file()
        client.hb_channel.time_to_dead = SECONDS
        client.start_channels()
        try:
            client.wait_for_ready(timeout=SECONDS)
            printed = []
            asked = client.execute_interactive(
                "print('from afar'); 6 * 7", output_hook=printed.append, timeout=SECONDS
            )
            replies = {
                "info": client.kernel_info(reply=True, timeout=SECONDS),
                "complete": client.complete("pri", reply=True, timeout=SECONDS),
                "inspect": client.inspect("print", reply=True, timeout=SECONDS),
                "history": client.history(reply=True, timeout=SECONDS, hist_access_type="tail"),
            }
            return asked, printed, replies
        finally:
            client.stop_channels()
            client.context.destroy(linger=0)
            ensure_event_loop().close()  # the one that it has made for this thread

    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        asked, outputs, replies = await asyncio.to_thread(work, connection_file(kernel_id))
        own = line.execute("print('from here')")
        seen = await line.until(lambda m: is_idle_after(m, own))
        if not any(m.channel == "shell" for m in seen):
            seen += await line.until(lambda m: m.channel == "shell")
    kinds = [kind for kind, _ in groupby(message["msg_type"] for message in outputs)]
    assert kinds == ["status", "execute_input", "stream", "execute_result", "status"]
    assert asked["content"]["status"] == "ok"
    assert replies["info"]["content"]["implementation"] == "ipython"
    assert "print" in replies["complete"]["content"]["matches"]
    assert replies["inspect"]["content"]["found"]
    assert replies["history"]["content"]["status"] == "ok"
    assert printed(seen) == "from afar\nfrom here\n"
    assert [m.parent["msg_id"] for m in seen if m.channel == "shell"] == [own]


async def test_while_a_foreign_request_runs_the_kernel_is_busy_with_it(
    start, connect, foreign, eventually
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        console = await foreign(kernel_id)
        asked = console.execute("print('begun')\nimport time\nwhile True: time.sleep(0.05)")
        await line.until(lambda m: m.kind == "stream" and "begun" in m.content["text"])
        busy = (await client.get(f"/api/kernels/{kernel_id}")).json
        console.control_channel.send(console.session.msg("interrupt_request", {}))
        reply = await reply_to(console, asked)
        await line.until(lambda m: m.kind == "error")

        async def at_rest():
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            return (model["execution_state"], model["running"]) == ("idle", None)

        await eventually(at_rest)
    assert busy["execution_state"] == "busy"
    running = busy["running"]
    assert (running["msg_id"], running["session"]) == (asked, console.session.session)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


async def test_an_interrupt_over_rest_ends_what_a_foreign_client_runs(start, connect, foreign):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        console = await foreign(kernel_id)
        asked = console.execute("print('begun')\nimport time\nwhile True: time.sleep(0.05)")
        await line.until(lambda m: m.kind == "stream")
        await client.post(f"/api/kernels/{kernel_id}/interrupt")
        reply = await reply_to(console, asked)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


async def test_of_many_requests_at_once_everybody_gets_the_replies_to_their_own(
    start, connect, foreign
):
    """Two foreign clients and two of the server's, all on one kernel."""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        lines = [await connect(client, kernel_id) for _ in range(2)]
        consoles = [await foreign(kernel_id) for _ in range(2)]
        asked = {one: [] for one in (*lines, *consoles)}
        for n in range(25):
            for one in asked:
                asked[one].append(one.execute(f"print({n})"))
        answered = {}
        for line in lines:
            answered[line] = []
            while len(answered[line]) < 25:
                message = await line.receive()
                if message.channel == "shell":
                    answered[line].append(message.parent["msg_id"])
        for console in consoles:
            replies = [await next_reply(console) for _ in range(25)]
            answered[console] = [message["parent_header"]["msg_id"] for message in replies]
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert answered == asked
    assert model["queued"] == 0


async def test_a_question_goes_to_who_runs_the_code_and_to_nobody_else(start, connect, foreign):
    """As with `jupyter console --existing` beside a notebook."""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        console = await foreign(kernel_id)
        from_console = console.execute("print('got', input('console? '))")
        question = await console.get_stdin_msg(timeout=SECONDS)
        line.send("input_reply", {"value": "not the console"}, channel="stdin")
        console.input("Ada")
        printed = await output_of(console, from_console)
        await line.until(lambda m: m.kind == "stream")
        from_line = line.execute("print('got', input('notebook? '))", allow_stdin=True)
        asked = (await line.until(lambda m: m.channel == "stdin"))[-1]
        line.send("input_reply", {"value": "Eve"}, channel="stdin")
        answer = await line.answer(from_line)
        silent = await console.stdin_channel.msg_ready()
    assert question["content"]["prompt"] == "console? "
    assert texts_of(printed) == "got Ada\n"
    assert asked.content["prompt"] == "notebook? "
    assert "".join(m.content["text"] for m in answer if m.kind == "stream") == "got Eve\n"
    assert not silent


async def test_a_foreign_client_finds_a_restarted_kernel_where_it_was(
    start, connect, foreign, connection_file
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        before = Path(connection_file(kernel_id)).read_text()
        console = await foreign(kernel_id)
        assert (await client.post(f"/api/kernels/{kernel_id}/restart")).status == 200
        after = Path(connection_file(kernel_id)).read_text()
        await console.wait_for_ready(timeout=SECONDS)
        asked = console.execute("print('again')")
        printed = await output_of(console, asked)
    assert json.loads(before) == json.loads(after)
    assert texts_of(printed) == "again\n"


async def test_a_foreign_client_may_shut_the_kernel_down_and_it_is_started_again(
    start, connect, foreign
):
    """The server has not been asked: for it the kernel has died."""
    quick = {"extensions": {"kernels": {"watch_interval": 0.05}}}
    async with start(plughost_kernels, **quick) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        console = await foreign(kernel_id)
        console.shutdown()
        await line.until(lambda m: m.content.get("execution_state") == "restarting")
        again = await connect(client, kernel_id)
        assert await again.print("print('here')") == "here\n"


async def test_the_connection_file_is_for_its_user_only_and_goes_with_the_kernel(
    start, connection_file
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        path = connection_file(kernel_id)
        mode = os.stat(path).st_mode & 0o777
        await client.delete(f"/api/kernels/{kernel_id}")
        left = os.path.exists(path)
    assert (oct(mode), left) == ("0o600", False)


async def test_nbclient_runs_a_notebook_on_a_kernel_of_the_server(start, connect, foreign):
    cells = [new_code_cell("x = 6"), new_code_cell("print(x * 7)"), new_code_cell("x")]
    notebook = new_notebook(cells=cells)
    async with start(plughost_kernels) as (_, client):
        kernel_id = await started(client)
        line = await connect(client, kernel_id)
        runner = NotebookClient(notebook)
        runner.kc = await foreign(kernel_id)
        for index, cell in enumerate(notebook.cells):
            await runner.async_execute_cell(cell, index)
        assert await line.print("x += 1; print(x)") == "7\n"
    assert "".join(output.text for output in notebook.cells[1].outputs) == "42\n"
    assert notebook.cells[2].outputs[0].data["text/plain"] == "6"

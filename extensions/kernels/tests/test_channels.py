"""Talking to a kernel over its WebSocket, in both framings."""

import struct
import time
from itertools import pairwise

import pytest
from tornado.httpclient import HTTPClientError

import plughost_kernels

COMM_ECHO = """
def echo(comm, message):
    @comm.on_msg
    def received(message):
        comm.send({"sizes": [len(b) for b in message["buffers"]]}, buffers=message["buffers"])
get_ipython().kernel.comm_manager.register_target("echo", echo)
"""


UNTIL_GO = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)"


async def kernel(client):
    return (await client.post("/api/kernels")).json["id"]


async def check_that_code_runs(line):
    answer = await line.run("print('hello'); 6 * 7")
    kinds = {message.kind: message for message in answer}
    said = [message.content for message in answer if message.kind == "stream"]
    assert "".join(one["text"] for one in said) == "hello\n"
    assert all(one == {"name": "stdout", "text": one["text"]} for one in said)
    assert kinds["execute_result"].content["data"]["text/plain"] == "42"
    assert kinds["execute_reply"].content["status"] == "ok"
    assert {kind: message.channel for kind, message in kinds.items()} == {
        "status": "iopub",
        "execute_input": "iopub",
        "stream": "iopub",
        "execute_result": "iopub",
        "execute_reply": "shell",
    }
    assert all(message.buffers == [] for message in answer)


@pytest.mark.proves("WS /api/kernels/{id}/channels (v1)")
async def test_code_runs_in_the_binary_framing(start, connect):
    async with start(plughost_kernels) as (_, client):
        await check_that_code_runs(await connect(client, await kernel(client)))


@pytest.mark.proves("WS /api/kernels/{id}/channels (legacy)")
async def test_code_runs_in_the_legacy_framing(start, connect):
    async with start(plughost_kernels) as (_, client):
        await check_that_code_runs(await connect(client, await kernel(client), legacy=True))


@pytest.mark.parametrize("legacy", [False, True])
async def test_buffers_arrive_as_they_were_sent(start, connect, legacy):
    buffers = (bytes(range(256)) * 64 * 1024, b"", b"\0odd")  # 16 MiB and two small ones
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await kernel(client), legacy=legacy)
        await line.run(COMM_ECHO)
        comm = {"comm_id": "c", "target_name": "echo", "data": {}}
        line.send("comm_open", comm)
        line.send("comm_msg", {"comm_id": "c", "data": {}}, buffers=buffers)
        back = (await line.until(lambda message: message.kind == "comm_msg"))[-1]
    assert back.content["data"]["sizes"] == [len(buffer) for buffer in buffers]
    assert tuple(back.buffers) == buffers


async def test_output_goes_to_all_clients_and_a_reply_to_the_one_that_asked(
    start, connect, printed
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        first = await connect(client, kernel_id)
        second = await connect(client, kernel_id, legacy=True)
        asked = first.execute("print('for all')")
        answer = await first.answer(asked)
        seen = await second.until(lambda m: m.content.get("execution_state") == "idle")
        own = await second.run("print('mine')")
        status = await client.get("/api/status")
    assert [m.kind for m in answer if m.channel == "shell"] == ["execute_reply"]
    assert printed(seen) == "for all\n"
    assert [m for m in [*seen, *own] if m.channel == "shell"] == [
        m for m in own if m.kind == "execute_reply"
    ]
    assert status.json["connections"] == 2


async def test_a_kernel_asks_for_input_from_the_client_whose_code_it_runs(start, connect, printed):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        other = await connect(client, kernel_id)
        line = await connect(client, kernel_id)
        asked = line.execute("print('got', input('name? '))", allow_stdin=True)
        question = (await line.until(lambda message: message.channel == "stdin"))[-1]
        line.send("input_reply", {"value": "Ada"}, channel="stdin")
        answer = await line.answer(asked)
        seen = await other.until(lambda m: m.content.get("execution_state") == "idle")
    assert (question.kind, question.content["prompt"]) == ("input_request", "name? ")
    assert printed(answer) == "got Ada\n"
    assert {message.channel for message in seen} == {"iopub"}


async def test_control_answers_while_shell_is_busy(start, connect, printed, tmp_path):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await kernel(client))
        asked = line.execute(f"print('begun')\n{UNTIL_GO}\nprint('done')")
        await line.until(lambda message: message.kind == "stream")
        line.send("kernel_info_request", {}, channel="control")
        first = (await line.until(lambda message: message.kind.endswith("_reply")))[-1]
        (tmp_path / "root" / "go").touch()
        rest = await line.answer(asked)
    assert (first.channel, first.kind) == ("control", "kernel_info_reply")
    assert printed(rest).endswith("done\n")


async def test_twenty_thousand_messages_arrive_complete_in_order_and_numbered(start, connect):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await kernel(client))
        # ipykernel's own queue drops what exceeds 1,000 messages when the machine is so busy
        # that ZeroMQ gets no turn; here we look at what becomes of all it does send.
        await line.run("get_ipython().kernel.iopub_thread.socket.sndhwm = 0")
        asked = line.execute("for i in range(20_000): print(i, flush=True)")
        answer = await line.answer(asked)
    text = "".join(m.content["text"] for m in answer if m.kind == "stream")
    assert text == "".join(f"{i}\n" for i in range(20_000))
    numbers = [m.number for m in answer if m.channel == "iopub"]
    assert numbers == sorted(numbers)
    # What we could not take at once has come as one: from its `first` number to its own.
    ranges = sorted((m.metadata["plughost"].get("first", m.number), m.number) for m in answer)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
    assert ranges[-1][1] - ranges[0][0] > 20_000
    assert len({m.metadata["plughost"]["epoch"] for m in answer}) == 1


async def test_nothing_is_dropped_while_the_server_is_held_up(start, connect):
    """With a limit on what it may receive, the kernel would drop what exceeds it."""
    steady = """
import time
for i in range(6_000):
    print(str(i).ljust(8_000), flush=True)
    if i % 10 == 0:
        time.sleep(0.002)
"""
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await kernel(client))
        # Room in its own queue for a moment without a turn, and not for all there is.
        await line.run("get_ipython().kernel.iopub_thread.socket.sndhwm = 3_000")
        asked = line.execute(steady)
        await line.until(lambda message: message.kind == "stream")
        time.sleep(2)  # noqa: ASYNC251  # the host runs on this loop
        answer = await line.answer(asked)
    lines = "".join(m.content["text"] for m in answer if m.kind == "stream").split()
    assert lines[-5_000:] == [str(i) for i in range(1_000, 6_000)]


async def test_a_returning_session_gets_what_it_has_missed_before_anything_new(
    start, connect, printed, gone, tmp_path
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        line = await connect(client, kernel_id, "loyal")
        witness = await connect(client, kernel_id)
        asked = line.execute(f"print('one')\n{UNTIL_GO}\nprint('two')\nprint('three')")
        seen = await line.until(lambda m: m.kind == "stream" and m.content["text"].endswith("\n"))
        line.close()
        await gone(client, kernel_id, 1)
        (tmp_path / "root" / "go").touch()
        await witness.until(lambda m: m.content.get("execution_state") == "idle")
        stranger = await connect(client, kernel_id, "stranger")
        returned = await connect(client, kernel_id, "loyal")
        missed = await returned.answer(asked)
        fresh = await stranger.run("print('live')")
        live = await returned.until(lambda m: m.content.get("execution_state") == "idle")
    assert printed([*seen, *missed]) == "one\ntwo\nthree\n"
    assert missed[-1].parent["msg_id"] == asked
    assert "execute_reply" in {message.kind for message in missed}
    numbers = [m.number for m in [*seen, *missed, *live]]
    assert numbers == sorted(set(numbers))
    assert "three" not in printed(fresh)


async def test_any_client_can_ask_for_what_came_after_a_number(start, connect, printed):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        line = await connect(client, kernel_id)
        first = await line.run("print('first')")
        await line.run("print('second')")
        last = first[-1].metadata["plughost"]
        late = await connect(client, kernel_id, query=f"&since={last['epoch']}:{last['n']}")
        missed = await late.until(lambda m: m.content.get("execution_state") == "idle")
        other = await connect(client, kernel_id, query=f"&since=elsewhere:{last['n']}")
        everything = await other.until(lambda m: "second" in m.content.get("text", ""))
        everything += await other.until(lambda m: m.content.get("execution_state") == "idle")
        refused = []
        for since in ("yesterday", f"a:{'9' * 5000}"):
            with pytest.raises(HTTPClientError) as error:
                await connect(client, kernel_id, query=f"&since={since}")
            refused.append(error.value.code)
    assert printed(missed) == "second\n"
    assert {message.channel for message in missed} == {"iopub"}
    # The debugger may have warned at the start.
    assert printed([m for m in everything if m.content.get("name") == "stdout"]) == (
        "first\nsecond\n"
    )
    assert refused == [400, 400]


async def test_a_session_that_connects_again_replaces_its_old_websocket(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        old = await connect(client, kernel_id, "twice")
        new = await connect(client, kernel_id, "twice")
        with pytest.raises(ConnectionError, match="4001 The same session"):
            await old.until(lambda message: False)
        assert await new.print("print('here')") == "here\n"
        model = await client.get(f"/api/kernels/{kernel_id}")
    assert model.json["connections"] == 1


async def test_a_client_that_does_not_read_delays_no_other_and_loses_nothing(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        asleep = await connect(client, kernel_id)
        line = await connect(client, kernel_id)
        answer = await line.run("for i in range(200): print('x' * 100_000, flush=True)")
        late = await asleep.until(lambda m: m.content.get("execution_state") == "idle")
    for messages in (answer, late):
        assert sum(len(m.content["text"]) for m in messages if m.kind == "stream") == 20_000_200


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "cannot be read"),
        (struct.pack("<2Q", 1 << 60, 0), "offsets"),
        (struct.pack("<7Q", 6, *range(900, 906)), "within the message"),
        (struct.pack("<7Q", 6, *[56] * 6), "header"),
        ("not json", "cannot be read"),
        ('{"header": {}}', "msg_id"),
        ('{"header": {"msg_id": "1", "msg_type": "a"}, "metadata": []}', "metadata"),
    ],
)
async def test_a_client_with_broken_frames_is_told_so_and_harms_nobody(
    start, connect, frame, words
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        good = await connect(client, kernel_id)
        bad = await connect(client, kernel_id)
        bad.socket.write_message(frame, binary=isinstance(frame, bytes))
        with pytest.raises(ConnectionError, match=f"1007 .*{words}"):
            await bad.until(lambda message: False)
        assert await good.print("print('fine')") == "fine\n"


async def test_unknown_channels_are_ignored_and_a_missing_one_is_shell(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        for legacy in (False, True):
            line = await connect(client, kernel_id, legacy=legacy)
            line.send("kernel_info_request", {}, channel="smoke")
            answer = await line.answer(line.send("kernel_info_request", {}, channel=None))
            replies = [m.channel for m in answer if m.kind == "kernel_info_reply"]
            assert replies == ["shell"]


async def test_a_websocket_to_an_unknown_kernel_is_refused_with_a_reason(start):
    async with start(plughost_kernels) as (_, client):
        reply = await client.get("/api/kernels/nobody/channels", headers={"Upgrade": "websocket"})
        stranger = await client.get(
            "/api/kernels/nobody/channels", headers={"Upgrade": "websocket"}, token=None
        )
        plain = await client.get(f"/api/kernels/{await kernel(client)}/channels")
    assert (reply.status, reply.json["hint"]) == (404, "Running: none.")
    assert stranger.status == 403
    assert (plain.status, plain.json["hint"]) == (400, "Connect with a WebSocket client.")


async def test_only_what_is_signed_with_the_kernels_key_reaches_a_client(start, connect, caplog):
    forge = """
kernel = get_ipython().kernel
key, kernel.session.key = kernel.session.key, b"another"
kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "forged"})
kernel.session.key = key
print("genuine")
"""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        line = await connect(client, kernel_id)
        assert await line.print(forge) == "genuine\n"
    assert f"Ignoring a message from kernel {kernel_id} on iopub: Its signature" in caplog.text


async def test_a_host_that_stops_says_so_to_its_clients_and_waits_for_no_kernel(start, connect):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await kernel(client))
        line.execute("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass")
        await line.until(lambda m: m.kind == "execute_input")
    with pytest.raises(ConnectionError, match="1012 The server is stopping"):
        await line.until(lambda message: False)


def has_printed(number):
    """Whether a message has this number, or a later one: text may be cut anywhere."""
    return lambda m: m.kind == "stream" and int((m.content["text"].split() or [0])[-1]) >= number


async def test_no_line_is_lost_or_comes_twice_for_a_page_that_is_loaded_anew_in_the_middle(
    start, connect
):
    code = "import time\nfor i in range(3_000):\n    print(i)\n    time.sleep(0.0005)"
    async with start(plughost_kernels) as (_, client):
        kernel_id = await kernel(client)
        line = await connect(client, kernel_id)
        witness = await connect(client, kernel_id)
        line.execute(code)
        seen = await line.until(has_printed(100))
        line.close()
        await witness.until(has_printed(2_000))
        last = seen[-1].metadata["plughost"]
        query = f"&since={last['epoch']}:{last['n']}"
        fresh = await connect(client, kernel_id, query=query)
        rest = await fresh.until(lambda m: m.content.get("execution_state") == "idle")
    texts = [m.content["text"] for m in [*seen, *rest] if m.kind == "stream"]
    assert "".join(texts) == "".join(f"{i}\n" for i in range(3_000))

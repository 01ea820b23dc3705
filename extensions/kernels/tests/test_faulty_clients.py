"""Clients that send what they should not, or at a bad time. The kernel and the others go on."""

import asyncio
import json
import struct
from urllib.parse import quote

import pytest

import plughost_kernels

BOTTOMLESS = "[" * 200_000 + "]" * 200_000


def idle(message):
    return message.content.get("execution_state") == "idle"


def printed(messages):
    return "".join(m.content["text"] for m in messages if m.kind == "stream")


@pytest.mark.parametrize("legacy", [False, True])
async def test_requests_by_the_thousand_at_once_are_answered_in_order(
    start, connect, launch, eventually, legacy
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id, legacy=legacy)
        asked = [line.execute("") for _ in range(3_000)]
        replies = []
        while len(replies) < len(asked):
            message = await line.receive()
            if message.channel == "shell":
                replies.append(message.parent["msg_id"])

        async def at_rest():
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            return (model["execution_state"], model["queued"]) == ("idle", 0)

        await eventually(at_rest)
    assert replies == asked


def v1(header, parent="{}", metadata="{}", content="{}", channel=b"shell"):
    """A frame of the binary protocol with any bytes as its parts."""
    encoded = [p.encode() if isinstance(p, str) else p for p in (header, parent, metadata, content)]
    pieces = [channel, *encoded]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(pieces)


GOOD = '{"msg_id": "1", "msg_type": "kernel_info_request"}'


@pytest.mark.parametrize(
    ("legacy", "frame", "words"),
    [
        (False, v1(GOOD)[:-1], "offsets"),
        (False, v1(GOOD)[:40], "offsets"),
        (False, struct.pack("<8Q", 7, 64, 64, 60, 64, 64, 64, 64), "offsets"),
        (False, v1(GOOD, channel=b"\xff"), "cannot be read"),
        (False, v1("[]"), "header"),
        (False, v1(b'{"msg_id": "\xe4", "msg_type": "a"}'), "header"),
        (False, v1('{"msg_id": 1, "msg_type": "a"}'), "header"),
        (False, v1('{"msg_id": "1", "msg_type": "a", "x": ' + BOTTOMLESS + "}"), "header"),
        (False, v1(GOOD, parent="7"), "header"),
        (False, v1(GOOD, metadata="null"), "metadata"),
        (False, v1(""), "header"),
        (True, v1(GOOD), "parts"),
        (True, b"", "cannot be read"),
        (True, b"\0\0\0\1\0\0\0\xff", "ascend"),
        (True, b"\0\0\0\2\0\0\0\x0c\0\0\0\x08{}{}", "ascend"),
        (True, "", "cannot be read"),
        (True, "[]", "cannot be read"),
        (True, '{"channel": "shell"}', "header"),
        (True, f'{{"channel": 7, "header": {GOOD}}}', "channel"),
        (True, f'{{"header": {{"msg_id": "1", "msg_type": "a", "x": {BOTTOMLESS}}}}}', "read"),
        (True, f'{{"header": {GOOD}, "content": {{', "cannot be read"),
    ],
)
async def test_a_frame_that_cannot_be_read_closes_its_websocket_with_the_reason(
    start, connect, launch, legacy, frame, words
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        good = await connect(client, kernel_id)
        bad = await connect(client, kernel_id, legacy=legacy)
        bad.socket.write_message(frame, binary=isinstance(frame, bytes))
        with pytest.raises(ConnectionError, match=f"1007 .*{words}"):
            await bad.until(lambda message: False)
        assert await good.print("request.print('fine')") == "fine"


async def test_text_in_the_binary_protocol_is_read_as_the_legacy_framing(start, connect, launch):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await launch(client))
        line.socket.write_message(json.dumps({"header": json.loads(GOOD)}))
        reply = (await line.until(lambda m: m.channel == "shell"))[-1]
    assert (reply.kind, reply.parent["msg_id"]) == ("kernel_info_reply", "1")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("channel", ["iopub", "hb", "../shell", "x" * 10_000])
async def test_a_message_for_a_channel_that_clients_cannot_use_is_ignored(
    start, connect, launch, caplog, legacy, channel
):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await launch(client), legacy=legacy)
        line.send("kernel_info_request", {}, channel=channel)
        assert await line.print("request.print('fine')") == "fine"
    assert "Ignoring a 'kernel_info_request' from session" in caplog.text
    assert f"there is no channel '{channel[:10]}" in caplog.text


async def test_an_execute_request_with_odd_metadata_is_executed(start, connect, launch):
    header = '{"msg_id": "%d", "msg_type": "execute_request"}'
    content = """{"code": "request.print('x')"}"""
    odd = [
        '{"cellId": 7}',
        '{"cellId": {}}',
        '{"cellId": ' + BOTTOMLESS + "}",
        '{"cellId": "\\ud800"}',
    ]
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        for n, metadata in enumerate(odd):
            line.socket.write_message(
                v1(header % n, metadata=metadata, content=content), binary=True
            )
        answer = await line.until(lambda m: m.kind == "execute_reply" and m.parent["msg_id"] == "3")
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert [m.parent["msg_id"] for m in answer if m.kind == "execute_reply"] == [*"0123"]
    assert model["queued"] == 0


async def test_content_that_no_kernel_can_read_leaves_the_kernel_usable(start, connect, eventually):
    header = '{"msg_id": "%d", "msg_type": "execute_request", "session": "s", "version": "5.3"}'
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        for n, content in enumerate(["{", b'{"code": "\xff"}', "", "[1]", '{"code": 7}', "{}"]):
            line.socket.write_message(v1(header % n, content=content), binary=True)

        async def it_works():  # an error makes it abort what has been waiting
            return await line.print("print('fine')") == "fine\n"

        await eventually(it_works)
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert (model["execution_state"], model["running"]) == ("idle", None)


@pytest.mark.parametrize("header", [{}, {"session": ""}, {"session": "another"}])
async def test_a_reply_comes_back_to_who_asked_whatever_session_they_named(
    start, connect, launch, header
):
    header = {"msg_id": "1", "msg_type": "kernel_info_request", **header}
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        other = await connect(client, kernel_id, "another")
        line = await connect(client, kernel_id)
        line.socket.write_message(v1(json.dumps(header)), binary=True)
        reply = (await line.until(lambda m: m.channel == "shell"))[-1]
        seen = await other.run("request.print('fine')")
    assert (reply.kind, reply.parent) == ("kernel_info_reply", header)
    assert [m.kind for m in seen if m.channel == "shell"] == ["execute_reply"]


async def test_an_answer_that_nobody_asked_for_answers_no_later_question(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line, other = await connect(client, kernel_id), await connect(client, kernel_id)
        for client_line in (line, other):
            client_line.send("input_reply", {"value": "stray"}, channel="stdin")
        for name in ("Ada", "Eve"):
            asked = line.execute("print('got', input())", allow_stdin=True)
            await line.until(lambda m: m.kind == "input_request")
            other.send("input_reply", {"value": "not mine to give"}, channel="stdin")
            await other.answer(other.send("kernel_info_request", {}, channel="control"))
            line.send("input_reply", {"value": name}, channel="stdin")
            assert printed(await line.answer(asked)) == f"got {name}\n"
            line.send("input_reply", {"value": "late"}, channel="stdin")


@pytest.mark.parametrize("session", ["", "ü ☃/..%00", "a&b=c#d", "s" * 4_000])
async def test_any_text_will_do_as_a_session(start, connect, launch, session):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id, quote(session, safe="") if session else "")
        assert await line.print("request.print('fine')") == "fine"


async def test_clients_of_a_kernel_that_is_deleted_can_say_what_they_like(
    start, connect, launch, caplog
):
    async with start(plughost_kernels) as (_, client):
        kernel_id, other_id = await launch(client), await launch(client)
        line = await connect(client, kernel_id)
        other = await connect(client, other_id)
        line.execute("import time; time.sleep(60)")
        deleted = await client.delete(f"/api/kernels/{kernel_id}")
        for channel in ("shell", "control", "stdin"):
            line.send("kernel_info_request", {}, channel=channel)
        status = (await client.get("/api/status")).json
        assert await other.print("request.print('fine')") == "fine"
    assert deleted.status == 204
    assert (status["kernels"], status["connections"]) == (1, 1)
    assert [r.message for r in caplog.records if r.levelname == "ERROR"] == []
    with pytest.raises(ConnectionError):
        await line.until(lambda _: False)


async def test_who_connects_while_a_kernel_restarts_gets_in_when_it_is_up(
    start, connect, launch, eventually
):
    code = "import time; time.sleep(0.5)"
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client, code, "slow")
        line = await connect(client, kernel_id)
        await line.print("request.print('up')")
        restart = asyncio.ensure_future(client.post(f"/api/kernels/{kernel_id}/restart"))

        async def restarts():
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            return model["execution_state"] in ("restarting", "starting") or restart.done()

        await eventually(restarts)
        lines = await asyncio.gather(*(connect(client, kernel_id) for _ in range(10)))
        answers = [await line.print("request.print(str(os.getpid()))") for line in lines]
        model = (await restart).json
        pid = await line.print("request.print(str(os.getpid()))")
    assert model["execution_state"] == "idle"
    assert {*answers} == {pid}

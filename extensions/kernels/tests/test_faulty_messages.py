"""Kernels whose messages are not what they should be: one kernel's nonsense is nobody else's."""

import asyncio

import pytest

import plughost_kernels

SIGNED = "kernel.raw('iopub', [b'topic', *kernel.signed([{}])])"
HEADER = """b'{"msg_id":"1","msg_type":"display_data","session":"s"}'"""
DEEP = "b'[' * 200_000 + b']' * 200_000"

IGNORED = {
    "no frames but a topic": ("kernel.raw('iopub', [b'stream'])", "no delimiter"),
    "an empty frame": ("kernel.raw('iopub', [b''])", "no delimiter"),
    "nothing after the delimiter": (
        "kernel.raw('iopub', [b'topic', b'<IDS|MSG>'])",
        "no delimiter or no signature",
    ),
    "nothing after the signature": (SIGNED.format(""), "0 parts"),
    "too few parts": (SIGNED.format(f"{HEADER}, b'{{}}', b'{{}}'"), "3 parts"),
    "a header that is no JSON": (SIGNED.format("b'{', b'{}', b'{}', b'{}'"), "header"),
    "a header that is no object": (SIGNED.format("b'[1]', b'{}', b'{}', b'{}'"), "header"),
    "a header in Latin-1": (
        SIGNED.format(r"""b'{"msg_id":"\xe4","msg_type":"a"}', b'{}', b'{}', b'{}'"""),
        "header",
    ),
    "a header without an id": (
        SIGNED.format("""b'{"msg_type":"status"}', b'{}', b'{}', b'{}'"""),
        "msg_id",
    ),
    "an id that is a number": (
        SIGNED.format("""b'{"msg_id":1,"msg_type":"status"}', b'{}', b'{}', b'{}'"""),
        "header",
    ),
    "a bottomless header": (
        SIGNED.format(
            f"""b'{{"msg_id":"1","msg_type":"a","x":' + {DEEP} + b'}}', b'{{}}', b'{{}}', b'{{}}'"""
        ),
        "header",
    ),
    "a parent that is a list": (SIGNED.format(f"{HEADER}, b'[]', b'{{}}', b'{{}}'"), "header"),
    "metadata that is a list": (SIGNED.format(f"{HEADER}, b'{{}}', b'[]', b'{{}}'"), "metadata"),
    "a signature that is none": (
        "frames = kernel.frames('stream', {'name': 'stdout', 'text': 'forged'})\n"
        "frames[1] = b'signed, me'\n"
        "kernel.raw('iopub', [b'topic', *frames])",
        "signature is wrong",
    ),
    "the signature of another message": (
        "frames = kernel.frames('stream', {'name': 'stdout', 'text': 'forged'})\n"
        "frames[1] = kernel.frames('stream', {'name': 'stdout', 'text': 'other'})[1]\n"
        "kernel.raw('iopub', [b'topic', *frames])",
        "signature is wrong",
    ),
    "a message of protocol 4 and nothing signed": (
        "kernel.raw('iopub', [b'topic', b'<IDS|MSG>', b'', *kernel.frames('stream', {})[2:]])",
        "signature is wrong",
    ),
}

UNREADABLE = {
    "content that is no JSON": f"{HEADER}, b'{{}}', b'{{}}', b'{{'",
    "content in Latin-1": rf"""{HEADER}, b'{{}}', b'{{}}', b'{{"a":"\xe4"}}'""",
    "no content at all": f"{HEADER}, b'{{}}', b'{{}}', b''",
    "metadata that ends early": f"{HEADER}, b'{{}}', b'{{\"a\":', b'{{}}'",
    "bottomless content": f"{HEADER}, b'{{}}', b'{{}}', {DEEP}",
} | {
    # What the server reads of them it has to be able to do without.
    f"a bottomless {kind}": f"{HEADER.replace('display_data', kind)}, b'{{}}', b'{{}}', {DEEP}"
    for kind in ("stream", "status", "update_display_data", "clear_output", "error")
}


async def heard(line):
    """What one request wrote, up to the kernel's rest, and how much nobody could read."""
    texts, odd = [], 0
    while True:
        try:
            message = await line.receive()
        except (ValueError, RecursionError):
            odd += 1
            continue
        if message.kind == "stream":
            texts.append(message.content["text"])
        elif message.kind == "status" and message.content.get("execution_state") == "idle":
            return "".join(texts), odd


@pytest.mark.parametrize("fault", IGNORED)
async def test_what_is_no_message_is_ignored_with_the_reason_in_the_log(
    start, connect, launch, caplog, fault
):
    code, words = IGNORED[fault]
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        legacy = await connect(client, kernel_id, legacy=True)
        answer = await line.run(f"request.print('before ')\n{code}\nrequest.print('after')")
        told = await heard(legacy)
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    kinds = [message.kind for message in answer if message.kind != "stream"]
    assert sorted(kinds) == ["execute_reply", "status", "status"]
    assert [message.content["status"] for message in answer if message.channel == "shell"] == ["ok"]
    assert told == ("before after", 0)
    assert model["execution_state"] == "idle"
    assert f"Ignoring a message from kernel {kernel_id} on iopub: " in caplog.text
    assert words in caplog.text


@pytest.mark.parametrize("fault", UNREADABLE)
async def test_a_message_that_no_client_can_read_stops_none_that_comes_after_it(
    start, connect, launch, fault
):
    code = SIGNED.format(UNREADABLE[fault])
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        lines = [await connect(client, kernel_id, legacy=legacy) for legacy in (False, True)]
        lines[0].execute(f"request.print('before ')\n{code}\nrequest.print('after')")
        told = [await heard(line) for line in lines]
        again = await lines[1].print("request.print('and on')")
    assert [text for text, _ in told] == ["before after"] * 2
    assert again == "and on"


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
async def test_nonsense_on_another_channel_than_iopub_harms_as_little(
    start, connect, launch, caplog, eventually, channel
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        if channel != "stdin":  # a ROUTER knows whom it has heard of
            await line.answer(line.send("kernel_info_request", {}, channel=channel))
        # What a kernel reads of stdin it reads when it wants to; here, now.
        code = (
            "if not kernel.sockets['stdin'].poll(100): pass\n"
            f"for frames in ([b'nonsense'], kernel.signed([b'{{', b'{{}}']), kernel.signed([])):\n"
            f"    kernel.raw('{channel}', [*request.asker, *frames])"
        )
        answer = await line.run(code)
        assert await line.print("request.print('fine')") == "fine"
        about = f"from kernel {kernel_id} on {channel}: "

        async def all_are_ignored():  # on a channel of its own, in its own time
            return sum(about in message for message in caplog.messages) == 3

        await eventually(all_are_ignored)
    assert {message.kind for message in answer} == {"status", "execute_reply"}


async def test_odd_but_signed_messages_reach_clients_as_they_are(start, connect, launch):
    odd = """
publish = request.publish
publish("stream", {"name": "stdout", "text": 7})
publish("stream", {"name": "stdout"})
publish("stream", {"name": "stdout", "text": "\\ud800 and \\0"})
publish("stream", {"name": "stdout", "text": "", "more": 1})
publish("stream", {"name": "stdlog", "text": "\\r"})
publish("stream", ["no object"])
publish("status", {})
publish("status", {"execution_state": 3})
publish("update_display_data", {"transient": 1})
publish("clear_output", None)
publish("made_up", {"x": "y"})
kernel.publish("iopub_welcome", {})
publish("display_data", {"data": {}}, note="x" * 2_000_000)
frames = kernel.frames("comm_msg", {"comm_id": "c"}, request.header)
kernel.raw("iopub", [b"comm", *frames, b"", b"x", b""])
"""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        for legacy in (False, True):
            line = await connect(client, kernel_id, legacy=legacy)
            line.execute(odd)
            seen = await line.until(lambda m: m.content == {"execution_state": "idle"})
            bodies = [(m.kind, m.content) for m in seen if m.channel == "iopub"][1:-1]
            assert bodies == [
                ("stream", {"name": "stdout", "text": 7}),
                ("stream", {"name": "stdout"}),
                ("stream", {"name": "stdout", "text": "\ud800 and \0"}),
                ("stream", {"name": "stdout", "text": "", "more": 1}),
                ("stream", {"name": "stdlog", "text": "\r"}),
                ("stream", ["no object"]),
                ("status", {}),
                ("status", {"execution_state": 3}),
                ("update_display_data", {"transient": 1}),
                ("clear_output", None),
                ("made_up", {"x": "y"}),
                ("iopub_welcome", {}),
                ("display_data", {"data": {}}),
                ("comm_msg", {"comm_id": "c"}),
            ]
            assert [m.parent for m in seen if m.kind == "iopub_welcome"] == [None]
            assert [m.buffers for m in seen if m.kind == "comm_msg"] == [[b"", b"x", b""]]
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert model["execution_state"] == "idle"


@pytest.mark.parametrize("state", ["dead", "restarting", "dancing"])
async def test_only_the_server_says_that_a_kernel_is_dead_or_restarting(
    start, connect, launch, state
):
    code = f"kernel.status('{state}', request.header)\nkernel.status = lambda *_: None"
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.execute(code)
        await line.until(lambda m: m.kind == "execute_reply")
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
        interrupted = await client.post(f"/api/kernels/{kernel_id}/interrupt")
    assert model["execution_state"] in ("busy", "idle")
    assert interrupted.status == 204


async def test_a_reply_finds_its_asker_or_nobody(start, connect, launch):
    replies = """
stranger = {"msg_id": "never asked", "msg_type": "execute_request", "session": "nobody"}
request.reply({"n": 1}, stranger)
request.reply({"n": 2}, {**request.header, "session": "nobody"})
request.reply({"n": 3})
request.reply({"n": 3})
request.reply({"n": 4}, {"msg_id": "never asked", "session": request.header["session"]})
"""
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        witness = await connect(client, kernel_id)
        line = await connect(client, kernel_id)
        line.execute(replies)
        got = await line.until(lambda m: m.content.get("status") == "ok")
        witness.send("kernel_info_request", {})
        other = await witness.until(lambda m: m.kind == "kernel_info_reply")
    numbers = [m.content["n"] for m in got if m.channel == "shell" and "n" in m.content]
    assert numbers == [2, 3, 3, 4]
    assert [m.kind for m in other if m.channel == "shell"] == ["kernel_info_reply"]


async def test_a_reply_without_a_parent_harms_nobody(start, connect, launch):
    code = "\n".join(
        f"request.raw(kernel.frames('execute_reply', {{}}, {parent}))"
        for parent in ("None", "{}", "{'msg_id': ''}", "{'session': None, 'msg_id': 'x'}")
    )
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.execute(code)
        answer = await line.until(lambda m: m.content.get("status") == "ok")
        line.execute("request.print('fine')")
        rest = await line.until(lambda m: m.kind == "stream")
    assert [m.kind for m in answer if m.content.get("status")] == ["execute_reply"]
    assert rest[-1].content["text"] == "fine"


async def test_what_a_kernel_sends_twice_arrives_twice_under_two_numbers(start, connect, launch):
    """The same bytes with the same signature: to judge that is not the server's."""
    code = """
frames = kernel.frames("display_data", {"data": {}, "metadata": {}}, request.header)
for _ in range(2):
    kernel.raw("iopub", [b"topic", *frames])
"""
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, await launch(client))
        answer = await line.run(code)
    twins = [message for message in answer if message.kind == "display_data"]
    assert len({message.header["msg_id"] for message in twins}) == 1
    assert [twins[1].number > twins[0].number, len(twins)] == [True, 2]


async def test_a_kernel_may_change_its_session(start, connect, launch):
    code = "request.print('one ')\nkernel.session = 'another'\nrequest.print('two')"
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        assert await line.print(code) == "one two"
        assert await line.print("request.print('three')") == "three"


@pytest.mark.parametrize(
    "info",
    [
        "'rubbish'",
        "None",
        "[]",
        "{'protocol_version': 7}",
        "{'status': 'error', 'ename': 'NotNow'}",
        "{'status': 'ok', 'protocol_version': '4.1'}",
        "{'status': 'ok', 'protocol_version': '6.0'}",
    ],
)
async def test_whatever_a_kernel_says_of_itself_it_can_be_used(start, connect, launch, info):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client, f"kernel.info = {info}")
        line = await connect(client, kernel_id)
        line.send("kernel_info_request", {})
        told = (await line.until(lambda m: m.kind == "kernel_info_reply"))[-1]
        assert await line.print("request.print('fine')") == "fine"
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert told.content == eval(info)
    assert model["execution_state"] == "idle"


async def test_a_flood_from_one_kernel_is_complete_and_keeps_no_other_from_answering(
    start, connect, launch, root
):
    flood = """
n = 0
while n < 20_000 or not os.path.exists("enough"):
    request.publish("display_data", {"data": {"text/plain": str(n)}, "metadata": {}})
    n += 1
"""
    async with start(plughost_kernels) as (_, client):
        kernel_id, other_id = await launch(client), await launch(client)
        line, other = await connect(client, kernel_id), await connect(client, other_id)
        asked = line.execute(flood)
        answer = await line.until(lambda m: m.kind == "display_data")
        flooded = asyncio.ensure_future(line.answer(asked))
        for turn in range(5):
            assert await other.print(f"request.print('turn {turn}')") == f"turn {turn}"
        (root / "enough").touch()
        answer += await flooded
    numbers = [int(m.content["data"]["text/plain"]) for m in answer if m.kind == "display_data"]
    assert numbers == [*range(max(20_000, len(numbers)))]
    assert [m.kind for m in answer if m.channel == "shell"] == ["execute_reply"]

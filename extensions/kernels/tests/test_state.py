"""What a kernel is doing, told at once and without a question to it."""

import textwrap

import plughost_kernels


async def launched(client):
    kernel_id = (await client.post("/api/kernels")).json["id"]
    return kernel_id, f"/api/kernels/{kernel_id}"


def execute_in_cell(line, code, cell_id):
    """Ask for a cell's code to be run, as JupyterLab does: the cell is in the metadata."""
    metadata = {"cellId": cell_id, "recordTiming": False, "deletedCells": []}
    content = {"code": code, "silent": False, "allow_stdin": True}
    return line.send("execute_request", content, metadata=metadata)


async def test_a_busy_kernel_tells_at_once_what_it_runs_and_how_much_waits(
    start, connect, eventually
):
    async with start(plughost_kernels) as (_, client):
        kernel_id, url = await launched(client)
        line = await connect(client, kernel_id, "me", legacy=True)
        running = execute_in_cell(line, "print('begun')\nwhile True: pass", "cell-1")
        for cell in ("cell-2", "cell-3"):
            execute_in_cell(line, "1", cell)
        await line.until(lambda message: message.kind == "stream")
        model = (await client.get(url)).json
        # Somebody else comes, and asks as every client does; it is not what is worked on.
        other = await connect(client, kernel_id)
        other.send("kernel_info_request", {}, channel="control")
        await other.until(lambda message: message.kind == "kernel_info_reply")
        later = (await client.get(url)).json
        await client.post(f"{url}/interrupt")
        replies = [
            (await line.until(lambda m: m.kind == "execute_reply"))[-1].content for _ in range(3)
        ]

        async def rests():
            after = (await client.get(url)).json
            now = (after["execution_state"], after["running"], after["queued"])
            return now == ("idle", None, 0)

        await eventually(rests)
    assert (model["execution_state"], model["queued"], model["input"]) == ("busy", 2, None)
    since = model["running"].pop("since")
    assert since.endswith("Z")
    assert model["running"] == {
        "msg_id": running,
        "msg_type": "execute_request",
        "session": "me",
        "cell_id": "cell-1",
    }
    assert later["running"]["msg_id"] == running
    assert [reply["status"] for reply in replies] == ["error", "aborted", "aborted"]


async def test_a_kernel_that_waits_for_input_says_so_until_it_gets_it(start, connect, eventually):
    async with start(plughost_kernels) as (_, client):
        kernel_id, url = await launched(client)
        line = await connect(client, kernel_id)
        code = "import getpass\ninput('name? ')\ngetpass.getpass('secret? ')"
        asked = line.execute(code, allow_stdin=True)
        seen = []

        async def busy():  # which it says on another channel than that on which it asks
            return (await client.get(url)).json["execution_state"] == "busy"

        for _ in range(2):
            await line.until(lambda message: message.kind == "input_request")
            await eventually(busy)
            seen.append((await client.get(url)).json)
            line.send("input_reply", {"value": "x"}, channel="stdin")
        await line.answer(asked)
        after = (await client.get(url)).json
    assert [model["input"] for model in seen] == [
        {"msg_id": asked, "prompt": "name? ", "password": False},
        {"msg_id": asked, "prompt": "secret? ", "password": True},
    ]
    assert {model["execution_state"] for model in seen} == {"busy"}
    assert after["input"] is None


async def test_a_question_goes_to_who_comes_when_nobody_who_was_asked_is_left(
    start, connect, printed, gone
):
    async with start(plughost_kernels) as (_, client):
        kernel_id, url = await launched(client)
        line = await connect(client, kernel_id)
        asked = line.execute("print('got', input('name? '))", allow_stdin=True)
        await line.until(lambda message: message.kind == "input_request")
        watcher = await connect(client, kernel_id)
        watcher.send("input_reply", {"value": "not asked"}, channel="stdin")
        await watcher.answer(watcher.send("kernel_info_request", {}, channel="control"))
        assert (await client.get(url)).json["input"]["prompt"] == "name? "
        line.close()
        watcher.close()
        await gone(client, kernel_id)
        reloaded = await connect(client, kernel_id)
        again = await reloaded.receive()
        reloaded.send("input_reply", {"value": "Ada"}, channel="stdin")
        said = await reloaded.until(lambda m: m.content.get("execution_state") == "idle")
    assert (again.channel, again.kind) == ("stdin", "input_request")
    assert (again.parent["msg_id"], again.content["prompt"]) == (asked, "name? ")
    assert printed(said) == "got Ada\n"


async def test_a_question_goes_to_who_is_there_when_the_one_who_was_asked_leaves(
    start, connect, printed
):
    async with start(plughost_kernels) as (_, client):
        kernel_id, _ = await launched(client)
        line = await connect(client, kernel_id)
        watcher = await connect(client, kernel_id)
        asked = line.execute("print('got', input('name? '))", allow_stdin=True)
        await line.until(lambda message: message.kind == "input_request")
        line.close()
        question = (await watcher.until(lambda message: message.kind == "input_request"))[-1]
        late = await connect(client, kernel_id)
        assert (await late.receive()).kind == "input_request"
        late.send("input_reply", {"value": "Ada"}, channel="stdin")
        said = await watcher.until(lambda m: m.content.get("execution_state") == "idle")
    assert (question.parent["msg_id"], question.content["prompt"]) == (asked, "name? ")
    assert printed(said) == "got Ada\n"


async def test_what_was_asked_is_forgotten_with_the_process(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id, url = await launched(client)
        line = await connect(client, kernel_id)
        line.execute("input('?')", allow_stdin=True)
        line.execute("1")
        await line.until(lambda message: message.kind == "input_request")
        before = (await client.get(url)).json
        restarted = (await client.post(f"{url}/restart")).json
    assert (before["queued"], before["input"] is None) == (1, False)
    assert (restarted["running"], restarted["queued"], restarted["input"]) == (None, 0, None)


async def test_what_a_kernel_has_passed_over_is_not_waited_for(start, connect, launch):
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.send("history_request", {})  # this one says nothing to what it does not know
        line.send("comm_msg", {"comm_id": "c", "data": {}})
        await line.answer(line.send("kernel_info_request", {}))
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert (model["execution_state"], model["queued"]) == ("idle", 0)


async def test_who_asks_a_dead_kernel_is_told_that_it_is_dead(start, connect, launch):
    never = {"extensions": {"kernels": {"watch_interval": 0.05, "restart_limit": 0}}}
    async with start(plughost_kernels, **never) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.execute("os._exit(3)")
        await line.until(lambda m: m.content.get("execution_state") == "dead")
        line.execute("request.print('is anybody there?')")
        told = (await line.until(lambda m: m.kind == "status"))[-1]
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert told.content["execution_state"] == "dead"
    assert told.content["reason"] == model["reason"] == "its process ended with exit code 3"
    assert (model["queued"], model["running"]) == (0, None)


async def test_a_question_that_names_no_asker_may_be_answered_by_anybody(start, connect, launch):
    code = """
    identity = request.asker[0]
    kernel.raw("stdin", [identity, *kernel.frames("input_request", {"prompt": "anybody? "}, {})])
    while not kernel.sockets["stdin"].poll(100):
        pass
    frames = kernel.sockets["stdin"].recv_multipart()
    request.print(json.loads(frames[-1])["value"])
    """
    async with start(plughost_kernels) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        other = await connect(client, kernel_id)
        line.execute(textwrap.dedent(code))
        for each in (line, other):
            question = (await each.until(lambda m: m.channel == "stdin"))[-1]
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
        late = await connect(client, kernel_id)  # is asked, too, and takes it from nobody
        await late.until(lambda m: m.channel == "stdin")
        other.send("input_reply", {"value": "me"}, channel="stdin")
        said = (await line.until(lambda m: m.kind == "stream"))[-1]
    assert question.content["prompt"] == model["input"]["prompt"] == "anybody? "
    assert said.content["text"] == "me"

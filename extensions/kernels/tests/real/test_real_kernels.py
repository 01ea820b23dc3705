"""What clients do with kernels, done with kernels of four kinds over the real server."""

from dataclasses import replace

import psutil
import pytest

import plughost_kernels

SPOKEN = ("stdout", "stderr")


def has(*wanted):
    """Whether there is a message of each of these types, or text in these streams."""

    def enough(messages):
        there = {m.kind for m in messages} | {m.content.get("name") for m in messages}
        return there.issuperset(wanted)

    return enough


@pytest.mark.parametrize("legacy", [False, True], ids=["v1", "legacy"])
async def test_code_has_output_a_result_and_errors(start, launch, real, run, texts, plain, legacy):
    async with start(plughost_kernels) as (_, client):
        kernel_id, line = await launch(client, real, legacy=legacy)
        spoken = await run(line, real.speak, has(*SPOKEN, real.result[0]))
        failed = await run(line, real.fail, has("error"))
        state = (await client.get(f"/api/kernels/{kernel_id}")).json["execution_state"]
    assert texts(spoken) == "out\n"
    assert texts(spoken, "stderr").strip() == "err"
    results = [m for m in spoken if m.kind in ("execute_result", "display_data")]
    assert [(m.kind, plain(m.content["data"]["text/plain"])) for m in results] == [real.result]
    assert [m.content["status"] for m in spoken if m.kind == "execute_reply"] == ["ok"]
    (error,) = (m.content for m in failed if m.kind == "error")
    assert error["ename"] == real.failure[0]
    assert real.failure[1] in error["evalue"]
    assert "".join(error["traceback"])
    assert [m.content["status"] for m in failed if m.kind == "execute_reply"] == ["error"]
    assert state == "idle"


async def test_a_client_is_helped_with_its_code(start, launch, real):
    async with start(plughost_kernels) as (_, client):
        _, line = await launch(client, real)
        half = {"code": real.half, "cursor_pos": len(real.half)}
        completed = await line.answer(line.send("complete_request", half))
        word = {"code": real.inspect, "cursor_pos": len(real.inspect), "detail_level": 0}
        inspected = await line.answer(line.send("inspect_request", word))
        checked = await line.answer(line.send("is_complete_request", {"code": "f("}))
    (complete,) = (m.content for m in completed if m.kind == "complete_reply")
    assert real.whole in complete["matches"]
    assert (complete["cursor_start"], complete["cursor_end"]) == (0, len(real.half))
    (found,) = (m.content for m in inspected if m.kind == "inspect_reply")
    assert (found["found"], bool(found["data"])) == (real.found, real.found)
    assert [m.content["status"] for m in checked if m.kind == "is_complete_reply"] == ["incomplete"]


@pytest.mark.parametrize("mode", ["signal", "message"])
async def test_an_endless_loop_is_interrupted_or_a_restart_ends_it(
    start, launch, connect, real, install, run, texts, mode
):
    """By signal or message, as the kernelspec says; no kernel's own says "message"."""
    outcome = real.interrupts[mode]
    if mode == "message":
        real = replace(real, name=f"{real.name}-message")
        install(real, interrupt_mode="message")
    async with start(plughost_kernels) as (_, client):
        kernel_id, line = await launch(client, real)
        url = f"/api/kernels/{kernel_id}"
        await line.run(real.remember)
        notices = outcome != "takes no notice"
        asked = line.execute(real.endless if notices else real.ticking)
        await line.until(lambda m: m.kind == "stream")
        assert (await client.get(url)).json["execution_state"] == "busy"
        assert (await client.post(f"{url}/interrupt")).status == 204
        if outcome == "goes on":
            answer = await line.answer(asked)
            assert [m.content["status"] for m in answer if m.kind == "execute_reply"] != ["ok"]
        elif outcome == "starts anew":
            await line.until(lambda m: m.content.get("execution_state") == "restarting")
        else:
            for _number in range(20):
                await line.until(lambda m: m.kind == "stream")
            assert (await client.get(url)).json["execution_state"] == "busy"
            assert (await client.post(f"{url}/restart")).status == 200
        again = await connect(client, kernel_id)
        remembered = await run(
            again, real.recall, has("stream" if outcome == "goes on" else "error")
        )
        models = (await client.get("/api/kernels")).json
    assert texts(remembered).strip() == ("42" if outcome == "goes on" else "")
    assert [model["id"] for model in models] == [kernel_id]


async def test_a_restart_forgets_variables_and_keeps_the_id(start, launch, real, run, texts):
    async with start(plughost_kernels) as (_, client):
        kernel_id, line = await launch(client, real)
        await line.run(real.remember)
        before = await run(line, real.recall, has("stdout"))
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        after = await run(line, real.recall, has("error"))
        spoken = await run(line, real.speak, has(*SPOKEN))
    assert (restarted.status, restarted.json["id"]) == (200, kernel_id)
    assert texts(before).strip() == "42"
    assert [m.content["status"] for m in after if m.kind == "execute_reply"] == ["error"]
    assert texts(spoken) == "out\n"


@pytest.mark.parametrize("legacy", [False, True], ids=["v1", "legacy"])
async def test_code_can_ask_the_person_who_runs_it(start, launch, real, texts, legacy):
    async with start(plughost_kernels) as (_, client):
        _, line = await launch(client, real, legacy=legacy)
        asked = line.execute(real.ask, allow_stdin=True)
        answer = await line.until(lambda m: m.channel == "stdin")
        question = answer[-1]
        line.send("input_reply", {"value": "Ada"}, channel="stdin")
        # The order between the channels is the kernel's affair: Deno replies first.
        while "got Ada" not in texts(answer):
            answer.append(await line.receive())
    assert (question.kind, question.content["prompt"]) == ("input_request", "name? ")
    assert question.parent["msg_id"] == asked


async def test_what_runs_and_what_waits_is_told_at_once(start, launch, real, eventually):
    """xeus-python says that it is busy with all that has come, and idle after each of it."""
    impatient = {"extensions": {"kernels": {"shutdown_wait": 0.4}}}
    async with start(plughost_kernels, **impatient) as (_, client):
        kernel_id, line = await launch(client, real)
        codes = (real.remember, real.endless, real.recall, real.recall)
        _, endless, *_ = [line.execute(code) for code in codes]
        await line.until(lambda m: m.kind == "stream")

        async def told():
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            running = (model["running"] or {}).get("msg_id")
            return (model["execution_state"], running, model["queued"]) == ("busy", endless, 2)

        await eventually(told)


async def test_comms_lead_both_ways(start, launch, real):
    """xeus-python and Deno open some, and refuse those of clients; R's are the clients'."""
    async with start(plughost_kernels) as (_, client):
        _, line = await launch(client, real)
        asked = line.execute(real.comm)
        comm_id = "ours"
        if real.opens_comm:
            opened = (await line.until(lambda m: m.kind == "comm_open"))[-1].content
            assert opened["target_name"] == "here"
            comm_id = opened["comm_id"] if real.answers_comm else comm_id
        else:
            await line.answer(asked)
        if comm_id == "ours":
            line.send("comm_open", {"comm_id": comm_id, "target_name": "here", "data": {}})
        line.send("comm_msg", {"comm_id": comm_id, "data": {"there": 5}})
        if real.answers_comm:
            back = (await line.until(lambda m: m.kind == "comm_msg"))[-1].content
            assert (back["comm_id"], back["data"]) == (comm_id, {"back": 5})
        else:
            closed = (await line.until(lambda m: m.kind == "comm_close"))[-1].content
            assert closed["comm_id"] == comm_id


async def test_shutting_down_leaves_no_process(start, launch, real, pid_of, ended, eventually):
    async with start(plughost_kernels) as (_, client):
        kernel_id, line = await launch(client, real)
        await line.run(real.speak)
        process = psutil.Process(pid_of(kernel_id))
        pids = [process.pid, *(child.pid for child in process.children(recursive=True))]
        deleted = await client.delete(f"/api/kernels/{kernel_id}")
        kernels = await client.get("/api/kernels")

        async def over():
            return all(ended(pid) for pid in pids)

        await eventually(over)
    assert (deleted.status, kernels.json) == (204, [])

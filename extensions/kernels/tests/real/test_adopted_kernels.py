"""Kernels of four kinds under the next server, after the first one was killed."""

import pytest


@pytest.fixture
def adopted(serve, kill, connect, launch, real):
    """`await adopted(code)`: a kernel that another server has asked to run some code.

    Its id, a client of the server that has it now, a line to it with the session that
    asked, and the request. Without code, the kernel has a variable and nothing to do.
    """

    async def handed_over(code="", *, wait_for="execute_input"):
        server, client = serve()
        kernel_id, line = await launch(client, real)
        await line.run(real.remember)
        asked = line.execute(code, allow_stdin=True) if code else ""
        if code:
            await line.until(lambda m: m.kind == wait_for)
        kill(server)
        _, client = serve()
        return kernel_id, client, await connect(client, kernel_id, line.session), asked

    return handed_over


async def test_it_keeps_its_variables_and_is_interrupted(
    adopted, real, connect, run, texts, pid_of
):
    kernel_id, client, line, _ = await adopted()
    pid = pid_of(kernel_id)
    await run(line, real.recall, lambda messages: texts(messages).strip() == "42")
    line.execute(real.endless)
    await line.until(lambda m: m.kind == "stream" and "begun" in m.content["text"])
    interrupted = await client.post(f"/api/kernels/{kernel_id}/interrupt")
    after = "idle" if real.interrupts["signal"] == "goes on" else "restarting"
    await line.until(lambda m: m.content.get("execution_state") == after)
    again = await connect(client, kernel_id)
    await run(again, real.speak, lambda messages: texts(messages) == "out\n")
    assert interrupted.status == 204
    assert (pid_of(kernel_id) == pid) == (after == "idle")
    assert (await client.delete(f"/api/kernels/{kernel_id}")).status == 204


async def test_what_it_was_at_is_heard_to_the_end_by_old_and_new_clients(
    adopted, real, connect, run, texts, tmp_path
):
    kernel_id, client, line, asked = await adopted(real.count, wait_for="stream")
    other = await connect(client, kernel_id, legacy=True)
    begun = await other.until(lambda m: m.kind == "stream")  # it is heard
    state = (await client.get(f"/api/kernels/{kernel_id}")).json["execution_state"]
    (tmp_path / "root" / "go").touch()
    answers = []
    for one, before in ((line, []), (other, begun)):
        seen = before + await one.until(lambda m: m.content.get("execution_state") == "idle")
        while "end" not in texts(seen):
            seen.append(await one.receive())
        answers.append([m for m in seen if (m.parent or {}).get("msg_id") == asked])
    if real.answers_next and not any(m.kind == "execute_reply" for m in answers[0]):
        await line.until(lambda m: m.kind == "execute_reply" and m.parent["msg_id"] == asked)
    await run(line, real.speak, lambda messages: texts(messages) == "out\n")
    assert state == "busy"
    # The other one came later, and has all from then on.
    heard, later = (texts(answer).split() for answer in answers)
    assert later
    assert heard[-len(later) :] == later
    assert [m for m in answers[1] if m.channel == "shell"] == []


@pytest.fixture
def answered(real, run, texts):
    """`await answered(client, kernel_id, line, asked, arrives)` sees a question through.

    It arrives and is answered, or it does not: xeus-python takes the next server for a
    stranger when that uses the name of the first, and asks nobody. A restart ends its waiting.
    """

    async def check(client, kernel_id, line, asked, arrives):
        if not arrives:
            restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
            assert restarted.status == 200
            await run(line, real.speak, lambda messages: texts(messages) == "out\n")
            return
        answer = await line.until(lambda m: m.channel == "stdin")
        assert answer[-1].parent["msg_id"] == asked
        line.send("input_reply", {"value": "Ada"}, channel="stdin")
        while "got Ada" not in texts(answer):
            answer.append(await line.receive())

    return check


async def test_new_code_asks_the_next_servers_client(adopted, real, answered):
    kernel_id, client, line, _ = await adopted()
    asked = line.execute(real.ask, allow_stdin=True)
    await answered(client, kernel_id, line, asked, arrives=True)


async def test_code_that_was_running_already_asks_the_next_servers_client(
    adopted, real, answered, tmp_path
):
    kernel_id, client, line, asked = await adopted(real.ask_later)
    await line.until(lambda m: m.kind == "stream")  # it is heard
    (tmp_path / "root" / "go").touch()
    await answered(client, kernel_id, line, asked, real.still_asks_next)


async def test_a_question_that_was_asked_before_is_answered_through_the_next_server(
    adopted, real, texts
):
    """A client that has shown the question does not know that the server is another."""
    _, _, line, _ = await adopted(real.ask, wait_for="input_request")
    line.send("input_reply", {"value": "Ada"}, channel="stdin")
    answer = await line.until(lambda m: m.kind == "stream")
    while "got Ada" not in texts(answer):
        answer.append(await line.receive())

"""Clients and their servers, through real WebSockets and real processes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal

import pytest
from tornado.httpclient import HTTPClientError

from plughost_lsp.servers import LanguageServers


async def fake_session(client):
    return (await client.get("/lsp/status")).json["sessions"]["fake"]


async def about(line):
    """What a process tells of itself when it is initialized."""
    return (await line.ask("initialize", {}))["about"]


@pytest.mark.proves("WS /lsp/ws/{server}")
async def test_messages_go_to_a_server_and_back_without_their_headers(serve, connect):
    async with serve() as (_, client):
        before = await fake_session(client)
        line = await connect(client)
        await line.ask("initialize", {})
        answer = await line.ask("echo", {"text": "ångström 𝄞"})
        during = await fake_session(client)
        running = (await client.get("/api/status")).json["language_servers"]
    assert answer == {"text": "ångström 𝄞"}
    assert (before["status"], before["handler_count"]) == ("not_started", 0)
    assert (before["last_server_message_at"], before["last_handler_message_at"]) == (None, None)
    assert (during["status"], during["handler_count"], running) == ("started", 1, 1)
    date = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
    assert date.fullmatch(during["last_server_message_at"])
    assert date.fullmatch(during["last_handler_message_at"])


async def test_a_message_that_comes_byte_by_byte_arrives_whole(serve, connect):
    async with serve() as (_, client):
        line = await connect(client)
        answer = await line.ask("dribble", {"text": "naïve"})
    assert answer == {"text": "naïve"}


async def test_what_a_server_prints_between_messages_is_logged_and_passed_over(
    serve, connect, caplog
):
    printed = "I am a debug line\nContent-Length: many\r\n\r\nand no newline"
    async with serve() as (_, client):
        line = await connect(client)
        answer = await line.ask("raw", {"before": printed})
        again = await line.ask("echo", {"a": 1})
    assert (answer["before"], again) == (printed, {"a": 1})
    for text in ("I am a debug line", "Content-Length: many", "and no newline"):
        assert f"It prints what is no message: b'{text}'" in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[1, 2]", b"", b'{"method": 7}', b'{"x": "\xff"}'],
    ids=["no JSON", "a batch", "nothing", "a method that is a number", "no UTF-8"],
)
async def test_what_a_server_sends_and_is_no_message_does_not_reach_the_client(
    serve, connect, body, caplog
):
    frame = b"Content-Length: %d\r\nContent-Type: text/plain\r\n\r\n%s" % (len(body), body)
    async with serve() as (_, client):
        line = await connect(client)
        await line.ask("raw", {"before": "", "bytes": frame.decode("latin-1")})
        again = await line.ask("echo", {"a": 1})
    assert (again, line.notifications) == ({"a": 1}, [])
    assert "The language server 'fake': This is no" in caplog.text


@pytest.mark.parametrize(
    ("text", "code"), [("not json", -32700), ("[1, 2]", -32600), ('{"id": []}', -32600)]
)
async def test_a_client_is_told_what_was_no_message_and_goes_on(serve, connect, diary, text, code):
    async with serve() as (_, client):
        line = await connect(client)
        await line.send(text)
        refusal = await line.read()
        again = await line.ask("echo", {"a": 1})
    assert (refusal["id"], refusal["error"]["code"], again) == (None, code, {"a": 1})
    assert "notified" not in diary.read_text()


async def test_two_clients_have_a_process_each_and_do_not_meet(serve, connect):
    async with serve() as (_, client):
        one, other = await connect(client), await connect(client)
        pids = {(await about(one))["pid"], (await about(other))["pid"]}
        # Both have used the same ids, each for itself.
        await one.ask("raw", {"before": "Content-Length: 3\r\n\r\n{{{"})
        answers = await one.ask("echo", {"who": 1}), await other.ask("echo", {"who": 2})
        count = (await fake_session(client))["handler_count"]
        one.socket.close()
        still = await other.ask("echo", {"who": 2})
    assert (len(pids), count) == (2, 2)
    assert (answers, still) == (({"who": 1}, {"who": 2}), {"who": 2})
    assert (one.notifications, other.notifications) == ([], [])


async def test_a_server_runs_in_the_root_folder_with_no_secrets_of_the_host(
    serve, connect, monkeypatch, tmp_path
):
    monkeypatch.setenv("JUPYTER_TOKEN", "a secret")
    monkeypatch.setenv("COLOUR", "blue")
    variables = {"SKY": "${COLOUR} and ${NOTHING}"}
    async with serve(server={"env": variables}) as (_, client):
        told = await about(await connect(client))
    assert told["cwd"] == str(tmp_path / "root")
    assert (told["env"]["SKY"], told["env"]["COLOUR"]) == ("blue and ${NOTHING}", "blue")
    assert "JUPYTER_TOKEN" not in told["env"]


async def test_a_client_that_leaves_takes_its_server_along_politely(
    serve, connect, diary, until, lives
):
    async with serve(shutdown_wait=60) as (host, client):
        line = await connect(client)
        pid = (await about(line))["pid"]
        line.socket.close()
        await until(lambda: not len(host.service(LanguageServers)))
        left = await fake_session(client)
    assert not lives(pid)
    assert diary.read_text().splitlines()[1:] == ["shutdown", "exit"]
    assert (left["status"], left["handler_count"]) == ("stopped", 0)


async def test_a_server_that_does_not_listen_is_ended_by_force(
    serve, connect, diary, until, lives, caplog
):
    async with serve("deaf", shutdown_wait=4) as (host, client):
        line = await connect(client)
        pid = (await about(line))["pid"]
        line.socket.close()
        await until(lambda: not lives(pid))
        await until(lambda: not len(host.service(LanguageServers)))
    # A signal overtakes what a busy process has not read yet.
    assert sorted(diary.read_text().splitlines()[1:]) == ["exit", "shutdown", "sigterm"]
    assert "The language server 'fake' does not end; it is killed." in caplog.text


async def test_servers_end_with_the_host(serve, connect, lives, diary):
    # The host waits for five seconds; until then they are only asked to end.
    async with serve(shutdown_wait=60) as (_, client):
        pids = [(await about(await connect(client)))["pid"] for _ in range(2)]
    assert [lives(pid) for pid in pids] == [False, False]
    assert sorted(diary.read_text().splitlines()[2:]) == ["exit", "exit", "shutdown", "shutdown"]


async def test_a_client_is_told_of_the_death_of_its_server_and_gets_a_new_one(
    serve, connect, caplog
):
    async with serve() as (_, client):
        line = await connect(client)
        bystander = await connect(client)
        await line.send(
            {"id": 9, "method": "die", "params": {"words": "first\nout of ideas", "code": 3}}
        )
        closed = await line.until_closed()
        status = (await client.get("/lsp/status")).json
        unharmed = await bystander.ask("echo", {"a": 1})
        again = await (await connect(client)).ask("echo", {"a": 2})
    reason = "The language server 'fake' has ended with exit code 3: out of ideas"
    assert closed == (1011, reason)
    assert (unharmed, again) == ({"a": 1}, {"a": 2})
    failure = status["failures"]["fake"]
    assert (failure["exit_code"], failure["stderr"]) == (3, ["first", "out of ideas"])
    assert "exit code 3.\n  first\n  out of ideas" in caplog.text


async def test_a_server_that_a_signal_ends_is_named_with_the_signal(serve, connect):
    async with serve() as (_, client):
        line = await connect(client)
        os.kill((await about(line))["pid"], signal.SIGKILL)
        closed = await line.until_closed()
    assert closed == (1011, "The language server 'fake' was ended by SIGKILL.")


async def test_a_server_that_keeps_dying_is_not_started_for_a_while(serve, connect, diary):
    async with serve("stillborn", restart_limit=2) as (_, client):
        for _ in range(2):
            assert (await (await connect(client)).until_closed())[0] == 1011
        with pytest.raises(HTTPClientError) as refused:
            await connect(client)
    reply = json.loads(refused.value.response.body)
    assert (refused.value.code, refused.value.response.headers["Retry-After"] != "0") == (503, True)
    assert reply["message"] == (
        "The language server 'fake' has died 2 times within a minute. "
        "It last said: I was never meant to be."
    )
    assert len(diary.read_text().splitlines()) == 2


async def test_a_program_that_is_not_there_is_said_to_be_missing(serve, connect, tmp_path):
    missing = str(tmp_path / "missing")
    async with serve(server={"argv": [missing]}) as (_, client):
        closed = await (await connect(client)).until_closed()
        status = (await client.get("/lsp/status")).json
    told = f"The language server 'fake' cannot be started: '{missing}': No such file or directory."
    assert closed[0] == 1011
    assert told.startswith(closed[1])
    assert status["failures"]["fake"]["stderr"] == [told]
    assert status["sessions"]["fake"]["status"] == "stopped"


async def test_a_client_may_end_its_server_itself(serve, connect, diary):
    async with serve() as (_, client):
        line = await connect(client)
        await line.ask("shutdown")
        await line.notify("exit")
        closed = await line.until_closed()
        status = (await client.get("/lsp/status")).json
    assert closed == (1000, "The language server has ended, as it was asked to.")
    assert (diary.read_text().splitlines()[1:], status["failures"]) == (["shutdown", "exit"], {})


async def test_a_client_that_does_not_read_stops_its_server_and_nobody_else(
    serve, connect, diary, until
):
    async with serve() as (_, client):
        idle, busy = await connect(client), await connect(client)
        # 512 MB, of which nothing is read: no place between them holds that much.
        flood = {"messages": 2000, "size": 256 * 1024}
        await idle.send({"id": 1, "method": "flood", "params": flood})
        seen = 0

        async def stands_still():
            nonlocal seen
            before, seen = seen, len(diary.read_text().splitlines())
            return seen == before > 0

        for number in range(500):
            assert await busy.ask("echo", {"n": number}) == {"n": number}
            if number % 50 == 49 and await stands_still():
                break
        sent = len(diary.read_text().splitlines()) - 2
        first = await idle.read()
    assert sent < 200, "the server waits"
    assert first["params"][0] == 0


async def test_a_server_that_does_not_read_makes_its_client_wait_and_nobody_else(serve, connect):
    text = json.dumps({"method": "n", "params": "x" * 1024 * 1024})
    async with serve("still") as (_, client):
        line = await connect(client)
        pid = (await about(line))["pid"]
        sending = [line.socket.write_message(text) for _ in range(100)]
        other = await connect(client)
        await other.ask("initialize", {})
        status = await fake_session(client)
        waiting = sum(not each.done() for each in sending)
        os.kill(pid, signal.SIGKILL)
        closed = await line.until_closed()
        await asyncio.gather(*sending, return_exceptions=True)
    assert (waiting > 50, status["handler_count"], closed[0]) == (True, 2, 1011)


async def test_a_message_over_the_limit_is_left_out_and_the_client_told(serve, connect, caplog):
    async with serve(max_message_bytes=100_000) as (_, client):
        line = await connect(client)
        await line.send(
            {"id": "f", "method": "flood", "params": {"messages": 1, "size": 3_000_000}}
        )
        told = await line.hear("window/logMessage")
        again = await line.ask("echo", {"a": 1})
    assert told["type"] == 1
    assert re.fullmatch(
        r"fake: A message of 30000\d\d bytes is left out: it is over max_message_bytes.",
        told["message"],
    )
    assert (again, "A message of 3000" in caplog.text) == ({"a": 1}, True)


async def test_a_clients_message_over_the_limit_closes_its_line_only(serve, connect):
    async with serve(max_message_bytes=100_000) as (_, client):
        line, other = await connect(client), await connect(client)
        await line.send({"id": 1, "method": "echo", "params": "x" * 200_000})
        closed = await line.until_closed()
        answer = await other.ask("echo", {"a": 1})
    assert (closed[0], answer) == (1009, {"a": 1})


async def test_no_more_servers_run_than_are_allowed(serve, connect, until):
    async with serve(max_processes=1) as (host, client):
        line = await connect(client)
        with pytest.raises(HTTPClientError) as refused:
            await connect(client)
        line.socket.close()
        await until(lambda: not len(host.service(LanguageServers)))
        again = await (await connect(client)).ask("echo", {"a": 1})
    assert (refused.value.code, again) == (503, {"a": 1})
    assert "max_processes" in json.loads(refused.value.response.body)["hint"]


async def test_an_unknown_server_is_not_found_and_a_stranger_gets_none(serve, client_error):
    async with serve() as (_, client):
        unknown = await client_error(client.websocket("/lsp/ws/nobody"))
        stranger = await client_error(client.websocket("/lsp/ws/fake", token=None))
        status = await client.get("/lsp/status", token=None)
        plain = await client.get("/lsp/ws/fake")
    assert unknown == (404, "There is no language server named 'nobody'.", "There are: fake.")
    assert (stranger[0], status.status, plain.status) == (403, 403, 400)


async def test_a_servers_configuration_goes_beneath_the_clients(serve, connect, diary, until):
    wanted = {"fake.lint.on": True, "fake.lint.width": 100, "fake.path": ["a"]}
    async with serve(server={"configuration": wanted}) as (_, client):
        line = await connect(client)
        settings = {"fake": {"lint": {"width": 80}}, "other": 1}
        await line.notify("workspace/didChangeConfiguration", {"settings": settings})
        await line.notify("workspace/didChangeConfiguration")
        await line.ask("echo", {})
    notes = [each for each in diary.read_text().splitlines() if each.startswith("notified")]
    first, second = (json.loads(note.removeprefix("notified "))["params"] for note in notes)
    assert first["settings"] == {
        "fake": {"lint": {"on": True, "width": 80}, "path": ["a"]},
        "other": 1,
    }
    assert second["settings"] == {"fake": {"lint": {"on": True, "width": 100}, "path": ["a"]}}


async def test_the_log_is_not_filled_by_a_server_that_prints_all_the_time(serve, connect, caplog):
    async with serve() as (_, client):
        line = await connect(client)
        with caplog.at_level(logging.WARNING, "plughost.lsp"):
            await line.ask("raw", {"before": "noise\n" * 1000})
    assert caplog.text.count("noise") == 20

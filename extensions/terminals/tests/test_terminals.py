"""Terminals through real shells, real requests and real WebSockets."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time

import pytest
from tornado.httpclient import HTTPClientError

import plughost_terminals


@pytest.fixture(autouse=True)
def _plain_shell(monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("PS1", "> ")


class Screen:
    """A client of a terminal: what it was sent, and what it types."""

    def __init__(self, socket):
        self.socket = socket
        self.messages = []

    @property
    def printed(self):
        return "".join(value for kind, value in self.messages if kind == "stdout")

    async def send(self, *message):
        await self.socket.write_message(json.dumps(message))

    async def run(self, command, until):
        """Type a command and read on until its output has `until`."""
        seen = len(self.printed)
        await self.send("stdin", f"{command}\r")
        await self.read(lambda: until in self.printed[seen:])

    async def read(self, enough):
        await asyncio.wait_for(self._read(enough), 20)

    async def _read(self, enough):
        while not enough():
            message = await self.socket.read_message()
            assert message is not None, f"closed after {self.printed!r}"
            self.messages.append(json.loads(message))


@pytest.fixture
async def look():
    """`look(client, name)`: look at a terminal."""
    screens = []

    async def looking(client, name):
        screens.append(Screen(await client.websocket(f"/terminals/websocket/{name}")))
        return screens[-1]

    yield looking
    for screen in screens:
        screen.socket.close()


async def new(client, **body):
    return (await client.post("/api/terminals", body)).json["name"]


@pytest.mark.proves("GET /api/terminals")
@pytest.mark.proves("POST /api/terminals")
@pytest.mark.proves("GET /api/terminals/{name}")
@pytest.mark.proves("DELETE /api/terminals/{name}")
async def test_a_terminal_is_opened_listed_and_closed(start):
    async with start(plughost_terminals) as (_, client):
        none = await client.get("/api/terminals")
        made = await client.post("/api/terminals", {})
        named = await client.post("/api/terminals", {"name": "build"})
        bare = await client.post("/api/terminals")
        listed = await client.get("/api/terminals")
        one = await client.get("/api/terminals/build")
        closed = await client.delete("/api/terminals/build")
        gone = await client.get("/api/terminals/build")
        left = await client.get("/api/terminals")
    assert (none.json, made.status, made.json["name"]) == ([], 200, "1")
    assert set(made.json) == {"name", "last_activity"}
    assert made.json["last_activity"].endswith("Z")
    assert [model["name"] for model in listed.json] == ["1", "build", "2"]
    assert (named.status, bare.status, one.json["name"]) == (200, 200, "build")
    assert (closed.status, closed.body) == (204, b"")
    assert (gone.status, gone.json["hint"]) == (404, "Open terminals: 1, 2.")
    assert [model["name"] for model in left.json] == ["1", "2"]


@pytest.mark.proves("WS /terminals/websocket/{name}")
async def test_what_is_typed_is_run_and_what_it_prints_comes_back(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        before = (await client.get(f"/api/terminals/{name}")).json["last_activity"]
        screen = await look(client, name)
        await screen.run("echo $((6 * 7))ä", until="42ä")
        after = (await client.get(f"/api/terminals/{name}")).json["last_activity"]
    assert screen.messages[0] == ["setup", {}]
    assert after > before


async def test_a_second_client_gets_what_was_printed_before_and_sees_the_same(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        first = await look(client, name)
        await first.run("echo be'fo're", until="before")
        second = await look(client, name)
        await second.read(lambda: "before" in second.printed)
        replayed = second.messages[:2]
        await second.run("echo af'te'r", until="after")
        await first.read(lambda: "after" in first.printed)
    assert replayed == [["setup", {}], ["stdout", replayed[1][1]]]


async def test_the_smallest_client_sets_the_size_until_it_leaves(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        large, small = await look(client, name), await look(client, name)
        await large.send("set_size", 50, 100, 800, 1200)
        await large.run("stty size", until="50 100")
        await small.send("set_size", 20, 120, 400, 1300)
        await small.run("stty size", until="20 100")
        small.socket.close()
        deadline = time.monotonic() + 10
        while "50 100" not in large.printed[-60:] and time.monotonic() < deadline:
            await large.run("stty size", until=" 100\r\n")
    assert "50 100" in large.printed[-60:]


@pytest.mark.parametrize(
    ("cwd", "expected"),
    [("sub", "sub"), ("/sub", "sub"), ("none", ""), ("", ""), ("{root}/sub", "sub")],
)
async def test_the_folder_is_below_the_root_if_it_exists(start, look, tmp_path, cwd, expected):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    async with start(plughost_terminals) as (_, client):
        name = await new(client, cwd=cwd.format(root=root))
        screen = await look(client, name)
        await screen.run("echo $PWD$((1 + 1))", until=f"{root / expected}2\r\n")
    assert screen.printed


async def test_the_shell_does_not_get_the_secrets_of_the_server(start, look, monkeypatch):
    for name in ("JUPYTER_TOKEN", "PLUGHOST_TOKEN", "JPY_API_TOKEN", "MINE"):
        monkeypatch.setenv(name, f"value-of-{name}")
    async with start(plughost_terminals) as (_, client):
        screen = await look(client, await new(client))
        await screen.run("env; echo do'n'e", until="done")
    assert "MINE=value-of-MINE" in screen.printed
    assert "TERM=xterm-256color" in screen.printed
    assert not any(name in screen.printed for name in ("_TOKEN=", "value-of-J"))


async def test_a_shell_that_ends_says_so_and_is_gone(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        screen = await look(client, name)
        await screen.send("stdin", "exit\r")
        await screen.read(lambda: ["disconnect", 1] in screen.messages)
        closed = await screen.socket.read_message()
        listed = await client.get("/api/terminals")
    assert (closed, listed.json) == (None, [])


async def test_closing_a_terminal_tells_its_clients(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        screen = await look(client, name)
        await client.delete(f"/api/terminals/{name}")
        await screen.read(lambda: ["disconnect", 1] in screen.messages)


async def test_shells_end_with_the_host_even_stubborn_ones(start, look):
    async with start(plughost_terminals) as (_, client):
        screen = await look(client, await new(client))
        await screen.run("trap '' HUP INT TERM; echo pid=$$ e'n'd", until=" end\r\n")
        pid = int(re.search(r"pid=(\d+) end", screen.printed)[1])
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_is_no_message_is_ignored(start, look):
    async with start(plughost_terminals) as (_, client):
        screen = await look(client, await new(client))
        for odd in ("{", "[]", '["stdin"]', '["stdin", 1]', '["set_size", 0, -1]', '["x", 1]', "1"):
            await screen.socket.write_message(odd)
        await screen.socket.write_message(b"\xff", binary=True)
        await screen.run("echo $((6 * 7))", until="42")
    assert screen.messages[0] == ["setup", {}]


async def test_a_terminal_whose_program_does_not_read_holds_up_no_other(start, look):
    async with start(plughost_terminals) as (_, client):
        stuck, other = [await look(client, await new(client)) for _ in range(2)]
        await stuck.run("stty raw -echo; echo rea'd'y; sleep 1000", until="ready")
        await stuck.send("stdin", "x" * 200_000)
        await other.run("echo $((6 * 7))", until="42")
        closed = await client.delete("/api/terminals/1")
    assert closed.status == 204


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "a/b"}, 400, "cannot be named 'a/b'"),
        ({"name": ""}, 400, "cannot be named ''"),
        ({"name": 1}, 400, "`$.name`"),
        ({"name": "1"}, 409, "already a terminal named '1'"),
        ("[", 400, "cannot be used"),
    ],
)
async def test_a_terminal_that_cannot_be_is_refused(start, body, status, said):
    async with start(plughost_terminals) as (_, client):
        await new(client)
        reply = await client.post("/api/terminals", body)
        listed = await client.get("/api/terminals")
    assert (reply.status, said in reply.json["message"]) == (status, True), reply.json
    assert len(listed.json) == 1


async def test_a_shell_that_is_not_there_is_named(start):
    settings = {"terminals": {"shell_command": ["/bin/no-such-shell"]}}
    async with start(plughost_terminals, extensions=settings) as (_, client):
        reply = await client.post("/api/terminals")
    assert (reply.status, "'/bin/no-such-shell'" in reply.json["message"]) == (500, True)
    assert "shell_command" in reply.json["hint"]


async def test_strangers_and_unknown_names_get_no_socket(start):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        refused = []
        for path, token in ((name, None), ("none", "")):
            with pytest.raises(HTTPClientError) as error:
                await client.websocket(f"/terminals/websocket/{path}", token=token)
            refused.append(error.value.code)
        plain = await client.get(f"/terminals/websocket/{name}")
        stranger = await client.get("/api/terminals", token=None)
    assert (refused, plain.status, stranger.status) == ([403, 404], 400, 403)


@pytest.mark.proves("terminalsAvailable")
async def test_the_page_knows_that_there_are_terminals(start):
    async with start(plughost_terminals) as (host, _):
        (config,) = host.offers["terminals"].page_config
    assert (config.page, config.values(None)) == ("lab", {"terminalsAvailable": True})


def test_a_start_does_not_import_terminado():
    program = "import sys, plughost_terminals; print('terminado' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

"""Terminals through real shells, real requests and real WebSockets."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time

import msgspec
import pytest
from tornado.httpclient import HTTPClientError

import plughost_terminals
from plughost import Config, HookSpecs, hookimpl, hookspec
from plughost_terminals.settings import Settings


@pytest.fixture(autouse=True)
def _plain_shell(monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("PS1", "> ")


class Page:
    """Whoever asks for what a page needs at its start: in plughost, the extension `settings`."""

    __name__ = "settings"

    @hookspec
    def settings_startup(self, host):
        """Pairs of a path and what answers there."""

    @hookimpl
    def plughost_hookspecs(self):
        return [HookSpecs(self)]


class Screen:
    """A client of a terminal: what it was sent, and what it types."""

    def __init__(self, socket):
        self.socket = socket
        self.messages = []
        self.characters = 0
        self._recent = ""

    @property
    def printed(self):
        return "".join(value for kind, value in self.messages if kind == "stdout")

    async def send(self, *message):
        await self.socket.write_message(json.dumps(message))

    async def run(self, command, until):
        """Type a command and read on until its output has `until`."""
        self._recent = ""
        await self.send("stdin", f"{command}\r")
        await self.read(lambda: until in self._recent)

    async def read(self, enough):
        await asyncio.wait_for(self._read(enough), 60)

    async def _read(self, enough):
        while not enough():
            message = await self.socket.read_message()
            assert message is not None, f"closed after {self.printed!r}"
            self.messages.append(json.loads(message))
            kind, value = self.messages[-1]
            if kind == "stdout":
                self.characters += len(value)
                self._recent = (self._recent + value)[-10_000:]


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
        await large.read(lambda: "20 100\r\n" in large.printed)
        small.socket.close()
        sizes = []
        while sizes[-1:] != ["50 100"]:
            await large.run("stty size", until=" 100\r\n")
            sizes = re.findall(r"\d+ 100(?=\r\n)", large.printed)
    assert set(sizes) == {"50 100", "20 100"}


@pytest.mark.parametrize(
    ("cwd", "expected"),
    [
        ("sub", "sub"),
        ("/sub", "sub"),
        ("{root}/sub", "sub"),
        ("{root}/../other", "../other"),
        ("../other", "../other"),
        ("100%25 ü", "100%25 ü"),
        ("100% ü", ""),
        ("a file", ""),
        ("none", ""),
        ("", ""),
        ("~no-such-user/x", ""),
        ("x" * 5000, ""),
        ("nul\0", ""),
    ],
    ids=lambda value: value[:20].replace("\0", "0"),
)
async def test_the_folder_is_taken_as_it_is_written_if_it_exists(
    start, look, tmp_path, cwd, expected
):
    root = tmp_path / "root"
    for folder in (root / "sub", root / "100%25 ü", tmp_path / "other"):
        folder.mkdir(parents=True)
    (root / "a file").touch()
    async with start(plughost_terminals) as (_, client):
        name = await new(client, cwd=cwd.format(root=root))
        screen = await look(client, name)
        folder = (root / expected).resolve()
        await screen.run('echo "$(pwd -P)$((1 + 1))"', until=f"{folder}2\r\n")
    assert screen.printed


async def test_the_shell_does_not_get_the_secrets_of_the_server(start, look, monkeypatch):
    for name in ("JUPYTER_TOKEN", "PLUGHOST_TOKEN", "JPY_API_TOKEN", "MINE"):
        monkeypatch.setenv(name, f"value-of-{name}")
    async with start(plughost_terminals) as (_, client):
        screen = await look(client, await new(client))
        await screen.run("env; echo that is a'l'l", until="that is all\r\n")
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
    assert screen.socket.close_code == 1000, "JupyterLab comes back after any but 1000 and 1001"


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
    # SIGKILL has been sent; the system takes its time, and so does who collects the dead.
    deadline = time.monotonic() + 60
    while lives(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


ODD_MESSAGES = [
    *("", "{", "[]", "1", "null", "{}", '"stdin"', "[[]]", "[" * 10_000, "[null, 1]"),
    *('["stdin"]', '["stdin", 1]', '["stdin", null]', '["stdin", ["x"]]', r'["stdin", "\ud800"]'),
    *('["set_size"]', '["set_size", 0, -1]', '["set_size", 1]', '["set_size", "1", "1"]'),
    *('["set_size", 1e400, 10]', '["set_size", 1.5, 10]', '["set_size", 100000, 10]'),
    *('["x", 1]', '["stdout", "x"]', '["disconnect", 1]', '["stdin", "x"'),
    *(b"\xff", b'["stdin", "\xff"]', b"\xff\xfe[\x00"),
]


async def test_what_is_no_message_is_ignored(start, look):
    async with start(plughost_terminals) as (_, client):
        screen = await look(client, await new(client))
        for odd in ODD_MESSAGES:
            await screen.socket.write_message(odd, binary=isinstance(odd, bytes))
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
        ({"name": "."}, 400, "cannot be named '.'"),
        ({"name": "x" * 101}, 400, "cannot be named"),
        ({"name": 1}, 400, "`$.name`"),
        ({"cwd": 1}, 400, "`$.cwd`"),
        ([], 400, "Expected `object`"),
        ("null", 400, "Expected `object`"),
        (b"\xff", 400, "cannot be used"),
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


def available(host):
    (config,) = host.offers["terminals"].page_config
    assert config.page == "lab"
    return config.values(None)["terminalsAvailable"]


@pytest.mark.proves("terminalsAvailable")
async def test_the_page_knows_that_there_are_terminals(start):
    async with start(plughost_terminals) as (host, _):
        assert available(host) is True


@pytest.mark.proves("terminalsAvailable")
@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"shell_command": ["/bin/no-such-shell"]}, 500, "there is no such program"),
        ({"shell_command": "/bin/no-such-shell -x"}, 500, "'/bin/no-such-shell'"),
        ({"terminals_enabled": False}, 403, "switched off"),
    ],
)
async def test_where_none_can_be_opened_the_page_knows_and_the_reply_says_why(
    start, settings, status, said
):
    async with start(plughost_terminals, extensions={"terminals": settings}) as (host, client):
        reply = await client.post("/api/terminals")
        assert available(host) is False
    assert (reply.status, said in reply.json["message"]) == (status, True), reply.json


async def test_a_shell_that_does_not_start_is_told(start, tmp_path):
    shell = tmp_path / "shell"
    shell.write_text("#!/no/such/interpreter\n")
    shell.chmod(0o755)
    settings = {"terminals": {"shell_command": [str(shell)]}}
    async with start(plughost_terminals, extensions=settings) as (_, client):
        reply = await client.post("/api/terminals")
        listed = await client.get("/api/terminals")
    assert (reply.status, "cannot be started in" in reply.json["message"]) == (500, True)
    assert listed.json == []


@pytest.mark.parametrize(
    "settings",
    [
        {"shell_command": "/bin/sh -c 'echo hello; exec sh'"},
        {"terminado_settings": {"shell_command": ["/bin/sh", "-c", "echo hello; exec sh"]}},
    ],
)
async def test_the_command_can_be_written_as_jupyter_has_it(start, look, settings):
    async with start(plughost_terminals, extensions={"terminals": settings}) as (_, client):
        screen = await look(client, await new(client))
        await screen.read(lambda: "hello" in screen.printed)
    assert screen.printed


def test_what_is_set_in_jupyters_files_counts(jupyter_folders, monkeypatch):
    monkeypatch.chdir(jupyter_folders)
    (jupyter_folders / "jupyter-config/jupyter_server_config.py").write_text(
        "c.TerminalManager.cull_inactive_timeout = 600\n"
        "c.TerminalManager.cull_interval = 60\n"
        "c.ServerApp.terminado_settings = {'shell_command': ['/bin/bash']}\n"
        "c.ServerApp.terminals_enabled = False\n"
    )
    loaded = Config.load()
    settings = loaded.extension("terminals", Settings)
    assert (settings.cull_inactive_timeout, settings.cull_interval) == (600, 60)
    assert (settings.shell, settings.terminals_enabled) == (["/bin/bash"], False)
    assert loaded.warnings == ()


# -- culling


# Prints without a pause, so that however late the server looks there is something to read.
UNTIL_SILENCED = "while [ ! -e silence ]; do echo x; done; exec sleep 1000"


async def test_a_terminal_that_nothing_happens_in_is_closed_a_busy_one_is_not(
    start, look, tmp_path
):
    for folder in ("silent", "busy"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    shell = ["/bin/sh", "-c", UNTIL_SILENCED]
    settings = {"shell_command": shell, "cull_inactive_timeout": 1.0, "cull_interval": 0.1}
    async with start(plughost_terminals, extensions={"terminals": settings}) as (_, client):
        silent, busy = await new(client, cwd="silent"), await new(client, cwd="busy")
        screen = await look(client, silent)
        (tmp_path / "root" / "silent" / "silence").touch()
        await screen.read(lambda: ["disconnect", 1] in screen.messages)
        listed = await client.get("/api/terminals")
    assert [model["name"] for model in listed.json] == [busy]


async def test_without_a_timeout_or_with_an_odd_interval_nothing_is_closed_early(start, caplog):
    for timeout, interval in ((0, 0.01), (-1, 0.01), (1000, 0.01), (0.01, 0), (0.01, -5)):
        settings = {"terminals": {"cull_inactive_timeout": timeout, "cull_interval": interval}}
        async with start(plughost_terminals, extensions=settings) as (_, client):
            await new(client)
            for _ in range(20):
                listed = await client.get("/api/terminals")
            assert len(listed.json) == 1, (timeout, interval)
    assert "cull_interval is -5" in caplog.text


async def test_typing_and_printing_are_activity_of_the_server(start, look):
    async with start(plughost_terminals) as (host, client):
        screen = await look(client, await new(client))
        await screen.run("echo $((6 * 7))", until="42")
        before = host.last_activity
        await screen.run("echo $((6 * 8))", until="48")
        assert host.last_activity > before


# -- several clients, and slow ones


async def test_of_much_output_the_end_is_kept_for_who_comes_later(start, look):
    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        first = await look(client, name)
        # Long lines: of short ones a server that reads each at once would keep little.
        program = "print('x' * 3999 + '\\\\n', end='') or 0"
        await first.run(
            f'{sys.executable} -c "for _ in range(1_200): {program}"; echo the e"n"d',
            until="the end\r\n",
        )
        second = await look(client, name)
        await second.read(lambda: "the end\r\n" in second.printed)
        before, end, _ = second.printed.rpartition("the end\r\n")  # and perhaps a prompt
    assert len(first.printed) > 4_000_000
    assert 100_000 < len(second.printed) < 1_500_000
    assert before[-1000:] + end in first.printed


async def test_a_program_waits_for_a_client_that_does_not_read(start, look, tmp_path):
    """Otherwise what it prints would pile up in the server without end."""
    count = tmp_path / "count"
    count.touch()
    loop = f"while :; do printf x >> {count}; printf '%04000d\\n' 0; done\r"

    async def counted():
        await other.run("echo $((6 * 7))", until="42")
        return count.stat().st_size

    async def stands_still(times=20):
        seen = [await counted() for _ in range(times)]
        return 0 < seen[0] == seen[-1]

    async with start(plughost_terminals) as (_, client):
        name = await new(client)
        slow, other = await look(client, name), await look(client, await new(client))
        await slow.read(lambda: bool(slow.printed))
        await slow.send("stdin", loop)
        while not await stands_still():
            assert await counted() < 20_000, "it goes on printing for nobody"
        stopped_at = await counted()
        await slow.read(lambda: slow.characters > 4000 * (stopped_at + 500))
        assert await counted() > stopped_at, "it goes on when it is read"
        while not await stands_still():
            assert await counted() < 20_000
        stopped_at = await counted()
        slow.socket.close()
        deadline = time.monotonic() + 60
        while await counted() == stopped_at:
            assert time.monotonic() < deadline, "it goes on when nobody is slow"


async def test_a_terminal_that_waits_for_a_slow_client_can_be_closed(start, look):
    async with start(plughost_terminals) as (_, client):
        slow = await look(client, await new(client))
        await slow.send("stdin", "yes\r")
        other = await look(client, await new(client))
        for _ in range(20):
            await other.run("echo $((6 * 7))", until="42")
        closed = await client.delete("/api/terminals/1")
        listed = await client.get("/api/terminals")
    assert (closed.status, [model["name"] for model in listed.json]) == (204, ["2"])


async def test_startup_answers_are_what_the_route_answers(start):
    async with start(plughost_terminals, Page()) as (host, client):
        await new(client)
        ((path, answer),) = host.ask("settings_startup", tuple, host=host)["terminals"]
        reply = await client.get(path)
        assert msgspec.json.encode(await answer()) == reply.body


def test_a_start_does_not_import_terminado():
    program = "import sys, plughost_terminals; print('terminado' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

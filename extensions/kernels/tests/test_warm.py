"""A kernel is ready before anybody wants it. The clock is moved, never waited for."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time

import psutil
import pytest

import plughost_kernels
from plughost_kernels import claiming
from plughost_kernels import kernel as kernels
from plughost_kernels import warm as warming
from plughost_kernels.kernels import Kernels

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
WHO = (
    "import os, json; print(json.dumps([os.getpid(), os.getcwd(), os.environ['JPY_SESSION_NAME']]))"
)
MISSING = 1 << 60
SETTING = "PLUGHOST_EXTENSIONS__KERNELS__"
PROVISIONER = {"provisioner_name": "local-provisioner"}
GATE = 'while [ ! -e go ]; do sleep 0.05; done; exec "$0" "$@"'
GATED = ["sh", "-c", GATE, *ARGV]
"""A kernel that is starting until there is a file `go` in the folder it is started in."""


def settings(**more):
    usual = {
        "warm_kernel": True,
        "watch_interval": 0.05,
        "warm_memory_floor": 0,
        "answer_timeout": 10**6,  # time passes in leaps here
    }
    return {"extensions": {"kernels": {**usual, **more}}}


def has_ended(pid):
    """A dead process stays a zombie where nobody collects it, as in many containers."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Warm:
    """The warm kernel of a host, as its file and its process show it; its clock stands still."""

    def __init__(self, host, records, eventually):
        self.service = host.service(Kernels).warm
        self.records = records
        self.now = time.monotonic()
        self._eventually = eventually
        self.service.clock = lambda: self.now

    @property
    def record(self):
        """What is on file of it, once it was launched; None when there is none."""
        return next((one for one in self.records() if one["warm"] and one["pid"]), None)

    async def passes(self, seconds):
        """So much time passes, and it is looked after."""
        self.now += seconds
        await self.service.look()

    async def pid(self):
        """Its process, once there is one."""
        found = []
        await self.until(lambda: found.append(self.record) or found[-1])
        return found[-1]["pid"]

    async def until(self, condition):
        async def holds():
            return bool(condition())

        await self._eventually(holds)


@pytest.fixture
def records(jupyter_folders):
    """`records()` is what is on file of all kernels."""
    folder = jupyter_folders / "jupyter-runtime" / "plughost" / "kernels"

    def read():
        found = []
        for path in folder.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # it ends just now
                found.append(json.loads(path.read_text()))
        return found

    return read


@pytest.fixture
def begun(start, records, eventually, monkeypatch):
    """`async with begun(**settings) as (host, client, warm)`: its warm kernel is starting."""
    # It is looked after in `passes` only: a look between two of a test's steps would start
    # the next one.
    monkeypatch.setattr(warming, "LOOK_SECONDS", 10**6)
    # On a busy machine it may be late with its answer; it is another one that is of no use.
    monkeypatch.setattr(kernels, "INTRODUCTION_PATIENCE", 60)

    @contextlib.asynccontextmanager
    async def hosted(**more):
        async with start(plughost_kernels, **settings(**more)) as (host, client):
            await host.settle()
            warm = Warm(host, records, eventually)
            warm.before = host.last_activity
            await warm.passes(100)
            yield host, client, warm

    return hosted


@pytest.fixture
def ready(begun):
    """The same, and its warm kernel is up."""

    @contextlib.asynccontextmanager
    async def hosted(**more):
        async with begun(**more) as (host, client, warm):
            await warm.until(lambda: warm.service.ready)
            yield host, client, warm

    return hosted


async def who(line):
    return json.loads(await line.print(WHO))


async def new_kernel(client, **request):
    reply = await client.post("/api/kernels", request or None)
    return reply.json["id"]


async def new_session(client, path, **kernel):
    body = {"path": path, "type": "notebook", "name": "", "kernel": kernel}
    return (await client.post("/api/sessions", body)).json["kernel"]


# -- claimed


async def test_who_wants_a_kernel_gets_it_in_their_folder_and_as_if_new(
    ready, connect, printed, tmp_path
):
    place = tmp_path / "root" / 'it\'s a "folder" $x\n{y} é😀'
    place.mkdir(parents=True)
    (place / "beside.py").write_text("word = 'beside'")
    async with ready() as (_, client, warm):
        pid = await warm.pid()
        kernel = await new_session(client, f"{place.name}/a.ipynb")
        line = await connect(client, kernel["id"])
        model = (await client.get(f"/api/kernels/{kernel['id']}")).json
        first = await line.run("import beside; print(beside.word, __session__, _dh, sep='|')")
        names = await line.print("%who")
        facts = await who(line)
        history = await line.print("%history")
        await warm.until(lambda: not warm.record)
        (record,) = warm.records()
    assert model["execution_state"] == "idle"
    assert printed(first) == f"beside|{place / 'a.ipynb'}|{[place]!r}\n"
    assert [m.content["execution_count"] for m in first if m.kind == "execute_reply"] == [1]
    assert facts == [pid, str(place), str(place / "a.ipynb")]
    assert names.split() == ["beside"]
    assert "chdir" not in history
    assert (record["warm"], record["folder"]) == (False, str(place))


async def test_nobody_sees_anything_of_it_before_it_is_wanted(ready, connect):
    async with ready(cull_idle_timeout=1) as (host, client, warm):
        pid = await warm.pid()
        assert host.last_activity == warm.before
        listed = (await client.get("/api/kernels")).json
        status = (await client.get("/api/status")).json
        culling = host.service(Kernels).culling
        await culling.look()
        culling.clock = lambda: time.monotonic() + 3600
        await culling.look()
        assert (listed, status["kernels"], status["connections"]) == ([], 0, 0)
        assert not has_ended(pid)
        line = await connect(client, await new_kernel(client))
        assert (await who(line))[0] == pid
        assert len((await client.get("/api/kernels")).json) == 1


async def test_no_client_gets_a_message_of_the_claim_whatever_it_asks_for(ready, connect):
    async with ready() as (host, client, _):
        kernel_id = await new_kernel(client)
        first = await connect(client, kernel_id)
        await first.run("1")
        epoch = host.service(Kernels).get(kernel_id).clients.delivery.journal.epoch
        line = await connect(client, kernel_id, query=f"&since={epoch}:0")
        everything = await line.until(lambda m: m.content.get("execution_state") == "idle")
        await line.answer(line.send("kernel_info_request", {}))
    asked = {m.parent["session"] for m in everything if m.parent}
    assert asked == {first.session}


async def test_a_restart_finds_folder_and_session_as_after_a_cold_start(ready, connect, tmp_path):
    (tmp_path / "root" / "sub").mkdir(parents=True)
    async with ready() as (_, client, warm):
        pid = await warm.pid()
        kernel_id = (await new_session(client, "sub/a.ipynb"))["id"]
        line = await connect(client, kernel_id)
        before = await who(line)
        await client.post(f"/api/kernels/{kernel_id}/restart")
        after = await who(line)
        line.execute("import os; os._exit(1)")  # it is restarted by itself as any other is
        await line.until(lambda m: m.content.get("execution_state") == "restarting")
        again = await who(await connect(client, kernel_id))
    where = [str(tmp_path / "root" / "sub"), str(tmp_path / "root" / "sub" / "a.ipynb")]
    assert before == [pid, *where]
    assert after[1:] == again[1:] == where
    assert len({pid, after[0], again[0]}) == 3


async def test_one_that_is_still_starting_is_taken_over(begun, install_kernel, connect, tmp_path):
    folder = tmp_path / "root" / "sub"
    folder.mkdir(parents=True)
    install_kernel("gated", GATED, language="python")
    async with begun(default_kernel="gated") as (_, client, warm):
        pid = await warm.pid()
        kernel = await new_session(client, "sub/a.ipynb")
        other = await new_kernel(client)
        listed = [one["id"] for one in (await client.get("/api/kernels")).json]
        (tmp_path / "root" / "go").touch()
        line = await connect(client, kernel["id"])
        assert await who(line) == [pid, str(folder), str(folder / "a.ipynb")]
        assert (await who(await connect(client, other)))[0] != pid
    assert listed == [kernel["id"], other]


@pytest.mark.parametrize("how", ["hangs", "dies", "refuses"])
async def test_one_that_cannot_be_told_its_folder_makes_room_for_a_new_process(
    ready, connect, tmp_path, caplog, monkeypatch, how
):
    folder = tmp_path / "root" / "sub"
    folder.mkdir(parents=True)
    if how == "refuses":
        startup = tmp_path / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "x.py").write_text("import os; os.chdir = None")
    async with ready() as (_, client, warm):
        pid = await warm.pid()
        if how == "hangs":
            monkeypatch.setattr(kernels, "INTRODUCTION_PATIENCE", 0.2)
        if how != "refuses":
            os.kill(pid, signal.SIGSTOP if how == "hangs" else signal.SIGKILL)
        kernel = await new_session(client, "sub/a.ipynb")
        line = await connect(client, kernel["id"])
        facts = await who(line)
        listed = [one["id"] for one in (await client.get("/api/kernels")).json]
    assert facts[1:] == [str(folder), str(folder / "a.ipynb")]
    assert has_ended(pid)
    assert listed == [kernel["id"]]
    assert ("could not be told its folder" in caplog.text) == (how != "dies")


async def test_one_that_can_neither_be_told_nor_started_anew_is_dead_with_the_reason(
    ready, install_kernel, connect, tmp_path, eventually
):
    folder = tmp_path / "root" / "sub"
    folder.mkdir(parents=True)
    launcher = tmp_path / "launcher"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    launcher.chmod(0o700)
    install_kernel("launched", [str(launcher), *ARGV[1:]], language="python")
    async with ready(default_kernel="launched") as (_, client, warm):
        pid = await warm.pid()
        os.kill(pid, signal.SIGSTOP)
        url = f"/api/kernels/{await new_kernel(client, path='sub')}"
        folder.rmdir()
        launcher.rename(tmp_path / "away")
        os.kill(pid, signal.SIGCONT)

        async def dead():
            return (await client.get(url)).json["execution_state"] == "dead"

        await eventually(dead)
        model = (await client.get(url)).json
        refused = await client.get(f"{url}/channels", headers={"Upgrade": "websocket"})
        (tmp_path / "away").rename(launcher)
        restarted = await client.post(f"{url}/restart")
        line = await connect(client, model["id"])
        assert (await who(line))[1] == str(folder.parent)
    assert str(launcher) in model["reason"]
    assert (refused.status, restarted.status) == (500, 200)


async def test_it_is_looked_after_without_being_asked(start, records, eventually, monkeypatch):
    monkeypatch.setattr(warming, "LOOK_SECONDS", 0.05)
    async with start(plughost_kernels, **settings(warm_after=0)) as (host, _):
        warm = Warm(host, records, eventually)
        os.kill(await warm.pid(), signal.SIGKILL)
        await warm.until(lambda: warm.record is None)

        def ready():
            warm.now += 1  # its death may be noticed only now, and is followed by a pause
            return warm.service.ready

        await warm.until(ready)


async def test_another_one_is_made_ready_only_after_quiet(ready, connect):
    async with ready(warm_after=30) as (_, client, warm):
        first = await warm.pid()
        line = await connect(client, await new_kernel(client))
        await line.run("1")
        await warm.passes(28)
        assert warm.record is None
        asked = line.execute("input()", allow_stdin=True)
        await line.until(lambda m: m.kind == "input_request")
        await warm.passes(60)
        assert warm.record is None
        line.send("input_reply", {"value": ""}, channel="stdin")
        await line.answer(asked)
        await warm.passes(28)
        assert warm.record is None
        await warm.passes(10)
        assert await warm.pid() != first


@pytest.mark.parametrize(
    "request_body",
    [
        {"name": "other"},
        {"env": {"KERNEL_X": "1"}},
        {"kernel_id": "11111111-2222-3333-4444-555555555555"},
    ],
)
async def test_a_launch_that_it_is_of_no_use_for_ends_it_while_it_is_starting_only(
    begun, install_kernel, connect, root, request_body
):
    install_kernel("other", ARGV, language="python")
    install_kernel("gated", GATED, language="python")
    async with begun(default_kernel="gated") as (_, client, warm):
        pid = await warm.pid()
        kernel_id = await new_kernel(client, **request_body)
        await warm.until(lambda: has_ended(pid))
        (root / "go").touch()
        (await connect(client, kernel_id)).close()
        await warm.passes(10)
        await warm.until(lambda: warm.service.ready)
        pid = await warm.pid()
        await client.delete(f"/api/kernels/{kernel_id}")
        assert await new_kernel(client, **request_body)
        assert warm.record["pid"] == pid
        assert not has_ended(pid)


async def test_there_is_none_without_memory_to_spare(begun):
    async with begun(warm_memory_floor=MISSING) as (_, _, warm):
        await warm.passes(1000)
        assert warm.record is None


async def test_there_is_none_unless_asked_for(start):
    async with start(plughost_kernels) as (host, _):
        await host.settle()
        assert host.service(Kernels).warm is None


async def test_it_ends_when_memory_runs_low_and_comes_back_with_some_to_spare(ready):
    floor = 2 * 1024**3
    async with ready(warm_memory_floor=floor) as (_, _, warm):
        pid = await warm.pid()
        warm.service.available = lambda: floor
        await warm.passes(100)
        assert not has_ended(pid)
        warm.service.available = lambda: floor - 1
        await warm.passes(1)
        await warm.until(lambda: has_ended(pid) and warm.record is None)
        warm.service.available = lambda: floor + 1  # it would take that itself
        await warm.passes(100)
        assert warm.record is None
        warm.service.available = lambda: 2 * floor
        await warm.passes(1)
        assert await warm.pid() != pid


async def test_it_ends_when_its_kernelspec_changes_or_is_removed(ready, install_kernel, connect):
    folder = install_kernel("mine", ARGV, language="python")
    async with ready(default_kernel="mine") as (_, client, warm):
        first = await warm.pid()
        install_kernel("mine", ARGV, language="python", env={"NEW": "yes"})
        line = await connect(client, await new_kernel(client))  # nobody gets the old one
        assert await line.print("import os; print(os.environ['NEW'])") == "yes\n"
        await warm.passes(100)
        await warm.until(lambda: has_ended(first) and warm.record is None)
        await warm.passes(100)
        second = await warm.pid()
        await warm.until(lambda: warm.service.ready)
        shutil.rmtree(folder)
        await warm.passes(100)
        await warm.until(lambda: has_ended(second) and warm.record is None)
        await warm.passes(100)
        await warm.pid()
        assert warm.record["name"] != "mine"


async def test_it_ends_when_another_kernelspec_becomes_the_default(ready, install_kernel):
    async with ready(default_kernel="mine") as (_, _, warm):
        first = await warm.pid()
        assert warm.record["name"] != "mine"
        install_kernel("mine", ARGV, language="python")
        await warm.passes(100)
        await warm.until(lambda: has_ended(first) and warm.record is None)
        await warm.passes(100)
        await warm.until(lambda: warm.record)
        assert warm.record["name"] == "mine"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"language": "cobol"}, "its language is 'cobol'"),
        ({"metadata": {"kernel_provisioner": PROVISIONER}}, "it has a provisioner of its own"),
        ({"env": {"A": "${JPY_SESSION_NAME}"}}, "its kernel.json refers to JPY_SESSION_NAME"),
    ],
)
async def test_what_could_not_be_told_its_folder_is_never_kept_warm(
    begun, install_kernel, connect, caplog, spec, words
):
    install_kernel("mine", ARGV, **{"language": "python", **spec})
    async with begun(default_kernel="mine") as (_, client, warm):
        await warm.passes(1000)
        assert warm.record is None
        line = await connect(client, await new_kernel(client))
        assert await line.print("print('cold')") == "cold\n"
    assert f"No kernel of 'mine' is kept warm: {words}" in caplog.text
    assert caplog.text.count("is kept warm") == 1


async def test_one_that_dies_is_replaced_and_one_that_keeps_dying_ever_more_rarely(
    ready, install_kernel, caplog
):
    async with ready(stable_after=50) as (_, _, warm):
        first = await warm.pid()
        os.kill(first, signal.SIGKILL)
        await warm.until(lambda: warm.record is None)
        await warm.passes(0)
        await warm.passes(10)
        await warm.until(lambda: warm.service.ready)
        second = await warm.pid()
        pauses = []
        # Of those that come after it none is ever up.
        install_kernel("python3", [sys.executable, "-c", "import time; time.sleep(600)"])
        for _ in range(4):
            os.kill(await warm.pid(), signal.SIGKILL)
            await warm.until(lambda: warm.record is None)
            await warm.passes(0)
            pause = 0
            while warm.record is None and pause < 1000:
                pause += 1
                await warm.passes(1)
            pauses.append(pause)
    assert first != second
    assert pauses == [4, 8, 16, 32]
    assert caplog.text.count("The warm kernel 'python3' died: its process") == 1


async def test_one_that_never_answers_is_given_up(begun, install_kernel, caplog):
    install_kernel("mute", [sys.executable, "-c", "import time; time.sleep(600)"], language="R")
    async with begun(default_kernel="mute", answer_timeout=60) as (_, _, warm):
        pid = await warm.pid()
        await warm.passes(50)
        assert not has_ended(pid)
        await warm.passes(20)
        await warm.until(lambda: has_ended(pid))
    assert "The warm kernel 'mute' died: it has not answered in 60 s." in caplog.text


# -- when the server goes


async def test_it_ends_with_the_server_even_when_that_leaves_its_kernels_running(
    ready, start, connect
):
    async with ready() as (host, client, warm):
        kernel_id = await new_kernel(client)
        (await connect(client, kernel_id)).close()
        await warm.passes(100)
        await warm.until(lambda: warm.service.ready)
        pid = await warm.pid()
        host.stop(keep=True)
    assert has_ended(pid)
    assert [record["kernel_id"] for record in warm.records()] == [kernel_id]
    async with start(plughost_kernels) as (_, client):
        assert [one["id"] for one in (await client.get("/api/kernels")).json] == [kernel_id]


async def test_it_ends_when_the_extension_is_disabled(ready):
    async with ready() as (host, _, warm):
        pid = await warm.pid()
        await host.disable("kernels")
        assert has_ended(pid)
        assert warm.record is None


async def test_a_later_server_ends_the_one_of_a_server_that_was_killed(
    served, records, eventually, tmp_path
):
    (tmp_path / "other").mkdir()
    first = served(env={f"{SETTING}WARM_KERNEL": "true", f"{SETTING}WARM_AFTER": "0"})

    async def there():
        return any(record["pid"] for record in records())

    await eventually(there)
    (record,) = records()
    first.stop(signal.SIGKILL)
    assert not has_ended(record["pid"])
    later = served("--root", str(tmp_path / "other"))

    async def gone():
        return not records() and has_ended(record["pid"])

    await eventually(gone)
    assert record["warm"]
    assert not os.path.lexists(record["connection_file"])
    assert (await later.client.get("/api/kernels")).json == []


# -- in other languages


async def test_a_kernel_of_r_is_told_in_r(ready, install_kernel, connect, tmp_path):
    place = tmp_path / "root" / 'it\'s a "folder" $x\n{y} é😀'
    place.mkdir(parents=True)
    argv = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    install_kernel("ir", argv, language="R")
    async with ready(default_kernel="ir") as (_, client, warm):
        pid = await warm.pid()
        kernel = await new_session(client, f"{place.name}/a.ipynb")
        line = await connect(client, kernel["id"])
        printed = await line.print(
            "cat(Sys.getpid(), getwd(), Sys.getenv('JPY_SESSION_NAME'), length(ls()), sep = '|')"
        )
    assert printed == f"{pid}|{place}|{place / 'a.ipynb'}|0"


def test_julia_is_told_in_julia(tmp_path):
    program = claiming.code("Julia", tmp_path / 'a "b" $c\\d', "$x/ü.ipynb")
    assert program == (
        f'cd("{tmp_path}/a \\"b\\" \\$c\\\\d"); ENV["JPY_SESSION_NAME"] = "\\$x/ü.ipynb"; nothing'
    )

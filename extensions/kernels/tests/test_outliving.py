"""Kernels outlive the server, and the next one adopts them."""

import asyncio
import gc
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import psutil
import pytest
from tornado.httpclient import HTTPClientError

import plughost_kernels
from plughost.testing import Client
from plughost_kernels import ports
from plughost_kernels.registry import KernelRecord, Registry

UNTIL_GO = """
import os, time
while not os.path.exists("go"):
    print("still", flush=True)
    time.sleep(0.1)
print("end")"""


@pytest.fixture
def serve(tmp_path):
    """`serve(root)` starts a host in a process of its own: the process and a client of it."""
    running = []

    def started(root):
        root.mkdir(exist_ok=True)
        with (tmp_path / f"server-{len(running)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("serve_kernels.py")), str(root)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "JPY_PARENT_PID": str(os.getpid())},
            )
        running.append(process)
        port = int(process.stdout.readline())
        return process, Client(f"http://127.0.0.1:{port}")

    yield started
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def records(jupyter_folders):
    """`records()` reads what is on file, by kernel id."""
    folder = jupyter_folders / "jupyter-runtime" / "plughost" / "kernels"

    def read():
        return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}

    read.folder = folder
    return read


def has_ended(pid):
    """A dead process stays a zombie where nobody collects it, as in many containers."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


async def test_a_killed_server_leaves_its_kernel_to_the_next_one(serve, connect, records, tmp_path):
    root = tmp_path / "root"
    server, client = serve(root)
    body = {"path": "a.ipynb", "type": "notebook", "name": "a", "kernel": {"name": "python3"}}
    session = (await client.post("/api/sessions", body)).json
    kernel_id = session["kernel"]["id"]
    line = await connect(client, kernel_id, "tab")
    pid = int(await line.print("import os; x = [1, 2]; print(os.getpid())"))
    kill(server)
    assert not has_ended(pid)

    server, client = serve(root)
    sessions = (await client.get("/api/sessions")).json
    assert [(one["id"], one["path"], one["kernel"]["id"]) for one in sessions] == [
        (session["id"], "a.ipynb", kernel_id)
    ]
    assert [one["id"] for one in (await client.get("/api/kernels")).json] == [kernel_id]
    line = await connect(client, kernel_id, "tab")
    assert await line.print("import os; print(x, os.getpid())") == f"[1, 2] {pid}\n"

    endless = line.execute("print('begun')\nwhile True: pass")
    await line.until(lambda message: message.kind == "stream")
    assert (await client.post(f"/api/kernels/{kernel_id}/interrupt")).status == 204
    ended = await line.answer(endless)
    assert [m.content["ename"] for m in ended if m.kind == "error"] == ["KeyboardInterrupt"]

    restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
    assert restarted.status == 200
    new_pid = int(await line.print("import os; print(os.getpid())"))
    assert new_pid != pid
    assert has_ended(pid)
    assert records()[kernel_id]["pid"] == new_pid
    assert await line.print("import os; print(os.environ['JPY_SESSION_NAME'])") == (
        f"{root / 'a.ipynb'}\n"
    )

    kill(server)
    server, client = serve(root)
    assert (await client.delete(f"/api/sessions/{session['id']}")).status == 204
    assert has_ended(new_pid)
    assert [path.name for path in records.folder.iterdir() if path.suffix != ".lock"] == []


async def test_an_adopted_kernel_at_work_is_busy_and_its_output_goes_on(
    serve, connect, printed, tmp_path
):
    server, client = serve(tmp_path / "root")
    kernel_id = (await client.post("/api/kernels")).json["id"]
    line = await connect(client, kernel_id, "tab")
    asked = line.execute(UNTIL_GO)
    await line.until(lambda message: message.kind == "stream")
    kill(server)
    server, client = serve(tmp_path / "root")
    assert (await client.get(f"/api/kernels/{kernel_id}")).json["execution_state"] == "busy"
    line = await connect(client, kernel_id, "tab")
    await line.until(lambda message: message.kind == "stream")  # it is heard
    (tmp_path / "root" / "go").touch()
    answer = await line.answer(asked)
    assert printed(answer).endswith("end\n")
    assert (await client.get(f"/api/kernels/{kernel_id}")).json["execution_state"] == "idle"


async def test_an_adopted_kernel_that_dies_is_noticed_and_restarted(serve, connect, tmp_path):
    server, client = serve(tmp_path / "root")
    kernel_id = (await client.post("/api/kernels")).json["id"]
    kill(server)
    server, client = serve(tmp_path / "root")
    line = await connect(client, kernel_id)
    line.execute("import os; os._exit(1)")
    await line.until(lambda m: m.content.get("execution_state") == "restarting")
    again = await connect(client, kernel_id)
    assert await again.print("print('up')") == "up\n"
    await client.delete(f"/api/kernels/{kernel_id}")


async def test_a_host_told_to_keep_its_kernels_leaves_them_and_says_so(
    start, connect, records, caplog
):
    caplog.set_level("INFO")
    async with start(plughost_kernels) as (host, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        await line.run("x = 3")
        host.stop(keep=True)
    assert "Left 1 kernel running" in caplog.text
    assert list(records()) == [kernel_id]
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, kernel_id)
        assert await line.print("print(x)") == "3\n"
        pid = records()[kernel_id]["pid"]
    assert records() == {}
    assert has_ended(pid)


async def test_a_host_that_stops_otherwise_ends_its_kernels(start, records):
    async with start(plughost_kernels) as (_, client):
        for _number in range(3):
            await client.post("/api/kernels")
        pids = [record["pid"] for record in records().values()]
        assert not any(has_ended(pid) for pid in pids)
    assert len(pids) == 3
    assert all(has_ended(pid) for pid in pids)
    assert records() == {}


async def test_what_is_on_file_is_for_its_user_only_and_a_kernel_stands_alone(
    start, records, monkeypatch
):
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        pid = records()[kernel_id]["pid"]
        modes = {
            path.suffix: stat.S_IMODE(path.stat().st_mode) for path in records.folder.iterdir()
        }
        assert stat.S_IMODE(records.folder.stat().st_mode) == 0o700
        assert modes == {".json": 0o600, ".out": 0o600, ".err": 0o600, ".lock": 0o600}
        assert os.getsid(pid) == pid
        process = psutil.Process(pid)
        assert "JPY_PARENT_PID" not in process.environ()
        assert {file.path for file in process.open_files()} >= {
            str(records.folder / f"{kernel_id}{suffix}") for suffix in (".out", ".err")
        }


async def test_a_living_servers_kernels_are_not_adopted(start, serve, connect, tmp_path):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        _, other = serve(tmp_path / "root")
        assert (await other.get("/api/kernels")).json == []
        # Nor does one with the same id take its files away.
        assert (await other.post("/api/kernels", {"kernel_id": kernel_id})).status == 409
        line = await connect(client, kernel_id)
        assert await line.print("print('mine')") == "mine\n"


@pytest.fixture
async def left_kernel(start, records):
    """The id and the record of a kernel that a host has left running."""
    async with start(plughost_kernels) as (host, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        host.stop(keep=True)
    return kernel_id, records()[kernel_id]


async def test_a_kernel_that_is_adopted_before_it_is_up_is_idle_once_it_is(
    left_kernel, start, eventually
):
    kernel_id, record = left_kernel
    os.kill(record["pid"], signal.SIGSTOP)  # a slow start
    async with start(plughost_kernels) as (_, client):
        url = f"/api/kernels/{kernel_id}"
        assert (await client.get(url)).json["execution_state"] == "busy"
        os.kill(record["pid"], signal.SIGCONT)

        async def idle():
            return (await client.get(url)).json["execution_state"] == "idle"

        await eventually(idle)


async def test_a_kernel_is_adopted_although_its_kernelspec_was_removed(
    start, connect, install_kernel, records
):
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    folder = install_kernel("gone", argv)
    async with start(plughost_kernels) as (host, client):
        kernel_id = (await client.post("/api/kernels", {"name": "gone"})).json["id"]
        host.stop(keep=True)
    shutil.rmtree(folder)
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, kernel_id)
        endless = line.execute("print('begun')\nwhile True: pass")
        # It is still on its way up, and may have something to say about that first.
        await line.until(lambda message: "begun" in message.content.get("text", ""))
        interrupted = await client.post(f"/api/kernels/{kernel_id}/interrupt")
        await line.answer(endless)
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        assert await line.print("print('still here')") == "still here\n"
        pid = records()[kernel_id]["pid"]
        deleted = await client.delete(f"/api/kernels/{kernel_id}")
    assert (interrupted.status, restarted.status, deleted.status) == (204, 500, 204)
    assert "its kernelspec is not installed any more" in restarted.json["message"]
    assert has_ended(pid)


@pytest.mark.parametrize("warm", [False, True])
async def test_a_process_whose_pid_nobody_could_note_is_found(
    left_kernel, start, records, eventually, warm
):
    """Its server was killed when it had just launched it."""
    kernel_id, record = left_kernel
    path = records.folder / f"{kernel_id}.json"
    path.write_text(json.dumps({**record, "pid": None, "warm": warm}))
    async with start(plughost_kernels) as (_, client):
        assert [one["id"] for one in (await client.get("/api/kernels")).json] == (
            [] if warm else [kernel_id]
        )
        assert [one["pid"] for one in records().values()] == ([] if warm else [record["pid"]])

    async def ended():
        return has_ended(record["pid"])

    await eventually(ended)


async def test_a_process_is_on_file_or_is_ended_when_its_server_was_killed_as_it_began(
    serve, install_kernel, records, tmp_path, eventually
):
    program = str(Path(__file__).with_name("fake_kernel.py"))
    regicide = 'echo $$ > "$1.pid"; kill -9 $PPID; exec "$0" "$2" "$1"'
    install_kernel("killer", ["sh", "-c", regicide, sys.executable, "{connection_file}", program])
    server, client = serve(tmp_path / "root")
    with pytest.raises(HTTPClientError):
        await client.post("/api/kernels", {"name": "killer"})
    server.wait()
    (noted,) = records.folder.parent.parent.glob("kernel-*.json.pid")
    server, client = serve(tmp_path / "root")
    listed = (await client.get("/api/kernels")).json

    async def settled():
        return has_ended(int(noted.read_text())) != bool(listed)

    await eventually(settled)
    assert [*records()] == [one["id"] for one in listed]


async def test_a_kernel_that_is_being_restarted_when_the_host_stops_is_left_too(
    start, launch, connect, records, root, eventually
):
    deaf = "kernel.handlers['shutdown_request'] = lambda _: open('asked', 'w').close()"
    async with start(plughost_kernels) as (host, client):
        kernel_id = await launch(client, deaf)
        await connect(client, kernel_id)
        before = records()[kernel_id]["pid"]
        restarting = asyncio.ensure_future(client.post(f"/api/kernels/{kernel_id}/restart"))

        async def under_way():
            return (root / "asked").exists()

        await eventually(under_way)
        host.stop(keep=True)
    after = records()[kernel_id]["pid"]
    assert (has_ended(before), has_ended(after)) == (True, False)
    assert (await restarting).status in (200, 503)
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, kernel_id)
        assert await line.print("request.print('here')") == "here"


async def test_a_kernel_that_is_being_started_when_the_host_stops_is_left_with_its_session(
    start, records, eventually
):
    body = {"path": "a.ipynb", "type": "notebook", "name": "a", "kernel": {"name": "python3"}}
    async with start(plughost_kernels) as (host, client):
        await client.post("/api/kernels")  # what it takes is imported
        starting = asyncio.ensure_future(client.post("/api/sessions", body))

        async def under_way():
            return len(records()) == 2

        await eventually(under_way)
        host.stop(keep=True)
        assert (await starting).status in (201, 503)
    assert all(not has_ended(record["pid"]) for record in records().values())
    assert [one["path"] for record in records().values() for one in record["sessions"]] == [
        "a.ipynb"
    ]
    async with start(plughost_kernels) as (_, client):
        assert [one["path"] for one in (await client.get("/api/sessions")).json] == ["a.ipynb"]


@pytest.fixture
async def unheard(start, launch, connect, root):
    """A kernel up for adoption whose process publishes nothing while there is a file "again".

    ZeroMQ may reach its shell before its iopub, above all on a busy machine.
    """
    code = """
publish, is_first = kernel.publish, not os.path.exists("again")
kernel.publish = lambda *a, **k: not (is_first and os.path.exists("again")) and publish(*a, **k)
"""
    async with start(plughost_kernels) as (host, client):
        kernel_id = await launch(client, code)
        await connect(client, kernel_id)
        host.stop(keep=True)
    (root / "again").touch()
    return kernel_id


async def test_an_adopted_kernel_is_asked_for_nothing_before_it_can_be_heard(
    start, connect, printed, root, unheard
):
    async with start(plughost_kernels) as (_, client):
        line = await connect(client, unheard)
        asked = line.execute("request.print('early')")
        for _ in range(3):  # it looks at shell first
            line.send("kernel_info_request", {}, channel="control")
            await line.until(lambda m: m.channel == "control")
        assert (await client.get(f"/api/kernels/{unheard}")).json["queued"] == 1
        (root / "again").unlink()
        assert printed(await line.answer(asked)) == "early"


@pytest.mark.parametrize("end", ["restart", "death"])
async def test_what_an_adopted_kernel_was_asked_before_it_could_be_heard_ends_with_it(
    start, connect, records, root, eventually, unheard, end
):
    """Whoever asked has forgotten it by then, and would not see what it does."""
    soon = {"extensions": {"kernels": {"watch_interval": 0.05}}}
    async with start(plughost_kernels, **soon) as (_, client):
        url = f"/api/kernels/{unheard}"
        line = await connect(client, unheard)
        line.execute("open('ran', 'w').close()")

        async def waits():
            return (await client.get(url)).json["queued"] == 1

        await eventually(waits)
        if end == "restart":
            assert (await client.post(f"{url}/restart")).status == 200
        else:
            os.kill(records()[unheard]["pid"], signal.SIGKILL)
            await line.until(lambda m: m.content.get("execution_state") == "restarting")
        assert await line.print("request.print('anew')") == "anew"
    assert not (root / "ran").exists()


async def test_the_way_to_a_kernel_stays_when_its_server_is_forgotten(left_kernel):
    _, record = left_kernel
    gc.collect()  # jupyter_client's objects tidy up when they go
    assert os.path.lexists(record["connection_file"])


async def test_a_kernel_of_another_root_is_left_alone(left_kernel, start, records, tmp_path):
    kernel_id, record = left_kernel
    other = tmp_path / "other"
    other.mkdir()
    async with start(plughost_kernels, root=other) as (_, client):
        assert (await client.get("/api/kernels")).json == []
    assert records() == {kernel_id: record}
    assert not has_ended(record["pid"])


async def test_an_entry_of_another_machine_is_left_alone(left_kernel, start, records):
    kernel_id, record = left_kernel
    os.kill(record["pid"], signal.SIGKILL)
    there = {**record, "machine": "elsewhere"}
    (records.folder / f"{kernel_id}.json").write_text(json.dumps(there))
    async with start(plughost_kernels) as (_, client):
        assert (await client.get("/api/kernels")).json == []
    assert records() == {kernel_id: there}
    (records.folder / f"{kernel_id}.json").unlink()


async def test_a_dead_kernels_entry_is_removed_and_its_number_means_nothing(
    left_kernel, start, records, eventually
):
    """The pid on file belongs to a living process that began at another time: this one."""
    kernel_id, record = left_kernel
    path = records.folder / f"{kernel_id}.json"
    os.kill(record["pid"], signal.SIGKILL)

    async def ended():
        return has_ended(record["pid"])

    await eventually(ended)
    path.write_text(json.dumps({**record, "pid": os.getpid()}))
    async with start(plughost_kernels) as (_, client):
        assert (await client.get("/api/kernels")).json == []
    assert records() == {}
    gone = [record["connection_file"], path.with_suffix(".out"), path.with_suffix(".err")]
    assert not any(os.path.lexists(name) for name in gone)


async def test_entries_that_cannot_be_understood_are_left_alone_and_named(
    left_kernel, start, records, caplog
):
    kernel_id, record = left_kernel
    records.folder.joinpath("broken.json").write_text("{")
    future = records.folder / "future.json"
    future.write_text(json.dumps({**record, "format": 99}))
    lost = {**record, "kernel_id": "lost", "connection_file": "/nowhere/kernel.json"}
    records.folder.joinpath("lost.json").write_text(json.dumps(lost))
    async with start(plughost_kernels) as (_, client):
        listed = (await client.get("/api/kernels")).json
        for name in ("broken.json", "future.json"):
            assert (records.folder / name).exists()
            assert f"Leaving alone {records.folder / name}" in caplog.text
    assert [one["id"] for one in listed] == [kernel_id]
    assert "id lost" in caplog.text
    for name in ("broken.json", "future.json", "lost.json"):
        records.folder.joinpath(name).unlink()


async def test_one_kernel_that_cannot_be_adopted_costs_the_others_nothing(
    left_kernel, start, records, tmp_path, caplog
):
    kernel_id, record = left_kernel
    odd = tmp_path / "odd.json"
    odd.write_text("[]")
    pigeon = tmp_path / "pigeon.json"
    facts = json.loads(Path(record["connection_file"]).read_text())
    pigeon.write_text(json.dumps({**facts, "transport": "pigeon"}))
    nowhere = tmp_path / "nowhere.json"
    nowhere.write_text(json.dumps({**facts, "ip": "no where"}))
    bad = {
        "nowhere": {"connection_file": str(nowhere)},
        "nobody": {"identities": [""]},
        "odd": {"connection_file": str(odd)},
        "pigeon": {"connection_file": str(pigeon)},
        "minus": {"pid": -5},
        "folder": {"started": 0, "connection_file": str(tmp_path)},
    }
    for name, facts in bad.items():
        path = records.folder / f"{name}.json"
        path.write_text(json.dumps({**record, "kernel_id": name, **facts}))
    async with start(plughost_kernels) as (_, client):
        listed = await client.get("/api/kernels")
        told = caplog.text
        for name in bad:
            (records.folder / f"{name}.json").unlink(missing_ok=True)
    assert (listed.status, [one["id"] for one in listed.json]) == (200, [kernel_id])
    assert all(f"ernel {name}" in told or f"{name}.json" in told for name in bad)
    assert "Traceback" in told


async def test_a_kernel_stays_its_servers_where_nobody_can_tell_whether_that_is_alive(
    left_kernel, start, records, caplog
):
    kernel_id, record = left_kernel
    (records.folder / "server-odd.lock").mkdir()  # a lock that cannot be asked for
    there = {**record, "owner": "server-odd.lock"}
    (records.folder / f"{kernel_id}.json").write_text(json.dumps(there))
    async with start(plughost_kernels) as (_, client):
        assert (await client.get("/api/kernels")).json == []
    assert records() == {kernel_id: there}
    assert not has_ended(record["pid"])
    assert f"Leaving alone kernel {kernel_id}" in caplog.text


async def test_an_adopted_kernels_ports_are_nobody_elses(left_kernel, start):
    kernel_id, record = left_kernel
    facts = json.loads(Path(record["connection_file"]).read_text())
    its = {value for key, value in facts.items() if key.endswith("_port")}
    assert not its & ports.given  # as in another process
    async with start(plughost_kernels) as (_, client):
        assert (await client.get("/api/kernels")).status == 200
        assert its <= ports.given
        await client.delete(f"/api/kernels/{kernel_id}")
        assert not its & ports.given


async def test_what_a_kernel_wrote_before_its_adoption_is_no_last_word(
    start, connect, launch, eventually
):
    settings = {"extensions": {"kernels": {"watch_interval": 0.05, "restart_limit": 0}}}
    async with start(plughost_kernels) as (host, client):
        kernel_id = await launch(
            client, "import sys; print('long ago', file=sys.stderr, flush=True)"
        )
        line = await connect(client, kernel_id)
        await line.run("")
        host.stop(keep=True)
    async with start(plughost_kernels, **settings) as (_, client):
        line = await connect(client, kernel_id)
        line.execute("import os; os._exit(1)")
        told = await line.until(lambda m: m.content.get("execution_state") == "dead")
    assert told[-1].content["reason"] == "its process is gone"


@pytest.fixture
def follower():
    """A process in the group of ours: alone, it cannot be reached as a group."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_a_signal_to_an_adopted_process_that_has_just_ended_is_no_error(tmp_path, follower):
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    from plughost_kernels.provisioner import LastingProvisioner

    provisioner = LastingProvisioner(
        kernel_id="a-b-c-d-e", kernel_spec=KernelSpec(), parent=AsyncKernelManager()
    )
    provisioner.stderr_file = tmp_path / "none"
    # As one that ends between two looks: it is found, and cannot be reached.
    provisioner.adopt(psutil.Process(follower.pid))
    await provisioner.send_signal(signal.SIGTERM)
    assert await provisioner.poll() is None
    follower.kill()
    follower.wait()
    assert await provisioner.poll() == -1


async def test_an_entry_that_cannot_be_written_leaves_nothing_half_done(left_kernel, tmp_path):
    """As on a disk that is full."""
    _, facts = left_kernel
    folder = tmp_path / "registry"
    (folder / "a.json").mkdir(parents=True)
    record = msgspec.convert({**facts, "kernel_id": "a"}, KernelRecord)
    with pytest.raises(OSError, match=r"a\.json"):
        await Registry(tmp_path, folder).write(record)
    assert [path.name for path in folder.iterdir()] == ["a.json"]


class SlowDisk(Registry):
    """Writes once `gate` is open; `begun` says that it is about to."""

    def __init__(self, *places):
        super().__init__(*places)
        self.begun, self.gate = threading.Event(), threading.Event()

    def _write(self, record):
        self.begun.set()
        self.gate.wait(60)
        super()._write(record)


async def test_an_entry_that_is_removed_while_it_is_written_does_not_come_back(
    left_kernel, tmp_path
):
    """As when a kernel is shut down just after its adoption: nobody waits for the writing."""
    _, facts = left_kernel
    registry = SlowDisk(tmp_path, tmp_path)
    writing = asyncio.ensure_future(
        registry.write(msgspec.convert({**facts, "kernel_id": "a"}, KernelRecord))
    )
    await asyncio.to_thread(registry.begun.wait)
    writing.cancel()
    removing = asyncio.ensure_future(registry.remove("a", str(tmp_path / "connection.json")))
    await asyncio.wait([removing], timeout=0.1)
    registry.gate.set()
    await asyncio.wait([writing, removing])
    assert writing.cancelled()
    assert not (tmp_path / "a.json").exists()


async def test_a_kernel_can_be_ended_although_its_entry_was_removed(start, records):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        shutil.rmtree(records.folder)
        assert (await client.delete(f"/api/kernels/{kernel_id}")).status == 204


async def test_a_kernel_is_heard_under_old_identities_until_it_is_free(
    left_kernel, start, records, eventually
):
    """Each is three sockets, and servers come and go while a kernel lives for weeks."""
    kernel_id, record = left_kernel
    (first,) = record["identities"]
    async with start(plughost_kernels) as (_, client):
        assert (await client.get(f"/api/kernels/{kernel_id}")).status == 200  # it is adopted

        async def left():
            return len(records()[kernel_id]["identities"]) == 1

        await eventually(left)
        (second,) = records()[kernel_id]["identities"]
        await client.delete(f"/api/kernels/{kernel_id}")
    assert first != second

"""Kernels over REST: start, list, interrupt, restart, death."""

import asyncio
import sys

import psutil
import pytest

import plughost_kernels

QUICK = {"extensions": {"kernels": {"watch_interval": 0.05, "restart_limit": 2}}}


@pytest.mark.proves(
    "GET /api/kernels",
    "POST /api/kernels",
    "GET /api/kernels/{id}",
    "DELETE /api/kernels/{id}",
)
async def test_a_kernel_is_listed_from_its_start_to_its_end(start):
    async with start(plughost_kernels, base_url="/deep/") as (_, client):
        assert (await client.get("/deep/api/kernels?1763860000000")).json == []
        started = await client.post(
            "/deep/api/kernels", '{"name": "python3"}', headers={"Content-Type": "text/plain"}
        )
        kernel = started.json
        url = f"/deep/api/kernels/{kernel['id']}"
        listed = await client.get("/deep/api/kernels")
        status = await client.get("/deep/api/status")
        deleted = await client.delete(url)
        after = [await client.get(path) for path in (url, "/deep/api/kernels")]
        again = await client.delete(url)
    assert (started.status, started.headers["Location"]) == (201, url)
    assert {**kernel, "id": None, "last_activity": None} == {
        "id": None,
        "name": "python3",
        "last_activity": None,
        "execution_state": "starting",
        "connections": 0,
        "running": None,
        "queued": 0,
        "input": None,
    }
    assert kernel["last_activity"].endswith("Z")
    assert [one["id"] for one in listed.json] == [kernel["id"]]
    assert (status.json["kernels"], status.json["connections"]) == (1, 0)
    assert (deleted.status, deleted.body) == (204, b"")
    assert (after[0].status, after[1].json, again.status) == (404, [], 404)


async def test_an_unknown_kernel_is_not_found_and_the_running_ones_are_named(start):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        replies = [
            await client.request(method, f"/api/kernels/nobody{action}")
            for method, action in [("GET", ""), ("POST", "/interrupt"), ("POST", "/restart")]
        ]
    for reply in replies:
        assert (reply.status, reply.json["message"]) == (
            404,
            "There is no running kernel 'nobody'.",
        )
        assert reply.json["hint"] == f"Running: {kernel_id}."


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ('{"name": "fortran"}', 404, "no kernel named 'fortran'"),
        ('{"name": 3}', 400, "$.name"),
        ("{", 400, "cannot be used"),
        ('{"kernel_id": "../../evil"}', 400, "'../../evil' is no kernel id"),
        ({"kernel_id": f"{'a' * 300}-b-c-d-e"}, 400, "is no kernel id"),
        ({"path": "a\0b"}, 400, r"The path 'a\x00b' has a zero byte in it."),
        ({"env": {"TALE": "x" * 200_000}}, 400, "'TALE' is too long"),
    ],
)
async def test_a_kernel_that_cannot_be_started_is_explained(start, body, status, words):
    async with start(plughost_kernels) as (_, client):
        reply = await client.post("/api/kernels", body)
        running = await client.get("/api/kernels")
    assert (reply.status, running.json) == (status, [])
    assert words in reply.json["message"]


async def test_a_kernel_whose_program_is_missing_is_explained(start, install_kernel, tmp_path):
    install_kernel("lost", ["/nowhere/program", "{connection_file}"])
    async with start(plughost_kernels) as (_, client):
        reply = await client.post("/api/kernels", {"name": "lost"})
        running = await client.get("/api/kernels")
        folder = tmp_path / "jupyter-runtime" / "plughost" / "kernels"
        left = [path.suffix for path in folder.iterdir()]
    assert (reply.status, running.json) == (500, [])
    assert "'lost' could not be started" in reply.json["message"]
    assert "/nowhere/program" in reply.json["message"]
    assert left == [".lock", ".lock"]


async def test_an_id_is_given_only_once(start):
    kernel_id = "11111111-2222-3333-4444-555555555555"
    async with start(plughost_kernels) as (_, client):
        first = await client.post("/api/kernels", {"kernel_id": kernel_id})
        second = await client.post("/api/kernels", {"kernel_id": kernel_id})
    assert (first.json["id"], second.status) == (kernel_id, 409)


async def test_a_kernel_runs_in_the_nearest_folder_that_exists_below_the_root(
    start, connect, tmp_path
):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    where = "import os; print(os.getcwd())"
    async with start(plughost_kernels) as (_, client):
        for path, folder in {
            "sub/not/there": root / "sub",
            f"sub/{'x' * 5000}/y": root / "sub",
            "sub": root / "sub",
            "../..": root,
        }.items():
            kernel_id = (await client.post("/api/kernels", {"path": path})).json["id"]
            line = await connect(client, kernel_id)
            assert await line.print(where) == f"{folder}\n"
            await client.delete(f"/api/kernels/{kernel_id}")


async def test_a_kernel_that_is_ended_twice_at_once_is_ended_once(start, caplog):
    caplog.set_level("INFO")
    async with start(plughost_kernels) as (_, client):
        url = f"/api/kernels/{(await client.post('/api/kernels')).json['id']}"
        both = await asyncio.gather(client.delete(url), client.delete(url))
        after = await client.delete(url)
    assert ([reply.status for reply in both], after.status) == ([204, 204], 404)
    assert [r.message for r in caplog.records if "shut down" in r.message] == [
        f"Kernel {url.rpartition('/')[2]} shut down."
    ]


@pytest.mark.proves("POST /api/kernels/{id}/interrupt")
@pytest.mark.parametrize("mode", ["signal", "message"])
async def test_an_interrupt_ends_what_a_kernel_is_doing(start, connect, install_kernel, mode):
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    install_kernel("other", argv, interrupt_mode=mode, language="python")
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels", {"name": "other"})).json["id"]
        line = await connect(client, kernel_id)
        endless = line.execute("import time\nprint('begun')\nwhile True: time.sleep(0.1)")
        await line.until(lambda message: message.kind == "stream")
        busy = await client.get(f"/api/kernels/{kernel_id}")
        interrupted = await client.post(f"/api/kernels/{kernel_id}/interrupt")
        answer = await line.answer(endless)
        rest = await line.print("print('still here')")
    assert (busy.json["execution_state"], busy.json["connections"]) == ("busy", 1)
    assert (interrupted.status, interrupted.body) == (204, b"")
    assert [m.content["ename"] for m in answer if m.kind == "error"] == ["KeyboardInterrupt"]
    assert rest == "still here\n"


@pytest.mark.proves("POST /api/kernels/{id}/restart")
async def test_a_restarted_kernel_keeps_its_id_and_its_clients_and_forgets_its_variables(
    start, connect
):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        before = await line.print("import os; x = 1; print(os.getpid())")
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        after = await line.print("import os; print(os.getpid())")
        known = await line.print("print('x' in globals())")
    assert (restarted.status, restarted.json["id"]) == (200, kernel_id)
    assert restarted.json["execution_state"] == "idle"
    assert before != after
    assert known == "False\n"


async def test_a_kernel_that_crashes_is_restarted_and_its_clients_are_told(start, connect):
    async with start(plughost_kernels, **QUICK) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id, "my-session")
        line.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        told = await line.until(lambda m: m.content.get("execution_state") == "restarting")
        again = await connect(client, kernel_id, "another")  # waits until it is up
        assert await again.print("print(1)") == "1\n"
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert (told[-1].channel, told[-1].kind, told[-1].parent) == ("iopub", "status", {})
    assert told[-1].header["session"] == "my-session"
    assert told[-1].content["reason"] == "its process was ended by SIGKILL"
    assert (model["execution_state"], model["reason"]) == ("idle", told[-1].content["reason"])


async def test_a_kernel_that_cannot_live_is_left_dead_with_the_reason_until_it_is_deleted(
    start, connect, install_kernel, eventually
):
    install_kernel("doomed", [sys.executable, "-c", "raise SystemExit('no luck today')"])
    async with start(plughost_kernels, **QUICK) as (_, client):
        kernel_id = (await client.post("/api/kernels", {"name": "doomed"})).json["id"]
        url = f"/api/kernels/{kernel_id}"

        async def dead():
            return (await client.get(url)).json["execution_state"] == "dead"

        await eventually(dead)
        model = (await client.get(url)).json
        upgrade = await client.get(f"{url}/channels", headers={"Upgrade": "websocket"})
        interrupt = await client.post(f"{url}/interrupt")
        restart = await client.post(f"{url}/restart")
        deleted = await client.delete(url)
        status = await client.get("/api/status")
    assert model["reason"] == (
        "its process ended with exit code 1; the last line of its stderr: no luck today"
    )
    assert (upgrade.status, model["reason"] in upgrade.json["message"]) == (500, True)
    assert (interrupt.status, interrupt.json["hint"]) == (409, "Restart it, or delete it.")
    assert restart.status == 500
    assert (deleted.status, status.json["kernels"]) == (204, 0)


async def test_a_kernel_that_dies_for_good_tells_its_clients_and_can_be_restarted(start, connect):
    never = {"extensions": {"kernels": {"watch_interval": 0.05, "restart_limit": 0}}}
    async with start(plughost_kernels, **never) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        line.execute("import os; os._exit(3)")
        told = await line.until(lambda m: m.content.get("execution_state") == "dead")
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        assert await line.print("print('back')") == "back\n"
    assert told[-1].header["session"] == line.session
    assert model["reason"] == "its process ended with exit code 3"
    assert (restarted.status, "reason" in restarted.json) == (200, False)


async def test_housekeeping_is_no_activity_and_running_code_is(start, connect):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        first = (await client.get(url)).json["last_activity"]
        await line.answer(line.send("kernel_info_request", {}))
        unchanged = (await client.get(url)).json["last_activity"]
        await line.run("1")
        later = (await client.get(url)).json["last_activity"]
    assert first == unchanged < later


async def test_a_kernel_that_nobody_can_connect_to_ends_and_is_not_listed(
    start, jupyter_folders, monkeypatch
):
    """As when the server has no descriptors left: the process is there already."""
    from plughost_kernels.kernel import Kernel

    pids = []

    def fails(kernel):
        pids.append(kernel._process.lasting.pid)
        raise OSError(24, "Too many open files")

    async with start(plughost_kernels) as (_, client):
        with monkeypatch.context() as patch:
            patch.setattr(Kernel, "_connect", fails)
            reply = await client.post("/api/kernels")
            listed = (await client.get("/api/kernels")).json
        again = await client.post("/api/kernels")
    assert (reply.status, listed, again.status) == (500, [], 201)
    assert "Too many open files" in reply.json["message"]
    assert len(pids) == 1
    assert not psutil.pid_exists(pids[0])

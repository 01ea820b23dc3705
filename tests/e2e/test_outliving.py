"""A kernel outlives its server: killed without warning, started again, adopted."""

from __future__ import annotations

import json
import signal
import uuid

import psutil


async def execute(client, kernel, code):
    """Run code through the channels WebSocket; returns what it printed."""
    session = uuid.uuid4().hex
    channels = await client.websocket(f"/api/kernels/{kernel}/channels?session_id={session}")
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": session,
        "username": "",
        "version": "5.3",
        "date": "2026-01-01T00:00:00Z",
    }
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    await channels.write_message(
        json.dumps(
            {
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "channel": "shell",
            }
        )
    )
    printed = ""
    while True:
        message = json.loads(await channels.read_message())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            printed += content["text"]
        elif kind == "status" and content["execution_state"] == "idle":
            break
    channels.close()
    return printed


def runs(pid: int) -> bool:
    """Whether a process is more than an entry that nobody has collected."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_after_kill_9_the_next_server_adopts_the_kernel_with_all_it_knows(
    served, jupyter_folders
):
    first = served()
    wanted = {
        "path": "work.ipynb",
        "name": "work",
        "type": "notebook",
        "kernel": {"name": "python3"},
    }
    session = (await first.client.post("/api/sessions", wanted)).json
    kernel = session["kernel"]["id"]
    printed = await execute(first.client, kernel, "import os; x = 'still here'; print(os.getpid())")
    pid = int(printed)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    assert psutil.pid_exists(pid)

    second = served()
    sessions = (await second.client.get("/api/sessions")).json
    assert [(s["id"], s["path"], s["kernel"]["id"]) for s in sessions] == [
        (session["id"], "work.ipynb", kernel)
    ]
    assert await execute(second.client, kernel, "print(os.getpid(), x)") == f"{pid} still here\n"

    second.stop(signal.SIGINT, 60)
    assert not runs(pid)


async def test_a_kernel_of_another_folder_is_not_adopted(served, tmp_path):
    first = served()
    kernel = (await first.client.post("/api/kernels", {"name": "python3"})).json["id"]
    pid = int(await execute(first.client, kernel, "import os; print(os.getpid())"))
    first.stop(signal.SIGTERM, 60)
    other = tmp_path / "other"
    other.mkdir()
    second = served("--root", str(other))
    assert (await second.client.get("/api/kernels")).json == []
    assert psutil.pid_exists(pid)
    third = served()
    assert [k["id"] for k in (await third.client.get("/api/kernels")).json] == [kernel]

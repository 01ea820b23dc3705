"""The audit log: who did what, when, to which kernel or path; never code or output."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import plughost_observe
from plughost import JSONHandler, Route, hookimpl

AUDIT = {"observe": {"audit": True}}

audit = logging.getLogger("plughost.audit")


class Brew(JSONHandler):
    def post(self, kind):
        audit.debug("brew", extra={"kernel": "k-1", "path": kind})
        self.reply({"tea": kind})

    get = post


class Kitchen:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/kitchen/api/(?P<kind>\w+)", Brew)]


def deeds(folder):
    file = Path(folder, "jupyter-data", "plughost", "logs", "audit.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


async def loaded(client):
    while (await client.get("/api/status")).json["loading"]:
        pass


async def test_what_changes_something_is_written_down_and_what_an_extension_tells(
    start, jupyter_folders
):
    async with start(plughost_observe, Kitchen(), extensions=AUDIT) as (host, client):
        await host.settle()
        await client.get("/kitchen/api/green")
        await client.post("/kitchen/api/black?x=1", {"password": "canary"})
        await client.delete("/kitchen/api/black")
        await client.post("/kitchen/api/white", {}, token=None)
    green, told, black, refused = deeds(jupyter_folders)
    users = {deed.pop("user") for deed in (green, told, black, refused)}
    for deed in (green, told, black, refused):
        assert deed.pop("time").endswith("+00:00")
    assert len(users - {""}) == 1
    assert told.pop("request") == black.pop("request") != ""
    common = {"action": "brew", "extension": "Kitchen", "kernel": "k-1", "proof": "", "status": 0}
    assert {**green, "request": ""} == {**common, "path": "green", "request": ""}
    assert told == {**common, "path": "black"}
    assert black == {
        "action": "POST /kitchen/api/black",
        "proof": "token",
        "kernel": "",
        "path": "",
        "status": 200,
        "extension": "Kitchen",
    }
    assert (refused["action"], refused["status"]) == ("DELETE /kitchen/api/black", 405)


async def test_without_being_asked_nothing_is_written(start, jupyter_folders):
    async with start(plughost_observe, Kitchen()) as (host, client):
        await host.settle()
        await client.post("/kitchen/api/black", {})
        assert not audit.isEnabledFor(logging.DEBUG)
    assert not Path(jupyter_folders, "jupyter-data", "plughost", "logs", "audit.jsonl").exists()


async def test_lines_are_only_added_and_are_neither_log_nor_terminal(
    start, lines, jupyter_folders, caplog
):
    for kind in ("black", "green"):
        async with start(plughost_observe, Kitchen(), extensions=AUDIT) as (host, client):
            await host.settle()
            await client.post(f"/kitchen/api/{kind}", {})
            logging.getLogger("x").warning("a mark")
            await lines(client, "a mark")
            log = (await client.get("/plughost/api/logs")).text
        assert "brew" not in log
    told = [deed["path"] for deed in deeds(jupyter_folders) if deed["action"] == "brew"]
    file = Path(jupyter_folders, "jupyter-data", "plughost", "logs", "audit.jsonl")
    assert told == ["black", "green"]
    assert "brew" not in caplog.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (audit.level, audit.propagate) == (logging.NOTSET, True)


async def test_an_audit_log_that_cannot_be_written_stops_the_extension(start, tmp_path):
    (tmp_path / "taken").write_text("no folder")
    settings = {"observe": {"audit": True, "audit_file": tmp_path / "taken" / "audit.jsonl"}}
    async with start(plughost_observe, extensions=settings) as (host, _):
        await host.settle()
        record = host.records["observe"]
    assert record.state.value == "failed"
    assert "audit.jsonl' cannot be written" in record.error
    assert "audit_file" in record.next_step


async def test_what_people_do_in_a_real_server_has_a_name(served, jupyter_folders):
    on = {
        "PLUGHOST_EXTENSIONS__OBSERVE__AUDIT": "true",
        "PLUGHOST_EXTENSIONS__OBSERVE__STRICT": "true",  # nothing is answered before it runs
    }
    server = served(env=on)
    client = server.client
    await client.put("/api/contents/tea.txt", {"type": "file", "format": "text", "content": "x"})
    await client.patch("/api/contents/tea.txt", {"path": "green%20tea.txt"})
    await client.delete("/api/contents/green%2520tea.txt")
    terminal = (await client.post("/api/terminals", {})).json["name"]
    socket = await client.websocket(f"/terminals/websocket/{terminal}")
    socket.close()
    await client.delete(f"/api/terminals/{terminal}")
    server.stop()
    done = [(d["action"], d["path"], d["status"]) for d in deeds(jupyter_folders)]
    assert done == [
        ("save", "tea.txt", 201),
        ("rename", "tea.txt", 200),
        ("delete", "green%20tea.txt", 204),
        ("terminal_open", "", 200),
        ("terminal_connect", terminal, 101),
        ("terminal_close", terminal, 204),
    ]


async def test_who_runs_code_in_which_kernel_is_written_down_without_the_code(
    served, jupyter_folders
):
    server = served(env={"PLUGHOST_EXTENSIONS__OBSERVE__AUDIT": "true"})
    client = server.client
    await loaded(client)
    kernel = (await client.post("/api/kernels", {})).json["id"]
    socket = await client.websocket(f"/api/kernels/{kernel}/channels?session_id=s")
    header = {
        "msg_id": "m-1",
        "msg_type": "execute_request",
        "session": "s",
        "username": "ada",
        "version": "5.3",
        "date": "2026-11-01T12:00:00Z",
    }
    content = {"code": "'canary' + '-of-the-output'", "silent": False, "store_history": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell"}))
    while True:
        answer = json.loads(await socket.read_message())
        if answer["header"]["msg_type"] == "execute_reply":
            break
    await client.post(f"/api/kernels/{kernel}/interrupt", "")
    socket.close()
    await client.delete(f"/api/kernels/{kernel}")
    server.stop()
    done = deeds(jupyter_folders)
    assert "canary" not in json.dumps(done)
    assert len({deed["user"] for deed in done}) == 1
    about = [deed["action"] for deed in done if deed["kernel"] == kernel]
    assert [action for action in about if action == "execute_request"] == ["execute_request"]
    assert {"kernel_start", "kernel_connect", "kernel_interrupt", "kernel_stop"} <= {*about}

"""An extension is replaced in the running server, and what it runs lives on."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest


async def run(client, kernel, code):
    """What a kernel writes to stdout for some code."""
    path = f"/api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
    socket = await client.websocket(path)
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": "test",
        "username": "test",
        "version": "5.3",
        "date": "2026-11-01T12:00:00Z",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell"}))
    written = ""
    while True:
        answer = json.loads(await asyncio.wait_for(socket.read_message(), 60))
        if answer["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if answer["header"]["msg_type"] == "stream":
            written += answer["content"]["text"]
        if (
            answer["header"]["msg_type"] == "status"
            and answer["content"]["execution_state"] == "idle"
        ):
            socket.close()
            return written


@pytest.mark.parametrize("extension", ["kernels", "contents"])
async def test_kernels_outlive_the_exchange_of_their_extension(served, extension):
    client = served().client
    kernel = (await client.post("/api/kernels", {})).json["id"]
    assert await run(client, kernel, "x = 42; print(x)") == "42\n"
    replaced = await client.post(f"/plughost/api/extensions/{extension}", "")
    assert (replaced.status, replaced.json["state"]) == (200, "active")
    assert [k["id"] for k in (await client.get("/api/kernels")).json] == [kernel]
    assert await run(client, kernel, "print(x + 1)") == "43\n"


async def test_what_is_disabled_takes_its_kernels_along(served):
    server = served()
    await server.client.post("/api/kernels", {})
    off = await server.client.patch("/plughost/api/extensions/kernels", {"enabled": False})
    gone = await server.client.get("/api/kernels")
    on = await server.client.patch("/plughost/api/extensions/kernels", {"enabled": True})
    back = await server.client.get("/api/kernels")
    assert [off.json["state"], on.json["state"]] == ["disabled", "active"]
    assert (gone.status, back.json) == (404, [])

"""A kernel that is culled is an event like one that somebody shuts down."""

import asyncio
import json
import time

import plughost_events
import plughost_kernels
from plughost_kernels.kernels import Kernels

SETTINGS = {"extensions": {"kernels": {"cull_idle_timeout": 60}}}


async def test_who_listens_for_kernel_actions_hears_of_a_culled_kernel(start):
    async with start(plughost_events, plughost_kernels, **SETTINGS) as (host, client):
        socket = await client.websocket("/api/events/subscribe")
        kernel_id = (await client.post("/api/kernels")).json["id"]
        culling = host.service(Kernels).culling
        await culling.look()
        culling.clock = lambda: time.monotonic() + 3600
        await culling.look()
        events = []
        while not events or events[-1].get("action") != "shutdown":
            events.append(json.loads(await asyncio.wait_for(socket.read_message(), 60)))
        listed = (await client.get("/api/kernels")).json
        socket.close()
    assert [event["action"] for event in events] == ["start", "shutdown"]
    assert (events[-1]["status"], events[-1]["kernel_id"]) == ("success", kernel_id)
    assert listed == []

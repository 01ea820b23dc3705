"""Hosts inside a program that has its own event loop and its own server."""

import embedding
from tornado.netutil import bind_sockets

import plughost_greeting
from plughost.testing import Client


def bound():
    sockets = bind_sockets(0, "127.0.0.1")
    return sockets, f"http://127.0.0.1:{sockets[0].getsockname()[1]}"


async def test_one_host_has_everything_that_is_installed(jupyter_folders):
    sockets, base = bound()
    client = Client(base, token="of-the-program")
    async with embedding.one_host(jupyter_folders, sockets) as host:
        records = (await client.get("/plughost/api/extensions")).json
        listing = await client.get("/api/contents?content=1")
    assert {r["state"] for r in records if r["firstParty"]} == {"active"}
    assert listing.status == 200
    assert host.stopping


async def test_rooms_have_a_host_each_behind_a_front_page(jupyter_folders):
    sockets, base = bound()
    folders = {name: jupyter_folders / name for name in ("red", "blue")}
    for folder in folders.values():
        folder.mkdir()
    extensions = {"greeting": plughost_greeting}
    async with embedding.rooms(folders, sockets, extensions):
        front = await Client(base, token=None).get("/")
        red = await Client(base, token="of-red").get("/red/greeting/api/hello/you")
        mixed = await Client(base, token="of-red").get("/blue/greeting/api/hello/you")
    assert front.text == "Rooms: red, blue"
    assert (red.status, mixed.status) == (200, 403)

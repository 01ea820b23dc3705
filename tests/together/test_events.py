"""What happens in one extension is heard through another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time

import plughost_contents
import plughost_events
import plughost_kernels
from plughost import Forbidden, hookimpl
from plughost_contents.files import Files

ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
CLIENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
SECONDS = 60
CHANGES = "https://events.plughost.dev/contents_changes/v1"


async def test_what_is_done_to_kernels_is_told(start):
    async with start(plughost_events, plughost_kernels) as (_, client):
        socket = await client.websocket("/api/events/subscribe")
        kernel = (await client.post("/api/kernels", {"name": "python3"})).json["id"]
        await client.post(f"/api/kernels/{kernel}/restart")
        await client.post(f"/api/kernels/{kernel}/interrupt")
        await client.delete(f"/api/kernels/{kernel}")
        heard = [json.loads(await socket.read_message()) for _ in range(4)]
        socket.close()
    assert [
        (e["schema_id"], e["action"], e["status"], e["kernel_id"], e["kernel_name"]) for e in heard
    ] == [
        (ACTIONS, action, "success", kernel, "python3")
        for action in ("start", "restart", "interrupt", "shutdown")
    ]


async def test_kernels_do_without_the_events(start):
    async with start(plughost_kernels) as (_, client):
        started = await client.post("/api/kernels", {"name": "python3"})
        ended = await client.delete(f"/api/kernels/{started.json['id']}")
    assert (started.status, ended.status) == (201, 204)


class Heard:
    """What a listener has heard, kind by kind."""

    def __init__(self, socket):
        self.socket = socket
        self.probes = set()
        """Names of files that were changed to see whether that is noticed, some of them twice."""

    async def next(self, schema):
        """The next event of one kind, without its id and its time."""
        while True:
            event = json.loads(await asyncio.wait_for(self.socket.read_message(), SECONDS))
            if event.pop("schema_id") == schema and not event["path"].endswith((*self.probes,)):
                event.pop("last_modified", None)
                return event

    async def change_of(self, name):
        """The next change of a file of this name, whatever comes before it."""
        while not (event := await self.next(CHANGES))["path"].endswith(name):
            pass
        return event


@contextlib.asynccontextmanager
async def listening(start, **settings):
    settings = {"delete_to_trash": False, **settings}
    async with start(plughost_events, plughost_contents, extensions={"contents": settings}) as (
        host,
        client,
    ):
        socket = await client.websocket("/api/events/subscribe")
        with contextlib.closing(socket):
            yield host.config.root, client, Heard(socket)


async def watched(root, heard, folder=""):
    """Returns when what happens in a folder is noticed: a file there has been seen to change."""
    name = f"probe-{len(heard.probes)}.txt"
    seen = asyncio.ensure_future(heard.change_of(name))
    while not seen.done():
        (root / folder / name).write_text(f"{time.monotonic()}")
        await asyncio.wait([seen], timeout=0.3)
    await seen
    heard.probes.add(name)


def append(path, text):
    """One change: a file that is written anew is empty for a moment."""
    with path.open("a") as file:
        file.write(text)


async def test_what_clients_do_with_files_is_told(start):
    text = {"type": "file", "format": "text", "content": "a"}
    async with listening(start) as (_, client, heard):
        await client.put("/api/contents/a.txt", text)
        await client.post("/api/contents", {"copy_from": "a.txt"})
        await client.patch("/api/contents/a.txt", {"path": "b.txt"})
        await client.get("/api/contents/b.txt")
        await client.delete("/api/contents/b.txt")
        await client.post("/api/contents", {"type": "directory"})
        await client.put("/api/contents/c.txt", {**text, "chunk": 1})
        events = [await heard.next(CLIENTS) for _ in range(7)]
    assert events == [
        {"action": "save", "path": "a.txt"},
        {"action": "copy", "path": "a-Copy1.txt", "source_path": "a.txt"},
        {"action": "rename", "path": "b.txt", "source_path": "a.txt"},
        {"action": "get", "path": "b.txt"},
        {"action": "delete", "path": "b.txt"},
        {"action": "create", "path": "Untitled Folder"},
        {"action": "upload", "path": "c.txt"},
    ]


async def test_what_other_programs_do_where_a_client_has_looked_is_noticed(start, caplog):
    caplog.set_level(logging.INFO)
    async with listening(start) as (root, client, heard):
        (root / "open.ipynb").write_text("{}")
        (root / "below").mkdir()
        page = (await client.get("/api/contents?limit=10")).json
        await client.get("/api/contents/open.ipynb?type=file")
        await watched(root, heard)
        (root / "below" / "unseen.txt").touch()
        append(root / "open.ipynb", '{"cells": []}')
        changed = await heard.next(CHANGES)
        (root / "new.txt").touch()
        created = await heard.next(CHANGES)
        (root / "open.ipynb").unlink()
        deleted = await heard.next(CHANGES)
        (root / "folder").mkdir()
        folder = await heard.next(CHANGES)
    assert page["watched"] is True
    assert changed == {"action": "changed", "path": "open.ipynb", "type": "notebook"}
    assert created == {"action": "created", "path": "new.txt", "type": "file"}
    assert deleted == {"action": "deleted", "path": "open.ipynb"}
    assert folder == {"action": "created", "path": "folder", "type": "directory"}
    assert "detected" not in caplog.text, "a file that changes is no news for the terminal"


async def test_what_happens_right_after_a_look_is_noticed_though_nothing_is_watched_yet(start):
    async with start(plughost_events, plughost_contents) as (host, client):
        root = host.config.root
        (root / "sub").mkdir()
        (root / "sub" / "open.txt").write_text("as it was read")
        await client.get("/api/contents/sub/open.txt")
        await client.get("/api/contents/sub")
        (root / "sub" / "open.txt").write_text("and what has become of it")
        (root / "sub" / "new.txt").touch()
        socket = await client.websocket("/api/events/subscribe")
        with contextlib.closing(socket):
            heard = Heard(socket)
            told = [await heard.next(CHANGES) for _ in range(2)]
    assert told == [
        {"action": "changed", "path": "sub/open.txt", "type": "file"},
        {"action": "changed", "path": "sub", "type": "directory"},
    ]


async def test_our_own_changes_are_none_and_a_replaced_file_is_one(start):
    async with listening(start) as (root, client, heard):
        await client.get("/api/contents")
        await watched(root, heard)
        text = {"type": "file", "format": "text"}
        for number in range(5):
            await client.put("/api/contents/a.txt", {**text, "content": f"ours {number}"})
        await client.patch("/api/contents/a.txt", {"path": "b.txt"})
        await client.delete("/api/contents/b.txt")
        await client.put("/api/contents/c.txt", {**text, "content": "ours"})
        (root / ".other").write_text("theirs, and longer")
        (root / ".other").replace(root / "c.txt")
        (root / "left.pyc").touch()
        first = await heard.next(CHANGES)
        (root / "last.txt").touch()
        second = await heard.next(CHANGES)
    assert first == {"action": "changed", "path": "c.txt", "type": "file"}
    assert second == {"action": "created", "path": "last.txt", "type": "file"}


async def test_the_last_folders_that_were_read_are_watched_through_their_links(start, tmp_path):
    async with listening(start) as (root, client, heard):
        outside = tmp_path / "outside"
        outside.mkdir()
        (root / "link").symlink_to(outside)
        for number in range(101):
            (root / f"f{number}").mkdir()
            await client.get(f"/api/contents/f{number}")
        await client.get("/api/contents/link")
        await watched(root, heard, "link")
        (root / "f0" / "forgotten.txt").touch()
        (outside / "seen.txt").touch()
        seen = await heard.next(CHANGES)
    assert seen == {"action": "created", "path": "link/seen.txt", "type": "file"}


async def test_nothing_is_missed_while_another_folder_begins_to_be_watched(start):
    async with listening(start) as (root, client, heard):
        (root / "below").mkdir()
        await client.get("/api/contents")
        await watched(root, heard)
        await client.get("/api/contents/below")
        (root / "new.txt").touch()
        for number in range(20):  # what was noticed is not told as long as more comes
            (root / f"more{number}.txt").touch()
            await asyncio.sleep(0.02)
        while (await heard.next(CHANGES))["path"] != "new.txt":
            pass


async def test_a_folder_that_is_gone_is_told_and_harms_nobody(start):
    async with listening(start) as (root, client, heard):
        (root / "gone").mkdir()
        await client.get("/api/contents")
        await client.get("/api/contents/gone")
        await watched(root, heard)
        (root / "gone").rmdir()
        gone = await heard.next(CHANGES)
        await client.post("/api/contents", {"type": "directory"})
        await client.get("/api/contents/Untitled%20Folder")
        await watched(root, heard, "Untitled Folder")
    assert gone == {"action": "deleted", "path": "gone"}


async def test_a_folder_that_has_been_replaced_is_watched_again(start):
    async with listening(start) as (root, client, heard):
        (root / "work").mkdir()
        await client.get("/api/contents/work")
        await watched(root, heard, "work")
        (root / "work").rename(root / "old")
        (root / "work").mkdir()
        await watched(root, heard, "work")


async def test_watching_goes_on_after_a_name_that_is_no_text(start):
    async with listening(start) as (root, client, heard):
        url = "/api/contents?limit=5"
        await client.get(url)
        await watched(root, heard)
        (root / "latin-\udce4").touch()  # watchfiles gives up
        while (await client.get(url)).json["watched"]:
            pass
        while not (await client.get(url)).json["watched"]:
            pass
        await watched(root, heard)


async def test_a_folder_with_two_names_is_watched_under_both(start):
    async with listening(start) as (root, client, heard):
        (root / "folder").mkdir()
        (root / "link").symlink_to("folder")
        await client.get("/api/contents/folder")
        await client.get("/api/contents/link")
        await watched(root, heard, "link")
        (root / "folder" / "a.txt").touch()
        missing = {"folder/a.txt", "link/a.txt"}
        while missing:
            missing.discard((await heard.next(CHANGES))["path"])


async def test_an_extension_that_comes_after_the_first_listener_knows_of_it(start):
    async with start(plughost_events, plughost_contents) as (host, client):
        socket = await client.websocket("/api/events/subscribe")
        with contextlib.closing(socket):
            await host.disable("contents")
            await host.enable("contents")
            page = (await client.get("/api/contents?limit=5")).json
            await watched(host.config.root, Heard(socket))
    assert page["watched"] is True


class Shaky(Files):
    """A folder on a disk that nobody can look at for a while after something was removed."""

    down = False
    looked: asyncio.Event | None = None

    async def entry(self, path):
        if self.down:
            if path == "b.txt":
                self.looked.set()
            raise Forbidden("The lake is frozen.")
        return await super().entry(path)

    async def remove(self, path, *, trash=False):
        await super().remove(path, trash=False)
        self.down = True


class Mounting:
    """An extension that mounts a drive."""

    def __init__(self, provider):
        self.provider = provider

    @hookimpl(optionalhook=True)
    def contents_drives(self):
        return [("lake", self.provider)]


async def test_what_cannot_be_looked_at_ends_nothing(start, tmp_path):
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "a.txt").touch()
    shaky = Shaky(lake)
    shaky.looked = asyncio.Event()
    async with start(plughost_events, plughost_contents, Mounting(shaky)) as (_, client):
        socket = await client.websocket("/api/events/subscribe")
        with contextlib.closing(socket):
            heard = Heard(socket)
            await client.get("/api/contents/lake:")
            await watched(lake, heard)
            await client.delete("/api/contents/lake:a.txt")
            (lake / "b.txt").touch()
            await asyncio.wait_for(shaky.looked.wait(), SECONDS)
            shaky.down = False
            (lake / "a.txt").touch()
            seen = {}
            while (seen.get("path"), seen.get("type")) != ("lake:a.txt", "file"):
                seen = await heard.next(CHANGES)


class Stranger:
    """An extension that describes events of others in its own way."""

    @hookimpl(optionalhook=True)
    def events_schemas(self):
        return [{"$id": CLIENTS, "version": "1", "type": "object", "required": ["who"]}]


async def test_a_save_is_done_even_if_its_event_cannot_be_told(start, caplog):
    text = {"type": "file", "format": "text", "content": "a"}
    async with start(plughost_events, plughost_contents, Stranger()) as (_, client):
        socket = await client.websocket("/api/events/subscribe")
        with contextlib.closing(socket):
            saved = await client.put("/api/contents/a.txt", text)
    assert saved.status == 201
    assert "An event is not told" in caplog.text


async def test_nothing_is_watched_while_nobody_listens(start):
    async with start(plughost_events, plughost_contents) as (host, client):
        before = watchers()
        await client.get("/api/contents")
        socket = await client.websocket("/api/events/subscribe")
        await watched(host.config.root, Heard(socket))
        during = watchers()
        socket.close()
        ended = asyncio.create_task(until(lambda: watchers() == before))
        await asyncio.wait_for(ended, SECONDS)
    assert during > before


async def until(condition):
    while not condition():  # noqa: ASYNC110  # nobody tells us
        await asyncio.sleep(0.05)


def watchers():
    """How many inotify descriptors this process has: watching is what has them."""
    found = []
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # it was closed just now
            found.append(os.readlink(f"/proc/self/fd/{each}"))
    return found.count("anon_inode:inotify")


async def test_where_very_much_changes_only_the_folder_is_told(start):
    async with listening(start) as (root, client, heard):
        (root / "full").mkdir()
        await client.get("/api/contents/full")
        await watched(root, heard, "full")
        for number in range(2_000):
            (root / "full" / f"{number}.txt").touch()
        events = []
        while {"action": "changed", "path": "full", "type": "directory"} not in events:
            events.append(await heard.next(CHANGES))
    assert len(events) < 2_000

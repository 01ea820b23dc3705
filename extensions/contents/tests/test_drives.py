"""Other places than the disk: one in memory and one over fsspec, as strangers would write them."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timezone

import fsspec
import pytest

import plughost_contents
from plughost import Service, hookimpl
from plughost_contents.errors import PathExists, PathNotFound
from plughost_contents.provider import PROVIDER, Entry

WHEN = datetime(2026, 1, 2, tzinfo=timezone.utc)


class Memory:
    """A ContentsProvider without any disk: bytes by path, None for a folder."""

    def __init__(self):
        self.all = {"": None}

    def find(self, path):
        if path not in self.all:
            raise PathNotFound(path)
        return self.all[path]

    def put(self, path, data, *, new):
        if new and path in self.all:
            raise PathExists(path)
        self.find(path.rpartition("/")[0])
        self.all[path] = data

    def below(self, path):
        return [p for p in self.all if p == path or p.startswith(f"{path}/")]

    async def entry(self, path):
        data = self.find(path)
        name = path.rpartition("/")[2]
        return Entry(name, data is None, len(data or b""), WHEN, WHEN, True)

    async def entries(self, path, choose):
        self.find(path)
        inside = {p.rpartition("/")[2]: p for p in self.all if p and p.rpartition("/")[0] == path}
        names = choose([(name, self.all[p] is None) for name, p in inside.items()])
        return [await self.entry(inside[name]) for name in names]

    async def read(self, path, start=0, stop=None):
        yield (self.find(path) or b"")[start:stop]

    async def write(self, path, data, *, new=False):
        self.put(path, data, new=new)

    async def append(self, path, data, *, first):
        self.put(path, (b"" if first else self.find(path)) + data, new=False)

    async def make_folder(self, path):
        self.put(path, None, new=True)

    async def copy(self, path, new, *, replace=False):
        self.find(path)
        for old in self.below(path):
            self.put(new + old[len(path) :], self.all[old], new=not replace)

    async def move(self, path, new, *, replace=False):
        await self.copy(path, new, replace=replace)
        for old in self.below(path):
            del self.all[old]

    async def remove(self, path, *, trash=False):
        self.find(path)
        for old in self.below(path):
            del self.all[old]


class Fsspec:
    """A ContentsProvider over any file system that fsspec knows; a lake on a disk, here."""

    def __init__(self, fs):
        self.fs = fs

    async def entry(self, path):
        return await asyncio.to_thread(self._entry, path)

    def _entry(self, path):
        try:
            info = self.fs.info(path)
        except FileNotFoundError:
            raise PathNotFound(path) from None
        when = datetime.fromtimestamp(info["mtime"], timezone.utc)
        folder = info["type"] == "directory"
        return Entry(path.rpartition("/")[2], folder, info["size"], when, when, True)

    async def entries(self, path, choose):
        return await asyncio.to_thread(self._entries, path, choose)

    def _entries(self, path, choose):
        found = {each["name"].rpartition("/")[2]: each for each in self.fs.ls(path, detail=True)}
        names = choose([(name, each["type"] == "directory") for name, each in found.items()])
        return [self._entry(f"{path}/{name}".lstrip("/")) for name in names]

    async def read(self, path, start=0, stop=None):
        try:
            yield await asyncio.to_thread(self.fs.cat_file, path, start, stop)
        except FileNotFoundError:
            raise PathNotFound(path) from None

    async def write(self, path, data, *, new=False):
        if new and self.fs.exists(path):
            raise PathExists(path)
        await asyncio.to_thread(self.fs.pipe_file, path, data)

    async def append(self, path, data, *, first):
        with self.fs.open(path, "wb" if first else "ab") as file:
            file.write(data)

    async def make_folder(self, path):
        try:
            await asyncio.to_thread(self.fs.mkdir, path)
        except FileExistsError:
            raise PathExists(path) from None

    async def copy(self, path, new, *, replace=False):
        if self.fs.exists(new) and not replace:
            raise PathExists(new)
        await asyncio.to_thread(self.fs.copy, path, new, recursive=True)

    async def move(self, path, new, *, replace=False):
        if self.fs.exists(new) and not replace:
            raise PathExists(new)
        await asyncio.to_thread(self.fs.mv, path, new, recursive=True)

    async def remove(self, path, *, trash=False):
        await asyncio.to_thread(self.fs.rm, path)


class Mounting:
    """An extension that mounts a provider."""

    def __init__(self, provider):
        self.provider = provider

    @hookimpl(optionalhook=True)
    def contents_drives(self):
        return [("lake", self.provider)]


class InPlaceOfTheDisk:
    """An extension whose provider is used instead of the folder on disk."""

    def __init__(self, provider):
        self.provider = provider

    @hookimpl
    def plughost_services(self):
        return [Service(self.provider, provides=PROVIDER)]


@pytest.fixture(params=["memory", "fsspec"])
def provider(request, tmp_path):
    if request.param == "memory":
        return Memory()
    (tmp_path / "lake").mkdir()
    return Fsspec(fsspec.filesystem("dir", path=str(tmp_path / "lake"), target_protocol="file"))


@pytest.fixture
def serve_drive(start, provider):
    return start(
        plughost_contents,
        Mounting(provider),
        extensions={"contents": {"delete_to_trash": False}},
    )


async def listed(client, path):
    return sorted(m["path"] for m in (await client.get(f"/api/contents/{path}")).json["content"])


async def test_a_drive_is_a_folder_in_the_root_and_files_live_in_it(serve_drive, root):
    async with serve_drive as (_, client):
        at = "/api/contents/lake:"
        made = [
            await client.put(f"{at}/notes", {"type": "directory"}),
            await client.put(
                f"{at}/notes/a.txt", {"type": "file", "format": "text", "content": "fish"}
            ),
            await client.post(f"{at}/notes", {"type": "notebook"}),
            await client.post(f"{at}/notes", {"copy_from": "lake:notes/a.txt"}),
        ]
        moved = await client.patch(f"{at}/notes/a.txt", {"path": "lake:/b.txt"})
        top = (await client.get("/api/contents")).json["content"]
        inside = [await listed(client, path) for path in ("lake:", "lake:/", "lake:notes")]
        page = (await client.get("/api/contents?limit=1")).json
        read = (await client.get("/api/contents/lake:b.txt?hash=1")).json
        sent = await client.get("/files/lake:/b.txt", headers={"Range": "bytes=1-2"})
        gone = [
            await client.delete("/api/contents/lake:b.txt"),
            await client.get("/api/contents/lake:b.txt"),
        ]
    assert [reply.status for reply in made] == [201, 201, 201, 201]
    assert [reply.json["path"] for reply in made] == [
        "lake:notes",
        "lake:notes/a.txt",
        "lake:notes/Untitled.ipynb",
        "lake:notes/a-Copy1.txt",
    ]
    assert made[1].headers["Location"] == "/api/contents/lake%3Anotes/a.txt"
    assert (moved.status, moved.json["path"]) == (200, "lake:b.txt")
    assert [(model["name"], model["type"]) for model in top] == [("lake:", "directory")]
    assert (page["total"], page["content"][0]["name"]) == (1, "lake:")
    assert inside == [
        ["lake:b.txt", "lake:notes"],
        ["lake:b.txt", "lake:notes"],
        ["lake:notes/Untitled.ipynb", "lake:notes/a-Copy1.txt"],
    ]
    assert (read["content"], read["path"], len(read["hash"])) == ("fish", "lake:b.txt", 64)
    assert (sent.status, sent.body) == (206, b"is")
    assert [reply.status for reply in gone] == [204, 404]
    assert list(root.iterdir()) == []


async def test_checkpoints_and_uploads_stay_on_their_drive(serve_drive, root):
    async with serve_drive as (_, client):
        url = "/api/contents/lake:/a.bin"
        for chunk, piece in ((1, b"first "), (-1, b"second")):
            body = {"type": "file", "format": "base64", "chunk": chunk}
            await client.put(url, {**body, "content": base64.b64encode(piece).decode()})
        kept = await client.post(f"{url}/checkpoints")
        await client.put(url, {"type": "file", "format": "text", "content": "spoiled"})
        back = await client.post(f"{url}/checkpoints/{kept.json['id']}")
        read = (await client.get(url)).json["content"]
    assert (kept.status, back.status, read) == (201, 204, "first second")
    assert list(root.iterdir()) == []


async def test_files_and_folders_are_carried_between_drives(serve_drive, root):
    (root / "data").mkdir()
    (root / "data" / "x.bin").write_bytes(b"\x00\xff")
    (root / "y.txt").write_text("y")
    async with serve_drive as (_, client):
        copied = await client.post("/api/contents/lake:", {"copy_from": "data"})
        moved = await client.patch("/api/contents/y.txt", {"path": "lake:y.txt"})
        back = await client.post("/api/contents/data", {"copy_from": "lake:y.txt"})
        over = await client.patch("/api/contents/data/y.txt", {"path": "lake:y.txt"})
        refused = await client.patch("/api/contents/data", {"path": "lake:data2"})
        inside = await listed(client, "lake:data")
        binary = (await client.get("/api/contents/lake:data/x.bin")).json
    assert [copied.status, moved.status, back.status, over.status] == [201, 200, 201, 409]
    assert refused.json["hint"] == "Copy it there, then delete it here."
    assert inside == ["lake:data/x.bin"]
    assert base64.b64decode(binary["content"]) == b"\x00\xff"
    assert sorted(path.name for path in root.rglob("*")) == ["data", "x.bin", "y.txt"]


@pytest.mark.parametrize(
    "path", ["lake:..", "lake:/../a", "lake:a/../../b", "lake:.hidden", "lake:a%00b", "lake:%5Cc"]
)
async def test_no_path_leads_out_of_a_drive(serve_drive, path):
    async with serve_drive as (_, client):
        replies = [
            await client.get(f"/api/contents/{path}"),
            await client.put(
                f"/api/contents/{path}", {"type": "file", "format": "text", "content": ""}
            ),
            await client.delete(f"/api/contents/{path}"),
        ]
    assert {reply.status for reply in replies} <= {400, 404}


async def test_a_colon_is_a_letter_like_others_where_no_drive_has_the_name(serve_drive, root):
    async with serve_drive as (_, client):
        saved = await client.put(
            "/api/contents/pond:a.txt", {"type": "file", "format": "text", "content": "frog"}
        )
    assert (saved.status, (root / "pond:a.txt").read_text()) == (201, "frog")


async def test_what_lies_in_the_root_under_the_name_of_a_drive_is_hidden_by_it(serve_drive, root):
    (root / "lake:").mkdir()
    async with serve_drive as (_, client):
        whole = await listed(client, "")
        page = (await client.get("/api/contents?limit=5")).json
    assert (whole, page["total"]) == (["lake:"], 1)


async def test_errors_name_paths_as_clients_know_them(serve_drive):
    text = {"type": "file", "format": "text", "content": ""}
    at = "/api/contents/lake:a.txt"
    async with serve_drive as (_, client):
        await client.put(at, text)
        await client.put("/api/contents/lake:b", {"type": "directory"})
        replies = [
            await client.put(at, {"type": "directory"}),
            await client.post(at, {"type": "file"}),
            await client.put("/api/contents/lake:", text),
            await client.patch("/api/contents/lake:b", {"path": "b"}),
        ]
    assert [reply.json["message"] for reply in replies] == [
        "'lake:a.txt' is a file.",
        "'lake:a.txt' is a file.",
        "'lake:' is a folder.",
        "The folder 'lake:b' cannot be moved to another drive.",
    ]


async def test_nothing_is_written_under_names_that_are_taken(start):
    class Counting(Memory):
        written: list[str] = []  # noqa: RUF012

        async def write(self, path, data, *, new=False):
            self.written.append(path)
            await super().write(path, data, new=new)

    async with start(plughost_contents, Mounting(Counting())) as (_, client):
        for _ in range(3):
            await client.post("/api/contents/lake:", {"type": "file"})
    assert Counting.written == ["untitled", "untitled1", "untitled2"]


async def test_a_drive_goes_with_its_extension(start, provider):
    async with start(plughost_contents, Mounting(provider)) as (host, client):
        before = await client.get("/api/contents/lake:")
        await host.disable("Mounting")
        after = await client.get("/api/contents/lake:")
        top = (await client.get("/api/contents")).json["content"]
    assert (before.status, after.status, top) == (200, 404, [])


async def test_another_store_takes_the_place_of_the_disk(start, provider, root):
    settings = {
        "services": {PROVIDER: "InPlaceOfTheDisk"},
        "extensions": {"contents": {"delete_to_trash": False}},
    }
    async with start(plughost_contents, InPlaceOfTheDisk(provider), **settings) as (_, client):
        made = await client.post("/api/contents", {"type": "notebook"})
        names = await listed(client, "")
        read = (await client.get("/api/contents/Untitled.ipynb")).json
    assert (made.status, names, read["type"]) == (201, ["Untitled.ipynb"], "notebook")
    assert list(root.iterdir()) == []


async def test_a_drive_with_an_odd_name_is_left_out_and_the_log_says_so(start, caplog):
    class Odd(Mounting):
        @hookimpl(optionalhook=True)
        def contents_drives(self):
            return [("a/b", self.provider), ("lake", self.provider)]

    async with start(plughost_contents, Odd(Memory())) as (_, client):
        top = (await client.get("/api/contents")).json["content"]
    assert [model["name"] for model in top] == ["lake:"]
    assert "A drive cannot be called 'a/b'" in caplog.text

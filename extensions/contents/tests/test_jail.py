"""Nothing outside the root folder, and nothing hidden in it, is read or written."""

import os

import pytest

OUTSIDE = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e/secret.txt",
    "sub/../../secret.txt",
    "sub/%2e%2e/%2e%2e/secret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "%5c%5cserver%5cshare",
    "//server/share",
    "%2f%2fserver/share",
    "C:%5csecret.txt",
    "secret.txt%00.png",
    "%00",
    "./secret.txt",
    "../root-two/secret.txt",
    "%2e%2e%2froot-two%2fsecret.txt",
    "{tmp}/secret.txt",
    "%2F{tmp}/secret.txt",
    "a" * 300,
    "a/" * 3000,
]


@pytest.fixture
def outside(root):
    """Something to steal beside the root, and in a sibling whose name begins like the root's."""
    (root / "sub").mkdir()
    (root.parent / "root-two").mkdir()
    for file in (root.parent / "secret.txt", root.parent / "root-two" / "secret.txt"):
        file.write_text("TOP-SECRET")
    return root.parent


def everything(folder):
    return {
        str(file.relative_to(folder)): file.is_file() and file.read_text()
        for file in folder.rglob("*")
        if "jupyter-" not in str(file)
    }


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("path", OUTSIDE)
async def test_no_path_leads_out_of_the_root(serve, root, outside, path, strict):
    path = path.format(tmp=outside)
    before = everything(outside)
    text = {"type": "file", "format": "text", "content": "changed"}
    async with serve(strict_root=strict) as (_, client):
        url = f"/api/contents/{path}"
        replies = [
            await client.get(url),
            await client.put(url, text),
            await client.post(url, {"type": "file"}),
            await client.patch(url, {"path": "stolen.txt"}),
            await client.delete(url),
            await client.get(f"{url}/checkpoints"),
            await client.post(f"{url}/checkpoints"),
            await client.post(f"{url}/trust"),
            await client.get(f"/files/{path}"),
            await client.get(f"/view/{path}"),
        ]
    assert {reply.status for reply in replies} <= {400, 403, 404}
    assert everything(outside) == before
    assert not any(b"TOP-SECRET" in reply.body for reply in replies)


@pytest.mark.parametrize(
    "path", ["../secret.txt", "\\secret", "a\0b", "sub/../../secret.txt", "..", "\udc80"]
)
async def test_no_path_in_a_body_leads_out_of_the_root(serve, root, outside, path):
    (root / "a.txt").write_text("mine")
    before = everything(outside)
    async with serve() as (_, client):
        copied = await client.post("/api/contents", {"copy_from": path})
        moved = await client.patch("/api/contents/a.txt", {"path": path})
    assert {copied.status, moved.status} <= {400, 404}
    assert everything(outside) == before


async def test_bytes_that_are_no_text_are_no_path(serve, outside):
    async with serve() as (_, client):
        reply = await client.get("/api/contents/%ff%fe")
    assert reply.status == 400


@pytest.mark.parametrize("path", [".env", "sub/.env", ".git/config"])
async def test_hidden_files_do_not_exist_unless_that_is_set(serve, root, path):
    file = root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text("hidden")
    text = {"type": "file", "format": "text", "content": "changed"}
    async with serve() as (_, client):
        read = [await client.get(f"/{kind}/{path}") for kind in ("api/contents", "files", "view")]
        written = [
            await client.put(f"/api/contents/{path}", text),
            await client.patch(f"/api/contents/{path}", {"path": "shown"}),
            await client.delete(f"/api/contents/{path}"),
        ]
    assert [reply.status for reply in read] == [404] * 3
    assert [reply.status for reply in written] == [400] * 3
    assert file.read_text() == "hidden"
    async with serve(allow_hidden_files=True) as (_, client):
        shown = await client.get(f"/api/contents/{path}")
        listing = await client.get(f"/api/contents/{path.rpartition('/')[0]}")
    assert shown.json["content"] == "hidden"
    assert path in [model["path"] for model in listing.json["content"]]


async def test_links_that_lead_out_are_followed(serve, root, outside):
    (root / "data").symlink_to(outside / "root-two")
    async with serve() as (_, client):
        reply = await client.get("/api/contents/data/secret.txt")
        listing = await client.get("/api/contents")
    assert reply.json["content"] == "TOP-SECRET"
    assert {model["name"] for model in listing.json["content"]} == {"sub", "data"}


async def test_links_that_lead_out_are_refused_where_the_root_is_strict(serve, root, outside):
    (root / "data").symlink_to(outside / "root-two")
    (root / "inner").symlink_to("sub")
    (root / "circle").symlink_to("circle")
    text = {"type": "file", "format": "text", "content": "changed"}
    before = everything(outside)
    async with serve(strict_root=True) as (_, client):
        replies = [
            await client.get("/api/contents/data/secret.txt"),
            await client.get("/files/data/secret.txt"),
            await client.put("/api/contents/data/new.txt", text),
            await client.get("/api/contents/circle"),
            await client.delete("/api/contents/data/secret.txt"),
        ]
        listing = await client.get("/api/contents")
        inner = await client.put("/api/contents/inner/new.txt", text)
        removed = await client.delete("/api/contents/data")
    assert [reply.status for reply in replies] == [404] * 5
    assert {model["name"] for model in listing.json["content"]} == {"sub", "inner"}
    assert (inner.status, removed.status) == (201, 204)
    assert (root / "sub" / "new.txt").read_text() == "changed"
    assert everything(outside)["root-two/secret.txt"] == before["root-two/secret.txt"]


async def test_a_named_pipe_is_no_file_and_holds_nobody_up(serve, root):
    os.mkfifo(root / "pipe")
    async with serve() as (_, client):
        replies = [await client.get(f"/{kind}/pipe") for kind in ("api/contents", "files")]
    assert [reply.status for reply in replies] == [404, 404]

"""Nothing outside the root folder, and nothing hidden in it, is read or written."""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import threading
import time
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.testing import TOKEN

OUTSIDE = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e/secret.txt",
    "%25252e%25252e/secret.txt",
    "%252e%252e%252f/secret.txt",
    "..%c0%afsecret.txt",
    "sub/../../secret.txt",
    "sub/%2e%2e/%2e%2e/secret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "%5c%5cserver%5cshare",
    "//server/share",
    "%2f%2fserver/share",
    "%5c%5c%3f%5cC:%5csecret.txt",
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
            await client.post(f"{url}/checkpoints/checkpoint"),
            await client.delete(f"{url}/checkpoints/checkpoint"),
            await client.post(f"{url}/trust"),
            await client.get(f"/files/{path}"),
            await client.request("HEAD", f"/files/{path}"),
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


async def test_a_name_that_looks_encoded_is_a_name(serve, root, outside):
    text = {"type": "file", "format": "text", "content": "mine"}
    before = everything(outside)
    async with serve() as (_, client):
        saved = await client.put("/api/contents/%252e%252e%252fsecret.txt", text)
    assert (saved.status, saved.json["path"]) == (201, "%2e%2e%2fsecret.txt")
    assert (root / "%2e%2e%2fsecret.txt").read_text() == "mine"
    assert everything(outside) == {**before, "root/%2e%2e%2fsecret.txt": "mine"}


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


async def test_links_that_stay_inside_a_strict_root_are_followed(serve, root, outside):
    (root / "sub" / "deep").mkdir()
    (root / "sub" / "a.txt").write_text("mine")
    links = {
        "relative": "sub/a.txt",
        "up": "sub/deep/../a.txt",
        "absolute": root / "sub" / "a.txt",
        "out-and-in": "../root-two/../root/sub/a.txt",
        "by-another-name": outside / "alias" / "sub" / "a.txt",
        "one-of-many": "relative",
        "sub/deep/further-up": "../../sub/a.txt",
    }
    (outside / "alias").symlink_to(root)
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "down").symlink_to("sub/deep")
    async with serve(strict_root=True) as (_, client):
        replies = [await client.get(f"/files/{name}") for name in [*links, "down/further-up"]]
        saved = await client.put(
            "/api/contents/one-of-many", {"type": "file", "format": "text", "content": "new"}
        )
    assert {(reply.status, reply.text) for reply in replies} == {(200, "mine")}
    assert (saved.status, (root / "sub" / "a.txt").read_text()) == (200, "new")
    assert (root / "one-of-many").is_symlink()


async def test_links_that_leave_a_strict_root_are_not(serve, root, outside):
    links = {
        "relative": "../secret.txt",
        "sibling": outside / "root-two" / "secret.txt",
        "up": "sub/../../secret.txt",
        "of-links": "relative",
        "the-top": "/",
        "the-parent": "..",
        "of-the-process": f"/proc/{os.getpid()}/root{outside}/secret.txt",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    for number in range(41):
        (root / f"chain{number}").symlink_to(f"chain{number + 1}" if number < 40 else "sub")
    text = {"type": "file", "format": "text", "content": "changed"}
    before = everything(outside)
    async with serve(strict_root=True) as (_, client):
        replies = [
            reply
            for name in [*links, "chain0", f"the-top{outside}/secret.txt", "the-parent/secret.txt"]
            for reply in [
                await client.get(f"/api/contents/{name}"),
                await client.get(f"/files/{name}"),
                await client.post("/api/contents/sub", {"copy_from": name}),
                await client.put(f"/api/contents/{name}", text),
                await client.put(f"/api/contents/{name}/new.txt", text),
                await client.patch("/api/contents/sub", {"path": f"{name}/sub"}),
            ]
        ]
        listing = await client.get("/api/contents")
        chain = await client.get("/api/contents/chain1")
    assert {reply.status for reply in replies} == {404}
    assert everything(outside) == before
    assert (chain.status, chain.json["type"]) == (200, "directory")
    shown = {model["name"] for model in listing.json["content"]}
    assert shown == {"sub", *(f"chain{number}" for number in range(1, 41))}


async def test_where_everybody_may_put_links_only_ones_own_are_followed(serve, root):
    # As Linux has it for /tmp (`fs.protected_symlinks`, proc(5)).
    (root / "sub").mkdir()
    (root / "a.txt").write_text("mine")
    for name in ("theirs", "mine"):
        (root / "sub" / name).symlink_to("../a.txt")
    (root / "sub").chmod(0o1777)
    others = os.geteuid() == 0  # only root can give a link to somebody else
    if others:
        os.chown(root / "sub" / "theirs", 65534, 65534, follow_symlinks=False)
    async with serve() as (_, client):
        replies = [await client.get(f"/files/sub/{name}") for name in ("mine", "theirs")]
    assert [reply.status for reply in replies] == [200, 403 if others else 200]


@contextlib.contextmanager
def swapping(root, outside):
    """A folder and a file in the root that turn into links to the outside and back, and again."""
    for folder in (root / "folder", root / "copies", outside / "root-two" / "sub"):
        folder.mkdir()
    for file in (root / "folder" / "secret.txt", root / "file.txt"):
        file.write_text("inside")
    (outside / "root-two" / "sub" / "secret.txt").write_text("TOP-SECRET")
    links = {"folder": outside / "root-two", "file.txt": outside / "secret.txt"}
    done = threading.Event()

    def swap():
        while not done.is_set():
            for name, target in links.items():
                for step, *names in [
                    (os.rename, root / name, root / f".aside-{name}"),
                    (os.symlink, target, root / name),
                    (os.unlink, root / name),
                    (os.rename, root / f".aside-{name}", root / name),
                ]:
                    with contextlib.suppress(OSError):  # requests delete and make them, too
                        step(*names)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def test_nobody_gets_out_by_swapping_a_folder_for_a_link(serve, root, outside):
    text = {"type": "file", "format": "text", "content": "changed"}
    two = outside / "root-two"
    replies = []
    numbers = itertools.count()

    async def ask(client):
        end, wanted = time.monotonic() + 2, {200, 201, 204, 404}
        while time.monotonic() < end or not wanted <= {reply.status for reply in replies}:
            number = next(numbers)
            for method, path, body in [
                ("GET", "/api/contents/folder/secret.txt", None),
                ("GET", "/files/file.txt", None),
                ("GET", "/api/contents/folder", None),
                ("PUT", "/api/contents/folder/secret.txt", text),
                ("PUT", "/api/contents/file.txt", text),
                ("POST", "/api/contents/folder", {"type": "file"}),
                ("POST", "/api/contents/folder", {"type": "directory"}),
                ("POST", "/api/contents/copies", {"copy_from": "folder/secret.txt"}),
                ("POST", "/api/contents/copies", {"copy_from": "folder"}),
                ("POST", "/api/contents/folder", {"copy_from": "file.txt"}),
                ("PATCH", "/api/contents/folder/secret.txt", {"path": f"stolen-{number}.txt"}),
                ("PATCH", f"/api/contents/stolen-{number}.txt", {"path": "folder/moved.txt"}),
                ("POST", "/api/contents/folder/secret.txt/checkpoints", None),
                ("DELETE", "/api/contents/folder/sub", None),
                ("DELETE", "/api/contents/folder/secret.txt", None),
                ("PUT", "/api/contents/folder/secret.txt", text),
                ("DELETE", "/api/contents/file.txt", None),
                ("PUT", "/api/contents/file.txt", text),
            ]:
                replies.append(await client.request(method, path, body))

    with swapping(root, outside):
        state = [(path, path.stat().st_mtime_ns, os.listdir(path)) for path in (two, two / "sub")]
        async with serve(strict_root=True) as (_, client):
            await asyncio.gather(*(ask(client) for _ in range(4)))
    # Some in time, some not: it goes on until there was each of 200, 201, 204 and 404.
    assert {reply.status for reply in replies} <= {200, 201, 204, 400, 403, 404, 409}
    assert not any(b"TOP-SECRET" in reply.body for reply in replies)
    assert [
        (path, path.stat().st_mtime_ns, os.listdir(path)) for path in (two, two / "sub")
    ] == state
    for secret in (outside / "secret.txt", two / "secret.txt", two / "sub" / "secret.txt"):
        assert secret.read_text() == "TOP-SECRET"
    for file in root.rglob("*"):
        if not file.is_symlink() and file.is_file():
            assert b"TOP-SECRET" not in file.read_bytes()


ODD = [
    "..",
    ".",
    "",
    "secret.txt",
    "root-two",
    "sub",
    "out",
    "circle",
    ".hidden",
    "C:",
    "a\0b",
    "~",
]
SEPARATORS = ["/", "//", "\\", "%2f", "%5c", "/./", "/../"]


@st.composite
def odd_paths(draw):
    """Paths out of pieces that have meant trouble, percent-encoded up to three times."""
    names = st.sampled_from(ODD) | st.text(max_size=8)
    path = draw(names)
    for name in draw(st.lists(names, max_size=6)):
        path += draw(st.sampled_from(SEPARATORS)) + name
    for _ in range(draw(st.integers(1, 3))):
        path = quote(path, safe=draw(st.sampled_from(["/", "", "/%"])), errors="replace")
    return path


async def test_no_path_at_all_leads_out_of_a_strict_root(serve, root, outside):
    (root / "out").symlink_to("..")
    (root / "circle").symlink_to("circle/circle")
    (root / ".hidden").write_text("TOP-SECRET")
    before = {name: text for name, text in everything(outside).items() if text == "TOP-SECRET"}
    text = json.dumps({"type": "file", "format": "text", "content": "changed"})
    bodies = {"PUT": text, "POST": "{}", "PATCH": '{"path": "sub/moved"}'}

    async with serve(strict_root=True) as (_, client):
        address = urlsplit(client.base).netloc

        @settings(max_examples=300, deadline=None, database=None, derandomize=True)
        @given(
            st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE"]),
            st.sampled_from(["/api/contents/", "/files/", "/view/"]),
            odd_paths(),
            st.sampled_from(["", "/checkpoints", "/checkpoints/checkpoint"]),
        )
        def ask(method, route, path, end):
            connection = http.client.HTTPConnection(address)
            with contextlib.closing(connection):
                headers = {"Authorization": f"token {TOKEN}"}
                connection.request(method, route + path + end, bodies.get(method), headers)
                reply = connection.getresponse()
                assert reply.status < 500
                assert b"TOP-SECRET" not in reply.read()

        await asyncio.to_thread(ask)
    after = everything(outside)
    assert {name: after.get(name) for name in before} == before
    assert set(os.listdir(outside / "root-two")) == {"secret.txt"}

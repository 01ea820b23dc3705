"""Reading, making, saving, renaming and deleting files and folders."""

import asyncio
import base64
import hashlib
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

KEYS = {
    *("name", "path", "type", "writable", "created", "last_modified"),
    *("mimetype", "content", "format", "size", "hash", "hash_algorithm"),
}


@pytest.mark.proves("GET /api/contents/{path}")
async def test_a_text_file_has_every_key_of_the_model(serve, root):
    file = root / "a b.txt"
    file.write_text("hällo\r\n", newline="")
    os.utime(file, (1_700_000_000, 1_700_000_000.25))
    async with serve() as (_, client):
        reply = await client.get("/api/contents/a%20b.txt?hash=1&1763860000000")
    model = reply.json
    assert datetime.fromisoformat(model.pop("created").replace("Z", "+00:00")).year > 2000
    assert model == {
        "name": "a b.txt",
        "path": "a b.txt",
        "type": "file",
        "writable": True,
        "last_modified": "2023-11-14T22:13:20.250000Z",
        "mimetype": "text/plain",
        "content": "hällo\r\n",
        "format": "text",
        "size": 8,
        "hash": hashlib.sha256("hällo\r\n".encode()).hexdigest(),
        "hash_algorithm": "sha256",
    }
    assert reply.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert reply.headers["Content-Type"] == "application/json"


async def test_a_listing_has_models_without_content_and_no_clutter(serve, root):
    (root / "sub").mkdir()
    (root / "sub" / "inner.txt").write_text("x")
    (root / "note.ipynb").write_text("{}")
    (root / "picture.png").write_bytes(b"\x89PNG")
    for clutter in (".hidden", "module.pyc", "backup~", "odd\\name"):
        (root / clutter).write_text("x")
    (root / "__pycache__").mkdir()
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    (root / "latin-\udce4").write_text("x")
    async with serve() as (_, client):
        reply = await client.get("/api/contents")
        bare = await client.get("/api/contents/?content=0")
    model = reply.json
    assert (model["name"], model["path"], model["format"], model["size"]) == ("", "", "json", None)
    assert {m["name"]: (m["type"], m["mimetype"]) for m in model["content"]} == {
        "sub": ("directory", None),
        "note.ipynb": ("notebook", None),
        "picture.png": ("file", "image/png"),
    }
    assert all(set(m) == KEYS and m["content"] is None for m in [*model["content"], bare.json])
    assert (bare.json["format"], bare.json["type"]) == (None, "directory")


async def test_bytes_come_as_base64_and_text_as_what_is_asked_for(serve, root):
    (root / "data.bin").write_bytes(b"\xff\xfe\x00")
    (root / "text.txt").write_bytes(b"abc")
    async with serve() as (_, client):
        guessed = await client.get("/api/contents/data.bin")
        asked = await client.get("/api/contents/text.txt?format=base64")
        refused = await client.get("/api/contents/data.bin?format=text&type=file")
    assert (guessed.json["format"], guessed.json["content"]) == ("base64", "//4A")
    assert guessed.json["mimetype"] == "application/octet-stream"
    assert (asked.json["format"], asked.json["content"]) == ("base64", "YWJj")
    assert (refused.status, refused.json["reason"]) == (400, "bad format")
    assert "'data.bin' is not UTF-8 text" in refused.json["message"]


async def test_what_is_not_there_is_a_404_that_names_it(serve):
    async with serve() as (_, client):
        reply = await client.get("/api/contents/missing.txt")
    assert (reply.status, reply.json["message"]) == (
        404,
        "There is no file or folder 'missing.txt'.",
    )
    assert "root folder" in reply.json["hint"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("content=2", "content is '2'."),
        ("hash=yes", "hash is 'yes'."),
        ("format=xml", "format is 'xml'."),
        ("type=directory", "'a.txt' is a file."),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(serve, root, query, said):
    (root / "a.txt").write_text("x")
    async with serve() as (_, client):
        reply = await client.get(f"/api/contents/a.txt?{query}")
    assert (reply.status, reply.json["message"]) == (400, said)
    assert reply.json["hint"]


async def test_a_folder_is_no_file_and_an_unknown_type_means_file(serve, root):
    (root / "sub").mkdir()
    (root / "a.txt").write_text("x")
    async with serve() as (_, client):
        folder = await client.get("/api/contents/sub?type=file")
        file = await client.get("/api/contents/a.txt?type=anything&contentProviderId=undefined")
    assert (folder.status, folder.json["reason"]) == (400, "bad type")
    assert (file.status, file.json["type"]) == (200, "file")


@pytest.mark.proves("POST /api/contents/{path}")
async def test_new_things_get_the_first_free_untitled_name(serve, root):
    (root / "sub").mkdir()
    wanted = [
        {"type": "notebook"},
        {"type": "notebook"},
        {"type": "file", "ext": ".py"},
        {"type": "file", "ext": "py"},
        {"type": "directory"},
        {"type": "directory"},
        {},
    ]
    async with serve() as (_, client):
        replies = [await client.post("/api/contents/sub", body) for body in wanted]
    assert [reply.json["name"] for reply in replies] == [
        "Untitled.ipynb",
        "Untitled1.ipynb",
        "untitled.py",
        "untitled1.py",
        "Untitled Folder",
        "Untitled Folder 1",
        "untitled",
    ]
    assert {(reply.status, reply.json["content"]) for reply in replies} == {(201, None)}
    assert replies[4].headers["Location"] == "/api/contents/sub/Untitled%20Folder"
    assert (root / "sub" / "Untitled Folder 1").is_dir()


async def test_ten_new_notebooks_at_once_get_ten_names(serve, root):
    async with serve() as (_, client):
        replies = await asyncio.gather(
            *(client.post("/api/contents", {"type": "notebook"}) for _ in range(10))
        )
    assert len({reply.json["name"] for reply in replies}) == len(list(root.glob("*.ipynb"))) == 10


@pytest.mark.proves("POST /api/contents/{path} (copy)")
async def test_a_copy_keeps_its_name_where_it_is_free_and_counts_where_not(serve, root):
    (root / "sub").mkdir()
    (root / "a.tar.gz").write_bytes(b"packed")
    (root / "v1.2.ipynb").write_text("{}")
    (root / "box" / "in").mkdir(parents=True)
    (root / "box" / "in" / "x.txt").write_text("x")
    copies = [
        ("", "a.tar.gz"),
        ("", "a-Copy1.tar.gz"),
        ("sub", "a.tar.gz"),
        ("", "v1.2.ipynb"),
        ("", "box"),
    ]
    async with serve() as (_, client):
        replies = [
            await client.post(f"/api/contents/{folder}", {"copy_from": name})
            for folder, name in copies
        ]
    assert [(reply.status, reply.json["path"]) for reply in replies] == [
        (201, "a-Copy1.tar.gz"),
        (201, "a-Copy2.tar.gz"),
        (201, "sub/a.tar.gz"),
        (201, "v1.2-Copy1.ipynb"),
        (201, "box-Copy1"),
    ]
    assert (root / "a-Copy2.tar.gz").read_bytes() == b"packed"
    assert (root / "box-Copy1" / "in" / "x.txt").read_text() == "x"


async def test_what_cannot_be_made_or_copied_is_said(serve, root):
    (root / "box").mkdir()
    (root / "a.txt").write_text("x")
    async with serve() as (_, client):
        on_file = await client.post("/api/contents/a.txt", {"type": "file"})
        nowhere = await client.post("/api/contents/none", {"type": "file"})
        into_itself = await client.post("/api/contents/box", {"copy_from": "box"})
        odd = await client.post("/api/contents", {"type": "file", "ext": "/../../a"})
        shape = await client.post("/api/contents", {"type": "movie"})
    assert [r.status for r in (on_file, nowhere, into_itself, odd, shape)] == [
        *(400, 404, 400, 400, 400)
    ]
    assert "cannot be copied into itself" in into_itself.json["message"]
    assert "'movie'" in shape.json["message"]


@pytest.mark.proves("PUT /api/contents/{path}")
async def test_saving_makes_a_file_and_then_overwrites_it(serve, root):
    body = {"type": "file", "format": "text", "content": "één\r\n", "path": "ignored", "name": "x"}
    async with serve() as (_, client):
        first = await client.put("/api/contents/a%20b.txt", body)
        again = await client.put("/api/contents/a%20b.txt", {**body, "content": "two"})
    assert (first.status, again.status) == (201, 200)
    assert first.headers["Location"] == "/api/contents/a%20b.txt"
    assert (first.json["content"], first.json["format"], again.json["size"]) == (None, None, 3)
    assert (root / "a b.txt").read_bytes() == b"two"


async def test_json_is_taken_whatever_the_content_type_says(serve, root):
    async with serve() as (_, client):
        reply = await client.put(
            "/api/contents/a.bin",
            '{"type": "file", "format": "base64", "content": "//\\n4A"}',
            headers={"Content-Type": "text/plain;charset=UTF-8"},
        )
    assert (reply.status, (root / "a.bin").read_bytes()) == (201, b"\xff\xfe\x00")


async def test_saving_a_folder_makes_it_once(serve, root):
    async with serve() as (_, client):
        first = await client.put("/api/contents/new", {"type": "directory"})
        again = await client.put("/api/contents/new", {"type": "directory"})
        as_file = await client.put(
            "/api/contents/new", {"type": "file", "format": "text", "content": ""}
        )
    assert (first.status, again.status, as_file.status) == (201, 200, 400)
    assert (root / "new").is_dir()


async def test_a_save_into_a_folder_that_is_not_there_names_the_folder(serve, root):
    async with serve() as (_, client):
        file = await client.put(
            "/api/contents/no/a.txt", {"type": "file", "format": "text", "content": ""}
        )
        folder = await client.put("/api/contents/no/sub", {"type": "directory"})
    assert {(reply.status, reply.json["message"]) for reply in (file, folder)} == {
        (404, "There is no file or folder 'no'.")
    }


async def test_an_empty_save_into_a_folder_makes_something_untitled(serve, root):
    (root / "sub").mkdir()
    async with serve() as (_, client):
        reply = await client.put("/api/contents/sub", "")
    assert (reply.status, reply.json["path"]) == (201, "sub/untitled")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"format": "text", "content": "x"}, "no `type`"),
        ({"type": "file", "format": "text"}, "no `content`"),
        ({"type": "file", "content": "x"}, "not as None"),
        ({"type": "file", "format": "base64", "content": "%%"}, "not base64"),
        ({"type": "file", "format": "text", "content": {"a": 1}}, "not a string"),
        ({"type": "file", "format": "text", "content": "x", "copy_from": "b"}, "does not copy"),
        ({"type": "notebook", "content": "x", "chunk": 1}, "Only a file comes in pieces"),
        ([], "Expected `object`"),
        ("{", "cannot be used"),
        ({"type": "file", "format": "text", "content": "half \ud83d"}, "not a string"),
    ],
)
async def test_a_save_that_lacks_something_is_refused_and_writes_nothing(serve, root, body, said):
    async with serve() as (_, client):
        reply = await client.put("/api/contents/a.txt", body)
    assert (reply.status, said in reply.json["message"]) == (400, True), reply.json
    assert list(root.iterdir()) == []


@pytest.mark.proves("PUT /api/contents/{path} (chunked)")
async def test_an_upload_in_pieces_appears_when_it_is_whole(serve, root):
    data = os.urandom(3000)
    pieces = [data[:1024], data[1024:2048], data[2048:]]
    (root / "big.bin").write_bytes(b"old")
    (root / "big.bin").chmod(0o640)
    seen = []
    async with serve() as (_, client):
        for chunk, piece in zip((1, 2, -1), pieces, strict=True):
            seen.append((root / "big.bin").read_bytes())
            reply = await client.put(
                "/api/contents/big.bin",
                {
                    **{"type": "file", "format": "base64", "chunk": chunk},
                    "content": base64.b64encode(piece).decode(),
                },
            )
            assert (reply.status, reply.json["name"]) == (200, "big.bin")
    assert seen == [b"old"] * 3
    assert (root / "big.bin").read_bytes() == data
    assert (root / "big.bin").stat().st_mode & 0o777 == 0o640
    assert [file.name for file in root.iterdir()] == ["big.bin"]


async def test_a_piece_out_of_order_is_refused_and_the_upload_begins_anew(serve, root):
    body = {"type": "file", "format": "text", "content": "x"}
    async with serve() as (_, client):
        late = await client.put("/api/contents/a.txt", {**body, "chunk": 2})
        await client.put("/api/contents/a.txt", {**body, "chunk": 1})
        skipped = await client.put("/api/contents/a.txt", {**body, "chunk": 3})
        last = await client.put("/api/contents/a.txt", {**body, "chunk": -1})
        anew = [await client.put("/api/contents/a.txt", {**body, "chunk": n}) for n in (1, 2, -1)]
    assert (late.status, skipped.status, last.status) == (400, 400, 400)
    assert "has the number 1, not 2" in late.json["message"]
    assert [reply.status for reply in anew] == [201, 201, 201]
    assert (root / "a.txt").read_text() == "xxx"


async def test_two_uploads_of_one_file_do_not_mix(serve, root):
    async def piece(client, text, chunk):
        body = {"type": "file", "format": "text", "content": text, "chunk": chunk}
        return (await client.put("/api/contents/a.txt", body)).status

    async with serve() as (_, client):
        statuses = [
            await piece(client, "A1", 1),
            await piece(client, "B1", 1),
            await piece(client, "A2", 2),
            await piece(client, "A3", -1),
            await piece(client, "B1", 1),
        ]
    assert statuses == [201, 409, 201, 201, 200]
    assert (root / "a.txt").read_text() == "A1A2A3"


async def test_if_match_keeps_what_somebody_else_has_saved(serve, root):
    file = root / "a.txt"
    file.write_text("mine")
    body = {"type": "file", "format": "text", "content": "new"}
    async with serve() as (_, client):
        read = (await client.get("/api/contents/a.txt?content=0&hash=1")).json["hash"]
        file.write_text("theirs")
        url, header = "/api/contents/a.txt", {"If-Match": f'"{read}"'}
        refused = await client.put(url, body, headers=header)
        kept = file.read_text()
        header = {"If-Match": f'"other", "{hashlib.sha256(b"theirs").hexdigest()}"'}
        saved = await client.put(url, body, headers=header)
        file.unlink()
        gone = await client.put(url, body, headers={"If-Match": "*"})
    assert (refused.status, kept) == (412, "theirs")
    assert refused.json["hash"] == hashlib.sha256(b"theirs").hexdigest()
    assert (saved.status, gone.status, file.exists()) == (200, 412, False)


@pytest.mark.proves("PATCH /api/contents/{path}")
async def test_renaming_moves_a_file_and_never_over_another(serve, root):
    (root / "sub").mkdir()
    (root / "a.txt").write_text("a")
    (root / "b.txt").write_text("b")
    async with serve() as (_, client):
        taken = await client.patch("/api/contents/a.txt", {"path": "b.txt"})
        moved = await client.patch("/api/contents/a.txt", {"path": "/sub/ä.txt"})
        same = await client.patch("/api/contents/b.txt", {"path": "b.txt"})
        missing = await client.patch("/api/contents/none", {"path": "c"})
        nowhere = await client.patch("/api/contents/b.txt", {"path": "none/c"})
        hidden = await client.patch("/api/contents/b.txt", {"path": ".b.txt"})
        lacking = await client.patch("/api/contents/b.txt", {})
    statuses = [r.status for r in (taken, moved, same, missing, nowhere, hidden, lacking)]
    assert statuses == [409, 200, 200, 404, 404, 400, 400]
    assert moved.json["path"] == "sub/ä.txt"
    assert moved.headers["Location"] == "/api/contents/sub/%C3%A4.txt"
    assert nowhere.json["message"] == "There is no file or folder 'none'."
    assert "`path`" in lacking.json["message"]
    assert (root / "b.txt").read_text() == "b"
    assert (root / "sub" / "ä.txt").read_text() == "a"


async def test_a_save_comes_before_or_after_a_renaming_and_never_in_its_middle(serve, root):
    content = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    url = "/api/contents/a.ipynb"
    seen = []
    async with serve() as (_, client):
        for number in range(30):
            (root / "a.ipynb").write_text(json.dumps(content))
            saving = asyncio.ensure_future(
                client.put(url, {"type": "notebook", "content": content})
            )
            for _ in range(number):
                await asyncio.sleep(0)  # begins a little later each time
            moved = await client.patch(url, {"path": f"b{number}.ipynb"})
            saved = await saving
            seen.append((saved.status, moved.status, (root / "a.ipynb").exists()))
            (root / "a.ipynb").unlink(missing_ok=True)
    assert set(seen) <= {(200, 200, False), (201, 200, True)}


async def test_two_who_exchange_names_do_not_wait_for_each_other(serve, root):
    (root / "a").touch()
    (root / "b").touch()
    async with serve() as (_, client):
        replies = await asyncio.gather(
            *[client.patch("/api/contents/a", {"path": "b"}) for _ in range(10)],
            *[client.patch("/api/contents/b", {"path": "a"}) for _ in range(10)],
        )
    assert {reply.status for reply in replies} == {409}


async def test_a_folder_cannot_be_moved_into_itself(serve, root):
    (root / "box").mkdir()
    async with serve() as (_, client):
        reply = await client.patch("/api/contents/box", {"path": "box/box"})
    assert (reply.status, (root / "box").is_dir()) == (400, True)


@pytest.mark.proves("DELETE /api/contents/{path}")
async def test_deleting_removes_files_and_empty_folders_only(serve, root):
    (root / "a.txt").write_text("x")
    (root / "empty" / ".ipynb_checkpoints").mkdir(parents=True)
    (root / "empty" / ".ipynb_checkpoints" / "a-checkpoint.txt").write_text("x")
    (root / "full").mkdir()
    (root / "full" / "x").write_text("x")
    (root / "link").symlink_to("full")
    async with serve() as (_, client):
        replies = [
            await client.delete(f"/api/contents/{path}")
            for path in ("a.txt", "empty", "full", "link", "none", "", ".hidden")
        ]
    assert [reply.status for reply in replies] == [204, 204, 400, 204, 404, 400, 400]
    assert replies[0].body == b""
    assert "is not empty" in replies[2].json["message"]
    assert [file.name for file in root.rglob("*")] == ["full", "x"]


async def test_deleted_files_and_full_folders_are_in_the_trash(serve, root):
    (root / "full").mkdir()
    (root / "full" / "precious.txt").write_text("x")
    trash = Path(os.environ["XDG_DATA_HOME"], "Trash", "files")
    async with serve(delete_to_trash=True) as (_, client):
        reply = await client.delete("/api/contents/full")
    assert (reply.status, (root / "full").exists()) == (204, False)
    assert (trash / "full" / "precious.txt").read_text() == "x"


@pytest.mark.proves("GET /api/notebooks/{path}")
@pytest.mark.proves("POST /api/notebooks/{path}")
@pytest.mark.proves("PUT /api/notebooks/{path}")
@pytest.mark.proves("PATCH /api/notebooks/{path}")
@pytest.mark.proves("DELETE /api/notebooks/{path}")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_old_api_leads_to_the_new_one_with_method_and_body(serve, method):
    async with serve() as (_, client):
        reply = await client.request(method, "/api/notebooks/a%20b/c.ipynb?content=0")
        bare = await client.request(method, "/api/notebooks")
    assert (reply.status, reply.headers["Location"]) == (
        308,
        "/api/contents/a%20b/c.ipynb?content=0",
    )
    assert (bare.status, bare.headers["Location"]) == (308, "/api/contents")


@pytest.mark.parametrize(("below", "expected"), [("sub/a.txt", "sub/a.txt"), ("", "")])
async def test_a_printed_path_below_the_root_is_resolved(serve, root, below, expected):
    (root / "sub").mkdir()
    (root / "sub" / "a.txt").write_text("x")
    async with serve() as (_, client):
        reply = await client.get(f"/api/resolvePath?path={root / below}")
    assert reply.json == {"resolved": [{"path": expected, "scope": "server"}]}


@pytest.mark.parametrize("path", ["/etc/passwd", "~nobody-of-that-name/x", "{root}/../x", "none"])
async def test_a_printed_path_that_leads_nowhere_says_why(serve, root, path):
    async with serve() as (_, client):
        reply = await client.get(f"/api/resolvePath?path={path.format(root=root)}&kernel=1")
    assert (reply.status, reply.json["resolved"]) == (200, [])
    # There is no extension that has kernels here.
    assert [item["scope"] for item in reply.json["unresolved"]] == ["kernel", "server"]


async def test_what_jupyters_own_files_say_counts(served, jupyter_folders):
    config = {"ContentsManager": {"allow_hidden": True}}
    file = jupyter_folders / "jupyter-config" / "jupyter_server_config.json"
    file.write_text(json.dumps(config))
    (jupyter_folders / "root").mkdir()
    (jupyter_folders / "root" / ".hidden").write_text("seen")
    reply = await served().client.get("/api/contents/.hidden")
    assert (reply.status, reply.json["content"]) == (200, "seen")


TEXT = {"type": "file", "format": "text", "content": "x"}


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        ("PUT", b"{", "truncated"),
        ("PUT", b"[]", "Expected `object`, got `array`"),
        ("PUT", b"null", "Expected `object`, got `null`"),
        ("PUT", b'"text"', "Expected `object`, got `str`"),
        ("PUT", b'{"type": "file", "format": "text", "content": "\xff"}', "not a string"),
        ("PUT", b'{"type":' + b"[" * 100_000, "`$.type`"),
        ("PUT", b'{"content":' + b"[" * 200_000 + rb'"\ud83d"', "cannot be used"),
        ("PUT", {**TEXT, "type": "link"}, "Invalid enum value 'link' - at `$.type`"),
        ("PUT", {**TEXT, "type": 3}, "got `int` - at `$.type`"),
        ("PUT", {**TEXT, "format": "html"}, "Invalid enum value 'html' - at `$.format`"),
        ("PUT", {**TEXT, "format": "json"}, "not as 'json'"),
        ("PUT", {**TEXT, "format": None}, "not as None"),
        ("PUT", {**TEXT, "content": 3}, "The content is not a string"),
        ("PUT", {**TEXT, "content": {"a": 1}}, "The content is not a string"),
        ("PUT", {**TEXT, "format": "base64", "content": "%%"}, "not base64"),
        ("PUT", {**TEXT, "chunk": "1"}, "Expected `int | null`, got `str` - at `$.chunk`"),
        ("PUT", {**TEXT, "chunk": 1e400}, "cannot be used"),
        ("PUT", {**TEXT, "type": "notebook", "chunk": 1}, "Only a file comes in pieces"),
        ("PUT", {**TEXT, "type": "notebook"}, "its parts are not of the right shape"),
        ("PUT", {"type": "notebook", "format": "json", "content": {}}, "it has no 'nbformat'"),
        ("PUT", {"type": "file", "format": "text"}, "no `content`"),
        ("POST", b"[]", "Expected `object`, got `array`"),
        ("POST", {"type": "socket"}, "Invalid enum value 'socket' - at `$.type`"),
        ("POST", {"ext": 3}, "Expected `str`, got `int` - at `$.ext`"),
        ("POST", {"copy_from": ["a"]}, "got `array` - at `$.copy_from`"),
        ("PATCH", b"", "truncated"),
        ("PATCH", {}, "missing required field `path`"),
        ("PATCH", {"path": 3}, "Expected `str`, got `int` - at `$.path`"),
    ],
)
async def test_a_body_of_another_shape_is_refused_and_nothing_changes(
    serve, root, method, body, said
):
    (root / "old.txt").write_text("old")
    path = {"PUT": "new.txt", "POST": "", "PATCH": "old.txt"}[method]
    async with serve() as (_, client):
        reply = await client.request(method, f"/api/contents/{path}", body)
    assert (reply.status, said in reply.json["message"]) == (400, True), reply.text
    assert [(each.name, each.read_text()) for each in root.iterdir()] == [("old.txt", "old")]


async def test_a_save_can_be_for_what_is_not_there_yet(serve, root):
    only_new = {"If-None-Match": "*"}
    async with serve() as (_, client):
        made = await client.request("PUT", "/api/contents/a.txt", TEXT, headers=only_new)
        again = await client.request("PUT", "/api/contents/a.txt", TEXT, headers=only_new)
        odd = await client.request(
            "PUT", "/api/contents/a.txt", TEXT, headers={"If-None-Match": '"1f"'}
        )
    assert (made.status, again.status, odd.status) == (201, 412, 400)
    assert again.json["hash"] == hashlib.sha256(b"x").hexdigest()


async def test_the_tag_of_a_file_is_the_hash_that_a_save_asks_for(serve, root):
    (root / "a.txt").write_text("first")
    async with serve() as (_, client):
        read = await client.get("/api/contents/a.txt?hash=1")
        tag = {"If-Match": read.headers["Etag"]}
        saved = await client.request("PUT", "/api/contents/a.txt", TEXT, headers=tag)
        refused = await client.request("PUT", "/api/contents/a.txt", TEXT, headers=tag)
        unasked = await client.get("/api/contents/a.txt")
    assert read.headers["Etag"] == f'"{read.json["hash"]}"'
    assert (saved.status, refused.status) == (200, 412)
    assert "Etag" not in unasked.headers

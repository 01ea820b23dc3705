"""Checkpoints: where Jupyter keeps them, and where the file goes they follow."""

import pytest


def text(content):
    return {"type": "file", "format": "text", "content": content}


@pytest.mark.proves("GET /api/contents/{path}/checkpoints")
@pytest.mark.proves("POST /api/contents/{path}/checkpoints")
@pytest.mark.proves("POST /api/contents/{path}/checkpoints/{id}")
@pytest.mark.proves("DELETE /api/contents/{path}/checkpoints/{id}")
async def test_a_checkpoint_is_made_restored_and_forgotten(serve, root):
    file = root / "sub" / "a b.txt"
    file.parent.mkdir()
    file.write_text("kept")
    url = "/api/contents/sub/a%20b.txt/checkpoints"
    async with serve() as (_, client):
        none = await client.get(url)
        made = await client.post(url)
        listed = await client.get(url)
        on_disk = (root / "sub" / ".ipynb_checkpoints" / "a b-checkpoint.txt").read_text()
        file.write_text("changed")
        restored = await client.post(f"{url}/checkpoint")
        deleted = await client.delete(f"{url}/checkpoint")
        again = await client.delete(f"{url}/checkpoint")
        gone = await client.get(url)
    assert (none.json, made.status, listed.json) == ([], 201, [made.json])
    assert set(made.json) == {"id", "last_modified"}
    assert made.headers["Location"] == f"{url}/checkpoint"
    assert (on_disk, restored.status, file.read_text()) == ("kept", 204, "kept")
    assert (deleted.status, again.status, gone.json) == (204, 404, [])
    assert "no checkpoint 'checkpoint'" in again.json["message"]


async def test_the_first_save_of_a_notebook_leaves_a_checkpoint(serve, root):
    content = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    async with serve() as (_, client):
        await client.put("/api/contents/a.ipynb", {"type": "notebook", "content": content})
        listed = await client.get("/api/contents/a.ipynb/checkpoints")
    assert [checkpoint["id"] for checkpoint in listed.json] == ["checkpoint"]
    kept = root / ".ipynb_checkpoints" / "a-checkpoint.ipynb"
    assert kept.read_bytes() == (root / "a.ipynb").read_bytes()


async def test_a_checkpoint_follows_its_file_and_ends_with_it(serve, root):
    (root / "sub").mkdir()
    (root / "a.txt").write_text("x")
    async with serve() as (_, client):
        await client.post("/api/contents/a.txt/checkpoints")
        await client.patch("/api/contents/a.txt", {"path": "sub/b.txt"})
        followed = await client.get("/api/contents/sub/b.txt/checkpoints")
        await client.delete("/api/contents/sub/b.txt")
        await client.put("/api/contents/sub/b.txt", text("another"))
        fresh = await client.get("/api/contents/sub/b.txt/checkpoints")
    assert (len(followed.json), fresh.json) == (1, [])


@pytest.mark.parametrize(
    ("of_file", "methods"),
    [
        ("checkpoints", ("PUT", "PATCH", "DELETE")),
        ("checkpoints/checkpoint", ("GET", "PUT", "PATCH")),
        ("trust", ("GET", "PUT", "PATCH", "DELETE")),
    ],
)
async def test_what_makes_no_sense_for_something_of_a_file_does_not_befall_the_file(
    serve, root, of_file, methods
):
    (root / "a.txt").write_text("a")
    body = {**text("another"), "path": "b.txt"}
    async with serve() as (_, client):
        replies = [
            await client.request(method, f"/api/contents/a.txt/{of_file}", body)
            for method in methods
        ]
    assert {reply.status for reply in replies} == {405}
    assert [(each.name, each.read_text()) for each in root.iterdir()] == [("a.txt", "a")]


@pytest.mark.parametrize("word", ["checkpoints", "trust"])
async def test_a_folder_may_be_called_like_that(serve, root, word):
    (root / "models" / word).mkdir(parents=True)
    (root / "models" / word / "checkpoint").write_text("weights")
    url = f"/api/contents/models/{word}"
    async with serve() as (_, client):
        listing = await client.get(url)
        inner = await client.get(f"{url}/checkpoint")
        made = await client.post(url, {"type": "file", "ext": ".txt"})
        saved = await client.put(f"{url}/checkpoint", text("trained"))
        renamed = await client.patch(f"{url}/checkpoint", {"path": f"models/{word}/b"})
        deleted = await client.delete(f"{url}/b")
    assert [model["name"] for model in listing.json["content"]] == ["checkpoint"]
    assert (inner.json["content"], made.json["path"]) == ("weights", f"models/{word}/untitled.txt")
    assert (saved.status, renamed.status, deleted.status) == (200, 200, 204)


async def test_a_folder_has_no_checkpoints(serve, root):
    (root / "sub").mkdir()
    async with serve() as (_, client):
        reply = await client.get("/api/contents/sub/checkpoints")
        missing = await client.post("/api/contents/none.txt/checkpoints")
    assert (reply.status, missing.status) == (404, 404)

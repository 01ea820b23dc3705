"""Notebooks: read, upgraded, checked, trusted and saved."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

DEMO = Path(__file__).parent / "data" / "fasta.json"

OUTPUT = {
    "output_type": "display_data",
    "data": {"text/html": "<script>alert(1)</script>", "text/plain": ["a\n", "b"]},
    "metadata": {},
}


def notebook(**changes):
    cell = {
        **{"cell_type": "code", "id": "one", "execution_count": 1, "metadata": {}},
        **{"source": ["1 +\n", "1"], "outputs": [OUTPUT]},
    }
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}


async def test_a_real_notebook_opens_and_is_saved_unchanged(serve, root):
    shutil.copy(DEMO, root / "Fasta.ipynb")
    async with serve() as (_, client):
        model = (await client.get("/api/contents/Fasta.ipynb?hash=1")).json
        content = model["content"]
        body = {"type": "notebook", "format": "json", "content": content}
        saved = await client.put("/api/contents/Fasta.ipynb", body)
        again = (await client.get("/api/contents/Fasta.ipynb")).json
    assert (model["type"], model["format"], model["mimetype"]) == ("notebook", "json", None)
    assert content["cells"][0]["source"].startswith("from IPython.display import display\n")
    assert (saved.status, saved.json["content"], "message" in saved.json) == (200, None, False)
    assert json.loads((root / "Fasta.ipynb").read_text()) == json.loads(DEMO.read_text())
    assert (trusted(model), trusted(again)) == ([False] * 3, [True] * 3)  # nothing to distrust


@pytest.mark.parametrize("path", ["Untitled.ipynb"])
async def test_a_new_notebook_is_empty_and_valid(serve, root, path):
    async with serve() as (_, client):
        await client.post("/api/contents", {"type": "notebook"})
        model = (await client.get(f"/api/contents/{path}")).json
    assert model["content"] == {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(nbformat.read(root / path, as_version=4))


async def test_an_old_notebook_is_upgraded_when_it_is_read(serve, root):
    cell = {"cell_type": "code", "input": ["x\n", "y"], "outputs": [], "language": "python"}
    sheet = {"worksheets": [{"cells": [cell]}], "metadata": {"name": "old"}}
    text = json.dumps({**sheet, "nbformat": 3, "nbformat_minor": 0})
    (root / "old.ipynb").write_text(text)
    async with serve() as (_, client):
        model = (await client.get("/api/contents/old.ipynb")).json
    assert model["content"]["nbformat"] == 4
    assert model["content"]["metadata"]["orig_nbformat"] == 3
    assert [cell["source"] for cell in model["content"]["cells"]] == ["x\ny"]
    assert (root / "old.ipynb").read_text() == text


async def test_a_notebook_of_another_format_is_saved_as_one_of_today_or_refused(serve, root):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "old"}]
    old = {"worksheets": [{"cells": cells, "metadata": {}}], "metadata": {"name": ""}}
    old |= {"nbformat": 3, "nbformat_minor": 0}
    url = "/api/contents/a.ipynb"
    async with serve() as (_, client):
        saved = await client.put(url, {"type": "notebook", "content": old})
        of_tomorrow = {"type": "notebook", "content": notebook(nbformat=5)}
        refused = await client.put(url, of_tomorrow)
    stored = json.loads((root / "a.ipynb").read_text())
    assert (saved.status, stored["nbformat"], stored["cells"][0]["source"]) == (201, 4, ["old"])
    assert refused.status == 400
    assert refused.json["message"] == "'a.ipynb' is not a notebook: Unsupported nbformat version 5."


async def test_an_invalid_notebook_is_shown_with_what_is_wrong(serve, root):
    broken = notebook(cells=[{"cell_type": "code", "id": "one", "source": "x"}])
    (root / "broken.ipynb").write_text(json.dumps(broken))
    async with serve() as (_, client):
        read = (await client.get("/api/contents/broken.ipynb")).json
        body = {"type": "notebook", "content": notebook(metadata={"kernelspec": "wrong"})}
        saved = await client.put("/api/contents/broken.ipynb", body)
    assert read["content"]["cells"][0]["source"] == "x"
    assert "'metadata' is a required property" in read["message"]
    assert saved.status == 200
    assert "Notebook validation failed" in saved.json["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "it is not JSON (Expecting value"),
        (b"{", "it is not JSON"),
        (b"\xff", "it is not UTF-8 text"),
        (b"{}", "it has no 'nbformat'"),
        (b"[]", "not of the right shape"),
        (b'{"nbformat": 9, "cells": []}', "Unsupported nbformat version 9"),
        (b'{"nbformat": 4, "cells": [1]}', "not of the right shape"),
        (b'{"nbformat": 4, "nbformat_minor": 5}', "it has no 'cells'"),
    ],
)
async def test_what_is_no_notebook_says_why_and_opens_as_text(serve, root, text, said):
    (root / "x.ipynb").write_bytes(text)
    async with serve() as (_, client):
        reply = await client.get("/api/contents/x.ipynb")
        other = await client.get("/api/contents/x.ipynb?type=file")
    assert (reply.status, said in reply.json["message"]) == (400, True), reply.json
    assert "as text" in reply.json["hint"]
    assert (other.status, other.json["type"]) == (200, "file")


@pytest.mark.parametrize("content", [{}, [], "text", None, {"nbformat": 4, "cells": "x"}])
async def test_what_is_no_notebook_is_not_saved_as_one(serve, root, content):
    (root / "x.ipynb").write_text("old")
    body = {"type": "notebook", "content": content}
    async with serve() as (_, client):
        reply = await client.put("/api/contents/x.ipynb", body)
    assert (reply.status, (root / "x.ipynb").read_text()) == (400, "old")
    assert "'x.ipynb' is not a notebook" in reply.json["message"]


async def test_cells_without_an_id_get_the_same_one_each_time(serve, root):
    cell = {"cell_type": "markdown", "metadata": {}, "source": "x"}
    (root / "x.ipynb").write_text(json.dumps(notebook(cells=[cell, cell, {**cell, "id": "a"}])))
    async with serve() as (_, client):
        one = (await client.get("/api/contents/x.ipynb")).json
        two = (await client.get("/api/contents/x.ipynb")).json
    ids = [cell["id"] for cell in one["content"]["cells"]]
    assert len(set(ids)) == 3
    assert one["content"] == two["content"]
    assert "message" not in one


async def test_numbers_and_characters_that_json_lacks_do_no_harm(serve, root):
    text = json.dumps(notebook(metadata={"nan": float("nan"), "half": "\ud83d"}))
    (root / "x.ipynb").write_text(text)
    async with serve() as (_, client):
        content = (await client.get("/api/contents/x.ipynb")).json["content"]
        body = {"type": "notebook", "content": notebook(metadata={"half": "\ud83d"})}
        saved = await client.put("/api/contents/x.ipynb", body)
    assert content["metadata"]["half"] == "\ud83d"
    assert saved.status == 200
    assert json.loads((root / "x.ipynb").read_text())["metadata"] == {"half": "\ud83d"}


def trusted(model):
    return [cell["metadata"]["trusted"] for cell in model["content"]["cells"]]


@pytest.mark.proves("POST /api/contents/{path}/trust")
async def test_a_foreign_notebook_is_trusted_when_somebody_says_so(serve, root):
    (root / "x.ipynb").write_text(before := json.dumps(notebook()))
    async with serve() as (_, client):
        foreign = (await client.get("/api/contents/x.ipynb")).json
        reply = await client.post("/api/contents/x.ipynb/trust")
        known = (await client.get("/api/contents/x.ipynb")).json
        missing = await client.post("/api/contents/none.ipynb/trust")
    assert (trusted(foreign), reply.status, trusted(known)) == ([False], 201, [True])
    assert missing.status == 404
    assert (root / "x.ipynb").read_text() == before


async def test_a_save_signs_what_the_client_trusts_and_nothing_else(serve, root):
    async with serve() as (_, client):
        for name, trust in (("mine", True), ("theirs", False)):
            content = notebook(metadata={"title": name})
            content["cells"][0]["metadata"] = {"trusted": trust}
            body = {"type": "notebook", "content": content}
            await client.put(f"/api/contents/{name}.ipynb", body)
        mine = (await client.get("/api/contents/mine.ipynb")).json
        theirs = (await client.get("/api/contents/theirs.ipynb")).json
    assert (trusted(mine), trusted(theirs)) == ([True], [False])
    assert "trusted" not in (root / "mine.ipynb").read_text()


async def test_what_jupyter_trust_has_signed_is_trusted(serve, root):
    (root / "x.ipynb").write_text(json.dumps(notebook()))
    command = "from nbformat.sign import TrustNotebookApp as App; App.launch_instance()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, str(root / "x.ipynb")
    )
    assert await process.wait() == 0
    async with serve() as (_, client):
        model = (await client.get("/api/contents/x.ipynb")).json
    assert trusted(model) == [True]

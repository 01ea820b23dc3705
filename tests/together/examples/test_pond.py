"""A drive in memory has all that files have."""

import plughost_contents
import plughost_pond


async def test_a_notebook_lives_in_the_pond(start):
    async with start(plughost_contents, plughost_pond) as (_, client):
        made = await client.post("/api/contents/pond:", {"type": "notebook"})
        moved = await client.patch("/api/contents/pond:Untitled.ipynb", {"path": "pond:a.ipynb"})
        listed = (await client.get("/api/contents/pond:")).json["content"]
        missing = await client.get("/api/contents/pond:fish")
    assert (made.status, moved.status) == (201, 200)
    assert [model["path"] for model in listed] == ["pond:a.ipynb"]
    assert (missing.status, missing.json["message"]) == (404, "There is no 'fish' in the pond.")

"""`/lab/api/workspaces`: saved layouts, in the files of JupyterLab."""

import pytest

import plughost_settings

AT = "/lab/api/workspaces"


def workspace(name, **data):
    return {"data": data, "metadata": {"id": name}}


@pytest.mark.proves("GET /lab/api/workspaces/{id}")
async def test_an_unknown_workspace_is_empty_not_missing(start, config):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}/default?1763860000000")
    assert (reply.status, reply.json) == (200, {"data": {}, "metadata": {"id": "/default"}})


@pytest.mark.proves("PUT /lab/api/workspaces/{id}")
async def test_a_saved_workspace_lies_where_jupyterlab_looks_for_it(start, config):
    async with start(plughost_settings) as (_, client):
        saved = await client.put(f"{AT}/default", workspace("default", layout={"main": [1]}))
        reply = await client.get(f"{AT}/default")
    assert (saved.status, saved.body) == (204, b"")
    assert (config / "lab/workspaces/default-37a8.jupyterlab-workspace").is_file()
    assert reply.json["data"] == {"layout": {"main": [1]}}
    assert sorted(reply.json["metadata"]) == ["created", "id", "last_modified"]


@pytest.mark.proves("GET /lab/api/workspaces")
async def test_all_workspaces_are_listed(start, config):
    async with start(plughost_settings) as (_, client):
        empty = (await client.get(AT)).json
        for name in ("Paper Nº 2", "a/b"):
            await client.put(
                f"{AT}/{name.replace(' ', '%20').replace('º', '%C2%BA')}",
                workspace(f"/{name}", of=name),
            )
        listed = (await client.get(AT)).json["workspaces"]
    assert empty == {"workspaces": {"ids": [], "values": []}}
    assert sorted(listed["ids"]) == ["/Paper Nº 2", "/a/b"]
    assert sorted(value["data"]["of"] for value in listed["values"]) == ["Paper Nº 2", "a/b"]


@pytest.mark.proves("DELETE /lab/api/workspaces/{id}")
async def test_a_deleted_workspace_is_gone(start, config):
    async with start(plughost_settings) as (_, client):
        await client.put(f"{AT}/w", workspace("w"))
        first = await client.delete(f"{AT}/w")
        second = await client.delete(f"{AT}/w")
    assert (first.status, second.status) == (204, 404)
    assert second.json["message"] == "There is no workspace named 'w'."


@pytest.mark.parametrize(
    "body",
    [workspace("other"), {"data": {}}, {"metadata": {"id": "w"}}, {"data": 1, "metadata": {}}, []],
)
async def test_a_workspace_that_is_none_is_refused(start, config, body):
    async with start(plughost_settings) as (_, client):
        reply = await client.put(f"{AT}/w", body)
    assert reply.status == 400
    assert not (config / "lab/workspaces").exists()


async def test_an_id_may_be_quoted_and_begin_with_a_slash(start, config):
    async with start(plughost_settings) as (_, client):
        reply = await client.put(f"{AT}/my%20work", workspace("/my%20work"))
    assert reply.status == 204


async def test_a_broken_workspace_is_left_out_and_kept(start, config):
    path = config / "lab/workspaces/w-50e7.jupyterlab-workspace"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    async with start(plughost_settings) as (_, client):
        listed = (await client.get(AT)).json["workspaces"]["ids"]
        one = (await client.get(f"{AT}/w")).json
        await client.put(f"{AT}/w", workspace("w"))
    assert (listed, one["data"]) == ([], {})
    assert path.with_name(f"{path.name}.broken-1").read_text() == "{"

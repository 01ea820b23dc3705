"""`/api/config/<section>`: small objects merged over Jupyter's configuration folders."""

import json

import pytest

import plughost_settings

AT = "/api/config/tree"


@pytest.fixture
def stronger(tmp_path, monkeypatch, config):
    """A configuration folder that goes before the person's."""
    folder = tmp_path / "stronger"
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(folder))
    (folder / "serverconfig/tree.d").mkdir(parents=True)
    return folder / "serverconfig"


@pytest.mark.proves("GET /api/config/{section}")
async def test_a_section_nobody_wrote_is_empty(start, config):
    async with start(plughost_settings) as (_, client):
        reply = await client.get("/api/config/jupyterlabapputilsextensionannouncements?17638")
    assert (reply.status, reply.json) == (200, {})


@pytest.mark.proves("PUT /api/config/{section}", "PATCH /api/config/{section}")
async def test_a_section_is_replaced_and_changed_key_by_key(start, config):
    async with start(plughost_settings) as (_, client):
        put = await client.put(AT, {"a": {"x": 1, "y": 2}, "b": 3})
        patched = await client.patch(AT, {"a": {"x": None, "z": 4}, "b": None})
    assert (put.status, patched.status) == (204, 200)
    assert patched.json == {"a": {"y": 2, "z": 4}}
    assert json.loads((config / "serverconfig/tree.json").read_text()) == patched.json


async def test_folders_are_merged_and_only_the_persons_own_is_written(start, config, stronger):
    (stronger / "tree.json").write_text('{"a": 1, "b": {"x": 1}}')
    (stronger / "tree.d/extra.json").write_text('{"a": 0, "c": true}')
    own = config / "serverconfig"
    own.mkdir()
    (own / "tree.json").write_text('{"a": 5, "b": {"y": 2}}')
    async with start(plughost_settings) as (_, client):
        read = (await client.get(AT)).json
        patched = (await client.patch(AT, {"d": 1})).json
    assert read == {"a": 1, "b": {"x": 1, "y": 2}, "c": True}
    assert patched == {**read, "d": 1}
    assert json.loads((own / "tree.json").read_text()) == {"a": 5, "b": {"y": 2}, "d": 1}


@pytest.mark.parametrize("body", ["", "[]", "{", "1"])
async def test_a_section_must_be_an_object(start, config, body):
    async with start(plughost_settings) as (_, client):
        put = await client.put(AT, body)
        patched = await client.patch(AT, body)
    assert (put.status, patched.status) == (400, 400)


async def test_a_broken_section_is_kept_when_it_is_written(start, config):
    path = config / "serverconfig/tree.json"
    path.parent.mkdir()
    path.write_text("{ broken")
    async with start(plughost_settings) as (_, client):
        read = await client.get(AT)
        await client.patch(AT, {"a": 1})
    assert (read.status, read.json) == (200, {})
    assert json.loads(path.read_text()) == {"a": 1}
    assert path.with_name("tree.json.broken-1").read_text() == "{ broken"

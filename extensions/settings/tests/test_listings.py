"""Listings of extensions, and the news and updates that are never fetched."""

import json

import pytest

import plughost_settings

AT = "/lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json"


@pytest.mark.proves("GET /lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json")
async def test_without_listings_both_are_empty(start, config):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}?1763860000000")
    assert (reply.status, reply.json) == (
        200,
        {
            "blocked_extensions_uris": [],
            "allowed_extensions_uris": [],
            "blocked_extensions": [],
            "allowed_extensions": [],
        },
    )


async def test_lists_come_from_files_and_are_read_again_each_time(start, config, tmp_path):
    first, second = tmp_path / "blocked one.json", tmp_path / "blocked-2.json"
    first.write_text(json.dumps({"blocked_extensions": [{"name": "@tea/rum", "reason": "no"}]}))
    uris = f"{first.as_uri()}, {second}"
    options = {"settings": {"blocked_extensions_uris": uris}}
    async with start(plughost_settings, extensions=options) as (_, client):
        before = (await client.get(AT)).json
        second.write_text('{"blocked_extensions": [{"name": "b"}], "allowed_extensions": [1]} // x')
        after = (await client.get(AT)).json
    assert before["blocked_extensions_uris"] == [first.as_uri(), str(second)]
    assert before["blocked_extensions"] == [{"name": "@tea/rum", "reason": "no"}]
    assert [each["name"] for each in after["blocked_extensions"]] == ["@tea/rum", "b"]
    assert after["allowed_extensions"] == []


async def test_nothing_is_fetched_and_what_is_not_read_is_still_a_restriction(
    start, config, caplog
):
    uris = ["https://example.org/allowed.json", "relative.json", "file://elsewhere/allowed.json"]
    options = {"settings": {"allowed_extensions_uris": uris}}
    async with start(plughost_settings, extensions=options) as (_, client):
        reply = (await client.get(AT)).json
    assert (reply["allowed_extensions_uris"], reply["allowed_extensions"]) == (uris, [])
    told = [record.getMessage() for record in caplog.records]
    assert all(any(f"{uri!r} is not read" in text for text in told) for uri in uris)


@pytest.mark.parametrize("text", ["{", "[]", '{"allowed_extensions": {}}', '"x"'])
async def test_a_list_that_is_none_counts_as_empty(start, config, tmp_path, text):
    path = tmp_path / "allowed.json"
    path.write_text(text)
    options = {"settings": {"allowed_extensions_uris": [str(path)]}}
    async with start(plughost_settings, extensions=options) as (_, client):
        reply = await client.get(AT)
    assert (reply.status, reply.json["allowed_extensions"]) == (200, [])


@pytest.mark.parametrize("file", ["", "listings.json", "@jupyterlab/other/listings.json", "../x"])
async def test_any_other_listing_is_refused(start, config, file):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"/lab/api/listings/{file}")
    assert (reply.status, "extensionmanager" in reply.json["hint"]) == (400, True)


@pytest.mark.proves("GET /lab/api/news", "GET /lab/api/update")
async def test_there_is_no_news_and_no_update(start, config):
    async with start(plughost_settings) as (_, client):
        news = await client.get("/lab/api/news?1763860000000")
        update = await client.get("/lab/api/update?1763860000000")
    assert (news.status, news.json) == (200, {"news": []})
    assert (update.status, update.json) == (200, {"notification": None})

"""Routes, replies and errors, over the wire."""

from __future__ import annotations

import logging

import msgspec
import pytest

from plughost import Conflict, Handler, JSONHandler, NotFound, Route, Status, hookimpl
from plughost.testing import TOKEN


class Item(msgspec.Struct):
    name: str
    size: int = 0


class Items(JSONHandler):
    def post(self, key: str) -> None:
        item = self.body(Item)
        self.reply({"key": key, "item": item}, status=201)

    def get(self, key: str) -> None:
        if key == "gone":
            raise NotFound(f"There is no item {key!r}.", hint="Items: none.")
        if key == "taken":
            raise Conflict("Taken.", reason="bad item", facts={"hash": "1f"})
        if key == "bug":
            raise ZeroDivisionError("secret detail")
        self.reply({"key": key})

    def delete(self, key: str) -> None:
        self.reply(None, status=204)


class Shelf:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/shelf/api/(?P<key>[^/]+)", Items), Route(r"/shelf", Handler)]

    @hookimpl
    def plughost_status(self):
        return [Status(lambda: {"items": 3})]


async def test_arguments_in_the_path_are_decoded(start):
    async with start(Shelf()) as (_, client):
        reply = await client.get("/shelf/api/a%20b%2Fc+d%C3%BC")
    assert reply.json == {"key": "a b/c+dü"}


async def test_a_path_that_is_not_utf8_is_a_bad_request(start):
    async with start(Shelf()) as (_, client):
        reply = await client.get("/shelf/api/%ff")
    assert reply.status == 400
    assert "UTF-8" in reply.json["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"name": 3}', "Expected `str`, got `int` - at `$.name`"),
        (b'{"size": 1}', "missing required field `name`"),
        (b'{"name": "\xff"}', "can't decode byte 0xff"),
        (b'{"name": "\\ud800 "}', "cannot be used"),
        (b'{"name": "a", "more": ' + b"[" * 100_000, "recursion"),
        (b'{"name": "a", "size": 1e400}', "out of range"),
    ],
    ids=["empty", "array", "number", "missing", "not utf-8", "surrogate", "deep", "huge"],
)
async def test_a_body_that_cannot_be_used_is_a_bad_request_that_says_why(start, body, said):
    async with start(Shelf()) as (_, client):
        reply = await client.request("POST", "/shelf/api/a", body)
    assert reply.status == 400
    assert said in reply.json["message"]


async def test_json_bodies_are_read_whatever_their_content_type(start):
    async with start(Shelf()) as (_, client):
        reply = await client.post(
            "/shelf/api/x", '{"name": "n"}', headers={"Content-Type": "text/plain;charset=UTF-8"}
        )
    assert (reply.status, reply.json) == (201, {"key": "x", "item": {"name": "n", "size": 0}})
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "Input data was truncated"),
        ('{"size": 1}', "missing required field `name`"),
        ('{"name": "n", "size": "big"}', "Expected `int`, got `str` - at `$.size`"),
        ("", "truncated"),
    ],
)
async def test_a_bad_body_is_told_where_it_is_wrong(start, body, message):
    async with start(Shelf()) as (_, client):
        reply = await client.post("/shelf/api/x", body)
    assert reply.status == 400
    assert message in reply.json["message"]


async def test_errors_carry_message_reason_and_hint(start):
    async with start(Shelf()) as (_, client):
        gone = await client.get("/shelf/api/gone")
        taken = await client.get("/shelf/api/taken")
    assert (gone.status, gone.json) == (
        404,
        {"message": "There is no item 'gone'.", "reason": None, "hint": "Items: none."},
    )
    assert (taken.status, taken.json) == (
        409,
        {"message": "Taken.", "reason": "bad item", "hash": "1f"},
    )


async def test_a_bug_is_a_500_that_tells_no_secrets_and_the_log_has_it(start, caplog):
    async with start(Shelf()) as (_, client):
        with caplog.at_level(logging.ERROR):
            reply = await client.get("/shelf/api/bug")
    assert reply.status == 500
    assert reply.json["message"] == "Unhandled error"
    assert reply.json["traceback"] == ""
    assert "secret detail" not in reply.text
    assert "secret detail" in caplog.text


async def test_unknown_paths_get_json_below_api_and_a_page_elsewhere(start):
    async with start(Shelf()) as (_, client):
        api = await client.get("/api/nothing")
        page = await client.get("/nothing")
    assert (api.status, page.status) == (404, 404)
    assert api.json["message"] == "No extension answers at '/api/nothing'."
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "No extension answers at &#39;/nothing&#39;." in page.text


async def test_unknown_extensions_are_a_json_error_with_the_known_ones(start):
    async with start(Shelf()) as (_, client):
        reply = await client.get("/plughost/api/extensions/Shelv")
        known = await client.get("/plughost/api/extensions")
    assert (reply.status, reply.json["hint"]) == (404, "Did you mean 'Shelf'? Installed: Shelf.")
    assert [(r["name"], r["state"]) for r in known.json] == [("Shelf", "active")]


async def test_a_trailing_slash_is_redirected_with_its_query(start):
    async with start(Shelf()) as (_, client):
        reply = await client.get("/shelf/api/x/?a=1")
    assert (reply.status, reply.headers["Location"]) == (302, "/shelf/api/x?a=1")


async def test_everything_moves_below_the_base_url(start):
    async with start(Shelf(), base_url="/user/ann/") as (_, client):
        inside = await client.get("/user/ann/shelf/api/x")
        outside = await client.get("/shelf/api/x")
    assert (inside.json, outside.status) == ({"key": "x"}, 404)


@pytest.mark.proves("GET /api", "GET /api/status")
async def test_version_is_public_and_status_sums_what_extensions_say(start):
    async with start(Shelf()) as (_host, client):
        version = await client.get("/api", token=None)
        status = await client.get("/api/status")
    assert set(version.json) == {"version"}
    assert list(status.json) == ["items", "last_activity", "loading", "started"]
    assert status.json["items"] == 3
    assert status.json["started"].endswith("Z")
    assert "etag" in {name.lower() for name in status.headers}


async def test_polling_that_asks_not_to_count_is_no_activity(start):
    async with start(Shelf()) as (host, client):
        before = host.last_activity
        await client.get("/shelf/api/x?no_track_activity=1")
        unchanged = host.last_activity
        await client.get("/shelf/api/x")
    assert before == unchanged < host.last_activity


@pytest.mark.proves("POST /api/shutdown")
async def test_shutdown_asks_the_host_to_stop_everything(start):
    async with start(Shelf()) as (host, client):
        reply = await client.post("/api/shutdown", "")
        asked = host.until(lambda: host.stopping, seconds=60)
        assert await asked
    assert (reply.status, host.keep) == (200, False)


@pytest.mark.proves("POST /api/security/csp-report")
async def test_a_policy_report_is_logged(start, caplog):
    async with start(Shelf()) as (_, client):
        reply = await client.post("/api/security/csp-report", '{"csp-report": {"blocked": "x"}}')
    assert reply.status == 204
    assert '"blocked": "x"' in caplog.text


async def test_every_setting_is_told_with_its_source_and_no_secret(start):
    async with start(Shelf(), hold=3.0) as (_, client):
        reply = await client.get("/plughost/api/config")
    settings = {entry["key"]: entry for entry in reply.json["settings"]}
    assert (settings["hold"]["value"], settings["hold"]["default"]) == (3.0, 5.0)
    assert settings["token"]["value"] == "…"
    assert TOKEN not in reply.text


async def test_what_cannot_be_told_as_json_takes_no_other_fact_along(start):
    class Odd:
        @hookimpl
        def plughost_status(self):
            return [Status(lambda: {"odd": object()})]

    async with start(Shelf(), Odd()) as (_, client):
        reply = await client.get("/api/status")
    assert (reply.status, reply.json["items"]) == (200, 3)


async def test_a_server_that_is_stopping_says_so(start):
    async with start(Shelf()) as (host, client):
        host.stop()
        reply = await client.get("/shelf/api/x")
    assert reply.status == 503
    assert reply.json["message"] == "This server is stopping."

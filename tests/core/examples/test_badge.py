"""Callers who have no token and show a badge instead."""

import pytest

import plughost_badge
import plughost_greeting

HELLO = "/greeting/api/hello/you"


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [
        ("4711", 200, None),
        ("revoked", 403, "This badge has been revoked."),
        ("0815", 403, "This server asks for its token."),
    ],
)
async def test_a_badge_decides(start, number, status, message):
    async with start(plughost_greeting, plughost_badge) as (_, client):
        reply = await client.get(HELLO, headers={"X-Badge": number}, token=None)
    assert (reply.status, reply.json.get("message")) == (status, message)


@pytest.mark.parametrize(
    ("target", "where"), [("%2Flab", "/lab"), ("%2F%2Fevil.example", "/"), ("evil", "/")]
)
async def test_logging_in_leads_back_to_this_server_only(start, target, where):
    async with start(plughost_greeting, plughost_badge) as (_, client):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = await client.post(f"/badge?next={target}", "badge=4711", headers=form, token=None)
        cookie = {"Cookie": reply.headers["Set-Cookie"].partition(";")[0]}
        me = await client.get("/api/me", headers=cookie, token=None)
    assert (reply.status, reply.headers["Location"]) == (302, where)
    assert me.json["identity"]["username"] == "ada"

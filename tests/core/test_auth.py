"""Default deny: who gets in, with what, and from where."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from tornado import web
from tornado.httpclient import HTTPClientError
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

from plughost import (
    Config,
    Forbidden,
    JSONHandler,
    Page,
    Route,
    WebSocketHandler,
    forget_logins,
    hookimpl,
)
from plughost.auth import Authentication, cookie_name
from plughost.testing import TOKEN


class Data(JSONHandler):
    def get(self) -> None:
        self.reply({"who": self.caller.proof if self.caller else None})

    post = get


class Raw(web.RequestHandler):
    """A stranger's handler that knows nothing of plughost, and forgets to check anything."""

    def get(self) -> None:
        self.write("secret")


class Echo(WebSocketHandler):
    def on_message(self, message: str) -> None:
        self.write_message(message)


class Doors:
    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/door/api", Data),
            Route(r"/open/api", Data, public=True),
            Route(r"/raw", Raw),
            Route(r"/socket", Echo),
        ]

    @hookimpl
    def plughost_pages(self):
        return [Page("door", r"/door", url="/door", title="Door")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/door/api", {}, 403),
        ("/door/api", {"Authorization": "token wrong"}, 403),
        ("/door/api?token=wrong", {}, 403),
        ("/raw", {}, 403),
        ("/door", {}, 403),
        ("/nothing/here", {}, 403),
        ("/plughost/frontends/host/plughost.json", {}, 403),
        ("/open/api", {}, 200),
        ("/door/api", {"Authorization": f"token {TOKEN}"}, 200),
        ("/door/api", {"Authorization": f"Bearer {TOKEN}"}, 200),
        (f"/door/api?token={TOKEN}", {}, 200),
        (f"/door/api?1763860000000&token={TOKEN}", {}, 200),
        ("/raw", {"Authorization": f"token {TOKEN}"}, 200),
    ],
)
async def test_only_a_caller_with_the_token_gets_in(start, path, headers, status):
    async with start(Doors()) as (_, client):
        reply = await client.get(path, headers=headers, token=None)
    assert reply.status == status


async def test_a_wrong_token_is_told_what_to_do(start):
    async with start(Doors()) as (_, client):
        api = await client.get("/door/api?token=wrong", token=None)
        page = await client.get("/door?token=wrong", token=None)
    assert api.json["message"] == "The token is wrong."
    assert "plughost serve" in api.json["hint"]
    assert "The token is wrong." in page.text
    assert '<input name="token"' in page.text


async def visit(client) -> dict[str, str]:
    """The cookies that a browser has after it opened the page with the token."""
    jar = set_by(await client.get(f"/door?token={TOKEN}", token=None))
    return {**jar, **set_by(await client.get("/door", headers=cookies(jar), token=None))}


def set_by(reply) -> dict[str, str]:
    pairs = (c.split(";")[0].split("=", 1) for c in reply.headers.get_list("Set-Cookie"))
    return dict(pairs)


def cookies(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}


async def test_a_page_opened_with_the_token_sets_a_cookie_that_lets_in(start):
    async with start(Doors()) as (_, client):
        jar = await visit(client)
        reply = await client.get("/door/api", headers=cookies(jar), token=None)
    assert reply.json == {"who": "cookie"}


async def test_a_page_opened_with_the_token_leads_to_the_clean_url(start):
    async with start(Doors()) as (_, client):
        reply = await client.get(f"/door?a=1&token={TOKEN}&b=%20x", token=None)
    assert (reply.status, reply.headers["Location"]) == (302, "/door?a=1&b=+x")


async def test_a_restart_logs_nobody_out_but_another_token_does(start):
    async with start(Doors(), token=None) as (host, client):
        first = await client.get(f"/door?token={host.auth.token}", token=None)
    cookie = first.headers["Set-Cookie"].split(";")[0]
    kept = {"Cookie": cookie, "Host": host_of(cookie)}
    async with start(Doors(), token=None) as (_, client):
        again = await client.get("/door/api", headers=kept, token=None)
    async with start(Doors(), token="changed") as (_, client):
        ended = await client.get("/door/api", headers=kept, token=None)
    assert (again.status, ended.status) == (200, 403)


def host_of(cookie):
    """The Host header under which a cookie was set: `username-127-0-0-1-8888=…`."""
    *address, port = cookie.split("=")[0].removeprefix("username-").split("-")
    return f"{'.'.join(address)}:{port}"


async def test_a_cookie_of_another_server_does_not_let_in(start):
    async with start(Doors(), token="another") as (_, client):
        other = await client.get("/door?token=another", token=None)
        stolen = {"Cookie": other.headers["Set-Cookie"].split(";")[0]}
    async with start(Doors()) as (_, client):
        reply = await client.get("/door/api", headers=stolen, token=None)
    assert reply.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "SELF"}, 200),
        ({"Origin": "https://friend.example"}, 200),
        ({"Origin": "https://friend.example.evil.example"}, 403),
    ],
)
async def test_a_cookie_counts_only_for_requests_of_our_own_pages(start, headers, status):
    async with start(Doors(), allow_origin=["https://friend.example"]) as (_, client):
        jar = await visit(client)
        headers = {k: client.base if v == "SELF" else v for k, v in headers.items()}
        reply = await client.post(
            "/door/api", "{}", headers={**cookies(jar), **headers}, token=None
        )
    assert reply.status == status


async def test_a_client_that_is_no_browser_may_send_the_xsrf_cookie_back(start):
    async with start(Doors()) as (_, client):
        jar = await visit(client)
        headers = {**cookies(jar), "X-XSRFToken": jar["_xsrf"]}
        reply = await client.post("/door/api", "{}", headers=headers, token=None)
    assert reply.status == 200


async def test_a_websocket_of_another_site_is_refused_even_with_the_cookie(start):
    async with start(Doors()) as (_, client):
        jar = await visit(client)
        with pytest.raises(HTTPClientError) as refused:
            await client.websocket(
                "/socket", headers={**cookies(jar), "Origin": "https://evil.example"}, token=None
            )
        ours = await client.websocket(
            "/socket", headers={**cookies(jar), "Origin": client.base}, token=None
        )
        await ours.write_message("hello")
        answer = await ours.read_message()
        ours.close()
    assert (refused.value.code, answer) == (403, "hello")


async def test_a_rebound_host_name_is_refused(start):
    async with start(Doors()) as (_, client):
        rebound = await client.get("/door/api", headers={"Host": "evil.example:80"})
    async with start(Doors(), allow_host=["lab.example"]) as (_, client):
        known = await client.get("/door/api", headers={"Host": "lab.example"})
    assert (rebound.status, known.status) == (403, 200)
    assert "'evil.example:80'" in rebound.json["message"]


async def test_an_empty_token_lets_everybody_in_but_no_other_site(start):
    async with start(Doors(), token="") as (_, client):
        here = await client.get("/door/api", token=None)
        there = await client.post(
            "/door/api", "{}", headers={"Origin": "https://evil.example"}, token=None
        )
    assert (here.json, there.status) == ({"who": "open"}, 403)


@pytest.mark.proves("OPTIONS /api/{path}")
async def test_a_preflight_is_answered_without_a_token(start):
    async with start(Doors()) as (_, client):
        reply = await client.request("OPTIONS", "/door/api", token=None)
    assert reply.status == 200
    assert "x-xsrftoken" in reply.headers["Access-Control-Allow-Headers"]


@pytest.mark.proves("GET /api/me")
async def test_identity_and_permissions_are_told(start):
    async with start(Doors()) as (_, client):
        reply = await client.get('/api/me?permissions={"contents":["read"]}')
        nonsense = await client.get("/api/me?permissions=[")
    identity = reply.json["identity"]
    assert set(identity) == {
        "username", "name", "display_name", "initials", "avatar_url", "color"
    }  # fmt: skip
    assert reply.json["permissions"] == {
        "contents": ["read"],
        "updatable_fields": ["name", "display_name", "initials", "avatar_url", "color"],
    }
    assert nonsense.status == 400


@pytest.mark.proves("PATCH /api/me")
async def test_a_person_gives_themselves_a_name_that_the_cookie_remembers(start):
    async with start(Doors()) as (_, client):
        jar = await visit(client)
        sent = {**cookies(jar), "Origin": client.base}
        before = (await client.get("/api/me", headers=sent, token=None)).json["identity"]
        changed = await client.patch(
            "/api/me", {"display_name": "Ada", "color": None}, headers=sent, token=None
        )
        sent = {**cookies({**jar, **set_by(changed)}), "Origin": client.base}
        after = (await client.get("/api/me", headers=sent, token=None)).json["identity"]
        unknown = await client.patch("/api/me", {"username": "root"}, headers=sent, token=None)
        nothing = await client.patch("/api/me", {}, headers=sent, token=None)
    async with start(Doors(), token="") as (_, client):
        nobody = await client.patch("/api/me", {"name": "Ada"}, token=None)
    assert (changed.status, changed.json["status"]) == (200, "success")
    assert after == changed.json["identity"] == {**before, "display_name": "Ada"}
    assert (unknown.status, nothing.status, nobody.status) == (400, 400, 403)
    assert "'username' cannot be changed" in unknown.json["message"]


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "Host",
                "Origin",
                "Sec-Fetch-Site",
                "Authorization",
                "Cookie",
                "X-XSRFToken",
                "Upgrade",
            ]
        ),
        st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=40)
        | st.sampled_from(["[", "http://[", "localhost:0", "same-origin", "token", "_xsrf=1"]),
    ),
    method=st.sampled_from(["GET", "POST"]),
    token=st.text(max_size=8),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_stranger_sends_is_refused_with_a_reason(cookieless, headers, method, token):
    auth, request = cookieless(method, f"/door/api?{urlencode({'token': token})}", headers)

    async def enter():
        auth.believe_proxy(request)
        auth.check_host(request)
        return await auth.identify(request)

    with pytest.raises(Forbidden):
        asyncio.run(enter())


ORIGINS = st.sampled_from(
    ["http://127.0.0.1:8888", "http://127.0.0.1:8889", "http://localhost:8888", "null", "[", ""]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


@given(
    origin=st.none() | ORIGINS,
    site=st.sampled_from([None, "same-origin", "same-site", "cross-site", "none", "odd"]),
    xsrf=st.tuples(*[st.sampled_from([None, "one", "two"])] * 2),
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    upgrade=st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_cookie_counts_for_our_own_origin_and_no_other(
    cookieless, origin, site, xsrf, method, upgrade
):
    auth, _ = cookieless("GET", "/", {"Host": "127.0.0.1:8888"})
    name = cookie_name("127.0.0.1:8888")
    value = auth.cookies.sign(name, json.dumps({"username": "ada"}))
    sent, echoed = xsrf
    headers = {
        "Host": "127.0.0.1:8888",
        "Cookie": f"{name}={value.decode()}" + (f"; _xsrf={sent}" if sent else ""),
        **({"Origin": origin} if origin is not None else {}),
        **({"Sec-Fetch-Site": site} if site is not None else {}),
        **({"X-XSRFToken": echoed} if echoed else {}),
        **({"Upgrade": "websocket"} if upgrade else {}),
    }
    auth, request = cookieless(method, "/door/api", headers)
    changes_nothing = method == "GET" and not upgrade
    if origin is not None:
        ours = urlsplit_or_none(origin) == "127.0.0.1:8888"
    else:
        ours = site in ("same-origin", "none") or (site is None and sent and sent == echoed)
    try:
        allowed = asyncio.run(auth.identify(request)).proof == "cookie"
    except Forbidden:
        allowed = False
    assert allowed == bool(changes_nothing or ours)


def urlsplit_or_none(origin):
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


@pytest.fixture(scope="module")
def cookieless(tmp_path_factory):
    """A guarded door, and requests to it as Tornado parses them."""
    runtime = tmp_path_factory.mktemp("runtime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
        auth = Authentication(Config(root=runtime, token=TOKEN))

    def make(method, uri, headers):
        try:
            line = RequestStartLine(method, uri, "HTTP/1.0")
            return auth, HTTPServerRequest(start_line=line, headers=HTTPHeaders(headers))
        except HTTPInputError:
            reject()  # Tornado does not let it through to us

    return make


async def test_no_log_holds_the_token(start, caplog):
    class Faulty:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/faulty/api", Bug)]

    class Bug(JSONHandler):
        def get(self):
            raise ZeroDivisionError

    async with start(Doors(), Faulty()) as (_, client):
        with caplog.at_level(logging.DEBUG):
            for path in ("/faulty/api", "/door/api", "/door", "/nothing", "/api/nothing"):
                await client.get(f"{path}?token={TOKEN}", token=None)
    assert "ZeroDivisionError" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_cookie_of_a_server_without_a_token_opens_no_other(start):
    async with start(Doors(), token="") as (_, client):
        reply = await client.get("/door", token=None)
    assert not [c for c in reply.headers.get_list("Set-Cookie") if c.startswith("username-")]


async def test_forgetting_all_logins_ends_them_at_once(start):
    async with start(Doors()) as (_, client):
        jar = await visit(client)
        before = await client.get("/door/api", headers=cookies(jar), token=None)
        forget_logins()
        after = await client.get("/door/api", headers=cookies(jar), token=None)
        again = await client.get("/door/api", headers=cookies(await visit(client)), token=None)
    assert (before.status, after.status, again.status) == (200, 403, 200)


async def test_a_secret_that_was_cut_short_is_replaced(start, jupyter_folders):
    file = jupyter_folders / "jupyter-runtime" / "plughost_cookie_secret"
    file.write_bytes(b"")
    async with start(Doors(), token=None):
        assert len(file.read_bytes()) == 32


@pytest.mark.parametrize(
    "there",
    [
        {"Sec-Fetch-Mode": "navigate"},
        {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
    ],
    ids=["secure", "plain"],
)
async def test_what_a_browser_shows_has_no_token_in_its_address(start, there):
    async with start(Doors()) as (_, client):
        shown = await client.get(f"/raw?a=1&token={TOKEN}", headers=there, token=None)
        fetched = await client.get(f"/raw?token={TOKEN}", token=None)
    assert (shown.status, shown.headers["Location"]) == (302, "/raw?a=1")
    assert shown.headers["Set-Cookie"].startswith("username-")
    assert (fetched.status, fetched.text) == (200, "secret")


@pytest.mark.parametrize("path", ["//evil.example/", "/x%7B/", "/x{/"])
async def test_a_trailing_slash_never_leads_to_another_host(start, path):
    async with start(Doors()) as (_, client):
        reply = await client.get(path)
    assert reply.status == 302
    assert not reply.headers["Location"].startswith("//")


async def test_ending_logins_closes_what_they_have_opened(served):
    server = served()
    client = server.client
    jar = {}
    for path in (f"/lab?token={TOKEN}", "/lab"):
        jar |= set_by(await client.get(path, headers=cookies(jar), token=None))
    ours = {**cookies(jar), "Origin": client.base}
    by_cookie = await client.websocket("/api/events/subscribe", headers=ours, token=None)
    by_token = await client.websocket("/api/events/subscribe")
    revoke = [sys.executable, "-m", "plughost", "token", "revoke"]
    await asyncio.to_thread(subprocess.run, revoke, check=True, capture_output=True)
    assert await asyncio.wait_for(by_cookie.read_message(), 60) is None
    assert by_cookie.close_code == 1008
    assert by_token.close_code is None
    by_cookie.close()
    by_token.close()

"""The pages, through real requests: who gets in, where they land, and how they get out."""

import asyncio
import json
from http.cookies import SimpleCookie

import argon2
import pytest

import plughost_login
from plughost import JSONHandler, Route, hookimpl
from plughost.testing import TOKEN
from plughost_login.credentials import Credentials

from .conftest import ARGON2, PASSWORD, SHA1, SHA256, cookies


class Room:
    """A page of somebody's, for people who are in."""

    @hookimpl
    def plughost_routes(self):
        return [Route("/room", Inside), Route("/room/api", Inside)]


class Inside(JSONHandler):
    def get(self):
        self.reply({"who": self.caller.user.username, "proof": self.caller.proof})

    post = get


async def test_a_page_asked_for_without_proof_leads_to_the_login_page_and_back(start, send):
    async with start(plughost_login, Room(), hashed_password=ARGON2) as (_, client):
        await client.get("/login", token=None)  # held until it has started
        asked = await client.get("/room?x=1&y=%2F", token=None)
        page = await client.get(asked.headers["Location"], token=None)
        entered = await send(client, asked.headers["Location"], password=PASSWORD)
        inside = await client.get("/room", token=None, headers={"Cookie": cookies(entered)})
        program = await client.get("/room/api", token=None)
    assert (asked.status, page.status, entered.status) == (302, 200, 302)
    assert asked.headers["Location"].startswith("/login?next=")
    assert entered.headers["Location"] == "/room?x=1&y=%2F"
    assert inside.json["proof"] == "cookie"
    assert program.status == 403


@pytest.mark.proves("GET /login")
async def test_the_page_has_a_form_and_needs_nothing_from_anywhere(start):
    async with start(plughost_login, hashed_password=ARGON2) as (_, client):
        page = await client.get("/login?next=%2Flab%22%3E%3Cscript%3E", token=None)
        head = await client.request("HEAD", "/login", token=None)
    assert (page.status, head.status) == (200, 200)
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert page.headers["Cache-Control"] == "no-store"
    policy = dict(
        part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
    )
    nonce = policy.pop("style-src")
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert f'<style nonce="{nonce.split("-", 1)[1][:-1]}">' in page.text
    assert '<label for="password">Password or token</label>' in page.text
    assert 'action="/login?next=%2Flab%22%3E%3Cscript%3E"' in page.text
    assert "<script" not in page.text
    assert "Set-Cookie" in page.headers, "the cookie _xsrf, for scripts"


@pytest.mark.proves("POST /login")
@pytest.mark.parametrize("hashed", [ARGON2, SHA1, SHA256])
@pytest.mark.parametrize("typed", [PASSWORD, TOKEN, f" {TOKEN}\n"])
async def test_the_password_and_the_token_let_people_in(start, send, hashed, typed):
    async with start(plughost_login, Room(), hashed_password=hashed) as (_, client):
        reply = await send(client, "/login", password=typed)
        inside = await client.get("/room", token=None, headers={"Cookie": cookies(reply)})
    (name,) = SimpleCookie(cookies(reply))
    morsel = SimpleCookie(reply.headers["Set-Cookie"])[name]
    assert (reply.status, reply.headers["Location"]) == (302, "/")
    assert name.startswith("username-127-0-0-1-")
    assert (morsel["path"], morsel["httponly"], morsel["samesite"]) == ("/", True, "Lax")
    assert inside.status == 200


@pytest.mark.parametrize("typed", ["wrong", f"{PASSWORD} ", ARGON2, "x" * 5000])
async def test_anything_else_gets_the_form_again(start, send, typed):
    async with start(plughost_login, hashed_password=ARGON2) as (_, client):
        reply = await send(client, "/login?next=/lab", password=typed)
    assert reply.status == 401
    assert "That is not the password or token of this server." in reply.text
    assert 'role="alert"' in reply.text
    assert 'action="/login?next=%2Flab"' in reply.text
    assert "username-" not in str(reply.headers)
    assert typed not in reply.text


async def test_an_empty_form_is_no_attempt(start, send):
    async with start(plughost_login) as (_, client):
        replies = [await send(client, "/login", **fields) for fields in [{"password": ""}, {}] * 5]
    assert {reply.status for reply in replies} == {401}
    assert "Nothing was typed." in replies[-1].text


async def test_without_a_password_the_page_asks_for_the_token_and_says_where_it_is(start, send):
    async with start(plughost_login) as (_, client):
        page = await client.get("/login", token=None)
        wrong = await send(client, "/login", password="wrong")
        right = await send(client, "/login", password=TOKEN)
    assert '<label for="password">Token</label>' in page.text
    assert "<code>plughost serve</code> printed" in page.text
    assert "That is not the token of this server." in wrong.text
    assert (wrong.status, right.status) == (401, 302)


async def test_a_hash_that_is_none_opens_nothing_and_is_told(start, send, caplog):
    async with start(plughost_login, hashed_password=PASSWORD) as (_, client):
        page = await client.get("/login", token=None)
        reply = await send(client, "/login", password=PASSWORD)
    assert (page.text.count("Password or token"), reply.status) == (0, 401)
    assert "is no hash that Jupyter writes" in caplog.text
    assert PASSWORD not in caplog.text


async def test_who_is_in_already_goes_where_they_wanted(start):
    async with start(plughost_login, Room()) as (_, client):
        reply = await client.get(f"/login?next=/room&token={TOKEN}", token=None)
        cookie = {"Cookie": cookies(reply)}
        again = await client.get("/login?next=/room", token=None, headers=cookie)
    assert (reply.status, reply.headers["Location"]) == (302, "/room")
    assert (again.status, again.headers["Location"]) == (302, "/room")


async def test_next_counts_in_the_form_as_well_and_leads_nowhere_else(start, send):
    prefix = "/user/ada"
    async with start(plughost_login, base_url="/user/ada/") as (_, client):
        for url, expected in [
            ("/user/ada/lab", "/user/ada/lab"),
            ("//evil.example", "/user/ada/"),
            ("https://evil.example", "/user/ada/"),
            ("\\\\evil.example", "/user/ada/"),
            ("/\\evil.example", "/user/ada/"),
            ("%2F%2Fevil.example", "/user/ada/"),
            ("/user/eve/", "/user/ada/"),
        ]:
            by_form = await send(client, f"{prefix}/login", password=TOKEN, next=url)
            assert (by_form.status, by_form.headers["Location"]) == (302, expected)
        by_query = await send(client, f"{prefix}/login?next=%2F%2Fevil.example", password=TOKEN)
        asked = await client.get(f"{prefix}/lab", token=None)
        page = await client.get(asked.headers["Location"], token=None)
    assert by_query.headers["Location"] == "/user/ada/"
    assert asked.headers["Location"] == "/user/ada/login?next=%2Fuser%2Fada%2Flab"
    assert 'action="/user/ada/login?next=%2Fuser%2Fada%2Flab"' in page.text
    assert "; Path=/user/ada/;" in by_query.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Origin": "{server}"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Cookie": "_xsrf={xsrf}", "X-XSRFToken": "{xsrf}"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({}, False),
        ({"X-XSRFToken": "{xsrf}"}, False),
        ({"Cookie": "_xsrf={xsrf}"}, False),
    ],
)
async def test_only_our_own_pages_may_send_a_form(start, send, path, headers, allowed):
    async with start(plughost_login) as (_, client):
        page = await client.get("/login", token=None)
        xsrf = SimpleCookie(page.headers["Set-Cookie"])["_xsrf"].value
        sent = {k: v.format(server=client.base, xsrf=xsrf) for k, v in headers.items()}
        reply = await send(client, path, sent, password=TOKEN)
    assert (reply.status in (200, 302)) == allowed
    assert allowed or reply.status == 403
    assert ("username-" in str(reply.headers)) == allowed


async def test_a_script_logs_in_with_the_cookie_xsrf_in_its_form(start, send):
    async with start(plughost_login) as (_, client):
        page = await client.get("/login", token=None)
        cookie = {"Cookie": cookies(page)}
        again = await client.get("/login", token=None, headers=cookie)
        xsrf = SimpleCookie(cookies(page))["_xsrf"].value
        reply = await send(client, "/login", cookie, password=TOKEN, _xsrf=xsrf)
        other = await send(client, "/login", cookie, password=TOKEN, _xsrf=f"{xsrf}0")
    assert (reply.status, other.status) == (302, 403)
    assert f'value="{xsrf}"' in again.text
    assert "Set-Cookie" not in again.headers


async def test_a_form_that_is_too_large_is_not_even_read(start, send):
    async with start(plughost_login) as (_, client):
        reply = await send(client, "/login", password="x" * 1_000_000)
        other = await send(client, "/logout", password="x" * 1_000_000)
    assert (reply.status, other.status) == (413, 413)
    assert "; 65536 are the most." in reply.text


async def test_other_requests_are_answered_while_a_password_is_checked(start, send):
    slow = argon2.PasswordHasher(memory_cost=65536, time_cost=20, parallelism=1)
    async with start(plughost_login, hashed_password="argon2:" + slow.hash(PASSWORD)) as (
        _,
        client,
    ):
        await client.get("/login", token=None)
        login = asyncio.ensure_future(send(client, "/login", password=PASSWORD))
        answered = 0
        while not login.done():
            answered += (await client.get("/api/status")).status == 200
    assert login.result().status == 302
    assert answered > 5


async def test_wrong_passwords_make_the_next_attempt_wait_and_the_page_says_so(start, send, clock):
    async with start(plughost_login, hashed_password=ARGON2) as (host, client):
        host.service(Credentials).attempts.clock = clock
        failed = [await send(client, "/login", password="wrong") for _ in range(3)]
        refused = await send(client, "/login", password=PASSWORD)
        page = await client.get("/login", token=None)
        clock.now += 1
        late = await send(client, "/login", password=PASSWORD)
        after = await send(client, "/login", password="wrong")
    assert [reply.status for reply in failed] == [401, 401, 401]
    assert "Wait 1 second before the next attempt." in failed[-1].text
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert "There were too many wrong passwords from your address. Wait 1 second." in refused.text
    assert (page.status, page.headers["Retry-After"]) == (200, "1")
    assert "Wait 1 second." in page.text
    assert (late.status, after.status) == (302, 401)
    assert "Wait" not in after.text, "success resets"


async def test_many_attempts_at_once_are_no_way_round_the_wait(start, send, clock):
    async with start(plughost_login, hashed_password=SHA1) as (host, client):
        host.service(Credentials).attempts.clock = clock
        replies = await asyncio.gather(
            *(send(client, "/login", password=f"wrong{n}") for n in range(10))
        )
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [401] * 3 + [429] * 7


async def test_the_ceiling_for_everybody_is_a_setting_and_the_token_works_meanwhile(
    start, send, clock
):
    settings = {"login": {"failures_per_minute": 2}}
    async with start(plughost_login, Room(), hashed_password=SHA1, extensions=settings) as (
        host,
        client,
    ):
        host.service(Credentials).attempts.clock = clock
        failed = [await send(client, "/login", password="wrong") for _ in range(2)]
        refused = await send(client, "/login", password=PASSWORD)
        inside = await client.get("/room")
    assert [reply.status for reply in failed] == [401, 401]
    assert refused.status == 429
    assert "from many places" in refused.text
    assert refused.headers["Retry-After"] == "60"
    assert inside.status == 200


async def test_proxies_that_are_trusted_say_whose_attempt_it_is(start, send, clock):
    async with start(plughost_login, hashed_password=SHA1, trusted_proxies=["127.0.0.1"]) as (
        host,
        client,
    ):
        host.service(Credentials).attempts.clock = clock

        async def attempt(address):
            own = {"Origin": client.base, "X-Forwarded-For": address}
            return (await send(client, "/login", own, password="wrong")).status

        here = [await attempt("192.0.2.1") for _ in range(4)]
        elsewhere = await attempt("192.0.2.2")
    assert (here, elsewhere) == ([401, 401, 401, 429], 401)


async def test_what_is_typed_is_never_logged(start, send, caplog):
    caplog.set_level("DEBUG")
    async with start(plughost_login, hashed_password=SHA1) as (_, client):
        await send(client, "/login?next=/canary-path", password="canary-wrong")
        await send(client, "/login", password=PASSWORD)
    assert "typed a wrong password (1 so far)" in caplog.text
    assert "logged in with the password" in caplog.text
    assert "canary" not in caplog.text
    assert PASSWORD not in caplog.text
    assert TOKEN not in caplog.text


async def test_who_has_the_token_can_set_a_password_that_jupyter_knows_too(
    start, send, jupyter_file, write
):
    write({"ServerApp": {"port": 9999}})
    async with start(plughost_login, Room()) as (_, client):
        before = await send(client, "/login", password=TOKEN)
        reply = await send(
            client, "/login?next=/room", password=TOKEN, new_password="correct horse"
        )
        old = await client.get("/room/api", token=None, headers={"Cookie": cookies(before)})
        new = await client.get("/room/api", token=None, headers={"Cookie": cookies(reply)})
        page = await client.get("/login", token=None)
        by_password = await send(client, "/login", password="correct horse")
    written = json.loads(jupyter_file.read_text())
    assert (reply.status, reply.headers["Location"]) == (302, "/room")
    assert (old.status, new.status) == (403, 200), "another password ends the other logins"
    assert "Password or token" in page.text
    assert by_password.status == 302
    assert written["ServerApp"] == {"port": 9999}
    assert written["IdentityProvider"]["hashed_password"].startswith("argon2:$argon2id$")


async def test_the_old_password_is_not_enough_to_set_another(start, send, jupyter_file, write):
    write({"IdentityProvider": {"hashed_password": SHA1}})
    async with start(plughost_login) as (_, client):
        replies = [
            await send(client, "/login", password=typed, new_password="new")
            for typed in ("", "wrong", PASSWORD)
        ]
    assert [reply.status for reply in replies] == [401, 401, 401]
    assert "the old password is not enough" in replies[-1].text
    assert json.loads(jupyter_file.read_text())["IdentityProvider"]["hashed_password"] == SHA1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hashed_password": SHA1}, "The password is set in the program, and can only be changed"),
        (
            {"extensions": {"login": {"allow_password_change": False}}},
            "This server does not let its password be changed here.",
        ),
    ],
)
async def test_a_password_that_is_fixed_stays(start, send, jupyter_file, settings, said):
    async with start(plughost_login, **settings) as (_, client):
        page = await client.get("/login", token=None)
        reply = await send(client, "/login", password=TOKEN, new_password="new")
    assert "new_password" not in page.text
    assert reply.status == 403
    assert said in reply.text
    assert not jupyter_file.exists()


async def test_a_file_that_cannot_be_written_is_told_on_the_page(start, send, jupyter_file):
    jupyter_file.write_text("{")
    async with start(plughost_login) as (_, client):
        reply = await send(client, "/login", password=TOKEN, new_password="new")
    assert reply.status == 409
    assert "it is no JSON" in reply.text


@pytest.mark.proves("GET /logout")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("base_url", ["/", "/user/ada/"])
async def test_logging_out_takes_the_cookie_back(start, send, method, base_url):
    prefix = base_url.rstrip("/")
    async with start(plughost_login, base_url=base_url) as (_, client):
        entered = await send(client, f"{prefix}/login", password=TOKEN)
        own = {"Origin": client.base, "Cookie": cookies(entered)}
        reply = await client.request(
            method, f"{prefix}/logout", "" if method == "POST" else None, headers=own, token=None
        )
    (name,) = SimpleCookie(cookies(entered))
    cleared = [
        SimpleCookie(each)[name]
        for each in reply.headers.get_list("Set-Cookie")
        if each.startswith("username-")
    ]
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert "You are logged out" in reply.text
    assert f'href="{base_url}login"' in reply.text
    assert {morsel["path"] for morsel in cleared} == {base_url, "/"}
    assert {morsel.value for morsel in cleared} == {""}


async def test_another_site_can_lead_people_to_the_logout_but_not_throw_them_out(start):
    async with start(plughost_login) as (_, client):
        reply = await client.get("/logout", headers={"Sec-Fetch-Site": "cross-site"}, token=None)
    assert (reply.status, "username-" in str(reply.headers)) == (200, False)
    assert "Do you want to log out?" in reply.text
    assert '<form method="post" action="/logout">' in reply.text


async def test_where_everybody_may_enter_nobody_is_asked(start, send):
    async with start(plughost_login, Room(), no_auth=True, token="") as (_, client):
        page = await client.get("/login?next=/room", token=None)
        posted = await send(client, "/login?next=/room", password="whatever")
        out = await client.get("/logout", token=None)
    assert (page.status, page.headers["Location"]) == (302, "/room")
    assert (posted.status, posted.headers["Location"]) == (302, "/room")
    assert "username-" not in str(posted.headers), "nobody proved anything"
    assert "lets everybody in" in out.text


async def test_jupyters_name_for_whether_the_password_can_be_changed_counts(served, write, send):
    write({"PasswordIdentityProvider": {"allow_password_change": False, "hashed_password": SHA1}})
    server = served()
    page = await server.client.get("/login", token=None)
    reply = await send(server.client, "/login", password=PASSWORD)
    assert "new_password" not in page.text
    assert reply.status == 302

"""Every hook of the host: what comes of what it returns, and what of its failure."""

from __future__ import annotations

import asyncio
import logging
import types

import pytest

from plughost import (
    Authenticator,
    Doing,
    ExtensionError,
    ExtensionRecord,
    Forbidden,
    Frontend,
    Guests,
    HookSpecs,
    JSONHandler,
    LogHandler,
    Observer,
    Page,
    PageConfig,
    Route,
    Service,
    State,
    Status,
    User,
    doing,
    hookimpl,
    hookspec,
)
from plughost.hooks import HOST_HOOKS
from tests.core.test_pages import script, write_frontend


class Who(JSONHandler):
    def get(self) -> None:
        self.reply({"user": self.current_user.username, "proof": self.caller.proof})

    post = get


class Guarded:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/who/api", Who)]


class Tea:
    def __init__(self, kind="black"):
        self.kind = kind


# -- one test for each hook


async def test_hook_plughost_hookspecs(start):
    class Specs:
        @hookspec
        def pot_teas(self, water):
            """Kinds of tea."""

    class Pot:
        @hookimpl
        def plughost_hookspecs(self):
            return [HookSpecs(Specs)]

    class Green:
        @hookimpl
        def pot_teas(self, water):
            return [Tea(f"green in {water}")]

    class Broken:
        @hookimpl
        def pot_teas(self):
            raise OSError("spilt")

    class Odd:
        @hookimpl
        def pot_teas(self):
            return ["coffee"]

    class Black:
        @hookimpl
        def pot_teas(self):
            return [Tea()]

    named = {"green": Green(), "broken": Broken(), "odd": Odd(), "pot": Pot(), "black": Black()}
    async with start() as (host, _):
        for name, plugin in named.items():
            host.add(name, plugin)
        await host.settle()
        teas = host.ask("pot_teas", Tea, water="rain")
        kinds = {name: [tea.kind for tea in found] for name, found in teas.items()}
        errors = {name: record.error for name, record in host.records.items()}
        states = {record.state.value for record in host.records.values()}
        with pytest.raises(ExtensionError, match="No extension declares the hook 'pot_tea'") as e:
            host.ask("pot_tea", Tea)
    assert kinds == {"green": ["green in rain"], "black": ["black"]}
    assert "spilt" in errors["broken"]
    assert "returned a str, not a Tea" in errors["odd"]
    assert states == {"active"}
    assert "Did you mean 'pot_teas'?" in e.value.hint


async def test_hook_plughost_services(start):
    class Brewer:
        state = "cold"

        async def start(self):
            self.state = "hot"

        async def stop(self):
            self.state = "cold"

    brewer = Brewer()

    class Kitchen:
        @hookimpl
        def plughost_services(self):
            return [Service(brewer)]

    async with start(Kitchen()) as (host, _):
        await host.settle()
        assert host.service(Brewer) is brewer
        assert brewer.state == "hot"
        assert host.records["Kitchen"].to_json()["provides"] == {Service(brewer).key: "Kitchen"}
    assert brewer.state == "cold"


async def test_hook_plughost_authenticators(start):
    async def by_badge(request):
        badge = request.headers.get("X-Badge")
        if badge == "stolen":
            raise Forbidden("This badge is stolen.")
        if badge == "strange":
            return "a string"
        return User(username=badge) if badge else None

    class Badges:
        @hookimpl
        def plughost_authenticators(self):
            return [Authenticator(by_badge, login="/badges")]

        @hookimpl
        def plughost_pages(self):
            return [Page("hall", r"/hall", url="/hall", title="Hall")]

    async with start(Guarded(), Badges(), base_url="/b/") as (host, client):

        async def ask(path="/b/who/api", method="GET", **headers):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=names, token=None)

        known = await ask(X_Badge="ada")
        stolen = await ask(X_Badge="stolen")
        strange = await ask(X_Badge="strange")
        nobody = await ask()
        elsewhere = await ask(method="POST", X_Badge="ada", Origin="https://evil.example")
        here = await ask(method="POST", X_Badge="ada", Origin=client.base)
        person = await ask("/b/hall?a=1")
        owner = await client.get("/b/who/api")
        record = host.records["Badges"].to_json()
    assert known.json == {"user": "ada", "proof": "Badges"}
    assert (stolen.status, stolen.json["message"]) == (403, "This badge is stolen.")
    assert (strange.status, nobody.status, elsewhere.status, here.status) == (403, 403, 403, 200)
    assert (person.status, person.headers["Location"]) == (
        302,
        "/b/badges?next=%2Fb%2Fhall%3Fa%3D1",
    )
    assert owner.json["proof"] == "token"
    assert "returned a str, not a plughost.User" in record["error"]


async def test_hook_plughost_routes(start):
    async with start(Guarded()) as (_, client):
        reply = await client.get("/who/api")
    assert reply.json["proof"] == "token"


async def test_hook_plughost_pages(start):
    class Board:
        @hookimpl
        def plughost_pages(self):
            return [Page("board", r"/board", url="/board", title="Board & co")]

    async with start(Board()) as (_, client):
        reply = await client.get("/board")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-store")
    assert "<title>Board &amp; co</title>" in reply.text


async def test_hook_plughost_page_config(start):
    class Board:
        @hookimpl
        def plughost_pages(self):
            return [Page("board", r"/board", url="/board", title="Board")]

        @hookimpl
        def plughost_page_config(self):
            return [
                PageConfig("board", lambda visit: {"query": visit.query["q"]}),
                PageConfig("board", lambda visit: {"later": {1, 2}}),
            ]

    async with start(Board()) as (host, client):
        page = (await client.get("/board?q=tea")).text
        record = host.records["Board"].to_json()
    boot = script(page, 'type="application/json" id="plughost-boot"')
    assert boot["config"] == {"query": "tea"}
    assert (record["state"], record["phase"]) == ("active", "page configuration")
    assert "not JSON serializable" in record["error"]


async def test_hook_plughost_frontends(start, tmp_path):
    folder = write_frontend(tmp_path / "part", pages=["board"])

    class Part:
        @hookimpl
        def plughost_frontends(self):
            return [Frontend(folder)]

    async with start(Part()) as (host, client):
        reply = await client.get("/plughost/frontends/Part.1/index-ABCDEFGH.js")
        names = [frontend.extension for frontend in host.frontends]
    assert (reply.status, names[-1]) == (200, "Part.1")


async def test_hook_plughost_guests(start):
    class Kitchen:
        guests = (ExtensionRecord("@tea/leaf", version="2.0", state=State.ACTIVE), 7)

        @hookimpl
        def plughost_guests(self):
            return [Guests(lambda: self.guests)]

    class Odd:
        @hookimpl
        def plughost_guests(self):
            return [Guests(lambda: [ExtensionRecord("Kitchen"), ExtensionRecord("@tea/leaf")])]

    async with start(Kitchen(), Odd()) as (host, client):
        replies = (await client.get("/plughost/api/extensions")).json
        names = [each["name"] for each in replies]
        one = await client.get("/plughost/api/extensions/%40tea%2Fleaf")
        none = await client.get("/plughost/api/extensions/milk")
        posted = await client.post("/plughost/api/extensions/%40tea%2Fleaf")
        off = await client.patch("/plughost/api/extensions/%40tea%2Fleaf", {"enabled": False})
        switch = host.switch("@tea/leaf")
        await client.patch("/plughost/api/extensions/%40tea%2Fleaf", {"enabled": True})
        assert host.switch("@tea/leaf").enabled
    assert names == ["Kitchen", "Odd", "@tea/leaf"]
    assert (one.json["version"], one.json["guestOf"]) == ("2.0", "Kitchen")
    assert "object has no attribute" in replies[0]["error"]
    assert "@tea/leaf" in none.json["hint"]
    assert (posted.status, off.status) == (200, 200)
    assert (switch.enabled, switch.reason) == (False, "Disabled since the server was started.")


async def test_hook_plughost_status(start):
    class Counts:
        @hookimpl
        def plughost_status(self):
            return [Status(lambda: {"teas": 3}), Status(lambda: {"bad": object()})]

    async with start(Counts()) as (host, client):
        reply = await client.get("/api/status")
        record = host.records["Counts"].to_json()
    assert (reply.status, reply.json["teas"]) == (200, 3)
    assert "bad" not in reply.json
    assert (record["state"], record["phase"]) == ("active", "status")


async def test_hook_plughost_observers(start):
    seen = []

    class Watch:
        @hookimpl
        def plughost_observers(self):
            return [Observer(lambda answered: 1 / 0), Observer(seen.append)]

    async with start(Guarded(), Watch()) as (host, client):
        reply = await client.get("/who/api?a=1")
        await client.get("/nothing/api", token=None)
        sockets = host.application.open_sockets
        record = host.records["Watch"].to_json()
    known, unknown = seen
    assert (known.method, known.path, known.route, known.extension, known.proof, known.status) == (
        "GET", "/who/api", "/who/api", "Guarded", "token", 200
    )  # fmt: skip
    assert (known.user, 0 < known.seconds < 60) == (reply.json["user"], True)
    assert (unknown.route, unknown.extension, unknown.user, unknown.status) == ("", "", "", 403)
    assert sockets == {}
    assert (record["state"], record["phase"]) == ("active", "observe")


async def test_log_lines_know_what_they_are_about(start):
    seen = []

    class Facts(logging.Handler):
        def emit(self, record):
            seen.append((record.getMessage(), doing()))

    class Says(JSONHandler):
        async def get(self):
            log.warning("first")
            await asyncio.gather(asyncio.to_thread(log.warning, "second"))
            self.reply(None)

    class Talker:
        @hookimpl
        def plughost_log_handlers(self):
            return [LogHandler(Facts(), "plughost.test")]

        @hookimpl
        def plughost_routes(self):
            return [Route(r"/talk/api", Says)]

        @hookimpl
        def plughost_services(self):
            return [Service(self)]

        async def start(self):
            log.warning("start")

    log = logging.getLogger("plughost.test")
    async with start(Talker()) as (host, client):
        await host.settle()
        for _ in range(2):
            await client.get("/talk/api")
        log.warning("outside")
    said = {}
    for text, facts in seen:
        said.setdefault(text, []).append(facts)
    assert {facts.extension for text in ("first", "second", "start") for facts in said[text]} == {
        "Talker"
    }
    assert said["first"] == said["second"]
    assert len({facts.request for facts in said["first"]}) == 2
    assert all(facts.user for facts in said["first"])
    assert said["outside"] == [Doing()]


async def test_hook_plughost_log_handlers(start):
    class Kept(logging.Handler):
        def __init__(self):
            super().__init__(logging.WARNING)
            self.messages = []

        def emit(self, record):
            self.messages.append(record.getMessage())

    kept = Kept()

    class Keeper:
        @hookimpl
        def plughost_log_handlers(self):
            return [LogHandler(kept, "plughost.test")]

    log = logging.getLogger("plughost.test")
    async with start(Keeper()) as (host, _):
        log.warning("one")
        await host.disable("Keeper")
        log.warning("two")
        await host.replace("Keeper", Keeper())
        log.warning("three")
    log.warning("four")
    assert kept.messages == ["one", "three"]


# -- and its failure


@pytest.mark.parametrize("hook", HOST_HOOKS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: [object()], "returned an object, not a"),
        (lambda: None, "returned NoneType, not a list"),
    ],
    ids=["raises", "wrong value", "no list"],
)
async def test_whatever_goes_wrong_in_a_hook_is_on_record_and_the_rest_runs(
    start, hook, answer, error
):
    def implementation(self):
        return answer()

    implementation.__name__ = hook
    broken = type("Broken", (), {hook: hookimpl(implementation)})()
    async with start(Guarded()) as (host, client):
        host.add("broken", broken)
        reply = await client.get("/who/api")
        record = (await client.get("/plughost/api/extensions/broken")).json
    assert reply.status == 200
    assert (record["state"], record["phase"]) == ("failed", hook)
    assert error in record["error"]
    assert record["nextStep"]


async def test_a_hook_that_nobody_asks_for_is_named(start):
    class Early:
        @hookimpl
        def pot_teas(self):
            return []

        @hookimpl(optionalhook=True)
        def pan_sauces(self):
            return []

    async with start(Early()) as (host, _):
        await host.settle()
        record = host.records["Early"].to_json()
    assert record["state"] == "active"
    assert [note.split(".")[0] for note in record["notes"]] == [
        "Nobody asks for its hook 'pot_teas'"
    ]


@pytest.mark.parametrize(
    ("name", "error"),
    [("teas", "does not begin with its name"), ("pot_teas", "already belongs to")],
)
async def test_a_declared_hook_has_its_owners_name_and_one_owner(start, name, error):
    namespace = types.SimpleNamespace(pot_teas=hookspec(lambda: None))
    other = types.SimpleNamespace(**{name: hookspec(lambda: None)})

    class Pot:
        @hookimpl
        def plughost_hookspecs(self):
            return [HookSpecs(namespace), HookSpecs(other)]

    async with start() as (host, _):
        host.add("pot", Pot())
        record = host.records["pot"].to_json()
    assert (record["state"], record["phase"]) == ("failed", "plughost_hookspecs")
    assert error in record["error"]

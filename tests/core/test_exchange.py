"""Enable, disable, replace: one mechanism, in the running host, noticed by nobody else."""

from __future__ import annotations

import asyncio

import pytest

from plughost import (
    ExtensionError,
    Forbidden,
    Frontend,
    Host,
    JSONHandler,
    Page,
    Route,
    Service,
    WebSocketHandler,
    hookimpl,
)
from plughost.config import load
from plughost.testing import TOKEN
from tests.core.test_pages import write_frontend

TEA = "plughost.test.Tea"


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)


class Shelf:
    """A service that says aloud when it is started and stopped."""

    def __init__(self, name, story):
        self.name = name
        self.story = story

    async def start(self):
        self.story.append(f"+{self.name}")

    async def stop(self):
        self.story.append(f"-{self.name}")


class Named(JSONHandler):
    def initialize(self, shelf):
        self.shelf = shelf

    def get(self):
        self.reply(self.shelf.name)


class Provider:
    """Offers the service TEA, a route and a WebSocket."""

    def __init__(self, name, story):
        self.shelf = Shelf(name, story)

    @hookimpl
    def plughost_services(self):
        return [Service(self.shelf, provides=TEA)]

    @hookimpl
    def plughost_routes(self):
        name = self.shelf.name
        return [
            Route(rf"/{name}/api", Named, shelf=self.shelf),
            Route(rf"/{name}/socket", Echo),
        ]


class User:
    """Uses TEA: its route answers with the name of whose tea it has."""

    def __init__(self, name, story, requires=TEA):
        self.name = name
        self.story = story
        self.requires = requires

    @hookimpl
    def plughost_services(self):
        shelf = Shelf(self.name, self.story)
        return [Service(shelf, provides=f"plughost.test.{self.name}", requires=(self.requires,))]

    @hookimpl
    def plughost_routes(self, host):
        return [Route(rf"/{self.name}/api", Named, shelf=host.service(self.requires))]


async def states(host):
    return {name: record.state.value for name, record in host.records.items()}


@pytest.fixture
def story():
    return []


async def test_what_is_disabled_is_stopped_after_its_users_who_then_wait_for_it(start, story):
    async with start() as (host, client):
        host.add("pot", Provider("pot", story))
        host.add("cup", User("cup", story))
        host.add("guest", User("guest", story, requires="plughost.test.cup"))
        await host.settle()
        began = [*story]
        story.clear()
        reply = await client.patch("/plughost/api/extensions/pot", {"enabled": False})
        stopped = [*story], await states(host)
        gone = await client.get("/pot/api")
        waiting = (await client.get("/plughost/api/extensions/cup")).json
        story.clear()
        await host.replace("pot", Provider("pot", story))
        again = [*story], await states(host)
        served = await client.get("/guest/api")
    assert began == ["+pot", "+cup", "+guest"]
    assert (reply.status, reply.json["state"], gone.status) == (200, "disabled", 404)
    assert stopped == (
        ["-guest", "-cup", "-pot"],
        {"pot": "disabled", "cup": "waiting", "guest": "waiting"},
    )
    assert (waiting["waitingFor"], waiting["requires"]) == ([TEA], [TEA])
    assert again == (
        ["+pot", "+cup", "+guest"],
        {"pot": "active", "cup": "active", "guest": "active"},
    )
    assert served.json == "cup"


async def test_what_is_replaced_takes_its_users_along_and_no_one_elses_sockets(start, story):
    async with start() as (host, client):
        host.add("pot", Provider("pot", story))
        host.add("cup", User("cup", story))
        host.add("other", Provider2("other", story))
        await host.settle()
        theirs = await client.websocket("/pot/socket")
        ours = await client.websocket("/other/socket")
        story.clear()
        new = Provider("pot", story)
        new.shelf.name = "new"
        await host.replace("pot", new)
        closed = await theirs.read_message()
        await ours.write_message("still here")
        answer = await ours.read_message()
        reply = await client.get("/cup/api")
        code = theirs.close_code
        ours.close()
        theirs.close()
    assert story[:4] == ["-cup", "-pot", "+new", "+cup"]
    assert (closed, code, answer, reply.json) == (None, 1012, "still here", "new")


class Provider2(Provider):
    @hookimpl
    def plughost_services(self):
        return [Service(self.shelf)]


async def test_requests_for_what_is_being_replaced_are_held(start, story):
    class Slow(Provider):
        @hookimpl
        def plughost_services(self):
            async def slowly():
                await asyncio.sleep(0.3)

            self.shelf.start = slowly
            return [Service(self.shelf, provides=TEA)]

    async with start() as (host, client):
        host.add("pot", Provider("pot", story))
        host.add("cup", User("cup", story))
        await host.settle()
        exchange = asyncio.ensure_future(host.replace("pot", Slow("pot", story)))
        await host.until(lambda: host.exchanging, seconds=60)
        replies = await asyncio.gather(*(client.get(f"/{n}/api") for n in ("pot", "cup", "pot")))
        await exchange
    assert [(reply.status, reply.json) for reply in replies] == [(200, "pot")] * 3


async def test_what_waits_in_vain_answers_503_with_what_it_lacks(start, story):
    class Lonely(User):
        @hookimpl
        def plughost_routes(self, host):
            return [Route(r"/lonely/api", Echo)]

    async with start() as (host, client):
        host.add("lonely", Lonely("lonely", story))
        await host.settle()
        reply = await client.get("/lonely/api")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "60")
    assert f"requires '{TEA}'" in reply.json["message"]


async def test_a_second_provider_is_not_used_and_both_records_say_who_is(start, story):
    async with start() as (host, client):
        host.add("pot", Provider("pot", story))
        host.add("can", Provider("can", story))
        host.add("cup", User("cup", story))
        await host.settle()
        records = {r["name"]: r for r in (await client.get("/plughost/api/extensions")).json}
        reply = await client.get("/cup/api")
    assert reply.json == "pot"
    assert story == ["+pot", "+cup", "-cup", "-pot"], "the spare one is never started"
    assert records["can"]["provides"] == records["pot"]["provides"] == {TEA: "pot"}
    assert records["can"]["state"] == "active"
    assert f'set "{TEA}" = "can" in [services]' in records["can"]["notes"][0]


async def test_the_configured_provider_wins_whenever_it_comes(start, story):
    async with start(services={TEA: "can"}) as (host, client):
        host.add("pot", Provider("pot", story))
        host.add("cup", User("cup", story))
        await host.settle()
        before = await client.get("/cup/api")
        await host.replace("can", Provider("can", story))
        after = await client.get("/cup/api")
        provides = {n: host.records[n].provides.get(TEA) for n in ("pot", "can")}
        all_states = set((await states(host)).values())
        await host.disable("can")
        fallen_back = await client.get("/cup/api")
    assert (before.json, after.json, fallen_back.json) == ("pot", "can", "pot")
    assert provides == {"pot": "can", "can": "can"}
    assert all_states == {"active"}


async def test_the_configured_provider_wins_when_it_is_added_after_its_users(start, story):
    async with start(services={TEA: "can"}) as (host, client):
        for name, plugin in (("pot", Provider), ("cup", User), ("can", Provider)):
            host.add(name, plugin(name, story))
        await host.settle()
        reply = await client.get("/cup/api")
    assert reply.json == "can"
    assert story[:2] == ["+can", "+cup"]


async def test_what_came_as_an_object_is_switched_off_and_on_again(start, story):
    async with start() as (host, client):
        host.add("pot", Provider("pot", story))
        await host.settle()
        path = "/plughost/api/extensions/pot"
        replies = [
            await client.patch(path, {"enabled": False}),
            await client.patch(path, {"enabled": True}),
            await client.post(path, ""),
        ]
        served = await client.get("/pot/api")
    assert [r.json["state"] for r in replies] == ["disabled", "active", "active"]
    assert served.json == "pot"


async def test_a_hook_that_looks_up_what_comes_later_is_asked_again(start, story):
    async with start() as (host, client):
        host.add("cup", User("cup", story))
        early = (await client.get("/plughost/api/extensions/cup")).json
        await host.settle()
        lacking = (await client.get("/plughost/api/extensions/cup")).json
        await host.replace("pot", Provider("pot", story))
        reply = await client.get("/cup/api")
    assert (early["state"], early["waitingFor"]) == ("waiting", [TEA])
    assert "no active extension provides" in lacking["error"]
    assert reply.json == "pot"


async def test_what_the_host_does_not_know_cannot_be_switched(start):
    async with start(Provider("pot", [])) as (_, client):
        unknown = await client.patch("/plughost/api/extensions/Provder", {"enabled": True})
        nonsense = await client.patch("/plughost/api/extensions/Provider", {"enabeld": True})
    assert (unknown.status, nonsense.status) == (404, 400)
    assert "Did you mean 'Provider'?" in unknown.json["hint"]
    assert "enabeld" in nonsense.json["message"]


async def test_two_services_for_one_type_in_one_extension_are_a_mistake(start, story):
    class Double:
        @hookimpl
        def plughost_services(self):
            return [Service(Shelf("a", story)), Service(Shelf("b", story))]

    async with start() as (host, _):
        host.add("double", Double())
        with pytest.raises(ExtensionError):
            host.service(Shelf)
        record = host.records["double"]
    assert (record.state.value, record.phase) == ("failed", "plughost_services")
    assert "already belongs to the extension 'double'" in record.error


async def test_what_is_disabled_costs_a_page_not_one_request(start, tmp_path):
    folder = write_frontend(tmp_path / "part", pages=["board"], styles=["index-CCCCCCCC.css"])

    class Part:
        @hookimpl
        def plughost_frontends(self):
            return [Frontend(folder)]

    class Board:
        @hookimpl
        def plughost_pages(self):
            return [Page("board", r"/board", url="/board", title="Board")]

    async with start(Part(), Board()) as (host, client):
        await host.settle()
        before = await client.get("/board")
        await host.disable("Part")
        after = await client.get("/board")
        file = await client.get("/plughost/frontends/Part.1/index-ABCDEFGH.js")
    assert "Part.1" in before.text
    assert "Part" not in after.text
    assert file.status == 404


@pytest.mark.parametrize(("fact", "state"), [("locked", "active"), ("blocked", "blocked")])
async def test_what_the_administrator_has_settled_cannot_be_switched(jupyter_folders, fact, state):
    (jupyter_folders / "plughost.toml").write_text(f"[extensions.terminals]\n{fact} = true\n")
    theirs = {"root": jupyter_folders, "token": TOKEN}
    host = Host(config=load(theirs, administrator=[jupyter_folders]))
    await host.load()
    for switch in (host.disable, host.enable, host.replace):
        with pytest.raises(Forbidden, match=f"'terminals' is {fact}: .*plughost.toml:2"):
            await switch("terminals")
    after = host.records["terminals"].state.value
    await host.close()
    assert after == state


NEW = """
from plughost import JSONHandler, Route, hookimpl
class Hello(JSONHandler):
    def get(self): self.reply({answer!r})
@hookimpl
def plughost_routes(): return [Route(r"/swap/api", Hello)]
"""


async def test_what_is_on_disk_now_takes_the_place_of_what_runs(served, strangers, distribution):
    distribution("swap", NEW.format(answer="old"))
    server = served(env={"PYTHONPATH": str(strangers), "PYTHONDONTWRITEBYTECODE": "1"})
    old = await server.client.get("/swap/api")
    (strangers / "swap.py").write_text(NEW.format(answer="new, and longer"))
    replaced = await server.client.post("/plughost/api/extensions/swap", "")
    new = await server.client.get("/swap/api")
    (strangers / "swap.py").write_text("raise RuntimeError('half done')")
    broken = await server.client.post("/plughost/api/extensions/swap", "")
    kept = await server.client.get("/swap/api")
    assert (old.json, new.json, kept.json) == ("old", "new, and longer", "new, and longer")
    assert replaced.json["state"] == broken.json["state"] == "active"
    assert "half done" in broken.json["notes"][-1]


async def test_what_is_installed_later_is_enabled_without_a_restart(
    served, strangers, distribution
):
    server = served(env={"PYTHONPATH": str(strangers)})
    assert (await server.client.get("/swap/api")).status == 404
    distribution("swap", NEW.format(answer="here"))
    enabled = await server.client.patch("/plughost/api/extensions/swap", {"enabled": True})
    disabled = await server.client.patch("/plughost/api/extensions/swap", {"enabled": False})
    gone = await server.client.get("/swap/api")
    again = await server.client.patch("/plughost/api/extensions/swap", {"enabled": True})
    reply = await server.client.get("/swap/api")
    assert [r.json["state"] for r in (enabled, disabled, again)] == ["active", "disabled", "active"]
    assert (gone.status, reply.json) == (404, "here")

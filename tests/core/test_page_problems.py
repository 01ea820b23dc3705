"""What pages tell of problems in them stands in the records of whose code has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from plughost import ExtensionRecord, Frontend, Guests, Page, State, hookimpl
from plughost.page_problems import MOST_A_MINUTE, MOST_BYTES, MOST_PROBLEMS
from tests.core.test_command_extensions import state
from tests.core.test_pages import script, write_frontend

PATH = "/plughost/api/pages/board/problems"


class Board:
    """Two pages, of which the frontend `Board.1` loads one, and a guest."""

    def __init__(self, folder):
        self.folder = folder

    @hookimpl
    def plughost_pages(self):
        names = ("board", "other")
        return [Page(name, f"/{name}", url=f"/{name}", title=name) for name in names]

    @hookimpl
    def plughost_frontends(self):
        return [Frontend(self.folder)]

    @hookimpl
    def plughost_guests(self):
        return [Guests(lambda: [ExtensionRecord("@tea/leaf", state=State.ACTIVE)])]


@pytest.fixture
def board(tmp_path):
    return Board(write_frontend(tmp_path / "app", app=True, pages=["board"]))


def problem(extension="Board.1", name="board:map", **facts):
    return {
        "kind": "plugin",
        "name": name,
        "extension": extension,
        "state": "failed",
        "phase": "activate",
        "error": "no such luck",
        "hint": "Report it.",
        **facts,
    }


def report(*problems, visit="v1"):
    return {"visit": visit, "problems": problems}


async def told(client, name="Board"):
    found = (await client.get("/plughost/api/extensions")).json
    (record,) = [each for each in found if each["name"] == name]
    return record["pageProblems"]


async def test_a_report_is_in_the_record_until_the_page_comes_up_without_it(start, board, caplog):
    async with start(board) as (_, client):
        reply = await client.post(PATH, report(problem(), problem("@tea/leaf", name="leaf")))
        (first,) = await told(client)
        (leaf,) = await told(client, "@tea/leaf")
        # The same visit tells again, another one finds the same, a third one something else.
        await client.post(PATH, report(problem()))
        same = [each["visits"] for each in await told(client)]
        await client.post(PATH, report(problem(error="worse"), visit="v2"))
        (again,) = await told(client)
        page = (await client.get("/board")).text
        await client.post("/plughost/api/pages/other/problems", report(problem(name="y")))
        both = [(each["page"], each["name"]) for each in await told(client)]
        await client.post(PATH, report(visit="v3"))
        rest = [(each["page"], each["name"]) for each in await told(client)]
    assert (reply.status, reply.body) == (204, b"")
    times = first.pop("first"), first.pop("last")
    expected = {"page": "board", **problem(), "visits": 1}
    del expected["extension"]
    assert first == expected
    assert times[0] == times[1]
    assert times[0].endswith("Z")
    assert leaf["name"] == "leaf"
    assert same == [1]
    assert (again["visits"], again["error"], again["first"]) == (2, "worse", times[0])
    assert script(page, 'type="application/json" id="plughost-boot"')["problems"] is True
    assert both == [("board", "board:map"), ("other", "y")]
    assert rest == [("other", "y")]
    said = [line.getMessage() for line in caplog.records if line.name == "plughost.pages"]
    assert said[0] == (
        "Extension 'Board': In the page 'board' its plugin 'board:map' failed (activate): "
        "no such luck. Report it."
    )
    assert len(said) == 4, "each once: map, leaf, map worse, y"


async def test_a_page_without_problems_on_record_does_not_have_to_say_so(start, board):
    async with start(board) as (_, client):
        text = (await client.get("/board")).text
    assert script(text, 'type="application/json" id="plughost-boot"')["problems"] is False


async def test_who_is_disabled_has_no_problems_left(start, board):
    async with start(board) as (_, client):
        await client.post(PATH, report(problem(), problem("@tea/leaf")))
        await client.patch("/plughost/api/extensions/%40tea%2Fleaf", {"enabled": False})
        await client.patch("/plughost/api/extensions/Board", {"enabled": False})
        await client.patch("/plughost/api/extensions/Board", {"enabled": True})
        assert await told(client) == []


async def test_whom_nobody_knows_is_left_out(start, board):
    async with start(board) as (_, client):
        reply = await client.post(PATH, report(problem("nobody"), problem("host"), problem()))
        names = [each["name"] for each in (await client.get("/plughost/api/extensions")).json]
        assert (reply.status, len(await told(client))) == (204, 1)
    assert names == ["Board", "@tea/leaf"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        ({"visit": "v"}, 400),
        (report(problem(state="on fire")), 400),
        (report(problem(error="x" * 5000)), 400),
        (report(problem(), visit="v" * 200), 400),
        (report(*(problem(name=str(n)) for n in range(MOST_PROBLEMS + 1))), 400),
        (b" " * (MOST_BYTES + 1), 413),
    ],
)
async def test_what_is_no_report_or_too_large_is_refused(start, board, body, status):
    async with start(board) as (_, client):
        await client.post(PATH, report(problem()))
        reply = await client.post(PATH, body)
        assert (reply.status, len(await told(client))) == (status, 1)


async def test_nobody_tells_of_a_page_that_is_not_there(start, board):
    async with start(board) as (_, client):
        reply = await client.post("/plughost/api/pages/bored/problems", report())
    assert (reply.status, reply.json["hint"]) == (404, "Pages: board, other.")


async def test_only_who_may_enter_tells_and_only_from_our_own_pages(start, board):
    async with start(board) as (_, client):
        visit = await client.get("/board?token=" + client.token, token=None)
        cookie = {
            "Cookie": "; ".join(
                each.partition(";")[0] for each in visit.headers.get_list("Set-Cookie")
            )
        }
        statuses = [
            (await client.post(PATH, report(), token=None, headers=headers)).status
            for headers in (
                {},
                {**cookie, "Origin": "https://elsewhere.example"},
                {**cookie, "Origin": client.base},
            )
        ]
    assert statuses == [403, 403, 204]


async def test_so_many_reports_are_taken_in_a_minute(start, board):
    async with start(board) as (_, client):
        replies = [await client.post(PATH, report()) for _ in range(2 * MOST_A_MINUTE + 1)]
    statuses = [reply.status for reply in replies]
    assert set(statuses) == {204, 429}
    # Twice as many where a minute has ended meanwhile.
    assert statuses.count(204) in (MOST_A_MINUTE, 2 * MOST_A_MINUTE)
    assert "next report" in replies[-1].json["hint"] or replies[-1].status == 204


async def test_what_a_terminal_would_obey_does_not_get_there(start, board):
    async with start(board) as (_, client):
        await client.post(PATH, report(problem(error="\x1b[31mred\nline\x7f")))
        (only,) = await told(client)
    assert only["error"] == "\ufffd[31mred\nline\ufffd"


def test_a_server_does_not_load_for_it_before_a_page_tells():
    code = "import plughost.host, plughost.api, sys; print('plughost.page_problems' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


async def test_commands_name_what_pages_have_told(served, distribution, strangers, jupyter_folders):
    distribution("tea", "")
    environment = {**os.environ, "PYTHONPATH": str(strangers)}
    server = served(env={"PYTHONPATH": str(strangers)})
    await state(server, "tea")
    told = report(problem("tea", "tea:pot"))
    assert (await server.client.post("/plughost/api/pages/lab/problems", told)).status == 204

    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "plughost", *arguments],
            cwd=jupyter_folders / "root",
            env=environment,
            capture_output=True,
            text=True,
        )

    sentence = "In the page 'lab' its plugin 'tea:pot' failed (activate): no such luck. Report it."
    listed = command("extensions")
    assert listed.returncode == 0, "the extension itself runs"
    assert f"tea: On the server at {server.client.base}/: {sentence}" in listed.stdout
    assert " ".join(sentence.split()) in " ".join(
        command("extensions", "show", "tea").stdout.split()
    )
    examined = json.loads(command("doctor", "--json").stdout)
    (finding,) = [each for each in examined["findings"] if each["check"] == "page-problem"]
    assert finding == {
        "level": "error",
        "check": "page-problem",
        "subject": "tea",
        "message": f"'tea' in the page 'lab' of {server.client.base}/: its plugin 'tea:pot' has "
        "failed. no such luck",
        "hint": "Report it.",
    }


async def test_a_browser_half_that_no_page_loads_is_named(start, board, tmp_path):
    class Lost:
        @hookimpl
        def plughost_frontends(self):
            return [
                Frontend(write_frontend(tmp_path / "lost", pages=["bord"])),
                Frontend(write_frontend(tmp_path / "there", pages=["board", "nowhere"])),
                Frontend(write_frontend(tmp_path / "shared")),
            ]

    async with start(Lost(), board) as (host, _):
        await host.settle()
        assert host.records["Lost"].notes == [
            "Its browser half 'npm-lost' is loaded nowhere: there is no page 'bord'. "
            "Did you mean 'board'? Pages: board, other."
        ]

"""Log lines: with their facts, in a file, in memory, and live."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import threading

import pytest
from tornado.httpclient import HTTPClientError

import plughost_observe
from plughost import JSONHandler, Route, Service, hookimpl

UNWATCHED = {"observe": {"loop_limit": 1e9}}
"""Where a machine that stands still for a moment is not to add a line about who was at work."""

log = logging.getLogger("somebody.else")


class Talk(JSONHandler):
    """Logs what it is told to."""

    def post(self):
        said = self.body(dict)
        logger = logging.getLogger(said.get("logger", "somebody.else"))
        level = logging.getLevelName(said.get("level", "WARNING"))
        kernel = {"kernel": said["kernel"]} if "kernel" in said else {}
        logger.log(level, "%s", said["text"], extra=kernel)
        self.reply(None, status=204)


class Faulty(JSONHandler):
    def get(self):
        raise LookupError("no tea")


class Talker:
    @hookimpl
    def plughost_routes(self):
        return [Route(r"/talker/api", Talk), Route(r"/talker/api/fault", Faulty)]


def in_thread(text):
    """Log something that is done for nobody."""
    thread = threading.Thread(target=log.warning, args=(text,))
    thread.start()
    thread.join()


async def test_a_line_says_whose_it_is_and_in_which_request(start, lines):
    async with start(plughost_observe, Talker()) as (_, client):
        await client.post("/talker/api", {"text": "tea is ready", "kernel": "k-1"})
        await client.post("/talker/api", {"text": "so is cake"})
        (tea,) = await lines(client, "tea is ready")
        (cake,) = await lines(client, "so is cake")
    user, request = tea.pop("user"), tea.pop("request")
    assert tea.pop("time").endswith("+00:00")
    assert tea == {
        "level": "WARNING",
        "logger": "somebody.else",
        "message": "tea is ready",
        "extension": "Talker",
        "kernel": "k-1",
        "exception": "",
    }
    assert len(user) == 32
    assert cake["user"] == user
    assert request != cake["request"] != ""


async def test_a_traceback_goes_with_its_line(start, eventually):
    async with start(plughost_observe, Talker()) as (_, client):
        await client.get("/talker/api/fault")

        async def told():
            found = (await client.get("/plughost/api/logs")).json
            return [each for each in found if "LookupError" in each["exception"]]

        (line,) = await eventually(told)
    assert line["extension"] == "Talker"
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].endswith("LookupError: no tea")


@pytest.mark.parametrize(
    ("logger", "extension"),
    [
        ("plughost_observe.anything", "observe"),
        ("plughost.observe", "observe"),
        ("plughost.web", "plughost"),
        ("some.library", "Talker"),  # for its module, the test's
    ],
)
async def test_a_line_of_no_request_is_whose_logger_or_module_it_is(
    start, lines, logger, extension
):
    async with start(plughost_observe, Talker()) as (_, client):
        thread = threading.Thread(target=logging.getLogger(logger).warning, args=("hm",))
        thread.start()
        thread.join()
        logging.getLogger(logger).warning("from the test")
        (line,) = await lines(client, "from the test")
    assert line["extension"] == extension
    assert line["request"] == ""


async def test_lines_are_asked_for_by_extension_kernel_level_and_time(start, lines):
    async with start(plughost_observe, Talker(), extensions=UNWATCHED) as (_, client):
        await client.post("/talker/api", {"text": "one", "kernel": "k-1"})
        await client.post("/talker/api", {"text": "two", "level": "ERROR"})
        await asyncio.sleep(0.002)  # times are told to the millisecond
        await client.post("/talker/api", {"text": "three", "logger": "plughost_observe"})
        (three,) = await lines(client, "three")
        since = three["time"].replace("+00:00", "Z")
        asked = [
            [line["message"] for line in (await client.get(f"/plughost/api/logs?{query}")).json]
            for query in (
                "extension=Talker",
                "extension=nobody",
                "kernel=k-1",
                "extension=Talker&level=error",
                f"extension=Talker&since={since}",
                f"extension=Talker&since={three['time']}",  # its plus sign becomes a blank
                "extension=Talker&limit=2",
            )
        ]
    assert asked == [
        ["one", "two", "three"],
        [],
        ["one"],
        ["two"],
        ["three"],
        ["three"],
        ["two", "three"],
    ]


MISTAKES = [
    ("level=loud", "Levels: debug, info, warning, error, critical"),
    ("since=yesterday", "2026-11-24T22:15:00Z"),
    ("limit=0", "from 1 to"),
    ("limit=many", "from 1 to"),
]


@pytest.mark.parametrize(("query", "hint"), MISTAKES)
async def test_a_question_that_makes_no_sense_is_told_what_would(start, query, hint):
    async with start(plughost_observe) as (_, client):
        reply = await client.get(f"/plughost/api/logs?{query}")
    assert reply.status == 400
    assert hint in reply.json["hint"]
    assert query.partition("=")[2] in reply.json["message"]


@pytest.mark.parametrize("query", ["level=loud", "since=yesterday"])
async def test_no_live_log_is_opened_for_such_a_question(start, query):
    async with start(plughost_observe) as (_, client):
        with pytest.raises(HTTPClientError) as refused:
            await client.websocket(f"/plughost/api/logs/live?{query}")
    assert refused.value.code == 400


async def test_what_is_new_comes_live_and_only_what_is_wanted(start):
    async with start(plughost_observe, Talker(), extensions=UNWATCHED) as (_, client):
        everything = await client.websocket("/plughost/api/logs/live?extension=Talker")
        grave = await client.websocket("/plughost/api/logs/live?extension=Talker&level=error")
        await client.post("/talker/api", {"text": "a detail"})
        await client.post("/talker/api", {"text": "a fire", "level": "ERROR"})
        heard = [json.loads(await everything.read_message())["message"] for _ in range(2)]
        alarm = json.loads(await grave.read_message())["message"]
        everything.close()
        grave.close()
    assert heard == ["a detail", "a fire"]
    assert alarm == "a fire"


async def test_a_client_that_was_away_goes_on_without_a_gap(start, lines):
    async with start(plughost_observe, Talker(), extensions=UNWATCHED) as (_, client):
        for number in range(5):
            await client.post("/talker/api", {"text": f"line {number}"})
        (second,) = await lines(client, "line 1")
        await lines(client, "line 4")
        since = second["time"].replace("+00:00", "Z")
        socket = await client.websocket(f"/plughost/api/logs/live?extension=Talker&since={since}")
        await client.post("/talker/api", {"text": "line 5"})
        heard = []
        while not heard or heard[-1] != "line 5":
            heard.append(json.loads(await socket.read_message())["message"])
        socket.close()
    assert heard[-5:] == [f"line {number}" for number in range(1, 6)]
    assert len(heard) == len(set(heard))


async def test_a_client_that_does_not_keep_up_is_let_go(start, lines):
    async with start(plughost_observe) as (_, client):
        socket = await client.websocket("/plughost/api/logs/live?level=warning")
        await client.get("/api")  # by now the server has opened it, too
        text = "x" * 20_000
        for _ in range(3_000):
            log.warning(text)
        log.warning("the last word")
        await lines(client, "the last word")
        while await socket.read_message() is not None:
            pass
        socket.close()
    assert (socket.close_code, socket.close_reason) == (1013, "Too slow: some lines are lost.")


async def test_memory_for_lines_is_bounded(start, lines):
    settings = {"observe": {"log_memory": 20_000}}
    async with start(plughost_observe, extensions=settings) as (_, client):
        for number in range(1_000):
            log.warning("number %d", number)
        await lines(client, "number 999")
        kept = (await client.get("/plughost/api/logs?limit=5000")).body
    assert b"number 0" not in kept
    assert 10_000 < len(kept) < 25_000


def file_of(folder, name="8888.jsonl"):
    return folder / "jupyter-data" / "plughost" / "logs" / name


async def test_the_file_has_the_lines_and_is_for_its_user_only(start, jupyter_folders):
    async with start(plughost_observe, Talker()) as (host, client):
        await host.settle()
        await client.post("/talker/api", {"text": "written\nin two lines"})
    file = file_of(jupyter_folders)
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["extension"] for line in written if "in two" in line["message"]] == ["Talker"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_what_is_logged_last_is_written_before_the_end(start, jupyter_folders):
    class LastWords:
        async def stop(self):
            log.warning("these are my last words")

    class Leaving:
        @hookimpl
        def plughost_services(self):
            return [Service(LastWords())]

    async with start(Leaving(), plughost_observe) as (host, _):
        await host.settle()
    assert "these are my last words" in file_of(jupyter_folders).read_text()


async def test_a_large_file_is_put_aside_and_few_are_kept(start, jupyter_folders):
    settings = {"observe": {"log_bytes": 10_000, "log_count": 2}}
    async with start(plughost_observe, extensions=settings) as (host, _):
        await host.settle()
        for number in range(300):
            log.warning("number %d", number)
    folder = file_of(jupyter_folders).parent
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(sizes) == {"8888.jsonl", "8888.jsonl.1", "8888.jsonl.2"}
    assert max(sizes.values()) <= 10_000
    newest = (folder / "8888.jsonl").read_text() + (folder / "8888.jsonl.1").read_text()
    assert "number 299" in newest
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_two_servers_with_the_same_port_do_not_write_to_one_file(start, jupyter_folders):
    async with start(plughost_observe) as (one, _), start(plughost_observe) as (two, _):
        await one.settle()
        await two.settle()
        log.warning("both hear this")
    folder = file_of(jupyter_folders).parent
    assert "both hear this" in (folder / "8888.jsonl").read_text()
    assert "both hear this" in (folder / "8888-2.jsonl").read_text()


async def test_safe_mode_writes_nothing(start, lines, jupyter_folders):
    settings = {"observe": {"audit": True}}
    async with start(plughost_observe, safe=True, extensions=settings) as (host, client):
        await host.settle()
        log.warning("not for the disk")
        assert await lines(client, "not for the disk")
    assert not (jupyter_folders / "jupyter-data" / "plughost").exists()


async def test_without_a_place_for_the_file_the_logs_are_still_kept(start, lines, tmp_path):
    (tmp_path / "taken").write_text("no folder")
    settings = {"observe": {"log_folder": tmp_path / "taken" / "logs"}}
    async with start(plughost_observe, extensions=settings) as (host, client):
        await host.settle()
        (line,) = await lines(client, "No log is written")
        state = host.records["observe"].state.value
    assert (line["extension"], state) == ("observe", "active")
    assert "Not a directory" in line["message"]


async def test_nothing_of_us_stays_behind_in_logging(start):
    before = [(handler, [*handler.filters]) for handler in logging.getLogger().handlers]
    async with start(plughost_observe) as (host, _):
        await host.settle()
        assert len(logging.getLogger().handlers) == len(before) + 1
    after = [(handler, [*handler.filters]) for handler in logging.getLogger().handlers]
    assert after == before


async def test_it_goes_on_in_the_same_file_when_it_is_exchanged(served, lines, jupyter_folders):
    server = served(env={"PLUGHOST_EXTENSIONS__OBSERVE__AUDIT": "true"})
    client = server.client
    socket = await client.websocket("/plughost/api/logs/live")
    for _ in range(3):
        replaced = await client.post("/plughost/api/extensions/observe", "")
        assert (replaced.status, replaced.json["state"]) == (200, "active")
    while await socket.read_message() is not None:
        pass
    assert socket.close_code == 1012
    socket.close()
    report = {"csp-report": {"blocked-uri": "https://example.org"}}
    await client.post("/api/security/csp-report", report)
    assert await lines(client, "csp-report")
    off = await client.patch("/plughost/api/extensions/observe", {"enabled": False})
    await client.post("/api/security/csp-report", report)
    server.stop()
    folder = jupyter_folders / "jupyter-data" / "plughost" / "logs"
    (file,) = (path for path in folder.iterdir() if path.name != "audit.jsonl")
    assert off.json["state"] == "disabled"
    assert file.read_text().count("csp-report") == 1
    assert server.output.read_text().count("csp-report") == 2


async def test_logs_are_not_for_everybody(start):
    async with start(plughost_observe) as (_, client):
        reply = await client.get("/plughost/api/logs", token=None)
        with pytest.raises(HTTPClientError) as refused:
            await client.websocket("/plughost/api/logs/live", token=None)
    assert (reply.status, refused.value.code) == (403, 403)

"""What `plughost doctor` says of servers that run, and of one that has ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Patient


NOBODY = 2**22 + 1
"""A process id that no process gets: it is beyond what Linux and macOS give out."""


def test_a_file_of_a_server_that_has_ended_is_noted(patient):
    file = patient.runtime / f"jpserver-{NOBODY}.json"
    file.write_text(json.dumps({"pid": NOBODY, "url": "http://127.0.0.1:1/"}))
    (finding,) = patient.findings("server-file-stale")
    assert str(file) in finding["message"]
    assert finding["hint"] == "`plughost servers` removes such files."


@pytest.fixture
def running(patient: Patient, served: Callable[..., Any]) -> Any:
    """A server that is listed in the runtime folder."""
    server = served(env=patient.environment)
    assert (patient.runtime / f"jpserver-{server.process.pid}.json").exists()
    return server


async def test_a_running_server_is_asked_and_differences_are_told(patient, running):
    while (await running.client.get("/api/status")).json["loading"]:
        pass
    await running.client.patch("/plughost/api/extensions/terminals", {"enabled": False})
    patient.install("late", "")
    told = patient.told()
    (server,) = told["servers"]
    assert (server["pid"], server["here"]) == (running.process.pid, True)
    assert server["extensions"]["terminals"] == "disabled"
    different = {e["subject"]: e for e in told["findings"] if e["check"] == "server-differs"}
    assert different.keys() == {"late", "terminals"}
    assert "was installed after" in different["late"]["message"]
    (contents,) = [each for each in told["extensions"] if each["name"] == "contents"]
    assert contents["start"] is not None, "known from the server that runs"


HOLDS = """
import time
from plughost import JSONHandler, Route, hookimpl

class Sleeper(JSONHandler):
    def get(self):
        time.sleep(float(self.get_query_argument("seconds")))
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/sleeper/api/sleep", Sleeper)]
"""


async def test_who_held_a_running_servers_loop_is_named_with_the_place(patient, served):
    file = patient.install("sleeper", HOLDS)
    server = served(env=patient.environment)
    seconds, worst = 0.6, {"extension": ""}
    # Whatever else held a loop on a busy machine, this holds it longer in the end.
    while worst["extension"] != "sleeper":
        await server.client.get(f"/sleeper/api/sleep?seconds={seconds}")
        places = (await server.client.get("/plughost/api/loop")).json["places"]
        worst = max(places, key=lambda place: place["worst"], default=worst)
        seconds *= 1.5
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "loop-held"]
    assert (finding["level"], finding["subject"]) == ("warning", "sleeper")
    assert f"{file}:7" in finding["message"]
    (row,) = [each for each in told["extensions"] if each["name"] == "sleeper"]
    assert row["loopBlocked"]["count"] == worst["count"]
    assert row["loopBlocked"]["milliseconds"] > 500
    assert f"({worst['count']}×)" in patient.run().stdout


def test_a_token_on_a_command_line_is_warned_of_and_not_repeated(patient, running):
    told = patient.told()
    assert "token-visible" in {each["check"] for each in told["findings"]}
    assert running.client.token not in json.dumps(told)

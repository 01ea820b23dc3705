"""What earlier starts say: who ended the process, who fails every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def plughost(jupyter_folders, strangers):
    """Run `plughost` with the strangers on its path; returns the finished process."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "plughost", *arguments],
            env={**os.environ, "PYTHONPATH": str(strangers)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


async def records(server):
    await server.client.get("/nothing/to/be/found")  # held until all is loaded
    reply = await server.client.get("/plughost/api/extensions")
    return {record["name"]: record for record in reply.json}


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 11)"])
async def test_who_ended_the_process_at_import_is_named_and_left_out_once(
    plughost, served, strangers, distribution, end
):
    distribution("fatal", f"import os; {end}")
    distribution("fine", "")
    path = {"PYTHONPATH": str(strangers)}
    assert served(env=path).process.wait(60) not in (0, 1)
    for _ in range(2):  # whoever only looks leaves things as they are
        listed = plughost("extensions", "list", "--json")
        found = {record["name"]: record for record in json.loads(listed.stdout)}
        assert (found["fatal"]["state"], found["fine"]["state"]) == ("disabled", "active")
    assert "The process ended while this was being imported or started" in found["fatal"]["error"]
    server = served(env=path)
    found = await records(server)
    assert (found["fatal"]["state"], found["fine"]["state"]) == ("disabled", "active")
    server.stop()
    assert served(env=path).process.wait(60) not in (0, 1), "it is tried again"


START = """
import os
from plughost import Service, hookimpl
class Thing:
    async def start(self): {body}
@hookimpl
def plughost_services(): return [Service(Thing())]
"""


async def test_who_ended_the_process_in_start_is_named_too(served, strangers, distribution):
    distribution("fatal", START.format(body="os._exit(3)"))
    path = {"PYTHONPATH": str(strangers)}
    assert served(env=path).process.wait(60) == 3
    found = await records(served(env=path))
    assert found["fatal"]["state"] == "disabled"
    assert "ended while this was being imported or started" in found["fatal"]["error"]


async def test_of_two_suspects_the_innocent_one_is_not_left_out(served, strangers, distribution):
    """Both were being imported when the process ended; the next start finds out who did it."""
    wait = "while not os.path.exists(__file__ + '.go'): time.sleep(0.01)"
    distribution("innocent", f"import os, time\n{wait}")
    distribution("later", "import os; os._exit(3)")
    path = {"PYTHONPATH": str(strangers)}
    assert served(env=path).process.wait(60) == 3
    (strangers / "innocent.py.go").touch()
    assert served(env=path).process.wait(60) == 3, "one by one this time"
    server = served(env=path)
    while (found := await records(server))["innocent"]["state"] == "loading":
        pass
    assert (found["innocent"]["state"], found["later"]["state"]) == ("active", "disabled")


async def test_who_ends_the_process_three_times_is_left_alone(served, strangers, distribution):
    distribution("fatal", "import os; os._exit(3)")
    path = {"PYTHONPATH": str(strangers)}
    for _ in range(3):
        assert served(env=path).process.wait(60) == 3
        server = served(env=path)  # left out this once
        await records(server)
        server.stop()
    fatal = (await records(served(env=path)))["fatal"]
    assert (fatal["state"], fatal["error"]) == ("disabled", "It failed in the last 3 starts.")


async def test_after_three_failed_starts_an_extension_is_left_alone_until_enabled(
    plughost, served, strangers, distribution
):
    distribution("moody", "raise OSError('not today')")
    path = {"PYTHONPATH": str(strangers)}
    for _ in range(3):
        server = served(env=path)
        assert (await records(server))["moody"]["state"] == "failed"
        server.stop()
    server = served(env=path)
    moody = (await records(server))["moody"]
    server.stop()
    assert (moody["state"], moody["error"]) == ("disabled", "It failed in the last 3 starts.")
    assert "plughost extensions enable moody" in moody["nextStep"]

    assert plughost("extensions", "enable", "moody").stdout == (
        "moody is loaded again at the next start.\n"
    )
    (strangers / "moody.py").write_text("")
    server = served(env=path)
    assert (await records(server))["moody"]["state"] == "active"


async def test_safe_mode_leaves_strangers_out_and_writes_nothing(
    served, strangers, distribution, jupyter_folders
):
    distribution("fatal", "import os; os._exit(3)")
    before = written(jupyter_folders)
    server = served("--safe", env={"PYTHONPATH": str(strangers)})
    found = await records(server)
    assert found["fatal"]["state"] == "disabled"
    assert "Safe mode" in found["fatal"]["error"]
    assert {r["state"] for r in found.values() if r["firstParty"]} == {"active"}
    # Whatever labextensions this environment has are no extensions, and left out.
    assert {r["state"] for r in found.values() if r["guestOf"]} <= {"disabled"}
    assert server.stop() == 0
    assert written(jupyter_folders) == before


def written(folders):
    """What there is in Jupyter's folders."""
    return sorted(path for path in folders.glob("jupyter-*/**/*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("content", "Did you mean 'contents'?"),
        ("contents", "contents was not switched off."),
    ],
)
def test_enabling_what_needs_none_says_so(plughost, name, output):
    run = plughost("extensions", "enable", name)
    assert output in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


async def test_stopping_while_something_imports_blames_nobody(
    plughost, served, strangers, distribution
):
    distribution("slow", "import time; time.sleep(5)")
    server = served(env={"PYTHONPATH": str(strangers)})
    for _ in range(100):
        reply = await server.client.get("/plughost/api/extensions/slow")
        if reply.status == 200 and reply.json["milliseconds"] == {}:
            break
    await server.client.get("/lab")
    assert server.stop() == 0
    (strangers / "slow.py").write_text("")
    found = {r["name"]: r for r in json.loads(plughost("extensions", "list", "--json").stdout)}
    assert found["slow"]["state"] == "active"

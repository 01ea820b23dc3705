"""The fault set, through real processes: whatever a stranger does, the host goes on."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

GOOD = """
import pathlib
from plughost import JSONHandler, Route, Service, hookimpl
class Hello(JSONHandler):
    def get(self): self.reply("hello")
class Kept:
    async def stop(self): pathlib.Path(__file__).with_name("stopped").write_text("in order")
@hookimpl
def plughost_services(): return [Service(Kept())]
@hookimpl
def plughost_routes(): return [Route(r"/good/api", Hello)]
"""

HEAD = """
import asyncio, os, signal, sys, threading, time
from plughost import *
from plughost import hookimpl
class Hello(JSONHandler):
    def get(self): self.reply("hello")
class Thing:
    async def start(self): pass
    async def stop(self): pass
"""

SERVICE = "\n@hookimpl\ndef plughost_services(): return [Service(Thing())]\n"


def hook(name, body):
    return f"{HEAD}\n@hookimpl\ndef {name}():\n    {body}\n"


def start(body):
    return f"{HEAD}\nasync def start(self):\n    {body}\nThing.start = start\n{SERVICE}"


def stop(body):
    return f"{HEAD}\nasync def stop(self):\n    {body}\nThing.stop = stop\n{SERVICE}"


HOOKS = (
    "plughost_hookspecs",
    "plughost_services",
    "plughost_authenticators",
    "plughost_routes",
    "plughost_pages",
    "plughost_page_config",
    "plughost_frontends",
    "plughost_status",
    "plughost_log_handlers",
)

# name: (source, state, phase, a part of the error)
FAULTS = {
    "raises_at_import": ("raise RuntimeError('no GPU')", "failed", "import", "no GPU"),
    "exits_at_import": ("import sys; sys.exit(0)", "failed", "import", "SystemExit"),
    "hangs_at_import": ("import time; time.sleep(60)", "failed", "import", "longer than 8 sec"),
    "lacks_a_module": ("import nowhere_to_be_found", "failed", "import", "nowhere_to_be_found"),
    "misspelt_hook": (
        hook("plughost_ruotes", "return []"),
        "failed",
        "register",
        "plughost_ruotes",
    ),
    "no_list": (hook("plughost_routes", "return 7"), "failed", "plughost_routes", "returned int"),
    "wrong_value": (hook("plughost_pages", "return [7]"), "failed", "plughost_pages", "an int"),
    "the_same_route": (
        hook("plughost_routes", "return [Route(r'/good/api', Hello)]"),
        "failed",
        "collect",
        "already belongs to the extension 'good'",
    ),
    "takes_a_core_route": (
        hook("plughost_routes", "return [Route(r'/api/status', Hello)]"),
        "failed",
        "collect",
        "already belongs to the extension 'plughost'",
    ),
    "hangs_in_a_hook": (
        hook("plughost_routes", "time.sleep(60)"),
        "failed",
        "plughost_routes",
        "longer than 8 sec",
    ),
    "exits_in_a_hook": (hook("plughost_status", "sys.exit()"), "failed", "plughost_status", "Exit"),
    "raises_in_start": (start("raise OSError('no device')"), "failed", "start", "no device"),
    "hangs_in_start": (start("await asyncio.sleep(60)"), "failed", "start", "longer than 8 sec"),
    "ignores_its_limit": (
        start(
            "while True:\n        try: await asyncio.sleep(60)\n"
            "        except asyncio.CancelledError: pass"
        ),
        "failed",
        "start",
        "longer than 8 sec",
    ),
    "holds_the_loop_in_start": (start("time.sleep(60)"), "failed", "start", "held the whole"),
    "exits_in_start": (start("sys.exit(1)"), "failed", "start", "SystemExit"),
    "cancels_itself": (
        start("raise asyncio.CancelledError"),
        "failed",
        "start",
        "cancelled itself",
    ),
    "lacks_a_service": (
        f"{HEAD}\n@hookimpl\ndef plughost_services():\n"
        "    return [Service(Thing(), requires=('no.Such',))]\n",
        "waiting",
        "collect",
        "requires 'no.Such'",
    ),
    "wants_the_main_thread": (
        "import signal; signal.signal(signal.SIGUSR2, signal.SIG_IGN)",
        "active",
        "collect",
        "",
    ),
    "cannot_be_quoted": (
        "class E(Exception):\n    def __str__(self): raise OSError('no words')\nraise E()",
        "failed",
        "import",
        "its text cannot be had",
    ),
    "panics_at_import": (
        "class Panic(BaseException): pass\nraise Panic('!')",
        "failed",
        "import",
        "Panic(!)",
    ),
    "interrupts_the_main_thread": (
        "import signal; signal.signal(signal.SIGUSR2, signal.SIG_IGN); raise KeyboardInterrupt",
        "failed",
        "import",
        "KeyboardInterrupt",
    ),
    "takes_sigterm": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "active",
        "collect",
        "",
    ),
    "is_no_text": (start(r"raise ValueError('no file \udcff')"), "failed", "start", "no file"),
    "holds_and_swallows": (
        start(
            "while True:\n        try: time.sleep(1)\n        except Exception: pass",
        ),
        "failed",
        "start",
        "held the whole",
    ),
    "has_a_property_for_start": (
        f"{HEAD}\nThing.start = property(lambda self: 1 / 0)\n{SERVICE}",
        "failed",
        "start",
        "ZeroDivisionError",
    ),
    "wants_a_loop": ("import asyncio; asyncio.get_event_loop()", "active", "collect", ""),
    "exits_in_a_task": (
        start("self.task = asyncio.ensure_future(leave())")
        + "async def leave():\n    await asyncio.sleep(0.1); sys.exit(9)\n",
        "active",
        "background task",
        "SystemExit",
    ),
    "exits_in_a_callback": (
        start("asyncio.get_running_loop().call_later(0.1, leave)") + "def leave(): sys.exit(9)\n",
        "active",
        "background task",
        "SystemExit",
    ),
    "raises_in_a_task": (
        start("asyncio.ensure_future(fail())") + "async def fail(): raise KeyError('lost')\n",
        "active",
        "background task",
        "lost",
    ),
    "raises_in_a_handler": (
        f"{HEAD}\nclass Bug(JSONHandler):\n    def get(self): raise KeyError('bug')\n"
        "@hookimpl\ndef plughost_routes(): return [Route(r'/bug/api', Bug)]\n",
        "active",
        "request",
        "bug",
    ),
    **{
        f"raises_in_{name}": (hook(name, "raise OSError('no')"), "failed", name, "no")
        for name in HOOKS
    },
}


async def ready(server):
    """Once loading has ended, the records by name."""
    while (await server.client.get("/api/status")).json["loading"]:  # noqa: ASYNC110  # elsewhere
        await asyncio.sleep(0.1)
    reply = await server.client.get("/plughost/api/extensions")
    return {record["name"]: record for record in reply.json}


async def test_all_faults_at_once_leave_the_host_answering_and_the_others_active(
    served, strangers, distribution
):
    distribution("good", GOOD)
    for name, (source, *_) in FAULTS.items():
        distribution(name, source)
    # Short enough to be waited for, and long enough for all the others on a busy machine.
    limits = {"PLUGHOST_IMPORT_TIMEOUT": "8", "PLUGHOST_START_TIMEOUT": "8"}
    server = served(env={"PYTHONPATH": str(strangers), **limits})
    first = await server.client.get("/api/status")
    await ready(server)
    bug = await server.client.get("/bug/api")
    records = await ready(server)
    good = await server.client.get("/good/api")
    page = await server.client.get("/lab")
    assert (first.status, good.json, page.status, bug.status) == (200, "hello", 200, 500)
    seen = {
        name: (
            r["state"],
            r["phase"],
            part if (part := FAULTS[name][3]) in r["error"] else r["error"],
        )
        for name, r in records.items()
        if name in FAULTS
    }
    assert seen == {name: fault[1:] for name, fault in FAULTS.items()}
    assert [n for n, r in records.items() if n in FAULTS and r["error"] and not r["nextStep"]] == []
    assert {n for n, r in records.items() if r["mainThread"]} == {
        "interrupts_the_main_thread",
        "takes_sigterm",
        "wants_the_main_thread",
        "wants_a_loop",
    }
    assert "SIGTERM" in records["takes_sigterm"]["notes"][0]
    assert "pip" in records["lacks_a_module"]["nextStep"]
    others = {r["state"] for name, r in records.items() if name not in FAULTS}
    assert others == {"active"}
    assert server.stop() == 0
    assert (strangers / "stopped").read_text() == "in order"


STOPS = {
    "raises": (stop("raise OSError('stuck')"), "stuck"),
    "hangs": (stop("await asyncio.sleep(60)"), "longer than"),
    "exits": (stop("sys.exit(7)"), "SystemExit"),
    "holds the loop": (stop("time.sleep(60)"), "held the whole server"),
    "ignores cancellation": (
        stop(
            "while True:\n        try: await asyncio.sleep(60)\n"
            "        except asyncio.CancelledError: pass"
        ),
        "longer than",
    ),
}


@pytest.mark.parametrize("fault", STOPS)
async def test_whatever_happens_in_stop_the_others_are_stopped_within_five_seconds(
    served, strangers, distribution, fault
):
    source, error = STOPS[fault]
    distribution("good", GOOD)
    distribution("stubborn", source)
    server = served(env={"PYTHONPATH": str(strangers)})
    assert (await ready(server))["stubborn"]["state"] == "active"
    began = time.monotonic()
    code = server.stop()
    took = time.monotonic() - began
    log = server.output.read_text()
    assert (strangers / "stopped").read_text() == "in order"
    assert "'stubborn', stop" in log
    assert error in log
    assert code == 0
    assert took < 50, "the stubborn one would take a minute"


HOLDS = {
    "a thread that never ends": (
        start("threading.Thread(target=time.sleep, args=(60,)).start()"),
        "let the process end",
    ),
    "a handler that holds the loop": (
        f"{HEAD}\nclass Held(JSONHandler):\n    def get(self):\n"
        "        open(__file__ + '.held', 'w').close()\n        time.sleep(60)\n"
        "@hookimpl\ndef plughost_routes(): return [Route(r'/held/api', Held)]\n",
        "The extension 'stubborn' does not let the process end",
    ),
}


@pytest.mark.parametrize("fault", HOLDS)
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
async def test_nothing_keeps_the_process_from_ending(served, strangers, distribution, fault, twice):
    source, said = HOLDS[fault]
    distribution("stubborn", source)
    server = served(env={"PYTHONPATH": str(strangers)})
    await ready(server)
    if "handler" in fault:
        waiting = asyncio.ensure_future(server.client.get("/held/api"))
        while not (strangers / "stubborn.py.held").exists():  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(0.01)
    began = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    # A signal that comes while the one before is still to be heeded is one with that.
    while twice and server.process.poll() is None:
        await asyncio.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
    code = server.process.wait(60)
    took = time.monotonic() - began
    if "handler" in fault:
        await asyncio.gather(waiting, return_exceptions=True)
    assert code == (128 + signal.SIGINT if twice else 1), "twice: before it is ended by force"
    assert took < 50, "the stubborn one would take a minute"
    assert twice or said in server.output.read_text()


async def test_of_two_extensions_with_one_name_the_second_is_named(served, strangers, distribution):
    distribution("first", GOOD)
    distribution("second", GOOD)
    info = strangers / "second-1.0.dist-info" / "entry_points.txt"
    info.write_text("[plughost]\nfirst = second\n")
    server = served(env={"PYTHONPATH": str(strangers)})
    records = await ready(server)
    states = {n: records[n]["state"] for n in records if n.startswith("first")}
    assert sorted(states.values()) == ["active", "failed"]
    failed = next(r for r in records.values() if r["state"] == "failed")
    assert "used by 'first' and by 'second'" in failed["error"]
    assert "pip uninstall" in failed["nextStep"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("METADATA", b"\xff\xfe\x00 no metadata"),
        ("entry_points.txt", b"[plughost]\nbroken = = =\n[plughost"),
        ("METADATA", None),
    ],
)
async def test_a_distribution_with_broken_metadata_hides_no_other(
    served, strangers, distribution, file, text
):
    distribution("good", GOOD)
    distribution("broken", GOOD)
    path = strangers / "broken-1.0.dist-info" / file
    path.unlink() if text is None else path.write_bytes(text)
    server = served(env={"PYTHONPATH": str(strangers)})
    records = await ready(server)
    assert records["good"]["state"] == "active"


async def test_an_extension_for_another_plughost_is_not_imported(served, strangers, distribution):
    distribution("newer", "raise AssertionError('imported')")
    metadata = strangers / "newer-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: plughost>=7\n")
    server = served(env={"PYTHONPATH": str(strangers)})
    record = (await ready(server))["newer"]
    assert (record["state"], record["phase"]) == ("failed", "find")
    assert "needs plughost >=7" in record["error"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            "[extensions.faulty]\nstrict = true\n",
            "'faulty' has to run (strict = true) and is failed",
        ),
        ("[extensions.absent]\nstrict = true\n", "'absent' has to run (strict = true) and is not"),
    ],
)
async def test_what_has_to_run_and_does_not_ends_the_host_with_a_reason(
    served, strangers, distribution, jupyter_folders, toml, said
):
    (jupyter_folders / "jupyter-config" / "plughost.toml").write_text(toml)
    distribution("faulty", "raise RuntimeError('no licence')")
    server = served(env={"PYTHONPATH": str(strangers)})
    code = server.process.wait(60)
    log = server.output.read_text()
    assert code == 1
    assert said in log
    assert "Traceback" not in log.split("Error: ")[-1]


async def test_a_record_knows_times_and_memory(served, strangers, distribution):
    distribution("heavy", "import time; time.sleep(0.2); ballast = bytearray(b'x') * 50_000_000")
    server = served(env={"PYTHONPATH": str(strangers)})
    record = (await ready(server))["heavy"]
    assert record["memory"] > 40_000_000
    assert record["milliseconds"]["import"] >= 200
    assert {"import", "register"} <= set(record["milliseconds"])


async def test_nobody_answers_before_who_has_to_run(
    served, strangers, distribution, jupyter_folders
):
    config = "[extensions.zealous]\nstrict = true\n"
    (jupyter_folders / "jupyter-config" / "plughost.toml").write_text(config)
    wait = "while not os.path.exists(__file__ + '.go'): await asyncio.sleep(0.01)"
    distribution("zealous", start(wait))
    distribution("good", GOOD)
    server = served(env={"PYTHONPATH": str(strangers)})
    status = await server.client.get("/api/status")
    early = await server.client.get("/plughost/api/extensions")
    asked = asyncio.ensure_future(server.client.get("/api/contents"))
    answered, _ = await asyncio.wait([asked], timeout=1)
    (strangers / "zealous.py.go").touch()
    contents = await asked
    assert (status.status, status.json["loading"], contents.status) == (200, True, 200)
    assert next(iter(early.json))["name"] == "zealous"
    assert answered == set()

"""`plughost doctor`, run as people run it: what it says, and of extensions that do not work."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
NOBODY = 2**22 + 1
"""A process id that no process gets: it is beyond what Linux and macOS give out."""


def test_where_nothing_is_wrong_it_says_so_and_ends_well(patient):
    patient.environment["PLUGHOST_EXTENSIONS__OBSERVE__STARTUP_BUDGET_MS"] = "1000000"
    run = patient.run()
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"^contents +active ", run.stdout, re.MULTILINE)
    assert "Nothing is wrong" in run.stdout.splitlines()[-1]
    assert "\x1b" not in run.stdout


def test_a_failing_extension_is_named_with_what_to_do(patient):
    patient.install("broken", "import nowhere_to_be_found")
    run = patient.run()
    assert run.returncode == 1
    assert "error: 'broken' fails in import: ModuleNotFoundError" in run.stdout
    assert "'nowhere_to_be_found' is not installed in this environment" in run.stdout
    assert re.search(r"^contents +active ", run.stdout, re.MULTILINE), "the others are shown, too"


def test_an_extension_that_ends_the_process_is_named_and_the_others_are_still_seen(patient):
    patient.install("deadly", "import os; os._exit(3)")
    patient.install("harmless", "")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "process-ended"]
    assert finding["subject"] == "deadly"
    assert "exit code 3 while 'deadly' was being imported" in finding["message"]
    states = {each["name"]: each["state"] for each in told["extensions"]}
    assert (states["deadly"], states["contents"]) == ("disabled", "active")
    assert states["harmless"] == "active"
    assert len([each for each in told["findings"] if each["subject"] == "deadly"]) == 1


def test_of_several_that_may_have_ended_a_process_it_finds_out_which(patient):
    """As when one was so slow that the host had begun with the next."""
    patient.install("dawdling", "")
    patient.install("deadly", "import os; os._exit(3)")
    starts = patient.kernels.parent / "plughost" / "starts"
    starts.mkdir(parents=True)
    machine = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())
    (starts / f"importing-{machine}-{NOBODY}-0").write_text("dawdling\ndeadly")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "process-ended"]
    states = {each["name"]: each["state"] for each in told["extensions"]}
    assert finding["subject"] == "deadly"
    assert (states["deadly"], states["dawdling"]) == ("disabled", "active")


def test_an_extension_that_hangs_is_named_and_holds_nobody_up_for_ever(patient):
    patient.install("hanging", "import threading; threading.Event().wait()")
    patient.environment["PLUGHOST_IMPORT_TIMEOUT"] = "1"
    found = {each["subject"]: each for each in patient.findings("extension-failed")}
    # So may others on a busy machine, which have that second, too.
    assert "longer than 1 seconds" in found["hanging"]["message"]


def test_an_extension_that_prints_does_not_spoil_the_json(patient):
    patient.install("talker", "import sys; print('hello'); print('there', file=sys.stderr)")
    assert patient.told()["ok"]


WAITS = """
from plughost import Route, hookimpl

@hookimpl
def plughost_routes(host):
    host.service("moon.Phases")
    return []
"""


def test_an_extension_that_waits_in_vain_is_named_with_what_it_lacks(patient):
    patient.install("waits", WAITS)
    (finding,) = patient.findings("extension-waits")
    assert finding["subject"] == "waits"
    assert "moon.Phases" in finding["message"]
    assert finding["hint"]


PUBLIC = """
from plughost import JSONHandler, Route, hookimpl

class Health(JSONHandler):
    def get(self):
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/open/api/health", Health, public=True), Route(r"/open/api/rest", Health)]
"""


def test_every_public_route_is_listed_with_whose_it_is(patient):
    patient.install("open_door", PUBLIC)
    routes = {each["pattern"]: each["extension"] for each in patient.told()["publicRoutes"]}
    assert routes["/api"] == "plughost"
    assert routes["/open/api/health"] == "open_door"
    assert "/open/api/rest" not in routes


def test_the_start_up_and_the_modules_are_not_looked_at_together(patient):
    run = patient.run("--startup", "--modules")
    assert run.returncode == 2
    assert "--startup does not go together with --modules" in run.stderr


KEYS = {
    "format",
    "plughost",
    "ok",
    "findings",
    "startup",
    "extensions",
    "modules",
    "duplicates",
    "servers",
    "publicRoutes",
    "environments",
    "kernels",
    "node",
    "machine",
}


def test_the_keys_of_the_json_are_those_that_are_documented(patient):
    told = patient.told()
    assert told.keys() == KEYS
    assert patient.told("--startup").keys() == KEYS - {
        *("servers", "publicRoutes", "environments", "kernels", "node", "machine"),
        *("modules", "duplicates"),
    }
    guide = (REPOSITORY / "docs" / "guides" / "doctor.md").read_text(encoding="utf-8")
    samples = [told, told["startup"], told["extensions"][0], told["kernels"][0], told["machine"]]
    samples += [told["modules"][0]]
    for key in {key for sample in samples for key in sample}:
        assert f"`{key}`" in guide, key


def test_every_check_is_documented():
    guide = (REPOSITORY / "docs" / "guides" / "doctor.md").read_text(encoding="utf-8")
    package = REPOSITORY / "extensions" / "observe" / "plughost_observe"
    checks = {
        check
        for file in package.rglob("*.py")
        for check in re.findall(
            r"(?:error|warning|note|kind)\(\s*\"([a-z]+(?:-[a-z]+)*)\",", file.read_text()
        )
    }
    assert {"extension-failed", "startup-budget", "kernelspec-broken"} <= checks
    assert {check for check in checks if f"`{check}`" not in guide} == set()


def test_on_a_terminal_it_has_colours_and_fits_the_width(patient):
    import fcntl
    import pty  # not on Windows
    import struct
    import termios

    patient.install("broken", "import nowhere_to_be_found")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "plughost", "doctor"],
        cwd=patient.folder,
        env={**patient.environment, "TERM": "xterm-256color", "NO_COLOR": ""},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65536):
            drawn += chunk
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    assert process.communicate()[1] == b""
    assert process.returncode == 1
    text = drawn.decode()
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert "broken" in plain
    assert max(map(len, plain.replace("\r", "").split("\n"))) <= 80

"""What `plughost doctor` says of the time that a start takes, and of what starts."""

from __future__ import annotations

import re
from pathlib import Path


def test_of_slow_extensions_one_is_named(patient):
    patient.install("slow", "import time; time.sleep(0.7)")
    patient.install("slower", "import time; time.sleep(1.2)")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "startup-budget"]
    totals = {each["name"]: each["total"] for each in told["extensions"]}
    # On a busy machine another one can take still longer; then that is the one.
    slowest = max(totals, key=totals.__getitem__)
    assert totals["slower"] >= 1_200
    assert (finding["level"], finding["subject"]) == ("warning", slowest)
    assert re.match(rf"'{slowest}' takes \d+\.\d s of the \d", finding["message"])
    assert "importtime" in finding["hint"]
    assert told["startup"]["slowest"] == slowest
    assert told["ok"], "slow is not broken"


def test_what_an_extension_may_take_is_a_setting(patient):
    patient.install("slow", "import time; time.sleep(0.7)")
    (patient.config / "plughost.toml").write_text(
        "[extensions.observe]\nstartup_budget_ms = 20000\n"
    )
    told = patient.told()
    assert told["startup"]["budget"] == 20000
    assert "startup-budget" not in {each["check"] for each in told["findings"]}


STARTS = """
import os
from pathlib import Path
from plughost import Service, hookimpl

class Starts:
    async def start(self):
        Path(__file__).with_suffix(".started").write_text(os.environ["JUPYTER_RUNTIME_DIR"])

    async def stop(self):
        Path(__file__).with_suffix(".stopped").write_text("")

@hookimpl
def plughost_services():
    return [Service(Starts())]
"""


def test_services_are_started_for_the_profile_only_and_not_in_the_users_folders(patient):
    file = patient.install("starter", STARTS)
    told = patient.told("--startup")
    assert file.with_suffix(".started").read_text() != str(patient.runtime)
    assert file.with_suffix(".stopped").exists()
    assert not Path(file.with_suffix(".started").read_text()).exists(), "it is cleaned up"
    assert list(patient.runtime.iterdir()) == []
    file.with_suffix(".started").unlink()
    patient.told()
    assert not file.with_suffix(".started").exists(), "a look starts nothing"
    (row,) = [each for each in told["extensions"] if each["name"] == "starter"]
    assert row["start"] is not None
    assert told["startup"]["measured"] == "start"


def test_the_profile_shows_the_dearest_first(patient):
    patient.install("slow", "import time; time.sleep(0.2)")
    totals = [each["total"] for each in patient.told("--startup")["extensions"]]
    assert totals == sorted(totals, reverse=True)


FAILS_TO_START = """
from plughost import Service, hookimpl

class Fails:
    async def start(self):
        raise OSError("no such database")

@hookimpl
def plughost_services():
    return [Service(Fails())]
"""


def test_what_fails_only_when_it_is_started_is_found_by_the_profile(patient):
    patient.install("fails", FAILS_TO_START)
    assert patient.told()["ok"]
    (finding,) = patient.findings("extension-failed", "--startup")
    assert "fails in start: OSError while in start: no such database" in finding["message"]

"""What a start does not pay for: libraries that nothing has asked for yet are not imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WHEN_WANTED = {
    "IPython",
    "argon2",
    "prometheus_client",
    "hatchling",
    "ipykernel",
    "json5",
    "jsonschema",
    "jupyter_client",
    "matplotlib",
    "nbconvert",
    "nbformat",
    "nodeenv",
    "pandas",
    "playwright",
    "plughost_build",
    "psutil",
    "ptyprocess",
    "pytest",
    "referencing",
    "rich",
    "send2trash",
    "sqlite3",
    "terminado",
    "unittest",
    "zmq",
}
"""Each is some extension's or some command's, and imported by whoever uses it first."""

SERVER_ONLY = {"jinja2", "jupyter_core", "msgspec", "tornado"}
"""What a server cannot do without, and a command that only prints can."""

# Loaded last, because those of others come after the first-party ones.
PROBE = """
import sys
from plughost import JSONHandler, Route, hookimpl

class Imported(JSONHandler):
    def get(self):
        self.reply(sorted({name.partition(".")[0] for name in sys.modules}))

@hookimpl
def plughost_routes():
    return [Route(r"/probe/api/imported", Imported)]
"""


@pytest.fixture
def bare(served, strangers, distribution):
    """A server of which nothing has been asked, and which can tell what it has imported."""
    distribution("probe", PROBE)
    return served(env={"PYTHONPATH": str(strangers)})


async def test_a_bare_start_imports_nothing_that_nobody_has_asked_for(bare):
    while (await bare.client.get("/api/status")).json["loading"]:
        pass
    imported = set((await bare.client.get("/probe/api/imported")).json)
    records = (await bare.client.get("/plughost/api/extensions")).json
    assert {r["state"] for r in records} == {"active"}, "all have started"
    extensions = {r["package"] for r in records if not r["guestOf"]}
    assert extensions <= imported, "and in the process that was asked"
    assert imported & WHEN_WANTED == set()


async def test_what_every_page_asks_for_first_imports_nothing_more(bare):
    """The budget on memory is for a server that has shown its page."""
    for path in ("/lab", "/api/contents?content=1", "/api/kernelspecs", "/lab/api/settings"):
        assert (await bare.client.get(path)).status == 200
    for path in (
        "/api/kernels",
        "/api/sessions",
        "/api/terminals",
        "/lab/api/workspaces",
        "/api/nbconvert",
    ):
        assert (await bare.client.get(path)).status == 200
    imported = set((await bare.client.get("/probe/api/imported")).json)
    assert imported & WHEN_WANTED == set()


def test_help_imports_nothing_that_only_a_server_needs():
    run = subprocess.run(
        [sys.executable, "-m", "plughost", "--help"],
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = (line.rpartition("|")[2].strip() for line in run.stderr.splitlines())
    imported = {name.partition(".")[0] for name in names}
    assert {"click", "plughost"} <= imported
    assert imported & (SERVER_ONLY | WHEN_WANTED) == set()

"""`@jupyterlab/services`, the clients of JupyterLab, run by Node against `plughost serve`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plughost.testing import TOKEN
from plughost_build.node import find_node

SCRIPT = Path(__file__).with_name("services.mjs")

CLIENTS = [
    "contents",
    "settings",
    "workspaces",
    "terminals",
    "nbconvert",
    "events",
    "config",
    "user",
    "kernels",
    "sessions",
    "execution",
    "comms",
    "connections",
    "deaths",
]


@pytest.fixture
def weather(jupyter_folders):
    """The settings of a labextension that is installed in Jupyter's data folder."""
    folder = jupyter_folders / "jupyter-data/labextensions/@tea/weather"
    for path, content in {
        "package.json": {
            "name": "@tea/weather",
            "version": "2.1.0",
            "jupyterlab": {"_build": {"load": "static/remoteEntry.js"}},
        },
        "schemas/@tea/weather/package.json.orig": {"name": "@tea/weather", "version": "2.1.0"},
        "schemas/@tea/weather/plugin.json": {
            "title": "Weather",
            "type": "object",
            "properties": {"unit": {"type": "string", "enum": ["C", "F"], "default": "C"}},
        },
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(content))


@pytest.fixture
def mortals(jupyter_folders):
    """A kernel that cannot start any more once there is a file `doom`; one that never can."""
    mortal = "import os, sys; os.path.exists('doom') and sys.exit('doomed'); "
    launch = "from ipykernel.kernelapp import launch_new_instance as run; run()"
    for name, code in {"mortal": mortal + launch, "doomed": "raise SystemExit('no luck')"}.items():
        spec = {
            "argv": [sys.executable, "-c", code, "-f", "{connection_file}"],
            "display_name": name.title(),
            "language": "python",
        }
        folder = jupyter_folders / "jupyter-data/kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))


@pytest.mark.parametrize("client", CLIENTS)
def test_jupyterlabs_own_client_gets_what_it_asks_for(
    served, weather, mortals, monkeypatch, client
):
    monkeypatch.setenv("SHELL", "/bin/sh")
    server = served()
    node = find_node()
    run = subprocess.run(
        [node.executable, SCRIPT, client, server.client.base + "/", TOKEN],
        capture_output=True,
        text=True,
        timeout=240,
    )
    calls = [json.loads(line) for line in run.stdout.splitlines()]
    failed = {call["call"]: call["error"] for call in calls if "error" in call}
    assert failed == {}, "\n".join(failed.values())
    assert (run.returncode, bool(calls)) == (0, True), run.stderr

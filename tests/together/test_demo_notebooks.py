"""Real notebooks are run through the server, saved, and read again."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import uuid
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from nbformat.v4 import output_from_msg

DEMO = Path(__file__).parents[1] / "data" / "demo"
SECONDS = 60

TABLE = {"text/plain", "text/html"}
PICTURE = {"text/plain", "image/png"}
FORMATS = {
    "Data": TABLE,
    "Fasta": {"text/plain", "application/vnd.fasta.fasta"},
    "Lorenz": PICTURE | {"application/vnd.jupyter.widget-view+json"},
    "R": TABLE | PICTURE | {"text/latex", "text/markdown"},
}
"""What the outputs of each notebook are there in."""

R_ARGV = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
LORENZ = '''\
"""Trajectories of the Lorenz system, by the classical Runge-Kutta method."""

import numpy
from matplotlib import pyplot


def solve_lorenz(sigma=10.0, beta=8 / 3, rho=28.0, trajectories=4, steps=200, width=0.02):
    def slope(at):
        x, y, z = at.T
        return numpy.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], axis=1)

    at = numpy.random.default_rng(1).uniform(-15, 15, (trajectories, 3))
    path = [at]
    for _ in range(steps):
        a = slope(at)
        b = slope(at + width / 2 * a)
        c = slope(at + width / 2 * b)
        d = slope(at + width * c)
        at = at + width / 6 * (a + 2 * b + 2 * c + d)
        path.append(at)
    path = numpy.stack(path, axis=1)
    for one in path:
        pyplot.plot(one[:, 0], one[:, 2])
    pyplot.show()
    return numpy.arange(steps + 1) * width, path
'''


@pytest.fixture
def server(served, jupyter_folders, monkeypatch):
    """A server whose root has the demo, and an R kernel."""
    shutil.copytree(DEMO, jupyter_folders / "root" / "demo")
    (jupyter_folders / "root" / "demo" / "notebooks" / "lorenz.py").write_text(LORENZ)
    folder = jupyter_folders / "jupyter-data" / "kernels" / "ir"
    folder.mkdir(parents=True)
    spec = {"argv": R_ARGV, "display_name": "R", "language": "R"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("IPYTHONDIR", str(jupyter_folders / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(jupyter_folders / "matplotlib"))
    return served()


@pytest.fixture
def root(jupyter_folders):
    return jupyter_folders / "root"


def path_of(name):
    return f"demo/notebooks/{name}.ipynb"


def contents(path):
    return f"/api/contents/{quote(path)}?type=notebook"


async def read(client, path):
    """A notebook as the server tells it."""
    reply = await client.get(contents(path))
    assert reply.status == 200, reply.text
    return reply.json["content"]


async def save(client, path, notebook):
    model = {"type": "notebook", "format": "json", "content": notebook}
    reply = await client.put(contents(path), model)
    assert reply.status == 200, reply.text


async def open_session(client, path, notebook):
    """As JupyterLab does for a notebook: the kernel that its metadata names."""
    kernel = {"name": notebook["metadata"]["kernelspec"]["name"]}
    name = path.rpartition("/")[2]
    body = {"path": path, "name": name, "type": "notebook", "kernel": kernel}
    return await client.post("/api/sessions", body)


class Runner:
    """Runs the cells of one notebook and keeps their outputs as JupyterLab does."""

    def __init__(self, socket):
        self.socket = socket
        self.session = uuid.uuid4().hex

    async def run(self, cell):
        """Run a cell and fill in its outputs and its count; the reply's status."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "session": self.session,
            "username": "",
            "version": "5.2",
            "date": "2026-11-01T12:00:00Z",
        }
        content = {
            "code": cell["source"],
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": True,
        }
        parts = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self.socket.write_message(json.dumps({**parts, "channel": "shell", "buffers": []}))
        cell["outputs"] = []
        reply, idle = None, False
        while reply is None or not idle:
            frame = await asyncio.wait_for(self.socket.read_message(), SECONDS)
            assert isinstance(frame, str), f"no text: {frame!r}"
            message = json.loads(frame)
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if message["msg_type"] == "execute_reply":
                reply = message["content"]
            idle = idle or message["content"].get("execution_state") == "idle"
            self._keep(cell, message)
        cell["execution_count"] = reply.get("execution_count")
        return reply["status"]

    def _keep(self, cell, message):
        if message["msg_type"] not in ("stream", "display_data", "execute_result", "error"):
            return
        output = output_from_msg(message)
        last = cell["outputs"][-1] if cell["outputs"] else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            cell["outputs"].append(output)


async def run_notebook(client, path, notebook):
    """Run all of its code cells in a session of its own; their statuses."""
    session = (await open_session(client, path, notebook)).json
    url = f"/api/kernels/{session['kernel']['id']}/channels?session_id={uuid.uuid4().hex}"
    socket = await client.websocket(url)
    runner = Runner(socket)
    statuses = [await runner.run(cell) for cell in code_cells(notebook) if cell["source"]]
    socket.close()
    assert (await client.delete(f"/api/sessions/{session['id']}")).status == 204
    return statuses


def without_trust(notebook):
    """Cells tell whether they are trusted, which is the server's affair."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["metadata"].pop("trusted", None)
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell):
    """The formats of what a cell shows, and each text as it is.

    Older kernels send an empty bundle where they mean nothing; pictures and hypertext may
    change with every version.
    """
    bundles = [output["data"] for output in cell["outputs"] if output.get("data")]
    return [(set(bundle), bundle["text/plain"]) for bundle in bundles]


def joined(value):
    """A notebook with every text in one piece, where files have it line by line."""
    if isinstance(value, dict):
        return {key: joined(one) for key, one in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            return "".join(value)
        return [joined(one) for one in value]
    return value


@pytest.mark.parametrize("name", ["Data", "Fasta", "Lorenz", "R"])
async def test_a_notebook_is_run_saved_and_read_again(server, name):
    client, path = server.client, path_of(name)
    stored = await read(client, path)
    notebook = copy.deepcopy(stored)
    statuses = await run_notebook(client, path, notebook)
    await save(client, path, notebook)
    again = await read(client, path)

    assert set(statuses) == {"ok"}
    assert without_trust(again) == without_trust(notebook)
    nbformat.validate(nbformat.from_dict(again))
    assert again["metadata"] == stored["metadata"]
    sources = [[cell["source"] for cell in one["cells"]] for one in (stored, again)]
    assert sources[0] == sources[1]
    for old, new in zip(code_cells(stored), code_cells(again), strict=True):
        if shown(old):
            assert shown(new) == shown(old)
    formats = {kind for cell in code_cells(again) for kinds, _ in shown(cell) for kind in kinds}
    assert formats == FORMATS[name]


@pytest.mark.parametrize("name", sorted(path.stem for path in DEMO.glob("notebooks/*.ipynb")))
async def test_a_notebook_that_is_saved_as_it_was_read_means_the_same(server, root, name):
    file = root / path_of(name)
    before = json.loads(file.read_text())
    await save(server.client, path_of(name), await read(server.client, path_of(name)))
    assert joined(without_trust(json.loads(file.read_text()))) == joined(before)


async def test_a_notebook_whose_kernel_is_missing_is_refused_with_a_list(server):
    client, path = server.client, path_of("Cpp")
    refused = await open_session(client, path, await read(client, path))
    sessions = (await client.get("/api/sessions")).json
    assert refused.status == 501
    assert refused.json["short_message"] == "There is no kernel named 'xeus-cling-cpp14'."
    assert all(name in refused.json["message"] for name in ("ir", "python3", "xpython"))
    assert sessions == []


async def test_errors_are_kept_as_outputs(server):
    """Julia's code, in a notebook that calls itself Python."""
    client, path = server.client, path_of("Julia")
    notebook = await read(client, path)
    statuses = await run_notebook(client, path, notebook)
    await save(client, path, notebook)
    again = await read(client, path)
    assert set(statuses) == {"error"}
    assert without_trust(again) == without_trust(notebook)
    names = [output["ename"] for cell in code_cells(again) for output in cell["outputs"]]
    assert names == ["NameError", "NameError", "NameError", "SyntaxError"]

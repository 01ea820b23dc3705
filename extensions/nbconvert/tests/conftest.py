"""A drive that is no disk, exporters of a stranger, and a host with them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import plughost_nbconvert
from plughost import NotFound, Service, hookimpl

CONTENTS = "plughost_contents.contents.Contents"

BREWERY = '''\
"""Exporters of a stranger, for tests."""

import os
import socket
from pathlib import Path

from nbconvert.exporters import Exporter, HTMLExporter, MarkdownExporter

FOLDER = Path(__file__).parent
with (FOLDER / "imports").open("a") as file:
    file.write("imported\\n")


class Tea(Exporter):
    """Says what it was given."""

    file_extension = ".tea"
    output_mimetype = "text/tea"

    def from_notebook_node(self, nb, resources=None, **kw):
        nb, resources = super().from_notebook_node(nb, resources)
        print("What is printed here is no reply.")
        facts = resources["metadata"]
        return f"{facts['name']} {facts['modified_date']} {len(nb.cells)} cells", resources


class Slow(Exporter):
    """Calls the test, tells it its process id, and holds until it is ended."""

    def from_notebook_node(self, nb, resources=None, **kw):
        test = socket.create_connection(("127.0.0.1", int(os.environ["BREWERY_PORT"])))
        test.sendall(b"%d\\n" % os.getpid())
        test.recv(1)


class Crash(Exporter):
    def from_notebook_node(self, nb, resources=None, **kw):
        os.write(2, b"Here it goes.")
        os.abort()


class Fail(Exporter):
    def from_notebook_node(self, nb, resources=None, **kw):
        raise LookupError("no leaf")


class Leaving(Exporter):
    def from_notebook_node(self, nb, resources=None, **kw):
        raise SystemExit(3)


class Paper(HTMLExporter):
    """As those that make a PDF from HTML: bytes, and a MIME type of something else."""

    def from_notebook_node(self, nb, resources=None, **kw):
        output, resources = super().from_notebook_node(nb, resources)
        resources["output_extension"] = ".pdf"
        return b"%PDF", resources
'''


def notebook(*cells: dict[str, Any] | str) -> dict[str, Any]:
    """A notebook with these cells; a text is the source of a code cell."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"},
            "language_info": {
                "name": "python",
                "file_extension": ".py",
                "mimetype": "text/x-python",
            },
        },
        "cells": [
            {"cell_type": "code", "source": cell, "execution_count": 1, "outputs": []}
            if isinstance(cell, str)
            else cell
            for cell in cells
        ],
    }


def output(**data: str) -> dict[str, Any]:
    """A code cell whose output is this, by MIME type with `_` for `/`."""
    display = {
        "output_type": "display_data",
        "metadata": {},
        "data": {kind.replace("_", "/"): value for kind, value in data.items()},
    }
    return {"cell_type": "code", "source": "show()", "execution_count": 1, "outputs": [display]}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source}


@dataclass
class Model:
    name: str
    path: str
    type: str
    last_modified: datetime = datetime(2026, 3, 9, tzinfo=timezone.utc)


class Drive:
    """Stands in for contents, as far as nbconvert asks them: nothing of it is on a disk."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __setitem__(self, path: str, content: Any) -> None:
        self.files[path] = content if isinstance(content, bytes) else json.dumps(content).encode()

    @hookimpl
    def plughost_services(self) -> list[Service]:
        return [Service(self, provides=CONTENTS)]

    async def get(self, path: str, *, content: bool = True) -> Model:
        if path not in self.files:
            raise NotFound(f"There is no file {path!r}.")
        kind = "notebook" if path.endswith(".ipynb") else "file"
        return Model(path.rpartition("/")[2], path, kind)

    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        data = self.files[path]
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]


@pytest.fixture
def drive() -> Drive:
    drive = Drive()
    drive["a.ipynb"] = notebook("x = 1", output(text_plain="one"))
    return drive


@pytest.fixture
def serve(start: Any, drive: Drive) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """`serve(**settings)`: a host with nbconvert, these settings of it, and the drive."""

    def serving(*plugins: Any, **settings: Any) -> AbstractAsyncContextManager[Any]:
        return start(drive, plughost_nbconvert, *plugins, extensions={"nbconvert": settings})

    return serving


@pytest.fixture
def brewery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with exporters, installed for us and for the processes we start."""
    site = tmp_path / "brewery"
    info = site / "brewery-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brewery\nVersion: 1.0\n")
    names = ("Tea", "Slow", "Crash", "Fail", "Leaving", "Paper", "Missing")
    lines = [f"{name.lower()} = brewery:{name}" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[nbconvert.exporters]", *lines, ""]))
    (site / "brewery.py").write_text(BREWERY)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


@dataclass
class Begun:
    """A conversion that is going on in a process."""

    pid: int
    reader: asyncio.StreamReader

    async def ended(self) -> None:
        """Wait for the end of the process, which ends its call to us."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()


@pytest.fixture
async def begun(
    brewery: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Awaitable[Begun]]]:
    """`await begun()`: the next conversion with the exporter `slow` has begun."""
    arrived: asyncio.Queue[Begun] = asyncio.Queue()
    calls = []

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(writer)
        await arrived.put(Begun(int(await reader.readline()), reader))

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    monkeypatch.setenv("BREWERY_PORT", str(server.sockets[0].getsockname()[1]))
    yield arrived.get
    server.close()
    for writer in calls:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
def config(jupyter_folders: Path) -> Path:
    """Jupyter's configuration folder, still empty."""
    return jupyter_folders / "jupyter-config"

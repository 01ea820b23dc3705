"""A client of a kernel's WebSocket, written from the wire formats and not from our code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from plughost.testing import Client

PROTOCOL = "v1.kernel.websocket.jupyter.org"
SECONDS = 60


@dataclass(frozen=True)
class Message:
    channel: str
    header: dict[str, Any]
    parent: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: list[bytes]

    @property
    def kind(self) -> str:
        return str(self.header["msg_type"])

    @property
    def number(self) -> int:
        return int(self.metadata["plughost"]["n"])


class Line:
    """One WebSocket to one kernel."""

    def __init__(self, socket: Any, session: str, legacy: bool) -> None:
        self.socket = socket
        self.session = session
        self.legacy = legacy

    def send(
        self,
        kind: str,
        content: dict[str, Any],
        *,
        channel: str | None = "shell",
        buffers: tuple[bytes, ...] = (),
        metadata: dict[str, Any] | None = None,
    ) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self.session,
            "username": "somebody",
            "version": "5.3",
            "date": "2026-11-01T12:00:00Z",
            "subshell_id": None,  # as JupyterLab has it
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": metadata or {},
            "content": content,
        }
        if self.legacy and not buffers:
            if channel is not None:
                message["channel"] = channel
            self.socket.write_message(json.dumps(message))
        elif self.legacy:
            pieces = [json.dumps({**message, "channel": channel}).encode(), *buffers]
            self.socket.write_message(_table(pieces, "!", "I") + b"".join(pieces), binary=True)
        else:
            pieces = [
                (channel or "").encode(),
                *(json.dumps(part).encode() for part in message.values()),
                *buffers,
            ]
            self.socket.write_message(_table(pieces, "<", "Q") + b"".join(pieces), binary=True)
        return str(header["msg_id"])

    def execute(self, code: str, **options: Any) -> str:
        return self.send("execute_request", {"code": code, "silent": False, **options})

    async def receive(self) -> Message:
        """The next message; raises ConnectionError when the WebSocket is closed."""
        frame = await asyncio.wait_for(self.socket.read_message(), SECONDS)
        if frame is None:
            raise ConnectionError(f"closed: {self.socket.close_code} {self.socket.close_reason}")
        return _read_legacy(frame) if self.legacy else _read_v1(frame)

    async def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Everything up to the first message that is wanted, which comes last."""
        messages = [await self.receive()]
        while not wanted(messages[-1]):
            messages.append(await self.receive())
        return messages

    async def answer(self, msg_id: str) -> list[Message]:
        """What a request caused: everything until its reply and the kernel's rest after it."""
        missing = {"reply", "idle"}
        messages = []
        while missing:
            message = await self.receive()
            if (message.parent or {}).get("msg_id") != msg_id:
                continue
            messages.append(message)
            if message.kind.endswith("_reply"):
                missing.discard("reply")
            if message.content.get("execution_state") == "idle":
                missing.discard("idle")
        return messages

    async def run(self, code: str, **options: Any) -> list[Message]:
        return await self.answer(self.execute(code, **options))

    async def print(self, code: str) -> str:
        """What some code writes to stdout."""
        return printed(await self.run(code))

    def close(self) -> None:
        self.socket.close()


def printed(messages: list[Message]) -> str:
    return "".join(m.content["text"] for m in messages if m.kind == "stream")


def _table(pieces: list[bytes], order: str, word: str) -> bytes:
    """The v1 table has one offset more than pieces, the legacy one as many."""
    offsets = [0]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    if word == "I":
        offsets.pop()
    start = struct.calcsize(word) * (len(offsets) + 1)
    table = [len(offsets), *(start + offset for offset in offsets)]
    return struct.pack(f"{order}{len(table)}{word}", *table)


def _read_v1(frame: Any) -> Message:
    assert isinstance(frame, bytes), "the binary framing has binary frames only"
    (count,) = struct.unpack_from("<Q", frame)
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    pieces = [frame[a:b] for a, b in pairwise(offsets)]
    channel, header, parent, metadata, content, *buffers = pieces
    parts = (json.loads(part) for part in (header, parent, metadata, content))
    return Message(channel.decode(), *parts, buffers)


def _read_legacy(frame: Any) -> Message:
    buffers: list[bytes] = []
    if isinstance(frame, bytes):
        (count,) = struct.unpack_from("!I", frame)
        offsets = [*struct.unpack_from(f"!{count}I", frame, 4), len(frame)]
        pieces = [frame[a:b] for a, b in pairwise(offsets)]
        frame, *buffers = pieces
    message = json.loads(frame)
    assert message["msg_id"] == message["header"]["msg_id"]
    return Message(
        message["channel"],
        message["header"],
        message["parent_header"],
        message["metadata"],
        message["content"],
        buffers,
    )


Connect = Callable[..., Awaitable[Line]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """`connect(client, kernel_id, session=…, legacy=False, query="")` opens a WebSocket."""
    lines: list[Line] = []

    async def opened(
        client: Client,
        kernel_id: str,
        session: str | None = None,
        *,
        legacy: bool = False,
        query: str = "",
    ) -> Line:
        session = session or uuid.uuid4().hex
        socket = await client.websocket(
            f"/api/kernels/{kernel_id}/channels?session_id={session}{query}",
            subprotocols=None if legacy else [PROTOCOL],
        )
        assert socket.selected_subprotocol == (None if legacy else PROTOCOL)
        lines.append(Line(socket, session, legacy))
        return lines[-1]

    yield opened
    for line in lines:
        line.close()


@pytest.fixture(name="printed")
def give_printed() -> Callable[[list[Message]], str]:
    """`printed(messages)` is the text in them; a line can come in pieces."""
    return printed


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """`await eventually(condition)` returns once the (asynchronous) condition holds."""

    async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + SECONDS
        while not await condition():
            assert time.monotonic() < deadline, f"It did not happen within {SECONDS} s."
            await asyncio.sleep(0.05)

    return wait


@pytest.fixture
def gone(eventually: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """`await gone(client, kernel_id, left=0)`: returns once no more clients than these are left."""

    async def wait(client: Client, kernel_id: str, left: int = 0) -> None:
        async def nobody() -> bool:
            model = (await client.get(f"/api/kernels/{kernel_id}")).json
            return bool(model["connections"] == left)

        await eventually(nobody)

    return wait


@pytest.fixture(autouse=True)
def ipython_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels write their history below the test's folder, not the developer's."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # At its first import debugpy complains on stderr of a Python that was not started as
    # ipykernel's own kernelspec does it: output that no test has asked for.
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")


@pytest.fixture(autouse=True)
def no_kernel_stays(jupyter_folders: Path) -> Iterator[None]:
    """End, by its pid, every kernel that a failed test has left on file."""
    yield
    for path in (jupyter_folders / "jupyter-runtime" / "plughost" / "kernels").glob("*.json"):
        with contextlib.suppress(ValueError, KeyError, FileNotFoundError, ProcessLookupError):
            if pid := json.loads(path.read_text())["pid"]:
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def install_kernel(jupyter_folders: Path) -> Callable[..., Path]:
    """`install_kernel(name, argv, **spec)` writes a kernelspec; returns its folder."""

    def install(name: str, argv: list[str], **spec: Any) -> Path:
        folder = jupyter_folders / "jupyter-data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"argv": argv, "display_name": name.title(), "language": "test", **spec}
        (folder / "kernel.json").write_text(json.dumps(spec))
        return folder

    return install


@pytest.fixture
def launch(install_kernel: Callable[..., Path]) -> Callable[..., Awaitable[str]]:
    """`await launch(client, code)` starts a fake kernel that runs this first; its id."""
    program = str(Path(__file__).with_name("fake_kernel.py"))

    async def launched(client: Client, code: str = "", name: str = "fake", **spec: Any) -> str:
        install_kernel(name, [sys.executable, program, "{connection_file}", code], **spec)
        kernel_id = (await client.post("/api/kernels", {"name": name})).json["id"]
        return str(kernel_id)

    return launched


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that kernels run in."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder

"""Lines to a kernel: through a server's WebSocket, through jupyter_client, on bare ZeroMQ.

All have the same methods and read every message to its content, so that what differs is
what lies between client and kernel.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import struct
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from wire import TEXT, WebSocket

PROTOCOL = "v1.kernel.websocket.jupyter.org"
DATE = "2026-01-01T00:00:00.000000Z"

Content = dict[str, Any]


@dataclass(slots=True)
class Message:
    """What is looked at: the type, the id of the request that caused it, the content.

    `numbers` are those that plughost has given to it, the first and the last.
    """

    kind: str
    parent: str
    content: Content
    numbers: tuple[int, int] | None = None


class Line(Protocol):
    """One client of one kernel. Both readers raise TimeoutError after so many seconds.

    `skipped` counts the messages that a server has had and not passed on, as far as it numbers
    them.
    """

    skipped: int

    def send(self, kind: str, content: Content) -> str:
        """Send a request on shell; returns its msg_id."""

    def reply(self, seconds: float) -> Message:
        """The next message on shell."""

    def published(self, seconds: float) -> Message:
        """The next message on iopub."""

    def close(self) -> None: ...


def header(kind: str, session: str) -> Content:
    return {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": session,
        "username": "",
        "version": "5.3",
        "date": DATE,
    }


class SocketLine:
    """A WebSocket in the framing `v1` (binary) or `legacy` (JSON text)."""

    def __init__(self, base: str, kernel_id: str, token: str, framing: str) -> None:
        self.skipped = 0
        self._last = 0
        self._legacy = framing == "legacy"
        self._session = uuid.uuid4().hex
        headers = {"Authorization": f"token {token}"}
        if not self._legacy:
            headers["Sec-WebSocket-Protocol"] = PROTOCOL
        path = f"/api/kernels/{kernel_id}/channels?session_id={self._session}"
        self.socket = WebSocket(base, path, headers)
        self._waiting: dict[str, deque[Message]] = {
            name: deque() for name in ("shell", "iopub", "control", "stdin")
        }

    def send(self, kind: str, content: Content) -> str:
        head = header(kind, self._session)
        if self._legacy:
            whole = {
                "channel": "shell",
                "header": head,
                "parent_header": {},
                "metadata": {},
                "content": content,
            }
            self.socket.send(json.dumps(whole).encode(), TEXT)
        else:
            parts = [b"shell", *(json.dumps(part).encode() for part in (head, {}, {}, content))]
            offsets = [8 * (len(parts) + 2)]
            for part in parts:
                offsets.append(offsets[-1] + len(part))
            table = struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets)
            self.socket.send(b"".join([table, *parts]))
        return str(head["msg_id"])

    def reply(self, seconds: float) -> Message:
        return self._next("shell", seconds)

    def published(self, seconds: float) -> Message:
        return self._next("iopub", seconds)

    def close(self) -> None:
        self.socket.close()

    def _next(self, wanted: str, seconds: float) -> Message:
        waiting = self._waiting[wanted]
        while not waiting:
            frame = self.socket.receive(seconds)
            channel, message = _legacy(frame) if self._legacy else _v1(frame)
            if message.numbers is not None:
                first, last = message.numbers
                self.skipped += max(first - self._last - 1, 0) if self._last else 0
                self._last = last
            self._waiting[channel].append(message)
        return waiting.popleft()


def _v1(frame: bytes) -> tuple[str, Message]:
    (count,) = struct.unpack_from("<Q", frame)
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    channel = frame[offsets[0] : offsets[1]].decode()
    parts = [frame[offsets[i] : offsets[i + 1]] for i in range(1, 5)]
    return channel, _read(parts)


def _legacy(frame: bytes) -> tuple[str, Message]:
    whole = json.loads(frame)
    json_parts = (whole[name] for name in ("header", "parent_header", "metadata", "content"))
    return whole["channel"], _message(*json_parts)


def _read(parts: list[bytes]) -> Message:
    return _message(*(json.loads(part) for part in parts))


def _message(head: Content, parent: Content | None, metadata: Content, content: Content) -> Message:
    mark = metadata.get("plughost")
    numbers = (mark.get("first", mark["n"]), mark["n"]) if mark else None
    return Message(head["msg_type"], (parent or {}).get("msg_id", ""), content, numbers)


class ClientLine:
    """jupyter_client's own client, as scripts use it."""

    def __init__(self, client: Any) -> None:
        self.skipped = 0
        self._client = client

    def send(self, kind: str, content: Content) -> str:
        message = self._client.session.msg(kind, content)
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def reply(self, seconds: float) -> Message:
        return self._take(self._client.get_shell_msg, seconds)

    def published(self, seconds: float) -> Message:
        return self._take(self._client.get_iopub_msg, seconds)

    def close(self) -> None:
        self._client.stop_channels()

    def _take(self, get: Any, seconds: float) -> Message:
        try:
            message = get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"Nothing has come for {seconds:g} s.") from None
        parent = message["parent_header"].get("msg_id", "")
        return Message(message["msg_type"], parent, message["content"])


class BareLine:
    """Two ZeroMQ sockets, messages signed and read by hand: the least that a kernel costs."""

    def __init__(self, facts: dict[str, Any]) -> None:
        import zmq

        self.skipped = 0
        self._key = facts["key"].encode() if isinstance(facts["key"], str) else facts["key"]
        self._session = uuid.uuid4().hex
        context: Any = zmq.Context.instance()
        self._shell = context.socket(zmq.DEALER)
        self._iopub = context.socket(zmq.SUB)
        self._iopub.rcvhwm = 0
        self._iopub.subscribe(b"")
        for socket, port in ((self._shell, "shell_port"), (self._iopub, "iopub_port")):
            socket.linger = 0
            socket.connect(f"tcp://{facts['ip']}:{facts[port]}")

    def send(self, kind: str, content: Content) -> str:
        head = header(kind, self._session)
        parts = [json.dumps(part).encode() for part in (head, {}, {}, content)]
        self._shell.send_multipart([b"<IDS|MSG>", self._sign(parts), *parts])
        return str(head["msg_id"])

    def reply(self, seconds: float) -> Message:
        return self._take(self._shell, seconds)

    def published(self, seconds: float) -> Message:
        return self._take(self._iopub, seconds)

    def close(self) -> None:
        self._shell.close()
        self._iopub.close()

    def _take(self, socket: Any, seconds: float) -> Message:
        if not socket.poll(seconds * 1000):
            raise TimeoutError(f"Nothing has come for {seconds:g} s.")
        frames = socket.recv_multipart()
        start = frames.index(b"<IDS|MSG>") + 1
        if not hmac.compare_digest(frames[start], self._sign(frames[start + 1 : start + 5])):
            raise ValueError("A message is not signed with the kernel's key.")
        return _read(frames[start + 1 : start + 5])

    def _sign(self, parts: list[bytes]) -> bytes:
        return hmac.new(self._key, b"".join(parts), hashlib.sha256).hexdigest().encode()

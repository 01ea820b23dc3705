"""A WebSocket client on a blocking socket: as little as a client can cost.

Source: RFC 6455. Servers do not split or compress what they send unless they are asked to.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CHUNK = 1024 * 1024


class WebSocket:
    """One connection, open when it is made.

    Raises ConnectionError when the server refuses the upgrade or ends the connection.
    """

    def __init__(self, base: str, path: str, headers: Mapping[str, str]) -> None:
        address = urlsplit(base)
        self._socket = socket.create_connection(
            (address.hostname or "", address.port or 80), timeout=60
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        lines = {
            "Host": address.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        head = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())
        while b"\r\n\r\n" not in self._buffer:
            self._more(60)
        reply, _, rest = self._buffer.partition(b"\r\n\r\n")
        if not reply.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"No WebSocket at {base}{path}: {bytes(reply[:200])!r}")
        self._buffer = bytearray(rest)

    def send(self, payload: bytes, kind: int = BINARY) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | kind, 0xFE, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0xFF, size)
        # A mask of zeros leaves the payload as it is: the server unmasks, we need not mask.
        self._socket.sendall(head + bytes(4) + payload)

    def receive(self, seconds: float) -> bytes:
        """The payload of the next message; raises TimeoutError and loses nothing by it."""
        end = time.monotonic() + seconds
        while True:
            # Pings come all the time, and are no message.
            kind, payload = self._frame(max(end - time.monotonic(), 0))
            if kind in (TEXT, BINARY):
                return payload
            if kind == PING:
                self.send(payload, PONG)
            elif kind == CLOSE:
                raise ConnectionError(f"The server closes the WebSocket: {payload!r}")

    def close(self) -> None:
        self._socket.close()

    def _frame(self, seconds: float) -> tuple[int, bytes]:
        self._need(2, seconds)
        kind, size, start = self._buffer[0] & 15, self._buffer[1] & 127, 2
        if size == 126:
            self._need(4, seconds)
            (size,), start = struct.unpack_from("!H", self._buffer, 2), 4
        elif size == 127:
            self._need(10, seconds)
            (size,), start = struct.unpack_from("!Q", self._buffer, 2), 10
        self._need(start + size, seconds)
        payload = bytes(memoryview(self._buffer)[start : start + size])
        del self._buffer[: start + size]
        return kind, payload

    def _need(self, size: int, seconds: float) -> None:
        while len(self._buffer) < size:
            self._more(seconds)

    def _more(self, seconds: float) -> None:
        if not select.select([self._socket], [], [], seconds)[0]:
            raise TimeoutError(f"Nothing has come for {seconds:g} s.")
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionError("The server has ended the connection.")
        self._buffer += data

"""A load: keep-alive connections that ask one server for one path again and again.

Written on bare asyncio: an HTTP library costs more per request than the servers do.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECTIONS = 8
SECONDS = 3.0
MOST_REQUESTS = 200_000
"""A bound, for a server that is faster than anybody expects."""
BUSY = 0.8
"""Share of a core from which it is the client that is measured, and not the server."""

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """The first reply: what to look at before believing a rate. Header names in lower case."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Load:
    """What came of it: requests per second, and the first reply."""

    rate: float
    first: Reply


async def load(base: str, path: str, headers: Mapping[str, str]) -> Load:
    """Ask for `path` over all connections for SECONDS.

    Raises ConnectionError for a reply that is not 200 and for a connection that ends, and
    RuntimeError when the client was the limit, and not the server.
    """
    address = urlsplit(base)
    host, port = address.hostname or "", address.port or 80
    lines = {"Host": address.netloc, **headers}.items()
    head = "\r\n".join([f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)])
    loop = asyncio.get_running_loop()
    began, used = time.perf_counter(), time.process_time()
    clients = []
    for _ in range(CONNECTIONS):
        _, client = await loop.create_connection(
            lambda: _Client(head.encode() + _END, began + SECONDS), host, port
        )
        clients.append(client)
    firsts = await asyncio.gather(*(client.first for client in clients))
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - began
    busy = (time.process_time() - used) / took
    if busy > BUSY:
        raise RuntimeError(f"The client used {busy:.0%} of a core: it is the limit, not {base}.")
    return Load(sum(client.count for client in clients) / took, firsts[0])


class _Client(asyncio.Protocol):
    """One connection: the next request is sent when the reply before it is whole."""

    def __init__(self, request: bytes, until: float) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[Reply] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.count = 0
        self._request = request
        self._until = until
        self._parts: list[bytes] = []
        self._received = 0
        self._size: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "sockets are read and written"
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._received += len(data)
        if self._size is None:
            self._size = _size(b"".join(self._parts))
        if self._received == self._size:
            self._reply_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """By then everything was asked, or `data_received` has raised, or the server is gone."""
        for future in (self.first, self.done):
            if not future.done():
                future.set_exception(exc or ConnectionError("The server has closed the line."))

    def _reply_ended(self) -> None:
        self.count += 1
        if not self.first.done():
            self.first.set_result(_reply(b"".join(self._parts)))
        self._parts, self._received, self._size = [], 0, None
        if time.perf_counter() < self._until and self.count * CONNECTIONS < MOST_REQUESTS:
            self._transport.write(self._request)
        else:
            self.done.set_result(None)
            self._transport.close()


def _size(start: bytes) -> int | None:
    """Bytes of the whole reply that begins like this; None while its head is not complete."""
    end = start.find(_END)
    if end < 0:
        return None
    if not start.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"Not 200: {start[:200]!r}")
    length = _LENGTH.search(start, 0, end)
    if length is None:
        raise ConnectionError(f"A reply without Content-Length: {start[:end]!r}")
    return end + len(_END) + int(length[1])


def _reply(whole: bytes) -> Reply:
    head, _, body = whole.partition(_END)
    lines = (line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    return Reply({name.lower(): value for name, value in lines}, body)

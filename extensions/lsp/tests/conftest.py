"""A client of language servers, and a server that does what it is told."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection

import plughost_lsp
from plughost.testing import Client

SECONDS = 60
FAKE = Path(__file__).parent / "fake_server.py"


class Line:
    """One client's WebSocket to a language server."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.notifications: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._over = False

    async def send(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.socket.write_message(text)

    async def notify(self, method: str, params: object = None) -> None:
        await self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def ask(self, method: str, params: object = None) -> Any:
        """The result of a request. What comes before the response is kept."""
        number = next(self._ids)
        await self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            message = await self.read()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    async def hear(self, method: str) -> Any:
        """The parameters of the next notification of this kind."""
        while True:
            for message in self.notifications:
                if message["method"] == method:
                    self.notifications.remove(message)
                    return message["params"]
            await self.read()

    async def read(self) -> dict[str, Any]:
        text = await self._next()
        assert text is not None, f"closed: {self.closed}"
        message = json.loads(text)
        if "id" not in message:
            self.notifications.append(message)
        return message

    async def until_closed(self) -> tuple[int | None, str | None]:
        """Read on until the other side has closed it; the code and the reason."""
        while not self._over:
            await self._next()
        return self.closed

    async def _next(self) -> str | bytes | None:
        text = await asyncio.wait_for(self.socket.read_message(), SECONDS)
        self._over = text is None
        return text

    @property
    def closed(self) -> tuple[int | None, str | None]:
        return self.socket.close_code, self.socket.close_reason


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """`connect(client, name)`: a line to a language server, closed with the test."""
    lines: list[Line] = []

    async def connecting(client: Client, name: str = "fake") -> Line:
        lines.append(Line(await client.websocket(f"/lsp/ws/{name}")))
        return lines[-1]

    yield connecting
    for line in lines:
        line.socket.close()
        await line.until_closed()


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """What the fake server has written down, over all its lives."""
    file = tmp_path / "diary"
    file.touch()
    return file


@pytest.fixture
def serve(start: Any, diary: Path) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """`serve("deaf", server={…}, **settings)`: a host with the fake server, named `fake`."""

    def serving(*how: str, server: Any = None, **settings: Any) -> AbstractAsyncContextManager[Any]:
        fake = {"argv": [sys.executable, str(FAKE), str(diary), *how], "languages": ["fake"]}
        wanted = {"autodetect": False, "servers": {"fake": {**fake, **(server or {})}}, **settings}
        return start(plughost_lsp, extensions={"lsp": wanted})

    return serving


@pytest.fixture
def until() -> Callable[..., Any]:
    """`until(condition)`: wait for something that tells nobody when it happens."""

    async def waiting(condition: Callable[[], Any]) -> None:
        async def look() -> None:
            while not condition():  # noqa: ASYNC110  # another process's file, or its death
                await asyncio.sleep(0.02)

        await asyncio.wait_for(look(), SECONDS)

    return waiting


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """`lives(pid)`: whether a process still runs."""

    def living(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return living


@pytest.fixture
def client_error() -> Callable[..., Any]:
    """Status, message and hint of a WebSocket that is refused."""

    async def failing(opening: Any) -> tuple[int, str, str | None]:
        with pytest.raises(HTTPClientError) as refused:
            await opening
        assert refused.value.response is not None, "it was refused, not cut off"
        body = json.loads(refused.value.response.body)
        return refused.value.code, body["message"], body.get("hint")

    return failing

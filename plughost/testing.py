"""Fixtures for authors of extensions: a real host, only the extensions named, real requests.

Installed with plughost as a pytest plugin. `start` needs no import:

    async def test_a_greeting(start):
        async with start(my_extension) as (host, client):
            reply = await client.get("/my/api/greeting")
        assert (reply.status, reply.json) == (200, {"greeting": "Hello"})
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders
    from tornado.websocket import WebSocketClientConnection

    from plughost import Host

TOKEN = "secret-of-the-test"  # a fixed token for a server on loopback
_PATIENCE = 60.0
"""Seconds for an answer or for an end: machines that run tests may be busy."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # The first three are pages of the browser's own that each new tab would load. The others are
    # Playwright's, in whose place this comes.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    "AimEnabled,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,"
    "ThirdPartyStoragePartitioning",
)
"""For a headless Chromium that asks nothing of any network but the test's own."""


def chromium() -> str:
    """The path of the system's Chromium, or of what `CHROMIUM` names.

    Raises FileNotFoundError, with what to do, when there is none.
    """
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise FileNotFoundError(
        "No Chromium on PATH. Install one (apt-get install chromium), or name it in CHROMIUM."
    )


@dataclass(frozen=True)
class Reply:
    """One reply; `json` is its parsed body, None when that is not JSON."""

    status: int
    reason: str
    headers: HTTPHeaders
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Client:
    """Requests to one host. Sends its token unless `token=None` or another is given."""

    def __init__(self, base: str, token: str | None = TOKEN) -> None:
        self.base = base
        self.token = token

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = "",
    ) -> Reply:
        """Send one request, following no redirect; a `body` that is no text is sent as JSON."""
        from tornado.httpclient import AsyncHTTPClient

        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        response = await AsyncHTTPClient().fetch(
            self.base + path,
            method=method,
            body=body,
            headers=self._headers(headers, token),
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
            connect_timeout=_PATIENCE,
            request_timeout=_PATIENCE,
            decompress_response=False,
        )
        return Reply(response.code, response.reason, response.headers, response.body)

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.request("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self.request("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self.request("PUT", path, body, **options)

    async def patch(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self.request("PATCH", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        return await self.request("DELETE", path, **options)

    async def websocket(
        self,
        path: str,
        *,
        subprotocols: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = "",
    ) -> WebSocketClientConnection:
        """Open a WebSocket. Raises `tornado.httpclient.HTTPClientError` when refused."""
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        request = HTTPRequest(
            self.base.replace("http", "ws", 1) + path,
            headers=self._headers(headers, token),
            connect_timeout=_PATIENCE,
            request_timeout=_PATIENCE,
        )
        return await websocket_connect(
            request, subprotocols=subprotocols, max_message_size=512 * 1024 * 1024
        )

    def _headers(self, headers: Mapping[str, str] | None, token: str | None) -> dict[str, str]:
        token = self.token if token == "" else token
        return {**({"Authorization": f"token {token}"} if token else {}), **(headers or {})}


Start = Callable[..., "AbstractAsyncContextManager[tuple[Host, Client]]"]


@pytest.fixture
def jupyter_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's config, data and runtime folders, empty and below the test's own folder."""
    for kind in ("config", "data", "runtime"):
        folder = tmp_path / f"jupyter-{kind}"
        folder.mkdir()
        monkeypatch.setenv(f"JUPYTER_{kind.upper()}_DIR", str(folder))
    ours = [name for name in os.environ if name.startswith("PLUGHOST_")]
    for name in ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "JUPYTER_CONFIG_PATH", *ours):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def start(jupyter_folders: Path) -> Start:
    """Start a host with the given plugin objects (modules, mostly), on a free port.

    `start(*plugins, **settings)` is an asynchronous context manager of the host and a
    client; settings are fields of `plughost.Config`. The root folder is `<tmp_path>/root`
    unless one is given. A module `plughost_terminals` goes by the name `terminals`.
    """

    @contextlib.asynccontextmanager
    async def started(*plugins: Any, **settings: Any) -> AsyncIterator[tuple[Host, Client]]:
        from tornado.netutil import bind_sockets

        from plughost import Config, Host

        root = jupyter_folders / "root"
        root.mkdir(exist_ok=True)
        config = Config(**{"root": root, "token": TOKEN, "hold": _PATIENCE, **settings})
        host = Host({_name(plugin): plugin for plugin in plugins}, config)
        sockets = bind_sockets(0, "127.0.0.1")
        host.listen(sockets)
        try:
            yield host, Client(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
        finally:
            await host.close()

    return started


@dataclass
class Served:
    """A `plughost serve` process: the URL it printed, a client, and the process itself."""

    url: str
    client: Client
    process: subprocess.Popen[str]
    output: Path

    def stop(self, signum: int = signal.SIGINT, seconds: float = _PATIENCE) -> int:
        """End the process by its pid; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(seconds)


@pytest.fixture
def served(jupyter_folders: Path) -> Iterator[Callable[..., Served]]:
    """Start real `plughost serve` processes with everything that is installed.

    `served(*arguments, env={})` returns once the URL is printed; each process is ended
    with the test. Its log is in `output`. With `token=None` it is given no token. On a machine
    that is busy loading takes its time, so requests wait for it longer than those of people.
    """
    running: list[Served] = []

    def serve(
        *arguments: str, env: Mapping[str, str] | None = None, token: str | None = TOKEN
    ) -> Served:
        root = jupyter_folders / "root"
        root.mkdir(exist_ok=True)
        output = jupyter_folders / f"server-{len(running)}.log"
        with output.open("w") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "plughost",
                    "serve",
                    "--no-browser",
                    "--port",
                    "0",
                    *(["--token", token] if token else []),
                    *arguments,
                ],
                cwd=root,
                env={"PLUGHOST_HOLD": f"{_PATIENCE:g}", **os.environ, **(env or {})},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None, "a pipe was asked for"
        for line in process.stdout:
            if line.strip().startswith("http"):
                url = line.strip()
                break
        else:
            process.wait(_PATIENCE)
            process.stdout.close()
            raise AssertionError(f"plughost serve printed no URL:\n{output.read_text()}")
        client = Client("{0.scheme}://{0.netloc}".format(urlsplit(url)))
        running.append(Served(url, client, process, output))
        return running[-1]

    yield serve
    for server in running:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
        if server.process.stdout is not None:
            server.process.stdout.close()


def _name(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__)).removeprefix("plughost_")

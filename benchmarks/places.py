"""Where kernels are started and reached: on a server, or by jupyter_client alone."""

from __future__ import annotations

import http.client
import json
import subprocess
import uuid
from typing import Any, Protocol
from urllib.parse import urlsplit

from lines import BareLine, ClientLine, Line, SocketLine
from servers import TOKEN

PLAIN = "plain"


class Kernel(Protocol):
    """One kernel; it may not answer yet."""

    def line(self, way: str) -> Line:
        """Connect to it: `v1` or `legacy` to a server, else `jupyter_client` or `ZeroMQ`."""

    def stop(self) -> None: ...


class Place(Protocol):
    """Somewhere to start kernels, as a notebook that is opened does."""

    def start(self) -> Kernel: ...


def place(where: str) -> Place:
    """The server with this URL, or none for `plain`."""
    return Alone() if where == PLAIN else Server(where)


class Server:
    def __init__(self, base: str) -> None:
        self.base = base

    def start(self) -> Kernel:
        name = f"{uuid.uuid4().hex}.ipynb"
        session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        answer = self.ask("POST", "/api/sessions", session)
        return _Served(self, answer["id"], answer["kernel"]["id"])

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request. Raises ValueError for a reply that is an error."""
        address = urlsplit(self.base)
        client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        client.request(method, path, None if body is None else json.dumps(body), headers)
        reply = client.getresponse()
        content = reply.read()
        client.close()
        if reply.status >= 400:
            raise ValueError(f"{method} {path} was answered with {reply.status}: {content[:300]!r}")
        return json.loads(content or "null")


class _Served:
    def __init__(self, server: Server, session_id: str, kernel_id: str) -> None:
        self._server = server
        self._session_id = session_id
        self._kernel_id = kernel_id

    def line(self, way: str) -> Line:
        return SocketLine(self._server.base, self._kernel_id, TOKEN, way)

    def stop(self) -> None:
        self._server.ask("DELETE", f"/api/sessions/{self._session_id}")


class Alone:
    def __init__(self) -> None:
        # Not at the top: a client of a server has no use for it.
        from jupyter_client.manager import KernelManager

        self._make = KernelManager

    def start(self) -> Kernel:
        manager = self._make(kernel_name="python3")
        manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return _Started(manager)


class _Started:
    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._client: Any = None

    def line(self, way: str) -> Line:
        if way == "ZeroMQ":
            return BareLine(self._manager.get_connection_info())
        client = self._manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)  # as `start_new_kernel` does
        return ClientLine(client)

    def stop(self) -> None:
        self._manager.shutdown_kernel(now=True)

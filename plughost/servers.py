"""The servers that run: each is listed in a file of its own, where Jupyter lists its servers.

That is `jpserver-<pid>.json` in Jupyter's runtime folder, with the keys that jupyter_server
writes, so that `jupyter server list` and editors find our servers, and we find Jupyter's. It
holds the token, so only its user can read it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from jupyter_core.paths import jupyter_runtime_dir

from plughost._version import __version__
from plughost.errors import HostError, NotSupported, did_you_mean

ANSWER_SECONDS = 10.0
"""A server that has not answered a simple question by then does not answer."""

STOP_SECONDS = 20.0
"""A server that was asked to stop and is there after so long has to be looked at by a person."""

log = logging.getLogger("plughost")


class RunningServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server as its file describes it: the keys of jupyter_server's `server_info()`."""

    base_url: str = "/"
    hostname: str = "localhost"
    password: bool = False
    pid: int
    port: int = 0
    root_dir: str = ""
    secure: bool = False
    sock: str = ""
    token: str = ""
    url: str
    version: str = __version__

    @property
    def address(self) -> str:
        """The URL to open, with the token that lets one in."""
        return f"{self.url}?token={quote(self.token, safe='')}" if self.token else self.url

    def ask(
        self, method: str, path: str, body: Any = None, *, seconds: float = ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """Send it a request as somebody who has the token; the status, and what JSON came back.

        `path` is below its base URL, and begins with a slash. Raises HostError when it does
        not answer.
        """
        return ask(self, method, path, body, seconds=seconds)

    def facts(self) -> dict[str, Any]:
        """Everything about it for programs, as `jupyter server list --json` tells it."""
        return msgspec.structs.asdict(self)


class Unreachable(HostError):
    """A server that is listed and cannot be talked to."""

    def __init__(self, server: RunningServer, reason: object) -> None:
        self.server = server
        super().__init__(
            f"The server at {server.url} (pid {server.pid}) does not answer: {reason}.",
            hint=f"Look at what it logs, or end it: `kill {server.pid}`.",
        )


class NoSuchServer(HostError):
    """Nobody, or not exactly one, is what was asked for."""


# -- the files


@contextlib.contextmanager
def listed(server: RunningServer) -> Iterator[None]:
    """List a server for as long as a `with` lasts. What cannot be written is logged, no more."""
    path = _file(server.pid)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Complete from the first moment, and never readable by others.
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(server.facts(), file, indent=2, sort_keys=True)
        temporary.replace(path)
    except OSError as error:
        log.warning("This server cannot be listed for `plughost servers`: %s.", error)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def running_servers() -> list[RunningServer]:
    """All servers of this user that run, Jupyter's own among them, by their ports.

    The file of a process that is gone, or whose number is somebody else's now, is removed.
    """
    found = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        try:
            server = msgspec.json.decode(path.read_bytes(), type=RunningServer)
            written = path.stat().st_mtime
        except (OSError, msgspec.DecodeError):
            continue  # being written or removed, or nobody's
        if _is_alive(server, written):
            found.append(server)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return sorted(found, key=lambda server: (server.port, server.pid))


def _file(pid: int) -> Path:
    return Path(jupyter_runtime_dir(), f"jpserver-{pid}.json")


def _is_alive(server: RunningServer, written: float) -> bool:
    """Whether the process that wrote a file at a time is there."""
    started = _started(server.pid)
    if started is None:
        return False
    # A process that began after the file was written only has the same number. The clock may
    # have been set since, which moves when a process seems to have begun: so ask it.
    return started <= written + 1 or answers(server)


def _started(pid: int) -> float | None:
    """When a process began, in seconds since 1970; None when there is none, or a dead one."""
    import psutil  # not at every start of a server

    try:
        process = psutil.Process(pid)
        gone = process.status() == psutil.STATUS_ZOMBIE
        return None if gone else process.create_time()
    except (psutil.NoSuchProcess, ValueError):
        return None
    except psutil.AccessDenied:
        return 0.0  # somebody is there, and that is all we may know


# -- which one is meant


def here(servers: Sequence[RunningServer], folder: Path | None = None) -> list[RunningServer]:
    """Those that serve this folder, or one that contains it, the nearest first."""
    folder = (folder or Path.cwd()).resolve()
    fitting = [s for s in servers if s.root_dir and folder.is_relative_to(s.root_dir)]
    return sorted(fitting, key=lambda server: -len(server.root_dir))


def choose(servers: Sequence[RunningServer], which: str | None) -> RunningServer:
    """The one with a port, a process id, or a root folder; without, the one that is meant here.

    That is the one of this folder, or the only one there is. Raises NoSuchServer.
    """
    if not servers:
        raise NoSuchServer("No server runs.", hint="Start one with `plughost serve`.")
    if which is not None:
        found = _named(servers, which)
    else:
        local = here(servers)
        nearest = [server for server in local if server.root_dir == local[0].root_dir]
        found = nearest or list(servers)
    if len(found) == 1:
        return found[0]
    ports = [str(server.port or server.pid) for server in servers]
    if which is not None and not found:
        raise NoSuchServer(
            f"No server runs that has {which!r} as its port, process id or root folder.",
            hint=f"{did_you_mean(which, ports)}Running: {_told(servers)}.",
        )
    raise NoSuchServer(
        f"{len(found)} servers run, and it is not clear which one is meant.",
        hint=f"Name its port, process id or root folder: {_told(found)}.",
    )


def _named(servers: Sequence[RunningServer], which: str) -> list[RunningServer]:
    for key in ("port", "pid"):
        found = [server for server in servers if which == str(getattr(server, key))]
        if found and which != "0":
            return found
    folder = str(Path(which).expanduser().resolve())
    return [s for s in servers if folder in (s.root_dir, s.sock) or which.rstrip("/") == s.url[:-1]]


def _told(servers: Sequence[RunningServer]) -> str:
    return ", ".join(f"{server.port or server.pid} ({server.root_dir})" for server in servers)


# -- talking to it


def ask(
    server: RunningServer,
    method: str,
    path: str,
    body: Any = None,
    *,
    seconds: float = ANSWER_SECONDS,
) -> tuple[int, Any]:
    """Send a request as somebody who has the token; the status, and what JSON came back.

    Raises Unreachable.
    """
    try:
        connection = _connection(server, seconds)
    except ValueError as error:  # whatever its file calls a URL
        raise Unreachable(server, error) from None
    headers = {"Content-Type": "application/json"}
    if server.token:
        headers["Authorization"] = f"token {server.token}"
    try:
        target = server.base_url.rstrip("/") + path
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        reply = connection.getresponse()
        text = reply.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(server, getattr(error, "strerror", None) or error) from None
    finally:
        connection.close()
    try:
        return reply.status, json.loads(text)
    except ValueError:
        return reply.status, None


def answers(server: RunningServer) -> bool:
    """Whether it answers, and knows the token that its file names."""
    try:
        return ask(server, "GET", "/api/status")[0] == 200
    except Unreachable:
        return False


def status(server: RunningServer) -> dict[str, Any] | None:
    """What `GET /api/status` says; None when it does not answer."""
    try:
        code, facts = ask(server, "GET", "/api/status")
    except Unreachable:
        return None
    return facts if code == 200 and isinstance(facts, dict) else None


def extensions_of(server: RunningServer) -> list[dict[str, Any]] | None:
    """The records of a plughost server; None for one of Jupyter's, or that does not answer."""
    try:
        code, records = ask(server, "GET", "/plughost/api/extensions")
    except Unreachable:
        return None
    return records if code == 200 and isinstance(records, list) else None


def stop(server: RunningServer, *, keep: bool = False, seconds: float = STOP_SECONDS) -> None:
    """End a server and wait until it is gone; with `keep`, what can outlive it goes on.

    Raises NotSupported for a server that cannot keep anything, Unreachable when it does not
    let itself be asked, and HostError when it is still there after `seconds`.
    """
    if keep:
        if extensions_of(server) is None:
            raise NotSupported(
                f"The server at {server.url} does not say that it can keep its kernels; "
                "Jupyter's own ends them.",
                hint="Stop it without `--keep`.",
            )
        os.kill(server.pid, signal.SIGTERM)
    else:
        code, _ = ask(server, "POST", "/api/shutdown", seconds=seconds)
        if code != 200:
            raise Unreachable(server, f"it replied {code} to the request to stop")
    began = _started(server.pid)
    until = time.monotonic() + seconds
    while began is not None and _started(server.pid) == began:
        if time.monotonic() > until:
            raise HostError(
                f"The server at {server.url} (pid {server.pid}) still runs after {seconds:g} "
                "seconds.",
                hint=f"End it by force: `kill -9 {server.pid}`.",
            )
        time.sleep(0.05)
    with contextlib.suppress(OSError):
        _file(server.pid).unlink()  # what was ended by force leaves it


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(server: RunningServer, seconds: float) -> http.client.HTTPConnection:
    if server.sock:
        return _UnixConnection(server.sock, seconds)
    parts = urlsplit(server.url)
    host, port = parts.hostname or "localhost", parts.port
    if not server.secure:
        return http.client.HTTPConnection(host, port, timeout=seconds)
    import ssl

    # Its certificate is for the name under which others reach it, and often its own: what
    # vouches for it is that its process, on this machine, wrote a file only we can write.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)

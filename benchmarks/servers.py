"""The two servers that are compared, each started in a folder and a profile of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

PEER = "jupyterlab==4.6.4"
TOKEN = "benchmark"


@dataclass(frozen=True)
class Kind:
    """One of the compared servers: its name and the command that starts it."""

    name: str
    command: tuple[str, ...]
    port_option: str
    root_option: str
    token_option: str


@dataclass(frozen=True)
class Running:
    """A started server: when it was started (`perf_counter`), seconds to its first answer."""

    base: str
    began: float
    first_answer: float
    process: psutil.Process
    root: Path

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(
            self.base + path, headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            return bytes(reply.read())


def plughost() -> Kind:
    command = (sys.executable, "-m", "plughost", "serve", "--no-browser")
    return Kind("plughost", command, "--port", "--root", "--token")


def jupyterlab() -> Kind:
    """The peer, installed into `benchmarks/.peer` when it is not there yet."""
    folder = Path(__file__).parent / ".peer"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "jupyter-lab").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    command = (str(python), "-m", "jupyterlab", "--no-browser", "--allow-root")
    return Kind("jupyterlab", command, "--port", "--ServerApp.root_dir", "--IdentityProvider.token")


@contextlib.contextmanager
def running(kind: Kind) -> Iterator[Running]:
    """Start a server with fresh Jupyter folders; ended with its children on the way out."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        port = free_port()
        environment = {
            **os.environ,
            **{f"JUPYTER_{k}_DIR": str(Path(scratch, k)) for k in ("CONFIG", "DATA", "RUNTIME")},
        }
        began = time.perf_counter()
        process = subprocess.Popen(
            [
                *kind.command,
                f"{kind.port_option}={port}",
                f"{kind.root_option}={root}",
                f"{kind.token_option}={TOKEN}",
            ],
            cwd=root,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = psutil.Process(process.pid)
        base = f"http://127.0.0.1:{port}"
        try:
            took = wait_for_answer(base, began)
            yield Running(base, began, took, server, root)
        finally:
            children = server.children(recursive=True)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()


def wait_for_answer(base: str, began: float, seconds: float = 60) -> float:
    """Seconds from `began` until `/api/status` answers."""
    request = urllib.request.Request(
        f"{base}/api/status", headers={"Authorization": f"token {TOKEN}"}
    )
    while time.perf_counter() - began < seconds:
        try:
            with urllib.request.urlopen(request, timeout=10):
                return time.perf_counter() - began
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)
    raise TimeoutError(f"No answer from {base} within {seconds:g} seconds.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

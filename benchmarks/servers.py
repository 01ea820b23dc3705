"""What is compared: two servers, each started in a folder and a profile of its own, and none."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

PEER = "jupyterlab==4.6.4"
TOKEN = "benchmark"
KERNEL_PACKAGES = ("ipykernel", "ipython", "pyzmq", "tornado")


@dataclass(frozen=True)
class Kind:
    """One of the compared servers: its name and the command that starts it.

    Its page's scripts lie in the folder `scripts` and are served below `scripts_path`;
    `twin` is what is added to a file's name to get what is sent to a client that takes `br`.
    """

    name: str
    command: tuple[str, ...]
    port_option: str
    root_option: str
    token_option: str
    scripts: Path
    scripts_path: str
    twin: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables."""
    install: Callable[[Path], None] = lambda data: None
    """Puts into Jupyter's data folder what the server is to find there."""

    def script(self, size: int) -> Path:
        """The script whose size is nearest to so many bytes."""
        twins = self.scripts.glob(f"*.js{self.twin}")
        files = [twin.with_name(twin.name.removesuffix(self.twin)) for twin in twins]
        return min(files, key=lambda file: (abs(file.stat().st_size - size), file.name))


@dataclass(frozen=True)
class Plain:
    """No server: kernels are started and asked by jupyter_client itself, in our environment."""

    environment: Mapping[str, str]


@dataclass(frozen=True)
class Running:
    """A started server: when it was started (`perf_counter`), seconds to its first answer."""

    kind: Kind
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

    def post(self, path: str, body: object) -> dict[str, Any]:
        request = urllib.request.Request(
            self.base + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
        return answer


def plughost() -> Kind:
    lab = importlib.util.find_spec("plughost_lab")
    assert lab is not None, "an extension of plughost itself"
    scripts = Path(str(lab.origin)).parent / "frontend"
    if not (scripts / "plughost.json").exists():
        raise FileNotFoundError(f"{scripts} is not built: run `plughost build` first.")
    return Kind(
        "plughost",
        (sys.executable, "-m", "plughost", "serve", "--no-browser"),
        "--port",
        "--root",
        "--token",
        scripts,
        "/plughost/frontends/lab/",
        ".br",
    )


def warmed() -> Kind:
    """plughost with a kernel in stock, as soon as nobody has asked for anything for a moment."""
    prefix = "PLUGHOST_EXTENSIONS__KERNELS__"
    settings = {f"{prefix}WARM_KERNEL": "true", f"{prefix}WARM_AFTER": "0.2"}
    return replace(plughost(), settings=settings)


def unlimited() -> Kind:
    """The peer without its limits on the rate of output."""
    kind = jupyterlab()
    option = "--ZMQChannelsWebsocketConnection.limit_rate=False"
    return replace(kind, name="no limits", command=(*kind.command, option))


def jupyterlab() -> Kind:
    """The peer, installed into `benchmarks/.peer` when it is not there yet."""
    folder = Path(__file__).parent / ".peer"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "jupyter-lab").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return Kind(
        "jupyterlab",
        (
            *(str(python), "-m", "jupyterlab", "--no-browser", "--allow-root"),
            "--ServerApp.port_retries=0",  # it would go elsewhere, and we would not know where
        ),
        "--port",
        "--ServerApp.root_dir",
        "--IdentityProvider.token",
        folder / "share" / "jupyter" / "lab" / "static",
        "/static/lab/",
    )


KINDS = {"plughost": plughost, "jupyterlab": jupyterlab, "no limits": unlimited}


def contender(name: str) -> AbstractContextManager[Running | Plain]:
    """Start one of those who are compared, by the name of its column."""
    if name == "jupyter_client":
        return plain()
    return running(KINDS[name]())


@contextlib.contextmanager
def running(kind: Kind) -> Iterator[Running]:
    """Start a server with fresh Jupyter folders; ended with its children on the way out."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        environment = {**profile(Path(scratch)), **kind.settings}
        kind.install(Path(environment["JUPYTER_DATA_DIR"]))
        process, base, began, took = launch(kind, root, environment)
        server = psutil.Process(process.pid)
        try:
            yield Running(kind, base, began, took, server, root)
        finally:
            children = server.children(recursive=True) if process.poll() is None else []
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


def launch(
    kind: Kind, root: Path, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], str, float, float]:
    """A server that answers: its process, its address, when it was started, and how long it took.

    Until it listens, its port may be taken by somebody else: then it ends, and has another.
    """
    for further in (2, 1, 0):
        port = free_port()
        base = f"http://127.0.0.1:{port}"
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
        try:
            return process, base, began, wait_for_answer(base, process, began)
        except ChildProcessError:
            if not further:
                raise
        except BaseException:
            process.kill()
            process.wait()
            raise
    raise AssertionError("the last attempt returns or raises")


@contextlib.contextmanager
def plain() -> Iterator[Plain]:
    """The same without a server."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        yield Plain(profile(Path(scratch)))


BESIDE = {"@jupyter-widgets/jupyterlab-manager": True, "jupyterlab_pygments": True}
"""Labextensions that one environment or the other happens to have: off in both."""


def profile(scratch: Path) -> dict[str, str]:
    """An environment whose Jupyter and IPython folders lie in a fresh one.

    IPython's would have a history that grows from run to run, and every cell adds to it.
    """
    environment = {
        **os.environ,
        **{f"JUPYTER_{k}_DIR": str(scratch / k) for k in ("CONFIG", "DATA", "RUNTIME")},
        "IPYTHONDIR": str(scratch / "ipython"),
    }
    labconfig = scratch / "CONFIG" / "labconfig"
    labconfig.mkdir(parents=True, exist_ok=True)
    (labconfig / "page_config.json").write_text(json.dumps({"disabledExtensions": BESIDE}))
    # pip has compiled the peer; without this a checkout would be compiled at every start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def same_kernels() -> None:
    """Make sure that kernels are the same everywhere. Raises RuntimeError."""
    code = f"from importlib.metadata import version; print(*map(version, {KERNEL_PACKAGES!r}))"
    versions = [
        subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
        for python in (sys.executable, jupyterlab().command[0])
    ]
    if len(set(versions)) > 1:
        mine, theirs = versions
        raise RuntimeError(
            f"The kernels differ in {KERNEL_PACKAGES}: {mine.strip()!r} here, {theirs.strip()!r} "
            "in benchmarks/.peer. Install the same versions, or remove that folder."
        )


def wait_for_answer(
    base: str, process: subprocess.Popen[bytes], began: float, seconds: float = 60
) -> float:
    """Seconds from `began` until `/api/status` answers.

    Raises ChildProcessError when the server has ended before, TimeoutError.
    """
    request = urllib.request.Request(
        f"{base}/api/status", headers={"Authorization": f"token {TOKEN}"}
    )
    while time.perf_counter() - began < seconds:
        if process.poll() is not None:
            raise ChildProcessError(f"The server ended with exit code {process.returncode}.")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return time.perf_counter() - began
        except OSError:  # refused, not let in, or too slow
            time.sleep(0.005)
    raise TimeoutError(f"No answer from {base} within {seconds:g} seconds.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

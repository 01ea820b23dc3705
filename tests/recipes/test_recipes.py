"""The recipes in docs/recipes, each with the program it is for."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from plughost.testing import TOKEN, Client

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
COMMAND = Path(sys.executable).with_name("plughost")


def free_port() -> int:
    """A port that is free, and that the system gives to nobody who asks for any.

    A program binds it later than we look, and other tests ask for many.
    """
    for port in random.sample(range(10_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("of a hundred ports none is free")


def program(name: str) -> str:
    """A system program; there is no recipe without it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed; build_tools/check.py installs it on Debian"
    return found


@contextlib.contextmanager
def running(command, **options):
    """A program in the foreground, ended by its pid."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def answering(client, path="/api", seconds=120):
    """The first reply that comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            reply = await client.get(path)
            if reply.status < 500:
                return reply
        await asyncio.sleep(0.1)
    raise AssertionError(f"no answer from {client.base}{path} in {seconds} seconds")


async def speak(client, prefix=""):
    """Open a terminal through whatever is between, and hear from it."""
    name = (await client.post(f"{prefix}/api/terminals", "")).json["name"]
    terminal = await client.websocket(f"{prefix}/terminals/websocket/{name}")
    await terminal.write_message(json.dumps(["stdin", "echo so$((40+2))me\n"]))
    heard = ""
    while "so42me" not in heard:
        # A line may come in pieces.
        kind, *words = json.loads(await asyncio.wait_for(terminal.read_message(), 60))
        heard += "".join(words) if kind == "stdout" else ""
    terminal.close()


async def test_behind_nginx_with_a_prefix(served, jupyter_folders):
    server = served(
        "--base-url", "/ada/",
        env={"PLUGHOST_TRUSTED_PROXIES": "127.0.0.1", "PLUGHOST_ALLOW_HOST": "lab.example"},
    )  # fmt: skip
    port, folder = free_port(), jupyter_folders / "nginx"
    folder.mkdir(mode=0o755)
    recipe = (RECIPES / "nginx.conf").read_text()
    recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{port};")
    recipe = recipe.replace("http://127.0.0.1:8888", server.client.base)
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder / 'pid'};\nerror_log {folder / 'errors'};\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{recipe}\n}}\n"
    )
    command = [program("nginx"), "-p", folder, "-e", folder / "errors", "-c", folder / "nginx.conf"]
    with running(command):
        outside = Client(f"http://127.0.0.1:{port}")
        named = {"Host": "lab.example"}
        await answering(outside, "/ada/api")
        page = await outside.get(f"/ada/lab?token={TOKEN}", headers=named, token=None)
        status = await outside.get("/ada/api/status", headers=named)
        rebound = await outside.get("/ada/api/status", headers={"Host": "evil.example"})
        large = {"type": "file", "format": "text", "content": "x" * 3_000_000}
        saved = await outside.put("/ada/api/contents/large.txt", large, headers=named)
        await speak(outside, "/ada")
    assert (page.status, page.headers["Location"]) == (302, "/ada/lab")
    assert "username-lab-example=" in page.headers["Set-Cookie"]
    assert "Path=/ada/" in page.headers["Set-Cookie"]
    assert (status.status, rebound.status, saved.status) == (200, 403, 201)


def make_key(path: Path) -> None:
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", path]
    subprocess.run(command, check=True)


async def test_through_an_ssh_tunnel(served, jupyter_folders):
    server = served()
    far, near, folder = free_port(), free_port(), jupyter_folders / "ssh"
    folder.mkdir(mode=0o700)
    for key in ("host", "user"):
        make_key(folder / key)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    (folder / "sshd_config").write_text(
        f"Port {far}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and Debian makes it at boot
    port = server.client.base.rpartition(":")[2]
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": folder / "known",
        "ExitOnForwardFailure": "yes",
        "ConnectionAttempts": "100",
    }
    tunnel = [program("ssh"), "-N", "-F", "none", "-L", f"{near}:127.0.0.1:{port}", "127.0.0.1"]
    tunnel += ["-p", str(far), "-i", folder / "user", *(f"-o{k}={v}" for k, v in options.items())]
    daemon = [program("sshd"), "-D", "-f", folder / "sshd_config", "-E", folder / "log"]
    with running(daemon), running(tunnel):
        outside = Client(f"http://127.0.0.1:{near}")
        await answering(outside)
        page = await outside.get(f"/lab?token={TOKEN}", token=None)
        await speak(outside)
    assert (page.status, page.headers["Location"]) == (302, "/lab")
    assert f"username-127-0-0-1-{near}=" in page.headers["Set-Cookie"]


async def test_in_a_container(jupyter_folders, monkeypatch):
    """The image's environment and entry point as process 1 of namespaces of its own.

    What an engine would add is the file system of the image; process ids, mounts and signals
    are what a program notices.
    """
    recipe = (RECIPES / "Containerfile").read_text()
    secret = jupyter_folders / "token"
    secret.write_text(TOKEN + "\n")
    port = free_port()
    environment = dict(re.findall(r"^ENV (\w+)=(.*)$", recipe, re.MULTILINE))
    environment |= {"PLUGHOST_TOKEN_FILE": str(secret), "PLUGHOST_PORT": str(port)}
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", recipe, re.MULTILINE)
    command, *arguments = json.loads(entry)
    assert command == "plughost"
    # Not to the world, on a machine that is no container.
    assert environment.pop("PLUGHOST_IP") == "0.0.0.0"
    unshare = [program("unshare"), "--pid", "--mount", "--fork", "--mount-proc"]
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    with running(
        [*unshare, *user, COMMAND, *arguments],
        env={**os.environ, **environment},
        cwd=jupyter_folders,
        stdout=subprocess.DEVNULL,
    ) as outer:
        client = Client(f"http://127.0.0.1:{port}")
        await answering(client, "/api/status")
        await speak(client)
        (inner,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        assert "NSpid" in (status := Path(f"/proc/{inner}/status").read_text())
        assert re.search(r"NSpid:.*\t1\n", status), "it is process 1"
        os.kill(int(inner), signal.SIGTERM)
        assert outer.wait(60) == 0


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string((RECIPES / "plughost.service").read_text())
    return parser


def test_systemd_takes_the_unit(tmp_path):
    home = tmp_path / "home"
    (home / ".local" / "bin").mkdir(parents=True)
    (home / ".local" / "bin" / "plughost").symlink_to(COMMAND)
    (tmp_path / "plughost.service").write_text(
        (RECIPES / "plughost.service").read_text().replace("%h", str(home))
    )
    run = subprocess.run(
        [program("systemd-analyze"), "verify", "--user", tmp_path / "plughost.service"],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(home)},
    )
    assert "plughost.service" not in run.stderr, run.stderr


async def test_as_a_systemd_unit_a_restart_keeps_the_kernels(jupyter_folders):
    """What systemd does: start `ExecStart`, SIGTERM to the main process alone, start again."""
    service = unit()["Service"]
    assert service["KillMode"] == "process"
    command, *arguments = shlex.split(service["ExecStart"].replace("%h", str(jupyter_folders)))
    assert command == f"{jupyter_folders}/.local/bin/plughost"
    port, root = free_port(), jupyter_folders / "root"
    root.mkdir()
    environment = {**os.environ, "PLUGHOST_TOKEN": TOKEN, "PLUGHOST_PORT": str(port)}
    client = Client(f"http://127.0.0.1:{port}")
    kernels = []
    for turn in range(2):
        with running(
            [COMMAND, *arguments], cwd=root, env=environment, stdout=subprocess.DEVNULL
        ) as main:
            await answering(client, "/api/kernels")
            if turn == 0:
                await client.post("/api/kernels", {})
            kernels.append([kernel["id"] for kernel in (await client.get("/api/kernels")).json])
            if turn == 1:
                await client.delete(f"/api/kernels/{kernels[0][0]}")
            main.send_signal(signal.SIGTERM)
            assert main.wait(int(service["TimeoutStopSec"])) == 0
    assert kernels[0] == kernels[1]
    assert len(kernels[0]) == 1

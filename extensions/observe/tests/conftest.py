"""Strangers for a served process, waiting for another thread, and installations for the doctor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60

Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder for `PYTHONPATH`, empty until `install` puts something there."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    return folder


@pytest.fixture
def install(strangers: Path) -> Callable[..., Path]:
    """Write an installed distribution: `install(name, source, *lines of its metadata)`."""

    def write(name: str, source: str, *metadata: str) -> Path:
        module = strangers / f"{name}.py"
        module.write_text(source)
        info = strangers / f"{name}-1.0.dist-info"
        info.mkdir()
        head = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata)
        info.joinpath("METADATA").write_text("\n".join(head) + "\n")
        info.joinpath("entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")
        info.joinpath("RECORD").write_text(f"{name}.py,,\n")
        return module

    return write


@pytest.fixture
def eventually() -> Eventually:
    """`await eventually(question)` asks again until the answer counts, and returns it."""

    async def wait(question: Callable[[], Awaitable[Any]], seconds: float = SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := await question()):
            assert time.monotonic() < deadline, f"It did not happen within {seconds} s."
            await asyncio.sleep(0.02)
        return answer

    return wait


@pytest.fixture
def lines(eventually: Eventually) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """`await lines(client, "a word", query="level=error")`: the lines with it, once there are."""

    async def found(client: Any, word: str, query: str = "") -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            reply = await client.get(f"/plughost/api/logs?limit=5000&{query}")
            return [line for line in reply.json if word in line["message"]]

        return list(await eventually(ask))

    return found


class Patient:
    """An installation to be looked at: a folder of distributions, and the environment around."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "strangers"
        self.packages.mkdir()
        self.runtime = folder / "jupyter-runtime"
        self.config = folder / "jupyter-config"
        self.kernels = folder / "jupyter-data" / "kernels"
        # What else is on this machine is none of the test's business, except that kernelspecs
        # of the system are looked at in any case: that of R, which tests install, names `R`.
        (folder / "bin").mkdir()
        if program := shutil.which("R"):
            (folder / "bin" / "R").symlink_to(program)
        self.environment = {
            **{n: v for n, v in os.environ.items() if n not in ("VIRTUAL_ENV", "CONDA_PREFIX")},
            "PYTHONPATH": str(self.packages),
            "PATH": str(folder / "bin"),
            "JUPYTER_PATH": "",
            "IPYTHONDIR": str(folder / "ipython"),
            "PLUGHOST_NODE_DOWNLOAD": "never",
        }

    def install(self, name: str, source: str, version: str = "1.0") -> Path:
        """An extension of one module, as pip would leave it; returns its file."""
        (self.packages / f"{name}.py").write_text(source)
        self.describe(name, version)
        return self.packages / f"{name}.py"

    def install_half(self, name: str, *, bundled: Any = None, **manifest: Any) -> None:
        """An extension that has a compiled browser half, too."""
        frontend = self.packages / name / "frontend"
        frontend.mkdir(parents=True)
        (frontend.parent / "__init__.py").write_text("")
        (frontend / "plughost.json").write_text(
            json.dumps(
                {"format": 1, "name": name, "version": "1.0.0", "module": "index.js", **manifest}
            )
        )
        if bundled is not None:
            (frontend / "packages.json").write_text(json.dumps(bundled))
        self.describe(name)

    def install_source(self, name: str, *, beside: bool = False, **package_json: Any) -> Path:
        """An extension that came uncompiled, its source in its package or beside; returns that."""
        folder = self.packages if beside else self.packages / name / "ui"
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "index.js").write_text("export default [];")
        about = {
            "name": name,
            "version": "1.0.0",
            "plughost": {"package": name if beside else ".."},
        }
        about["plughost"]["entry"] = "src/index.js"
        (folder / "package.json").write_text(json.dumps(about | package_json))
        (self.packages / name).mkdir(exist_ok=True)
        (self.packages / name / "__init__.py").write_text("")
        self.describe(name)
        return folder

    def build(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "plughost", "build", *map(str, arguments)]
        environment = {**self.environment, "PATH": os.environ["PATH"]}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr

    def describe(self, name: str, version: str = "1.0", packages: Path | None = None) -> None:
        """What makes an extension known, in a folder of packages that is not always our own."""
        info = (packages or self.packages) / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")

    def add_kernel(self, name: str, text: str) -> None:
        folder = self.kernels / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(text)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plughost", "doctor", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            **options,
        )

    def told(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """What it says as JSON, when all it has to say on standard error is nothing."""
        run = self.run("--json", *arguments, **options)
        assert run.stderr == ""
        told: dict[str, Any] = json.loads(run.stdout)
        assert run.returncode == (0 if told["ok"] else 1)
        return told

    def findings(self, check: str, *arguments: str, **options: Any) -> list[dict[str, str]]:
        told = self.told(*arguments, **options)
        return [each for each in told["findings"] if each["check"] == check]


@pytest.fixture
def patient(jupyter_folders: Path) -> Patient:
    return Patient(jupyter_folders)

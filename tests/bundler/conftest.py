"""A workbench for the bundler: write a source, build it, run what came out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plughost_build.node import Node, find_node
from plughost_build.toolchain import program

Event = dict[str, Any]

RESOLVER = """
import { register } from 'node:module';
const map = JSON.parse(process.env.IMPORT_MAP);
const hooks = `const map = ${JSON.stringify(map)};
export async function resolve(specifier, context, next) {
  return map[specifier] ? { url: map[specifier], shortCircuit: true } : next(specifier, context);
}`;
register('data:text/javascript,' + encodeURIComponent(hooks));
"""
"""Makes Node resolve bare imports as a page does that has an import map."""


@dataclass
class Built:
    """One run of the bundler."""

    code: int
    events: list[Event]
    output: Path

    @property
    def manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.output / "plughost.json").read_text())
        return manifest

    @property
    def diagnostics(self) -> list[Event]:
        return [each for each in self.events if each["event"] == "diagnostic"]

    @property
    def errors(self) -> list[str]:
        return [each["text"] for each in self.diagnostics if each["severity"] == "error"]

    @property
    def module(self) -> str:
        """The entry module's address."""
        return (self.output / str(self.manifest["module"])).as_uri()

    @property
    def files(self) -> dict[str, bytes]:
        found = (each for each in self.output.rglob("*") if each.is_file())
        return {each.relative_to(self.output).as_posix(): each.read_bytes() for each in found}

    @property
    def shared(self) -> dict[str, dict[str, str]]:
        """What another frontend's request says about this one."""
        manifest = self.manifest
        return {
            specifier: {"version": each["version"], "from": manifest["name"]}
            for specifier, each in manifest["provides"].items()
        }


class Bench:
    """A folder in which sources are written, built and run."""

    def __init__(self, folder: Path, node: Node, bundler: Path) -> None:
        self.folder = folder
        self._node = node
        self._bundler = bundler
        # What the bundler writes are ES modules; Node wants to be told.
        (folder / "package.json").write_text('{"type": "module"}')

    def write(
        self,
        name: str,
        files: Mapping[str, str],
        plughost: Mapping[str, Any] | None = None,
        **package_json: Any,
    ) -> Path:
        """A source named `name`; `plughost` and the rest go into its package.json."""
        folder = self.folder / name
        content = {
            "name": name,
            "version": "1.0.0",
            "plughost": {"package": "python", **(plughost or {})},
            **package_json,
        }
        written = {"package.json": json.dumps(content, indent=2), **files}
        for path, text in written.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return folder

    def build(self, source: Path, **request: Any) -> Built:
        output = self.folder / "out" / source.name
        content = {
            "source": str(source),
            "output": str(output),
            "check": False,
            "fingerprint": "sha256:0",
            **request,
        }
        file = self.folder / "request.json"
        file.write_text(json.dumps(content))
        run = subprocess.run(
            [self._node.executable, self._bundler, file], capture_output=True, text=True
        )
        events = [json.loads(line) for line in run.stdout.splitlines()]
        return Built(run.returncode, events, output)

    def run(self, script: str, *providers: Built) -> Any:
        """Run a module in which `report(value)` is the answer; bare imports are the providers'."""
        found = {
            specifier: (each.output / entry["file"]).as_uri()
            for each in providers
            for specifier, entry in each.manifest["provides"].items()
        }
        resolver = self.folder / "resolver.mjs"
        resolver.write_text(RESOLVER)
        main = self.folder / "main.mjs"
        main.write_text(f"const report = value => console.log(JSON.stringify(value));\n{script}")
        run = subprocess.run(
            [self._node.executable, "--import", resolver.as_uri(), main],
            env={**self._node.environment(), "IMPORT_MAP": json.dumps(found)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


@pytest.fixture(scope="session")
def node() -> Node:
    return find_node()


@pytest.fixture(scope="session")
def bundler(node: Node) -> Path:
    return program(node)


@pytest.fixture
def bench(tmp_path: Path, node: Node, bundler: Path) -> Bench:
    return Bench(tmp_path, node, bundler)

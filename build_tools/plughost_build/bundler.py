"""The bundler in `node/` as a process: it reads a request from a file and prints events."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from plughost_build.node import Node
from plughost_build.toolchain import program

Event = dict[str, Any]
"""What happens during a build, by its key `event`: `frontend`, `fresh`, `step`, `diagnostic`,
`sizes`, `module`, `done` (see node/build.mjs for the last five), `labextension`."""


class Bundler:
    """A bundler that runs. `process` has text pipes."""

    def __init__(self, process: subprocess.Popen[str], complaints: IO[str]) -> None:
        self.process = process
        self._complaints = complaints
        self._stray: list[str] = []

    def events(self) -> Iterator[Event]:
        """Each event as it comes, until the bundler ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = _parsed(line)
            if event is None:
                self._stray.append(line)
            else:
                yield event

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it printed that was no event."""
        code = self.process.wait()
        self._complaints.seek(0)
        return code, "".join([*self._stray, self._complaints.read()]).strip()


@contextmanager
def bundler(node: Node, request: dict[str, Any], name: str = "build.mjs") -> Iterator[Bundler]:
    """Start a program of `node/` with its request; it never outlives the block."""
    with (
        tempfile.TemporaryDirectory(prefix="plughost-build-") as scratch,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
    ):
        request_file = Path(scratch, "request.json")
        request_file.write_text(json.dumps(request), encoding="utf-8")
        process = subprocess.Popen(
            [node.executable, program(node).with_name(name), request_file],
            cwd=request.get("source", scratch),
            env=node.environment(),
            stdin=subprocess.PIPE if request.get("watch") else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for us: what goes on and on is told when to end, and leaves nothing half.
            start_new_session=bool(request.get("watch")),
        )
        try:
            yield Bundler(process, complaints)
        finally:
            # After Ctrl-C above all it must not go on and move files behind our back.
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _parsed(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None

"""`plughost build` as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .machines import BUILD_TOOLS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(BUILD_TOOLS), "NO_COLOR": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "plughost_build", *map(str, arguments)]


def run_build(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def events_of(*arguments: object, **environment: str) -> list[dict[str, Any]]:
    """What `--json` prints."""
    run = run_build("--json", *arguments, **environment)
    return [json.loads(line) for line in run.stdout.splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

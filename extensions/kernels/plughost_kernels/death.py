"""Why a kernel died, in words: how its process ended and the last thing it wrote."""

from __future__ import annotations

import signal
from pathlib import Path

LOOKBACK = 4096


def explain(exit_code: int | None, stderr: Path | None, since: int = 0) -> str:
    """One sentence; `exit_code` as `subprocess` counts it, None where nobody can know.

    Of the file `stderr` only what comes after the first `since` bytes counts.
    """
    line = _last_line(stderr, since) if stderr else ""
    return _how(exit_code) + (f"; the last line of its stderr: {line}" if line else "")


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "its process is gone"
    if exit_code >= 0:
        return f"its process ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"its process was ended by {name}"


def _last_line(path: Path, since: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(since, path.stat().st_size - LOOKBACK))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    # ipykernel warns at each start; nobody dies of a warning.
    telling = (line.strip() for line in reversed(lines) if "WARNING" not in line)
    return next((line for line in telling if line), "")

"""Why a kernel died, in words: how its process ended and the last things it wrote."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from plughost_kernels.cgroups import PROC, SYS, groups

LOOKBACK = 8192
LINES = 40  # what faulthandler says of a few threads
COUNTERS = {"v2": "memory.events", "v1": "memory.oom_control"}


class Death(NamedTuple):
    """How a process has ended, and the last lines that it wrote to stderr."""

    how: str
    stderr: Sequence[str] = ()

    @property
    def reason(self) -> str:
        """One sentence."""
        # ipykernel warns at each start; nobody dies of a warning.
        telling = (line for line in reversed(self.stderr) if "WARNING" not in line)
        last = next(telling, "").strip()
        return self.how + (f"; the last line of its stderr: {last}" if last else "")


def explain(
    exit_code: int | None, stderr: Path | None, since: int = 0, *, out_of_memory: bool = False
) -> Death:
    """How a process has ended; `exit_code` as `subprocess` counts it, None where nobody can know.

    Of the file `stderr` only what comes after the first `since` bytes counts.
    `out_of_memory` says that the system has killed somebody for want of memory meanwhile.
    """
    lines = _last_lines(stderr, since) if stderr else []
    killed = out_of_memory and exit_code in (None, -signal.SIGKILL)
    how = "killed: out of memory" if killed else _how(exit_code)
    return Death(how, lines)


def oom_kills(proc: Path = PROC, sys: Path = SYS) -> int:
    """How often the system has killed a process of our control group for want of memory.

    cgroup v2 counts it in `memory.events`, v1 in `memory.oom_control` (the kernel's
    admin-guide on cgroups). The nearest group whose count can be seen is asked: those above
    it count what happens to others, too. 0 where nobody counts.
    """
    counts = (_count(folder / COUNTERS[version]) for folder, version in groups(proc, sys))
    return next((count for count in counts if count is not None), 0)


def _count(file: Path) -> int | None:
    try:
        facts = dict(line.split() for line in file.read_text(encoding="ascii").splitlines())
        return int(facts["oom_kill"])
    except (OSError, KeyError, ValueError):
        return None


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


def _last_lines(path: Path, since: int) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(since, path.stat().st_size - LOOKBACK))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-LINES:]

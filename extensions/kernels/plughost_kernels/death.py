"""Why a kernel died, in words: how its process ended and the last things it wrote."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

LOOKBACK = 4096
LINES = 10


class Death(NamedTuple):
    """`reason` is one sentence; `stderr` has the last lines that the process wrote there."""

    reason: str
    stderr: list[str]


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
    # ipykernel warns at each start; nobody dies of a warning.
    telling = next((line for line in reversed(lines) if "WARNING" not in line), "")
    return Death(how + (f"; the last line of its stderr: {telling}" if telling else ""), lines)


def oom_kills(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int:
    """How often the system has killed a process of our control group for want of memory.

    cgroup v2 counts it in `memory.events`, v1 in `memory.oom_control` (the kernel's
    admin-guide on cgroups); 0 where nobody counts.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    counts = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            folder, name = sys / "fs" / "cgroup", "memory.events"
        elif "memory" in controllers.split(","):
            folder, name = sys / "fs" / "cgroup" / "memory", "memory.oom_control"
        else:
            continue
        # Inside a container the group's own folder may be the root of what is mounted.
        counts += [_count(folder / path.lstrip("/") / name), _count(folder / name)]
    return max(counts, default=0)


def _count(file: Path) -> int:
    try:
        facts = dict(line.split() for line in file.read_text(encoding="ascii").splitlines())
        return int(facts["oom_kill"])
    except (OSError, KeyError, ValueError):
        return 0


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
    return [line.strip() for line in lines if line.strip()][-LINES:]

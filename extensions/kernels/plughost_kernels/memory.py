"""How much memory is left, for the machine and for the control groups this process is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NAMES = {
    "v2": ("memory.max", "memory.current", "inactive_file"),
    "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""What holds the limit, the usage, and in `memory.stat` the cached files, which give way."""


def available(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int:
    """Bytes that a new process could use without anything being swapped or killed.

    The least of what the machine has and what each control group leaves, ours and those
    above it. Source: admin-guide/cgroup-v2 and cgroup-v1/memory of the Linux kernel.
    """
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_left_by_groups(proc, sys)]))


def _left_by_groups(proc: Path, sys: Path) -> Iterator[int]:
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            root, names = sys / "fs" / "cgroup", NAMES["v2"]
        elif "memory" in controllers.split(","):
            root, names = sys / "fs" / "cgroup" / "memory", NAMES["v1"]
        else:
            continue
        # Inside a container the group's own folder may be the root of what is mounted.
        group = PurePosixPath(path.lstrip("/"))
        for folder in (group, *group.parents):
            left = _left(root / folder, *names)
            if left is not None:
                yield left


def _left(group: Path, limit: str, usage: str, cached: str) -> int | None:
    """What one group leaves; None where it has no limit, or is not there."""
    try:
        most = int((group / limit).read_text(encoding="ascii"))
        used = int((group / usage).read_text(encoding="ascii"))
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        return most - used + int(dict(line.split(" ", 1) for line in lines).get(cached, 0))
    except (OSError, ValueError):  # v2 writes `max` where there is none
        return None

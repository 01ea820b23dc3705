"""How much memory is left, for the machine and for the control groups this process is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from plughost_kernels.cgroups import PROC, SYS, groups

NAMES = {
    "v2": ("memory.max", "memory.current", "inactive_file"),
    "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""What holds the limit, the usage, and in `memory.stat` the cached files, which give way."""


def available(proc: Path = PROC, sys: Path = SYS) -> int:
    """Bytes that a new process could use without anything being swapped or killed.

    The least of what the machine has and what each control group leaves, ours and those
    above it. Source: admin-guide/cgroup-v2 and cgroup-v1/memory of the Linux kernel.
    """
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_left_by_groups(proc, sys)]))


def _left_by_groups(proc: Path, sys: Path) -> Iterator[int]:
    for folder, version in groups(proc, sys):
        left = _left(folder, *NAMES[version])
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

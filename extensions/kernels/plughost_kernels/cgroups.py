"""The control groups that count the memory of this process, where there are any (Linux).

Source: cgroups(7) on `/proc/self/cgroup`; admin-guide/cgroup-v2 and cgroup-v1/memory in the
Linux kernel's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

PROC, SYS = Path("/proc"), Path("/sys")


class Group(NamedTuple):
    """A control group: the folder with its files, and the version that says what they are."""

    folder: Path
    version: Literal["v1", "v2"]


def groups(proc: Path = PROC, sys: Path = SYS) -> Iterator[Group]:
    """The group this process is in, then each one above it, whether or not it can be seen.

    Inside a container a group's own folder may be missing, because the root of what is
    mounted is that group.
    """
    try:
        # The name of a group may have any bytes in it.
        text = (proc / "self" / "cgroup").read_text("utf-8", "surrogateescape")
    except OSError:
        return
    for line in text.split("\n"):
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        version: Literal["v1", "v2"]
        if colon and not controllers:
            root, version = sys / "fs" / "cgroup", "v2"
        elif "memory" in controllers.split(","):
            root, version = sys / "fs" / "cgroup" / "memory", "v1"
        else:
            continue
        own = PurePosixPath(path.lstrip("/"))
        for folder in (own, *own.parents):
            yield Group(root / folder, version)

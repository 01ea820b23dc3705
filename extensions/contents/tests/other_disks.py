"""What can be seen with mounts only: `other_disks.py SCENE FOLDER`, in a mount namespace.

Each scene prints what happened, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from plughost import HostError
from plughost_contents.files import Files

CUT_SHORT = Path(__file__).with_name("cut_short.py")
PAGE = 4096
OLD, NEW = b"old" * 100_000, b"newer" * 150_000


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def read(root: Path, path: str) -> bytes:
    async def everything() -> bytes:
        return b"".join([block async for block in Files(root).read(path)])

    return asyncio.run(everything())


def write(root: Path, path: str, data: bytes) -> int:
    """Save; returns the status that a client would see."""
    try:
        asyncio.run(Files(root).write(path, data))
    except HostError as error:
        return error.status
    return 200


def cut_short(root: Path, path: str) -> int:
    command = [sys.executable, CUT_SHORT, root, path, str(100 * PAGE)]
    return subprocess.run(command, input=NEW, check=False).returncode


def mounted_file(folder: Path) -> dict[str, Any]:
    """A file that is mounted by itself, as containers have their configuration."""
    file, root = folder / "a.txt", folder / "root"
    root.mkdir()
    for path in (file, root / "a.txt"):
        path.write_bytes(OLD)
    mount("--bind", file, root / "a.txt")
    return {
        "saved": write(root, "a.txt", NEW),
        "is new": file.read_bytes() == NEW,
        "saved again": write(root, "a.txt", OLD),
        "is old": read(root, "a.txt") == OLD == file.read_bytes(),
        "left": os.listdir(root),
    }


def folder_that_cannot_be_written(folder: Path) -> dict[str, Any]:
    """The same in a folder that is read-only: what was there is kept elsewhere."""
    file, root = folder / "a.txt", folder / "root"
    root.mkdir()
    for path in (file, root / "a.txt"):
        path.write_bytes(OLD)
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    mount("--bind", file, root / "a.txt")
    kept = Path(os.environ["JUPYTER_DATA_DIR"]) / "plughost" / "kept"
    return {
        "new file": write(root, "b.txt", NEW),
        "saved": write(root, "a.txt", NEW),
        "is new": file.read_bytes() == NEW,
        "saved again": write(root, "a.txt", OLD),
        "killed by": -cut_short(root, "a.txt"),
        "kept": len(os.listdir(kept)),
        "mode": oct(kept.stat().st_mode & 0o777),
        "is old": read(root, "a.txt") == OLD == file.read_bytes(),
        "left": os.listdir(root) + os.listdir(kept),
    }


def full_disk(folder: Path) -> dict[str, Any]:
    """A disk of 1 MiB. A copy of the old content fits there, the new content does not."""
    mount("-t", "tmpfs", "-o", "size=1M", "tmpfs", folder)
    (folder / "a.txt").write_bytes(OLD)
    found: dict[str, Any] = {}
    for way in ("renamed", "in place"):
        if way == "in place":
            (folder / "b.txt").hardlink_to(folder / "a.txt")
        found[way] = write(folder, "a.txt", NEW + NEW)
        found[f"old {way}"] = (folder / "a.txt").read_bytes() == OLD
        found[f"left {way}"] = sorted(os.listdir(folder))
    return found


def another_disk(folder: Path) -> dict[str, Any]:
    """A rename does not lead from one disk to another."""
    disk = folder / "disk"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "run.sh").write_bytes(OLD)
    (folder / "sub" / "run.sh").chmod(0o754)
    (folder / "sub" / "deep" / "link").symlink_to("../run.sh")
    (folder / "sub" / "folder").symlink_to("deep")
    (folder / "one.txt").write_bytes(NEW)
    disk.mkdir()
    mount("-t", "tmpfs", "tmpfs", disk)
    files = Files(folder)
    asyncio.run(files.move("one.txt", "disk/one.txt"))
    asyncio.run(files.move("sub", "disk/sub"))
    return {
        "here": sorted(os.listdir(folder)),
        "there": sorted(str(path.relative_to(disk)) for path in disk.rglob("*")),
        "is the same": [
            (disk / "one.txt").read_bytes() == NEW,
            (disk / "sub" / "deep" / "link").read_bytes() == OLD,
        ],
        "mode": oct((disk / "sub" / "run.sh").stat().st_mode & 0o777),
        "links": [os.readlink(disk / "sub" / name) for name in ("deep/link", "folder")],
    }


SCENES = {
    scene.__name__: scene
    for scene in (mounted_file, folder_that_cannot_be_written, full_disk, another_disk)
}

if __name__ == "__main__":
    print(json.dumps(SCENES[sys.argv[1]](Path(sys.argv[2]))))

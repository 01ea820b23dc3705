"""Whatever ends a save, the file is the old one or the new one, and nothing piles up."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = 4096
OLD, NEW = "old" * 100_000, "newer" * 150_000


def text(content: str) -> dict[str, str]:
    return {"type": "file", "format": "text", "content": content}


def cut_short(root: Path, path: str = "a.txt") -> None:
    """Save NEW, and be killed when about half of it is written."""
    command = [sys.executable, HERE / "cut_short.py", root, path, str(100 * PAGE)]
    done = subprocess.run(command, input=NEW.encode(), check=False)
    assert done.returncode == -signal.SIGXFSZ


@pytest.fixture
def torn(root: Path, jupyter_folders: Path) -> Path:
    """A file with two names, whose last save was killed when it had written half of it."""
    file = root / "a.txt"
    file.write_text(OLD)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (root / "b.txt").hardlink_to(file)
    cut_short(root)
    assert file.read_text() == NEW[: 100 * PAGE]
    assert sorted(os.listdir(root)) == [".~a.txt.old", "a.txt", "b.txt"]
    return file


@pytest.mark.parametrize(
    ("way", "names"), [("rename", ["a.bin"]), ("in place", ["a.bin", "another name"])]
)
def test_a_save_that_is_killed_at_any_moment_leaves_a_whole_file(root, way, names):
    command = [sys.executable, HERE / "killed_saves.py", root, way, "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["left"] == names
    assert found["old"] + found["new"] == 100
    assert min(found["old"], found["new"]) > 0, "the kills were spread over the whole save"


async def test_a_new_file_that_was_killed_is_not_there(serve, root, jupyter_folders):
    cut_short(root)
    async with serve() as (_, client):
        reply = await client.get("/api/contents/a.txt")
        saved = await client.put("/api/contents/a.txt", text(NEW))
    assert (reply.status, saved.status) == (404, 201)
    assert os.listdir(root) == ["a.txt"]


@pytest.mark.parametrize("url", ["/api/contents/a.txt?content=0", "/files/a.txt"])
async def test_what_a_broken_save_has_torn_is_put_right_by_who_looks_next(serve, torn, caplog, url):
    async with serve() as (_, client):
        reply = await client.get(url)
    assert reply.status == 200
    assert (torn.read_text(), torn.stat().st_mtime) == (OLD, 1_700_000_000)
    assert sorted(os.listdir(torn.parent)) == ["a.txt", "b.txt"]
    assert f"A save of {str(torn)!r} was broken off: what was there is back." in caplog.messages


async def test_what_a_broken_save_has_torn_can_be_saved_again(serve, torn):
    async with serve() as (_, client):
        reply = await client.put("/api/contents/a.txt", text("newest"))
    assert (reply.status, torn.read_text()) == (200, "newest")
    assert sorted(os.listdir(torn.parent)) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("change", ["replaced", "added to", "emptied", "edited"])
async def test_a_file_that_somebody_changed_after_a_broken_save_stays_as_it_is(
    serve, torn, caplog, change
):
    if change == "replaced":
        torn.unlink()
        torn.write_text("somebody's")
    elif change == "added to":
        with torn.open("a") as file:
            file.write("somebody's")
    elif change == "emptied":
        torn.write_text("")
    else:
        with torn.open("r+") as file:
            file.seek(200_000)
            file.write("somebody's")
    now = torn.read_text()
    async with serve() as (_, client):
        reply = await client.get("/api/contents/a.txt?format=text")
    assert (reply.json["content"], torn.read_text()) == (now, now)
    [kept] = set(os.listdir(torn.parent)) - {"a.txt", "b.txt"}
    assert (torn.parent / kept).read_text() == OLD
    assert any("somebody has changed it since" in message for message in caplog.messages)
    assert any(kept in message for message in caplog.messages)


async def test_a_file_that_somebody_removed_after_a_broken_save_stays_away(serve, torn):
    torn.unlink()
    async with serve() as (_, client):
        gone = await client.get("/api/contents/a.txt")
        await client.put("/api/contents/a.txt", text("newest"))
        reply = await client.get("/api/contents/a.txt")
    assert (gone.status, reply.json["content"]) == (404, "newest")
    [kept] = set(os.listdir(torn.parent)) - {"a.txt", "b.txt"}
    assert (torn.parent / kept).read_text() == OLD


async def test_a_copy_that_is_not_whole_is_of_no_use(serve, root):
    # The process was killed while it made the copy, before it touched the file.
    (root / "a.txt").write_text(OLD)
    (root / ".~a.txt.old").write_text(OLD[:1000])
    async with serve() as (_, client):
        reply = await client.get("/api/contents/a.txt")
    assert reply.json["content"] == OLD
    assert os.listdir(root) == ["a.txt"]


async def test_a_file_that_only_looks_like_a_copy_is_left_alone(serve, torn, caplog):
    copy = torn.with_name(".~a.txt.old")
    copy.with_name("mine").hardlink_to(copy)  # we never give a copy a second name
    now = torn.read_text()
    async with serve() as (_, client):
        reply = await client.get("/api/contents/a.txt")
        saved = await client.put("/api/contents/a.txt", text("newest"))
    assert (reply.json["content"], saved.status, torn.read_text()) == (now, 200, "newest")
    assert copy.exists()
    assert any("no copy of ours" in message for message in caplog.messages)


async def test_who_reads_waits_for_who_saves_in_place(serve, torn):
    async with serve() as (_, client):
        with torn.with_name(".~a.txt.old").open("r+b") as copy:
            fcntl.flock(copy, fcntl.LOCK_EX)  # as if the process that saves were alive
            reading = asyncio.create_task(client.get("/api/contents/a.txt"))
            await client.get("/api/contents?content=0")
            assert torn.read_text() != OLD
        assert (await reading).json["content"] == OLD


async def test_what_dead_savers_left_is_removed_and_what_living_ones_have_stays(serve, root):
    (root / "a.txt").write_text("old")
    for number in (1, 2, 3):
        (root / f".~a.txt.{number}.new").write_text("half of")
    (root / ".~other.txt.1.new").write_text("half of")
    with (root / ".~a.txt.2.new").open() as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        async with serve() as (_, client):
            reply = await client.put("/api/contents/a.txt", text("new"))
    assert (reply.status, (root / "a.txt").read_text()) == (200, "new")
    assert sorted(os.listdir(root)) == [".~a.txt.2.new", ".~other.txt.1.new", "a.txt"]


def scene(name: str, folder: Path) -> Any:
    """What happens where other things are mounted than here; needs no rights of its own."""
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    command = [*unshare, sys.executable, HERE / "other_disks.py", name, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_that_is_mounted_by_itself_is_saved_in_place(tmp_path, jupyter_folders):
    assert scene("mounted_file", tmp_path) == {
        "saved": 200,
        "is new": True,
        "saved again": 200,
        "is old": True,
        "left": ["a.txt"],
    }


def test_a_file_in_a_folder_that_cannot_be_written_is_kept_elsewhere(tmp_path, jupyter_folders):
    assert scene("folder_that_cannot_be_written", tmp_path) == {
        "new file": 403,
        "saved": 200,
        "is new": True,
        "saved again": 200,
        "killed by": signal.SIGXFSZ,
        "kept": 1,
        "mode": "0o700",
        "is old": True,
        "left": ["a.txt"],
    }


def test_a_disk_that_is_full_keeps_the_old_file(root, jupyter_folders):
    assert scene("full_disk", root) == {
        "renamed": 507,
        "old renamed": True,
        "left renamed": ["a.txt"],
        "in place": 507,
        "old in place": True,
        "left in place": ["a.txt", "b.txt"],
    }


def test_files_and_folders_move_to_other_disks(root, jupyter_folders):
    assert scene("another_disk", root) == {
        "here": ["disk"],
        "there": ["one.txt", "sub", "sub/deep", "sub/deep/link", "sub/folder", "sub/run.sh"],
        "is the same": [True, True],
        "mode": "0o754",
        "links": ["../run.sh", "deep"],
    }

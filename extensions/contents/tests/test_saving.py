"""What a save keeps, and what is there when it fails."""

import asyncio
import itertools
import os
import resource
import struct
from urllib.parse import quote

import pytest


def text(content):
    return {"type": "file", "format": "text", "content": content}


async def test_a_save_keeps_permissions_and_extended_attributes(serve, root):
    file = root / "script.sh"
    file.write_text("old")
    file.chmod(0o750)
    os.setxattr(file, "user.origin", b"somewhere")
    async with serve() as (_, client):
        reply = await client.put("/api/contents/script.sh", text("new"))
    assert (reply.status, file.read_text()) == (200, "new")
    assert file.stat().st_mode & 0o777 == 0o750
    assert os.getxattr(file, "user.origin") == b"somewhere"
    assert os.listdir(root) == ["script.sh"]


async def test_a_save_adds_no_permissions_that_the_folder_gives_to_new_files(serve, root):
    file = root / "private.txt"
    file.write_text("old")
    file.chmod(0o600)
    # What `setfacl -d -m u:65534:rwx .` would do: acl(5), in the kernel's form.
    entries = [(1, 7, -1), (2, 7, 65534), (4, 5, -1), (16, 7, -1), (32, 0, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(root, "system.posix_acl_default", acl)
    async with serve() as (_, client):
        reply = await client.put("/api/contents/private.txt", text("new"))
    assert (reply.status, file.read_text()) == (200, "new")
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listxattr(file) == []


@pytest.mark.parametrize("names", [1, 2])
async def test_a_save_keeps_the_owner(serve, root, names):
    file = root / "theirs.txt"
    file.write_text("old")
    if os.geteuid() == 0:  # only root can give a file to somebody else
        os.chown(file, 65534, 65533)
    if names == 2:
        (root / "other.txt").hardlink_to(file)
    before = file.stat()
    async with serve() as (_, client):
        reply = await client.put("/api/contents/theirs.txt", text("new"))
    after = file.stat()
    assert (reply.status, file.read_text()) == (200, "new")
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert (after.st_ino == before.st_ino) == (names == 2)


@pytest.mark.parametrize("names", [1, 2])
async def test_a_name_can_be_as_long_as_names_can_be(serve, root, names):
    name = "ä" * 125 + ".txt" + "x"  # 255 bytes
    (root / name).write_text("old")
    if names == 2:
        (root / "other.txt").hardlink_to(root / name)
    async with serve() as (_, client):
        reply = await client.put(f"/api/contents/{quote(name)}", text("new"))
    assert (reply.status, (root / name).read_text()) == (200, "new")
    assert len(os.listdir(root)) == names


async def test_a_pipe_does_not_become_a_file(serve, root):
    os.mkfifo(root / "pipe")
    async with serve() as (_, client):
        reply = await client.put("/api/contents/pipe", text("new"))
    assert (reply.status, os.listdir(root)) == (409, ["pipe"])
    assert (root / "pipe").is_fifo()


async def test_a_new_file_has_the_permissions_that_new_files_have(serve, root):
    (root / "reference").write_text("x")
    async with serve() as (_, client):
        await client.put("/api/contents/new.txt", text("x"))
        await client.post("/api/contents", {"type": "file"})
    modes = {(root / name).stat().st_mode for name in ("reference", "new.txt", "untitled")}
    assert len(modes) == 1


async def test_a_link_stays_a_link_and_what_it_points_to_is_saved(serve, root):
    (root / "real").mkdir()
    (root / "real" / "a.txt").write_text("old")
    (root / "link.txt").symlink_to("real/a.txt")
    async with serve() as (_, client):
        await client.put("/api/contents/link.txt", text("new"))
    assert (root / "link.txt").is_symlink()
    assert (root / "real" / "a.txt").read_text() == "new"
    assert [file.name for file in (root / "real").iterdir()] == ["a.txt"]


async def test_both_names_of_a_file_with_two_see_the_save(serve, root):
    (root / "one.txt").write_text("a long old content")
    (root / "two.txt").hardlink_to(root / "one.txt")
    async with serve() as (_, client):
        await client.put("/api/contents/one.txt", text("new"))
    assert (root / "two.txt").read_text() == "new"
    assert sorted(os.listdir(root)) == ["one.txt", "two.txt"]


@pytest.fixture
def little_room():
    """No file may grow beyond 100 kB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("names", [1, 2])
async def test_a_save_that_finds_no_room_leaves_the_old_file(serve, root, little_room, names):
    file = root / "a.txt"
    old = "old" * 20_000
    file.write_text(old)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    if names == 2:
        (root / "other.txt").hardlink_to(file)
    before = sorted(os.listdir(root))
    async with serve() as (_, client):
        reply = await client.put("/api/contents/a.txt", text("x" * 200_000))
    # The time, too: a page that finds a later one says that somebody has changed the file.
    assert (reply.status, file.read_text()) == (507, old)
    assert file.stat().st_mtime == 1_700_000_000
    assert "no room left to write 'a.txt'" in reply.json["message"]
    assert sorted(os.listdir(root)) == before


@pytest.mark.parametrize("names", [["a.txt"], ["a.txt", "b.txt"]])
async def test_saves_at_once_leave_one_of_them_whole(serve, root, names):
    contents = [letter * 1_000_000 for letter in "abcdefgh"]
    if len(names) == 2:  # one file
        (root / "a.txt").touch()
        (root / "b.txt").hardlink_to(root / "a.txt")
    async with serve() as (_, client):
        replies = await asyncio.gather(
            *(
                client.put(f"/api/contents/{name}", text(content))
                for content, name in zip(contents, itertools.cycle(names), strict=False)
            )
        )
    assert {reply.status for reply in replies} <= {200, 201}
    assert (root / "a.txt").read_text() in contents
    assert sorted(os.listdir(root)) == names

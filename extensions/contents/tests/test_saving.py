"""What a save keeps, and what is there when it fails."""

import asyncio
import os
import resource

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
    file.write_text("old")
    if names == 2:
        (root / "other.txt").hardlink_to(file)
    before = sorted(os.listdir(root))
    async with serve() as (_, client):
        reply = await client.put("/api/contents/a.txt", text("x" * 200_000))
    assert (reply.status, file.read_text()) == (507, "old")
    assert "no room left to write 'a.txt'" in reply.json["message"]
    assert sorted(os.listdir(root)) == before


async def test_saves_at_once_leave_one_of_them_whole(serve, root):
    contents = [letter * 100_000 for letter in "abcdefgh"]
    async with serve() as (_, client):
        await asyncio.gather(*(client.put("/api/contents/a.txt", text(c)) for c in contents))
    assert (root / "a.txt").read_text() in contents
    assert os.listdir(root) == ["a.txt"]

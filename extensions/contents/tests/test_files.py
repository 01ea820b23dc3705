"""Files on disk as the provider of contents: listings, copies and moves."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from plughost_contents import in_place
from plughost_contents.files import Files


def listing(root: Path, *, strict: bool = False) -> tuple[list[tuple[str, bool]], list[str]]:
    """What `choose` is asked about the root folder, and what there are facts for."""
    asked: list[tuple[str, bool]] = []

    def choose(found: list[tuple[str, bool]]) -> list[str]:
        asked.extend(sorted(found))
        return [name for name, _ in asked]

    entries = asyncio.run(Files(root, strict=strict).entries("", choose))
    return asked, [entry.name for entry in entries]


@pytest.fixture
def mixed(root: Path) -> Path:
    """A root with one of each."""
    (root / "folder").mkdir()
    (root / "file").touch()
    os.mkfifo(root / "pipe")
    links = {
        "to-folder": "folder",
        "to-file": "file",
        "to-nothing": "nothing",
        "circle": "circle",
        "out": "..",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


def test_a_listing_says_which_names_are_folders_before_it_looks_closer(mixed):
    assert listing(mixed) == (
        [
            ("file", False),
            ("folder", True),
            ("out", True),
            ("pipe", False),
            ("to-file", False),
            ("to-folder", True),
            ("to-nothing", False),
        ],
        ["file", "folder", "out", "to-file", "to-folder"],
    )


def test_a_listing_of_a_strict_root_knows_nothing_of_links_that_lead_out(mixed):
    assert listing(mixed, strict=True) == (
        [
            ("file", False),
            ("folder", True),
            ("pipe", False),
            ("to-file", False),
            ("to-folder", True),
        ],
        ["file", "folder", "to-file", "to-folder"],
    )


def test_there_are_facts_for_what_is_chosen_in_the_order_of_the_choice(root):
    for name in "abcd":
        (root / name).write_text(name * 3)
    entries = asyncio.run(Files(root).entries("", lambda found: ["c", "gone", "a"]))
    assert [(entry.name, entry.size, entry.folder) for entry in entries] == [
        ("c", 3, False),
        ("a", 3, False),
    ]


def test_a_listing_says_of_everything_what_a_look_at_it_alone_says(mixed):
    for name, mode in {"mine": 0o644, "read-only": 0o444, "nobody's": 0o000}.items():
        (mixed / name).touch()
        (mixed / name).chmod(mode)
    files = Files(mixed)

    async def both() -> tuple[list, list]:
        entries = await files.entries("", lambda found: [name for name, _ in found])
        return entries, [await files.entry(entry.name) for entry in entries]

    listed, alone = asyncio.run(both())
    assert listed == alone
    assert {entry.name: entry.writable for entry in listed} == {
        entry.name: os.access(mixed / entry.name, os.W_OK) for entry in listed
    }


async def test_a_copy_of_a_folder_has_all_that_is_in_it(serve, root):
    source = root / "sub"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "run.sh").write_text("run")
    (source / "deep" / "run.sh").chmod(0o754)
    (source / "deep").chmod(0o711)
    (source / "link").symlink_to("deep/run.sh")
    (source / "folder").symlink_to("deep")
    (source / "nowhere").symlink_to("nothing")
    os.utime(source / "deep" / "run.sh", (1_700_000_000, 1_700_000_000))
    async with serve() as (_, client):
        reply = await client.post("/api/contents", {"copy_from": "sub"})
    assert reply.status == 201
    copy = root / "sub-Copy1"

    def facts(folder: Path) -> dict[str, object]:
        return {
            str(path.relative_to(folder)): os.readlink(path)
            if path.is_symlink()
            else (path.stat().st_mode, path.is_file() and path.read_text())
            for path in folder.rglob("*")
        }

    assert facts(copy) == facts(source)
    assert (copy / "deep" / "run.sh").stat().st_mtime == 1_700_000_000


async def test_a_copy_says_what_it_cannot_have(serve, root):
    (root / "sub").mkdir()
    (root / "sub" / "a.txt").write_text("mine")
    os.mkfifo(root / "sub" / "pipe")
    async with serve() as (_, client):
        reply = await client.post("/api/contents", {"copy_from": "sub"})
    assert reply.status == 400
    assert reply.json["message"] == "Not all of 'sub' could be copied: 'pipe' is no file."
    assert (root / "sub-Copy1" / "a.txt").read_text() == "mine"


@pytest.mark.parametrize("into", ["sub", "sub/deep", "link"])
async def test_a_folder_is_not_copied_into_itself(serve, root, into):
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "link").symlink_to("sub/deep")
    async with serve() as (_, client):
        reply = await client.post(f"/api/contents/{into}", {"copy_from": "sub"})
    assert reply.status == 400
    assert reply.json["message"] == "The folder 'sub' cannot be copied into itself."
    assert [path.name for path in (root / "sub").rglob("*")] == ["deep"]


async def test_a_file_that_somebody_has_locked_is_busy(serve, root, monkeypatch):
    monkeypatch.setattr(in_place, "PATIENCE", 0.1)
    (root / "a.txt").write_text("old")
    (root / "b.txt").hardlink_to(root / "a.txt")
    with (root / "a.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        async with serve() as (_, client):
            reply = await client.put(
                "/api/contents/a.txt", {"type": "file", "format": "text", "content": "new"}
            )
    assert (reply.status, (root / "a.txt").read_text()) == (503, "old")

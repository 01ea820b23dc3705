"""What builds keep between runs is whole or not there."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from plughost_build.cache import cache_folder, fill_once
from plughost_build.errors import CacheError


def test_the_cache_lies_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PLUGHOST_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "plughost"
    monkeypatch.setenv("PLUGHOST_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"


def test_work_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_once(tmp_path / "kept", fail)
    assert list(tmp_path.iterdir()) == []


def test_of_two_at_once_the_first_to_finish_wins_and_both_get_it(tmp_path: Path) -> None:
    second_is_at_it = threading.Event()
    first_is_done = threading.Event()
    got: list[Path] = []

    def slow(draft: Path) -> None:
        (draft / "by").write_text("slow")
        second_is_at_it.set()
        assert first_is_done.wait(timeout=30)

    def quick(draft: Path) -> None:
        (draft / "by").write_text("quick")

    thread = threading.Thread(target=lambda: got.append(fill_once(tmp_path / "kept", slow)))
    thread.start()
    assert second_is_at_it.wait(timeout=30)
    got.append(fill_once(tmp_path / "kept", quick))
    first_is_done.set()
    thread.join(timeout=30)
    assert got == [tmp_path / "kept"] * 2
    assert (tmp_path / "kept" / "by").read_text() == "quick"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_cache_that_cannot_be_written_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"file/cache.*(?s:.*)PLUGHOST_CACHE"):
        fill_once(tmp_path / "file" / "cache" / "kept", lambda draft: None)


def test_a_disk_that_is_full_half_way_is_named_with_a_way_out(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").write_text("…")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CacheError, match=r"cannot be written: No space left on device\."):
        fill_once(tmp_path / "kept", fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_half_filled_goes_after_a_day(tmp_path: Path) -> None:
    yesterday = time.time() - 25 * 3600
    for name in (".kept-killed", ".kept-at-work", ".other-killed"):
        (tmp_path / name).mkdir()
        if name != ".kept-at-work":
            os.utime(tmp_path / name, (yesterday, yesterday))
    fill_once(tmp_path / "kept", lambda draft: None)
    assert {path.name for path in tmp_path.iterdir()} == {".kept-at-work", ".other-killed", "kept"}

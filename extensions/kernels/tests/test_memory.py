"""How much memory is left: for the machine, and for the control groups we are in."""

from __future__ import annotations

import os

import psutil
import pytest

from plughost_kernels import memory

MIB = 1024**2


@pytest.fixture
def left(tmp_path):
    """`left(cgroup, {folder: {file: text}})` is what a machine with such groups has left."""

    def available(cgroup, groups):
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "self" / "cgroup").write_bytes(os.fsencode(cgroup))
        for group, files in groups.items():
            folder = tmp_path / "sys" / "fs" / "cgroup" / group
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / name).write_text(text)
        return memory.available(tmp_path / "proc", tmp_path / "sys")

    return available


def group(limit, used, cached=0):
    return {
        "memory.max": f"{limit}\n",
        "memory.current": f"{used}\n",
        "memory.stat": f"anon 1\ninactive_file {cached}\n",
    }


def old_group(limit, used, cached=0):
    return {
        "memory.limit_in_bytes": f"{limit}\n",
        "memory.usage_in_bytes": f"{used}\n",
        "memory.stat": f"rss 1\ntotal_inactive_file {cached}\n",
    }


@pytest.mark.parametrize(
    ("cgroup", "groups", "expected"),
    [
        ("0::/a\n", {"a": group(8 * MIB, 5 * MIB)}, 3 * MIB),
        ("0::/a\n", {"a": group(8 * MIB, 5 * MIB, cached=2 * MIB)}, 5 * MIB),
        ("0::/a\n", {"a": group(8 * MIB, 9 * MIB)}, 0),
        ("0::/a/b\n", {"a": group(8 * MIB, 7 * MIB), "a/b": group("max", MIB)}, MIB),
        ("0::/a/b\n", {"a": group(9 * MIB, MIB), "a/b": group(4 * MIB, MIB)}, 3 * MIB),
        ("0::/gr\u00fcn\udcff\n", {"gr\u00fcn\udcff": group(8 * MIB, 5 * MIB)}, 3 * MIB),
        ("0::/host/path\n", {"": group(8 * MIB, 5 * MIB)}, 3 * MIB),
        ("9:memory:/x\n0::/\n", {"memory/x": old_group(8 * MIB, 5 * MIB, cached=MIB)}, 4 * MIB),
    ],
)
def test_the_tightest_group_counts_and_cached_files_give_way(left, cgroup, groups, expected):
    assert left(cgroup, groups) == expected


@pytest.mark.parametrize(
    ("cgroup", "groups"),
    [
        ("", {}),
        ("odd\n0::/a\n", {}),
        ("0::/a\n", {"a": group("max", 5)}),
        ("0::/a\n", {"a": {"memory.max": "nonsense"}}),
        ("4:cpu:/a\n", {"a": group(1, 1), "memory/a": old_group(1, 1)}),
        ("9:memory:/x\n", {"memory/x": old_group(9223372036854771712, 5)}),
    ],
)
def test_where_no_group_has_a_limit_the_machine_counts(left, cgroup, groups):
    machine = psutil.virtual_memory()
    assert MIB < left(cgroup, groups) <= machine.total


def test_a_machine_without_control_groups_counts_as_a_whole(tmp_path):
    assert MIB < memory.available(tmp_path, tmp_path) <= psutil.virtual_memory().total

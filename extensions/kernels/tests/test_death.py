"""Why a kernel died: what the system says of it."""

from __future__ import annotations

import os

import pytest

from plughost_kernels import death


@pytest.fixture
def system(tmp_path):
    """A machine whose control groups say what `write` has them say."""

    def write(cgroup):
        (tmp_path / "proc" / "self").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / "self" / "cgroup").write_bytes(os.fsencode(cgroup))
        return death.oom_kills(tmp_path / "proc", tmp_path / "sys")

    return write


def test_a_kill_for_want_of_memory_is_counted_where_the_system_counts(system, tmp_path):
    assert system("0::/user/ada\n") == 0
    folder = tmp_path / "sys" / "fs" / "cgroup" / "user" / "ada"
    folder.mkdir(parents=True)
    (folder / "memory.events").write_text("low 0\noom 2\noom_kill 3\n")
    assert system("0::/user/ada\n") == 3
    (folder / "memory.events").write_text("nonsense")
    assert system("0::/user/ada\n") == 0
    old = tmp_path / "sys" / "fs" / "cgroup" / "memory" / "x"
    old.mkdir(parents=True)
    (old / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n")
    assert system("4:cpu:/x\n9:memory:/x\nodd\n") == 5


def test_the_nearest_group_that_can_be_seen_counts_what_happens_to_us(system, tmp_path):
    above = tmp_path / "sys" / "fs" / "cgroup" / "user"
    above.mkdir(parents=True)
    (above / "memory.events").write_text("oom_kill 7\n")  # somebody else's among them
    assert system("0::/user/ada\n") == 7
    (above / "ada").mkdir()
    (above / "ada" / "memory.events").write_text("oom_kill 2\n")
    assert system("0::/user/ada\n") == 2


def test_a_group_may_have_any_name(system, tmp_path):
    folder = tmp_path / "sys" / "fs" / "cgroup" / "gr\u00fcn\udcff"
    folder.mkdir(parents=True)
    (folder / "memory.events").write_text("oom_kill 4\n")
    assert system("0::/gr\u00fcn\udcff\n") == 4


@pytest.mark.parametrize(
    ("exit_code", "out_of_memory", "words"),
    [
        (-9, True, "killed: out of memory"),
        (None, True, "killed: out of memory"),
        (-9, False, "its process was ended by SIGKILL"),
        (1, True, "its process ended with exit code 1"),
    ],
)
def test_only_a_kill_can_be_for_want_of_memory(exit_code, out_of_memory, words):
    assert death.explain(exit_code, None, out_of_memory=out_of_memory) == (words, [])


def test_the_last_lines_of_stderr_are_told_and_the_last_telling_one_is_the_reason(tmp_path):
    stderr = tmp_path / "err"
    stderr.write_text("before the start\n" + "".join(f"  line {i}\n\n" for i in range(50)))
    died = death.explain(3, stderr, len("before the start\n"))
    assert died.reason.endswith("exit code 3; the last line of its stderr: line 49")
    assert died.stderr == [f"  line {i}" for i in range(10, 50)]
    stderr.write_text("no memory left\nWARNING: debugger\n")
    assert death.explain(None, stderr).reason.endswith("no memory left")
    assert death.explain(None, tmp_path / "none") == ("its process is gone", [])

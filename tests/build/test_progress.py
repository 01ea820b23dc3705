"""What a build shows while it runs, in a terminal and in a log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from .command import ENVIRONMENT, command, run_build
from .conftest import MakeSource
from .machines import Machine
from .test_node import write_wheel

STEPS = ["node (", "bundle: ", "check: ", "compress: ", "write: "]


def in_terminal(
    line: list[str], environment: dict[str, str], columns: int = 80
) -> tuple[str, list[str]]:
    """Run in a terminal of so many columns; returns what it got, and the lines without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        line, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    raw = b""
    # Linux reports the end of the other side as an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            raw += part
    os.close(ours)
    assert process.wait(timeout=120) == 0, raw.decode()
    text = raw.decode()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return text, [each.rstrip() for each in re.split(r"[\r\n]+", plain)]


def finished(lines: list[str]) -> list[str]:
    """The steps that have a line of their own, in any order."""
    steps = (re.match(r"  (\w+)( \(|: )", line) for line in lines)
    return sorted(f"{step[1]}{step[2]}".lstrip() for step in steps if step)


@pytest.fixture
def terminal() -> dict[str, str]:
    environment = {
        key: value for key, value in ENVIRONMENT.items() if key not in ("NO_COLOR", "COLUMNS")
    }
    return {**environment, "TERM": "xterm-256color"}


def test_a_terminal_shows_what_is_under_way_and_keeps_what_is_done(
    make_source: MakeSource, terminal: dict[str, str]
) -> None:
    text, lines = in_terminal(command(make_source("weather")), terminal)
    assert finished(lines) == sorted(STEPS)
    assert any(re.fullmatch(r"\S plughost-weather: .*\bcheck\b.*", line) for line in lines)
    assert "\x1b[1m" in text
    assert lines[-2].startswith("plughost-weather: start ")


def test_a_download_shows_in_the_terminal(
    machine: Machine, make_source: MakeSource, terminal: dict[str, str]
) -> None:
    machine.use_real_tools()
    machine.hide_wheel()
    machine.variables["PIP_FIND_LINKS"] = str(write_wheel(machine.folder / "wheels").parent)
    machine.variables["TERM"] = terminal["TERM"]
    _, lines = in_terminal(command(make_source("weather")), machine.environment)
    shown = [line for line in lines if "downloading Node" in line]
    assert shown
    assert all(re.fullmatch(r"\S plughost-weather: node: .* by pip", line) for line in shown)


def test_a_narrow_terminal_gets_a_narrow_table(
    make_source: MakeSource, terminal: dict[str, str]
) -> None:
    _, lines = in_terminal(command(make_source("weather")), terminal, columns=40)
    table = lines[lines.index(next(line for line in lines if line.startswith("file "))) : -2]
    assert table[0].split() == ["file", "brotli"]
    assert all(len(line) <= 40 and re.search(r" \d+ B$", line) for line in table[1:])


def test_without_colours_there_are_none(make_source: MakeSource, terminal: dict[str, str]) -> None:
    text, _ = in_terminal(command(make_source("weather")), {**terminal, "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


def test_json_stays_json_in_a_terminal(make_source: MakeSource, terminal: dict[str, str]) -> None:
    _, lines = in_terminal(command("--json", make_source("weather")), terminal)
    assert [line for line in lines if line and not line.startswith('{"event": ')] == []


def test_a_log_has_plain_lines_with_whole_names(make_source: MakeSource) -> None:
    name = f"schema/{'a-long-name-' * 9}.json"
    run = run_build(make_source("weather", files={name: "{}"}), COLUMNS="80")
    assert run.stderr.startswith("plughost-weather: building\n  node (")
    assert finished(run.stderr.splitlines()) == sorted(STEPS)
    assert "\x1b" not in run.stdout + run.stderr
    assert f"  schemas/plughost-weather/{name.removeprefix('schema/')}  " in run.stdout


def test_an_error_in_a_terminal_stands_below_the_steps(
    make_source: MakeSource, terminal: dict[str, str]
) -> None:
    folder = make_source("weather", files={"src/index.ts": "export default [;\n"})
    build = ["sh", "-c", '"$@"; echo "code $?"', "sh", *command(folder)]
    _, lines = in_terminal(build, terminal)
    start = lines.index('src/index.ts:1:17: error: Unexpected ";"')
    assert lines[start + 1 : start + 3] == ["  1 │ export default [;", "    │                 ^"]
    assert lines[-2] == "code 1"

"""`plughost config`: what is set and why, without secrets, and an editor that is checked after."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def command(jupyter_folders):
    """Run `plughost config …`; returns the finished process."""

    def run(*arguments, text=None, **env):
        return subprocess.run(
            [sys.executable, "-m", "plughost", "config", *arguments],
            cwd=jupyter_folders,
            env={**os.environ, **env},
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def file(jupyter_folders):
    return jupyter_folders / "jupyter-config" / "plughost.toml"


def test_show_says_what_is_set_and_where_and_no_secret(command, file):
    file.write_text('port = 9000\ntoken = "abracadabra"\n[extensions.kernels]\nrestart_limit = 3\n')
    shown = command("show", PLUGHOST_ALLOW_HOST="a,b").stdout
    rows = [line.split(maxsplit=1) for line in shown.splitlines()[1:]]
    assert {key: " ".join(rest.split()) for key, rest in rows if key != "no_auth"} == {
        "port": f"9000 {file}:1",
        "token": f'"…" {file}:2',
        "allow_host": '["a", "b"] environment variable PLUGHOST_ALLOW_HOST',
        "extensions.kernels.restart_limit": f"3 {file}:4",
    }
    assert command("--all").stdout.count("\n") > 20
    found = json.loads(command("--json").stdout)
    sources = {each["key"]: each["source"] for each in found["settings"]}
    assert {key: source for key, source in sources.items() if key != "no_auth"} == {
        "port": f"{file}:1",
        "token": f"{file}:2",
        "extensions.kernels.restart_limit": f"{file}:4",
    }
    for told in (shown, command("--all", "--json").stdout, command("explain", "token").stdout):
        assert "abracadabra" not in told


def test_with_nothing_set_it_says_so(command):
    assert command().stdout.startswith("Nothing is set;")


def test_what_is_ignored_is_told_with_the_reason(command, file):
    file.write_text('locked = ["port"]\n')
    assert "only the administrator's folders can lock" in command().stderr


def test_explain_says_what_every_layer_says_and_what_counts(command, file):
    file.write_text("port = 9000\n")
    explained = command("explain", "port", PLUGHOST_PORT="9001").stdout
    assert [line.split(maxsplit=2) for line in explained.splitlines()] == [
        ["port", "=", "9001"],
        [],
        ["VALUE", "SAID", "BY"],
        ["9001", "counts", "environment variable PLUGHOST_PORT"],
        ["9000", "overruled", f"{file}:1"],
        ["8888", "overruled", "default"],
    ]
    layers = json.loads(command("explain", "port", "--json", PLUGHOST_PORT="9001").stdout)
    assert [(each["value"], each["counts"]) for each in layers] == [
        (9001, True),
        (9000, False),
        (8888, False),
    ]


def test_explain_says_why_a_layer_has_no_effect(command, file):
    file.write_text("[extensions.kernels]\nlocked = true\n")
    explained = command("explain", "extensions.kernels.locked").stdout
    assert "no effect" in explained
    assert "only the administrator's folders can lock" in explained


def test_what_an_extension_declares_is_explained_though_nobody_has_set_it(command):
    run = command("explain", "extensions.kernels.restart_limit")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1].split()[1:] == ["counts", "default"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("prot", "port"),
        ("extensions.kernels.restart_limits", "extensions.kernels.restart_limit"),
    ],
)
def test_an_unknown_key_suggests_the_right_one(command, key, meant):
    run = command("explain", key)
    assert (run.returncode, run.stderr) == (
        1,
        f"Error: There is no setting {key!r}.\n"
        f"Did you mean {meant!r}? `plughost config show --all` lists all settings.\n",
    )


def editor(tmp_path, text):
    """An editor that writes a text."""
    script = tmp_path / "editor.py"
    script.write_text(f"import sys; open(sys.argv[-1], 'w').write({text!r})")
    return f"{sys.executable} {script}"


def test_edit_makes_a_commented_file_and_opens_the_editor(command, file):
    run = command("edit", VISUAL="true")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (f"Created {file}.\n{file} is fine. Servers read it when they start.\n")
    assert all(line.startswith("#") for line in file.read_text().splitlines() if line)
    for line in file.read_text().splitlines():
        if line.startswith(("# [", "# port", "# root", "# token", "# enabled")):
            file.write_text(file.read_text().replace(line, line[2:]))
    (file.parent / "token").write_text("x")
    (file.parent / "notebooks").mkdir()
    run = command(HOME=str(file.parent))
    assert (run.returncode, run.stderr) == (0, ""), "what it suggests can be used"
    assert "~/plughost.toml:" in run.stdout


def test_a_mistake_is_told_with_its_line_after_editing(command, file, tmp_path):
    run = command("edit", VISUAL="", EDITOR=editor(tmp_path, "\nporrt = 1\n"))
    assert run.returncode == 1
    assert f"Unknown setting 'porrt' in {file}:2." in run.stderr
    assert "Did you mean 'port'?" in run.stderr
    assert file.read_text() == "\nporrt = 1\n"


@pytest.mark.parametrize("program", ["/no/such/editor", "false"])
def test_an_editor_that_fails_is_named_with_what_to_do(command, file, program):
    run = command("edit", VISUAL=program)
    assert run.returncode == 1
    assert program in run.stderr
    assert "EDITOR" in run.stderr.splitlines()[-1]

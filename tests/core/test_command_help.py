"""What every part of the command owes a new user: help on one screen, suggestions, completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

OURS = [
    [],
    ["serve"],
    ["servers"],
    ["servers", "list"],
    ["servers", "stop"],
    ["servers", "open"],
    ["extensions"],
    ["extensions", "list"],
    ["extensions", "show"],
    ["extensions", "enable"],
    ["extensions", "disable"],
    ["config"],
    ["config", "show"],
    ["config", "explain"],
    ["config", "edit"],
    ["completion"],
]


@pytest.fixture
def command(jupyter_folders):
    def run(*arguments, **env):
        return subprocess.run(
            [sys.executable, "-m", "plughost", *arguments],
            cwd=jupyter_folders,
            env={**os.environ, "COLUMNS": "80", **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_help_fits_a_screen_and_its_groups_have_examples(command, words):
    run = command(*words, "--help")
    lines = run.stdout.splitlines()
    assert (run.returncode, run.stderr) == (0, "")
    assert len(lines) <= (30 if words == ["serve"] else 24)
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines[1:] if line.endswith("...")]
    if len(words) < 2:
        assert "Examples:" in run.stdout


def test_commands_of_extensions_say_what_they_do_without_being_imported(command):
    run = command("--help", PYTHONPROFILEIMPORTTIME="1")
    (build,) = [line for line in run.stdout.splitlines() if line.startswith("  build ")]
    assert build.split(maxsplit=1)[1] == "Compile the browser half of extensions."
    assert "plughost_build" not in run.stderr


SUBCOMMANDS = """[plughost.subcommands]
brew = teapot:brew
whistle = nowhere.to:be_found
pour = teapot:pour
"""


@pytest.fixture
def teapot(strangers):
    (strangers / "teapot.py").write_text(
        "import click, sys\nprint('imported')\n"
        "@click.command()\ndef brew():\n    '''Make tea. Slowly.'''\n"
        "pour = click.Command('pour')\n"
    )
    info = strangers / "teapot-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: teapot\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(SUBCOMMANDS)
    return {"PYTHONPATH": str(strangers)}


def test_where_a_command_says_nothing_its_distribution_is_named(command, teapot):
    lines = dict(
        line.strip().split(maxsplit=1)
        for line in command("--help", **teapot).stdout.splitlines()
        if line.startswith("  ") and len(line.split()) > 1
    )
    assert (lines["brew"], lines["whistle"], lines["pour"]) == (
        "Make tea.",
        "from teapot",
        "from teapot",
    )


def test_a_command_that_cannot_be_imported_is_one_clear_sentence(command, teapot):
    run = command("whistle", **teapot)
    assert run.returncode == 1
    assert "The subcommand 'whistle' of 'teapot' cannot be imported" in run.stderr
    assert "pip install" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["serv"], "Did you mean 'serve'?"),
        (["servers", "sotp"], "Did you mean 'stop'?"),
        (["extensions", "enabel", "x"], "Did you mean 'enable'?"),
        (["config", "explian"], "Did you mean 'explain'?"),
        (["config", "xyz"], "There are: edit, explain, show."),
        (["serve", "--prot", "1"], "--port"),
        (["servers", "--jsn"], "--json"),
        (["completion", "bsh"], "bash"),
    ],
)
def test_what_is_misspelt_suggests_the_right_word_and_is_misuse(command, words, suggestion):
    run = command(*words)
    assert run.returncode == 2
    assert suggestion in run.stderr
    assert "--help' for help" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(command, shell):
    run = command("completion", shell)
    assert (run.returncode, run.stderr) == (0, "")
    assert "_PLUGHOST_COMPLETE" in run.stdout
    assert run.stdout == command("completion", SHELL=f"/bin/{shell}").stdout


def test_an_unknown_shell_is_asked_for(command):
    run = command("completion", SHELL="/bin/dash")
    assert run.returncode == 2
    assert "bash, zsh, fish" in run.stderr


@pytest.fixture
def completed(jupyter_folders):
    """What is offered for the last word of a line."""
    as_installed = "import sys; sys.argv[0] = 'plughost'; from plughost.cli import main; main()"

    def complete(line, **env):
        words = line.split(" ")
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        run = subprocess.run(
            [sys.executable, "-c", as_installed],
            env={**os.environ, **env, **asked, "_PLUGHOST_COMPLETE": "bash_complete"},
            capture_output=True,
            text=True,
        )
        return [offered.partition(",")[2] for offered in run.stdout.split()]

    return complete


def test_commands_options_names_and_keys_are_completed(completed, teapot):
    assert completed("plughost ser") == ["serve", "servers"]
    assert completed("plughost br", **teapot) == ["brew"], "and it was not imported"
    assert completed("plughost serve --no") == ["--no-browser", "--no-auth"]
    assert completed("plughost extensions disable ter") == ["terminals"]
    assert completed("plughost config explain por") == ["port"]


async def test_ports_of_running_servers_are_completed(served, completed):
    server = served()
    assert completed("plughost servers stop ") == [server.client.base.rpartition(":")[2]]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_takes_the_script(command):
    script = command("completion", "bash").stdout
    run = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\ncomplete -p plughost"], capture_output=True, text=True
    )
    assert "_plughost_completion" in run.stdout

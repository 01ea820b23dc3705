"""`plughost password` and `plughost token`, as people and scripts run them."""

import contextlib
import json
import os
import stat
import subprocess
import sys

import ptyprocess
import pytest

from plughost.testing import TOKEN
from plughost_login.passwords import matches

from .conftest import PASSWORD, SHA1, cookies

PLUGHOST = [sys.executable, "-m", "plughost"]
NOBODY = 2**22 + 1
"""A process id that no process gets: it is beyond what Linux and macOS give out."""


@pytest.fixture
def run(jupyter_folders):
    """`run("password", "--stdin", typed="…")`: the command in a pipe, and how it ended."""

    def running(*arguments, typed="", env=None):
        typed = typed if isinstance(typed, bytes) else typed.encode()
        ended = subprocess.run(
            [*PLUGHOST, *arguments],
            input=typed,
            env={**os.environ, **(env or {})},
            capture_output=True,
            cwd=jupyter_folders,
            timeout=120,
        )
        assert b"Traceback" not in ended.stderr
        return ended.returncode, ended.stdout.decode(), ended.stderr.decode()

    return running


@pytest.fixture
def announce(jupyter_folders):
    """`announce(url=…, token=…)`: a running server, as it writes itself down."""

    def announcing(pid=None, **facts):
        pid = pid or os.getpid()
        file = jupyter_folders / "jupyter-runtime" / f"jpserver-{pid}.json"
        file.write_text(json.dumps({"pid": pid, "root_dir": "/home/ada/work", **facts}))

    return announcing


def hash_in(jupyter_file):
    return json.loads(jupyter_file.read_text())["IdentityProvider"]["hashed_password"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_script_sets_the_password(run, jupyter_file, end):
    code, said, warned = run("password", "--stdin", typed=f" correct horse {end}")
    assert (code, warned) == (0, "")
    assert f"is in {jupyter_file}." in said
    assert "All browsers have to log in again." in said
    assert matches(" correct horse ", hash_in(jupyter_file))
    assert stat.S_IMODE(jupyter_file.stat().st_mode) == 0o600


def test_a_short_password_is_taken_and_told(run, jupyter_file):
    code, _, warned = run("password", "--stdin", typed="short")
    assert (code, warned) == (0, "It has fewer than 8 characters, which is easy to guess.\n")
    assert matches("short", hash_in(jupyter_file))


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "The password is empty."),
        ("\n", "The password is empty."),
        ("one\ntwo\n", "The password has more than one line"),
        ("x" * 1025, "The password has 1025 characters; 1024 are the most."),
        (b"\xff", "The password is not UTF-8."),
    ],
)
def test_a_password_that_nobody_could_type_is_refused(run, jupyter_file, typed, reason):
    code, said, warned = run("password", "--stdin", typed=typed)
    assert (code, said) == (1, "")
    assert reason in warned
    assert not jupyter_file.exists()


def test_without_a_terminal_nobody_is_asked(run):
    code, _, warned = run("password")
    assert code == 2
    assert "There is no terminal to ask on. Use `--stdin`." in warned
    assert run("password", "--stdin", "--remove")[0] == 2


def test_a_person_is_asked_twice_until_both_are_the_same(jupyter_file):
    terminal = ptyprocess.PtyProcessUnicode.spawn([*PLUGHOST, "password"])
    printed = ""

    def answer(prompt, typed):
        nonlocal printed
        seen = len(printed)
        while prompt not in printed[seen:]:
            printed += terminal.read()
        terminal.write(f"{typed}\n")

    answer("New password: ", "")
    answer("New password: ", "correct horse")
    answer("Again: ", "correct house")
    answer("New password: ", "correct horse")
    answer("Again: ", "correct horse")
    with contextlib.suppress(EOFError):
        while True:
            printed += terminal.read()
    assert terminal.wait() == 0
    lines = [line for line in printed.splitlines() if "New password" not in line]
    assert "It is empty. Type at least one character, or end with Ctrl-C." in lines
    assert "These two are not the same." in lines
    assert f"is in {jupyter_file}." in printed
    assert "correct" not in printed
    assert matches("correct horse", hash_in(jupyter_file))


def test_the_password_is_removed_wherever_jupyters_file_has_it(run, jupyter_file, write, announce):
    announce(url="http://127.0.0.1:8888/")
    write({"ServerApp": {"password": SHA1, "open_browser": False}})
    code, said, _ = run("password", "--remove")
    again, nothing, _ = run("password", "--remove")
    assert (code, again) == (0, 0)
    assert f"The password is gone from {jupyter_file}" in said
    assert "http://127.0.0.1:8888/" in said
    assert nothing == f"There is no password in {jupyter_file}.\n"
    assert json.loads(jupyter_file.read_text()) == {"ServerApp": {"open_browser": False}}


def test_a_password_that_counts_from_elsewhere_is_named(run, jupyter_file):
    elsewhere = {"PLUGHOST_HASHED_PASSWORD": SHA1}
    set_anyway = run("password", "--stdin", typed=PASSWORD, env=elsewhere)
    removed = run("password", "--remove", env=elsewhere)
    for code, _, warned in (set_anyway, removed):
        assert code == 1
        assert "PLUGHOST_HASHED_PASSWORD" in warned
        assert "there" in warned.splitlines()[-1]


def test_removing_the_password_beside_an_empty_token_warns_of_the_open_door(run, write):
    write({"ServerApp": {"password": SHA1, "token": ""}})
    code, _, warned = run("password", "--remove")
    assert code == 1
    assert "From the next start on anybody may enter" in warned
    assert "ServerApp.token" in warned


def test_a_file_that_is_no_json_is_named_and_stays(run, jupyter_file):
    jupyter_file.write_text("{")
    code, _, warned = run("password", "--stdin", typed="correct horse")
    assert code == 1
    assert f"The file {str(jupyter_file)!r} cannot be changed: it is no JSON" in warned
    assert jupyter_file.read_text() == "{"


async def test_another_password_ends_all_logins_and_counts_from_the_next_start(served, run, send):
    server = served()
    entered = await send(server.client, "/login", password=TOKEN)
    cookie = {"Cookie": cookies(entered)}
    before = await server.client.get("/api/status", headers=cookie, token=None)
    _, said, _ = run("password", "--stdin", typed="correct horse")
    after = await server.client.get("/api/status", headers=cookie, token=None)
    not_yet = await send(server.client, "/login", password="correct horse")
    assert (before.status, after.status, not_yet.status) == (200, 403, 401)
    assert f"next start:\n  {server.client.base}/  " in said
    server.stop()
    now = await send(served().client, "/login", password="correct horse")
    assert now.status == 302


async def test_revoking_ends_all_logins_at_once_and_leaves_the_token(served, run, send):
    server = served()
    cookie = {"Cookie": cookies(await send(server.client, "/login", password=TOKEN))}
    before = await server.client.get("/api/status", headers=cookie, token=None)
    code, said, _ = run("token", "revoke")
    after = await server.client.get("/api/status", headers=cookie, token=None)
    again = await send(server.client, "/login", password=TOKEN)
    assert run("token")[1].startswith(f"{server.client.base}/?token={TOKEN}  ")
    assert (code, before.status, after.status, again.status) == (0, 200, 403, 302)
    assert "All browsers have to log in again." in said
    assert "Whoever has a token still gets in" in said
    assert json.loads(run("token", "revoke", "--json")[1]) == {"revoked": True}


def test_the_tokens_of_running_servers_are_shown(run, announce, jupyter_folders):
    announce(url="http://127.0.0.1:8888/", token="abc")
    runtime = jupyter_folders / "jupyter-runtime"
    (runtime / "jpserver-1-open.html").write_text("<html>")
    (runtime / "jpserver-2.json").write_text('{"pid": 2, "ur')
    announce(NOBODY, url="http://127.0.0.1:8889/", token="gone")
    expected = (0, "http://127.0.0.1:8888/?token=abc  /home/ada/work\n", "")
    assert run("token") == expected
    assert run("token", "show") == expected
    for arguments in (("--json",), ("show", "--json"), ("--json", "show")):
        (server,) = json.loads(run("token", *arguments)[1])
        assert (server["token"], server["pid"]) == ("abc", os.getpid())


@pytest.mark.parametrize(
    ("password", "said"), [(True, "asks for its password"), (False, "has no token")]
)
def test_a_server_without_a_token_says_how_to_get_in(run, announce, password, said):
    announce(url="http://127.0.0.1:8888/", token="", password=password)
    assert run("token", "show")[1] == f"http://127.0.0.1:8888/  /home/ada/work  ({said})\n"


def test_where_no_server_runs_it_says_how_to_get_a_token(run):
    code, said, _ = run("token", "show")
    assert code == 0
    assert "No server of yours is running on this machine." in said
    assert "`plughost serve` starts one" in said
    assert run("token", "--json") == (0, "[]\n", "")


def test_what_is_misspelt_or_asked_for_help_fits_a_screen(run):
    for arguments in (("password", "--help"), ("token", "--help"), ("token", "show", "--help")):
        code, said, _ = run(*arguments)
        assert code == 0
        assert len(said.splitlines()) <= 24
    assert run("token", "shwo")[0] == 2

"""Who may enter: the highest layer decides, and nothing opens the door by accident."""

from __future__ import annotations

import pytest

from plughost import Config
from plughost.config import load
from plughost.errors import ConfigError


@pytest.fixture
def user(jupyter_folders):
    return jupyter_folders / "jupyter-config"


def read(**flags):
    return load(flags, administrator=[])


def test_jupyters_own_names_for_the_token_are_known(user, monkeypatch):
    (user / "secret").write_text("from a file\n")
    monkeypatch.setenv("JUPYTER_TOKEN_FILE", str(user / "secret"))
    assert read().token == "from a file"
    monkeypatch.setenv("JUPYTER_TOKEN", "plain")
    assert read().token == "plain"
    monkeypatch.setenv("PLUGHOST_TOKEN_FILE", str(user / "secret"))
    assert read().token == "from a file"
    assert read().sources["token"] == "environment variable PLUGHOST_TOKEN_FILE"


def test_a_token_file_is_named_from_where_it_is_set(user, monkeypatch):
    (user / "plughost.toml").write_text('token_file = "secret"\n')
    (user / "secret").write_text("s\n")
    config = read()
    assert (config.token, config.token_file) == ("s", user / "secret")
    assert config.sources["token"] == f"{user / 'plughost.toml'}:1"
    assert read(token="t").token == "t"
    monkeypatch.setenv("JUPYTER_TOKEN", "u")
    assert read().token == "u"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b" \n", "it is empty"), (b"\xff", "it is not text")],
)
def test_a_token_file_without_a_token_stops_the_start(user, content, reason):
    (user / "plughost.toml").write_text('\ntoken_file = "secret"\n')
    if content is not None:
        (user / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=f"{user}/plughost.toml:2 cannot be read: {reason}"):
        read()
    assert read(token="t").token == "t", "a file that does not count need not exist"


@pytest.mark.parametrize("text", ["no_auth = true", "token = ''"])
def test_an_empty_token_and_no_auth_are_one(user, text):
    (user / "plughost.toml").write_text(text)
    config = read()
    assert (config.no_auth, config.token) == (True, "")
    assert config.sources["no_auth"] == f"{user / 'plughost.toml'}:1"
    assert (read(token="t").no_auth, read(token="t").token) == (False, "t")
    assert (read(no_auth=False).no_auth, read(no_auth=False).token) == (False, None)


def test_an_empty_variable_of_jupyter_lets_everybody_in(user, monkeypatch):
    (user / "plughost.toml").write_text("token = 't'")
    monkeypatch.setenv("JUPYTER_TOKEN", "")
    assert read().no_auth


def test_a_program_says_either_too():
    assert Config(token="").no_auth
    assert Config(no_auth=True, token="t").token == ""
    assert not Config(token="t").no_auth


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_everybody_may_enter_on_a_loopback_address(user, ip):
    assert read(ip=ip, no_auth=True).no_auth


@pytest.mark.parametrize("ip", ["0.0.0.0", "", "192.0.2.1", "example.org"])
def test_everybody_may_not_enter_from_elsewhere(user, ip):
    (user / "plughost.toml").write_text("\nno_auth = true\n")
    with pytest.raises(ConfigError, match=f"listen on '{ip}' .*plughost.toml:2") as error:
        read(ip=ip)
    assert error.value.hint == (
        "Set a token, or listen on a loopback address (127.0.0.1) or a unix_socket."
    )
    assert read(ip=ip, unix_socket=str(user / "socket")).no_auth


def test_everybody_may_not_enter_from_every_page_of_the_web(user):
    with pytest.raises(ConfigError, match="the pages of every origin"):
        read(no_auth=True, allow_origin=["*"])


def test_a_layer_cannot_ask_for_a_token_and_for_none(user):
    (user / "plughost.toml").write_text("token = 't'\nno_auth = true\n")
    with pytest.raises(ConfigError, match=r"toml:2 lets everybody in, and .*toml:1 asks for"):
        read()


def test_an_empty_token_beside_a_password_opens_nothing(user):
    (user / "jupyter_server_config.py").write_text(
        "c.ServerApp.ip = '*'\nc.ServerApp.token = ''\nc.ServerApp.password = 'argon2:x'\n"
    )
    config = read()
    assert (config.no_auth, config.token, config.hashed_password) == (False, None, "argon2:x")
    assert config.explain("no_auth")[0].note == "There is a password."

"""Flags > environment > file > defaults, and every value knows where it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from plughost import Config
from plughost.config import load
from plughost.errors import ConfigError


@pytest.fixture
def file(jupyter_folders):
    return jupyter_folders / "jupyter-config" / "plughost.toml"


def test_layers_are_merged_and_remember_their_source(file, monkeypatch):
    file.write_text('port = 1\nip = "127.0.0.2"\nbase_url = "lab"\nhold = 2\n')
    monkeypatch.setenv("PLUGHOST_PORT", "2")
    monkeypatch.setenv("PLUGHOST_HOLD", "3")
    config = load({"port": 3, "token": None})
    assert (config.port, config.ip, config.hold, config.base_url) == (3, "127.0.0.2", 3.0, "/lab/")
    assert config.sources == {
        "port": "command line",
        "ip": str(file),
        "base_url": str(file),
        "hold": "environment",
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("pord = 1", "Unknown setting 'pord'", "Did you mean 'port'?"),
        ("port = 'many'", "Expected `int`, got `str` - at `$.port`", "names the setting"),
        ("port = ", "is not TOML", "Correct the line"),
        ("root = '/no/such/folder'", "'/no/such/folder' does not exist", "Create it"),
    ],
)
def test_a_bad_file_is_told_what_and_where(file, text, message, hint):
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        load()
    assert hint in str(error.value.hint)


def test_the_file_named_by_a_flag_must_exist(jupyter_folders):
    with pytest.raises(ConfigError, match="no configuration file"):
        load(file=jupyter_folders / "absent.toml")


def test_jupyters_own_names_for_the_token_are_known(jupyter_folders, monkeypatch):
    secret = jupyter_folders / "secret"
    secret.write_text("from a file\n")
    monkeypatch.setenv("JUPYTER_TOKEN_FILE", str(secret))
    assert load().token == "from a file"
    monkeypatch.setenv("JUPYTER_TOKEN", "plain")
    assert load().token == "plain"


@dataclass(frozen=True)
class Weather:
    city: str = "Oslo"
    days: int = 3


def test_an_extension_reads_its_own_table_with_types(file):
    file.write_text('[extensions.weather]\nenabled = true\ncity = "Bergen"\n')
    assert load().extension("weather", Weather) == Weather("Bergen", 3)
    assert load().extension("other", Weather) == Weather()


def test_an_unknown_key_of_an_extension_is_suggested(file):
    file.write_text("[extensions.weather]\ndasy = 1\n")
    with pytest.raises(ConfigError, match=r"Unknown setting 'dasy' in \[extensions.weather\]") as e:
        load().extension("weather", Weather)
    assert "Did you mean 'days'?" in str(e.value.hint)


def test_disabled_extensions_are_named(file):
    file.write_text("[extensions.a]\nenabled = false\n[extensions.b]\nenabled = true\n")
    assert load().disabled == {"a"}


def test_defaults_need_no_file(jupyter_folders):
    config = load()
    assert (config.port, config.ip, config.token) == (Config.port, "127.0.0.1", None)

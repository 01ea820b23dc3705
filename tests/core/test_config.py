"""Settings and their types: every mistake is told with the place where it was made."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from plughost import Config
from plughost.config import Switch, load
from plughost.errors import ConfigError


@pytest.fixture
def file(jupyter_folders):
    return jupyter_folders / "jupyter-config" / "plughost.toml"


def read(**flags):
    """The settings of the user alone: nothing of this machine's administrator."""
    return load(flags, administrator=[])


def test_layers_are_merged_and_remember_their_source(file, monkeypatch):
    file.write_text('port = 1\nip = "127.0.0.2"\nbase_url = "lab"\nhold = 2\n')
    monkeypatch.setenv("PLUGHOST_PORT", "2")
    monkeypatch.setenv("PLUGHOST_HOLD", "3")
    config = read(port=3, token=None)
    assert (config.port, config.ip, config.hold, config.base_url) == (3, "127.0.0.2", 3.0, "/lab/")
    assert config.sources == {
        "port": "flag --port",
        "ip": f"{file}:2",
        "base_url": f"{file}:3",
        "hold": "environment variable PLUGHOST_HOLD",
    }


def test_defaults_need_no_file(jupyter_folders):
    config = read()
    assert (config.port, config.ip, config.token) == (Config.port, "127.0.0.1", None)
    assert (dict(config.sources), config.warnings, config.unclaimed()) == ({}, (), [])


BAD_FILES = {
    "\npord = 1": ("Unknown setting 'pord' in {file}:2.", "Did you mean 'port'?"),
    "\nprot = 1": ("Unknown setting 'prot' in {file}:2.", "Did you mean 'port'?"),
    "[extension.kernels]": ("Unknown setting 'extension' in {file}:1.", "'extensions'"),
    'locked = [\n"pord"]': ("Unknown setting 'pord' in {file}:1.", "'port'"),
    "\nport = 'many'": (
        "The setting 'port' in {file}:2 cannot be used: Expected `int`, got `str`.",
        "Change the value there",
    ),
    "port = '8888'": ("Expected `int`, got `str`", "Change"),
    "port = 65536": ("'port' in {file}:1 cannot be used: Expected `int` <= 65535", "Change"),
    "allow_origin = ['a', 1]": ("Expected `str`, got `int` - at `allow_origin[1]`", "Change"),
    "certfile = ''": ("'certfile' in {file}:1 cannot be used: Expected `Path`", "Change"),
    "locked = 'ip'": ("'locked' in {file}:1 cannot be used: Expected `array`", "Change"),
    "extensions = 3": ("'extensions' in {file}:1 cannot be used: Expected `object`", "Change"),
    "extensions.a = 3": ("'extensions.a' in {file}:1 cannot be used: Expected `object`", "Change"),
    "[extensions.a]\nenabled = 'no'": (
        "'extensions.a.enabled' in {file}:2 cannot be used: Expected `bool`, got `str`",
        "Change",
    ),
    "[extensions]\na = {\n  blocked = 1 }".replace("\n  ", " "): (
        "'extensions.a.blocked' in {file}:2 cannot be used: Expected `bool`, got `int`",
        "Change",
    ),
    "[services]\nplughost_contents.Contents = 1": (
        "'services.plughost_contents.Contents' in {file}:2 cannot be used: Expected `str`",
        "Change",
    ),
    "ip = 1\nport = \n": ("{file}' is not TOML: Invalid value (at line 2,", "Correct the line"),
    "\nroot = '/no/such'": (
        "The root folder '/no/such' does not exist (set by: {file}:2).",
        "Create it",
    ),
    "certfile = '/no/such'": (
        "The certfile '/no/such' does not exist (set by: {file}:1).",
        "Correct",
    ),
    "keyfile = 'plughost.toml'": (
        "keyfile without a certfile (set by: {file}:1)",
        "Set certfile",
    ),
    "allow_origin = ['https://example.org', 'example.org']": (
        "'example.org' in allow_origin is not the origin of any page (set by: {file}:1)",
        "http://localhost:3000",
    ),
    "allow_origin = ['https://example.org/lab']": (
        "'https://example.org/lab' in allow_origin is not the origin",
        "scheme, host and port",
    ),
    "trusted_proxies = ['unix', '10.0.0.0/99']": (
        "proxy '10.0.0.0/99' is neither an address nor a network (set by: {file}:1)",
        "10.0.0.0/8",
    ),
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_told_what_and_where(file, text):
    file.write_text(text)
    message, hint = BAD_FILES[text]
    with pytest.raises(ConfigError, match=re.escape(message.format(file=file))) as error:
        read()
    assert hint in str(error.value.hint)


def test_bytes_that_are_no_text_are_told_too(file):
    file.write_bytes(b'ip = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        read()


def test_the_file_named_by_a_flag_must_exist(jupyter_folders):
    with pytest.raises(ConfigError, match="no configuration file"):
        load(file=jupyter_folders / "absent.toml", administrator=[])


def test_relative_paths_begin_at_the_file_that_sets_them(file, monkeypatch):
    for name in ("cert.pem", "key.pem"):
        (file.parent / name).touch()
    (file.parent / "work").mkdir()
    file.write_text(
        'certfile = "cert.pem"\nkeyfile = "./key.pem"\nroot = "work"\nunix_socket = "socket"\n'
    )
    config = read()
    assert (config.certfile, config.keyfile, config.root, config.unix_socket) == (
        file.parent / "cert.pem",
        file.parent / "key.pem",
        file.parent / "work",
        file.parent / "socket",
    )
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("PLUGHOST_ROOT", "work/..")
    assert read().root == file.parent


def test_proxies_are_addresses_networks_or_the_unix_socket(file):
    file.write_text("trusted_proxies = ['10.0.0.1', '10.1.2.3/8', 'fe80::/10', 'unix']")
    assert read().trusted_proxies == ["10.0.0.1", "10.1.2.3/8", "fe80::/10", "unix"]


def test_origins_are_those_that_browsers_send(file):
    origins = ["*", "https://Example.org/", "http://[::1]:3000", "vscode-webview://1a2b"]
    file.write_text(f"allow_origin = {origins}")
    assert read().allow_origin == origins


def test_variables_hold_texts_numbers_truths_and_lists(jupyter_folders, monkeypatch):
    for name, text in {
        "PORT": "9999",
        "SAFE": "true",
        "START_TIMEOUT": "1.5",
        "TOKEN": "1234",
        "ALLOW_ORIGIN": "https://a.example, https://b.example,",
    }.items():
        monkeypatch.setenv(f"PLUGHOST_{name}", text)
    config = read()
    assert (config.port, config.safe, config.start_timeout, config.token) == (
        9999,
        True,
        1.5,
        "1234",
    )
    assert config.allow_origin == ["https://a.example", "https://b.example"]


def test_a_bad_variable_is_named(jupyter_folders, monkeypatch):
    monkeypatch.setenv("PLUGHOST_PORT", "many")
    with pytest.raises(ConfigError, match="'port' in environment variable PLUGHOST_PORT cannot"):
        read()


def test_an_unknown_variable_is_a_warning(jupyter_folders, monkeypatch):
    monkeypatch.setenv("PLUGHOST_PORD", "1")
    monkeypatch.setenv("PLUGHOST_CACHE", "/tmp")
    assert read().warnings == (
        "The environment variable PLUGHOST_PORD means nothing to plughost. "
        "Did you mean 'PLUGHOST_PORT'?",
    )


@dataclass(frozen=True)
class Weather:
    city: str = "Oslo"
    days: int = 3
    folder: Path | None = None


class Tides(msgspec.Struct, frozen=True):
    port: str
    hours: Annotated[int, msgspec.Meta(le=24)] = 12


def test_an_extension_reads_its_own_table_with_types(file):
    file.write_text(
        '[extensions.weather]\nenabled = true\nstrict = false\ncity = "Bergen"\nfolder = "/a"\n'
        '[extensions.tides]\nport = "Oban"\n'
    )
    config = read()
    assert config.extension("weather", Weather) == Weather("Bergen", 3, Path("/a"))
    assert config.extension("tides", Tides) == Tides("Oban")
    assert config.extension("other", Weather) == Weather()


def test_a_variable_sets_what_belongs_to_an_extension(jupyter_folders, monkeypatch):
    monkeypatch.setenv("PLUGHOST_EXTENSIONS__WEATHER__CITY", "1770")  # Seventeen Seventy
    monkeypatch.setenv("PLUGHOST_EXTENSIONS__WEATHER__DAYS", "2")
    monkeypatch.setenv("PLUGHOST_EXTENSIONS__WEATHER__FOLDER", "~")
    monkeypatch.setenv("PLUGHOST_EXTENSIONS__TIDES__ENABLED", "False")
    config = read()
    assert config.extension("weather", Weather) == Weather("1770", 2, Path.home())
    assert config.disabled == {"tides"}


BAD_TABLES = {
    "[extensions.weather]\n\ndasy = 1\n": (
        "Unknown setting 'dasy' in [extensions.weather] in {file}:3.",
        "Did you mean 'days'?",
    ),
    "[extensions.weather]\nenbled = true\n": (
        "Unknown setting 'enbled' in [extensions.weather] in {file}:2.",
        "Did you mean 'enabled'?",
    ),
    "extensions.weather = { city = 'Oslo', days = 'x' }": (
        "'extensions.weather.days' in {file}:1 cannot be used: Expected `int`, got `str`.",
        "Change the value there",
    ),
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_a_bad_table_of_an_extension_is_told_what_and_where(file, text):
    file.write_text(text)
    message, hint = BAD_TABLES[text]
    with pytest.raises(ConfigError, match=re.escape(message.format(file=file))) as error:
        read().extension("weather", Weather)
    assert hint in str(error.value.hint)


def test_a_setting_that_an_extension_cannot_do_without_is_named(file):
    with pytest.raises(ConfigError, match=r"\[extensions.tides\] cannot be used: .*'port'"):
        read().extension("tides", Tides)
    file.write_text("[extensions.tides]\nport = 'Oban'\nhours = 25\n")
    with pytest.raises(ConfigError, match=re.escape(f"{file}:3 cannot be used: Expected `int` <=")):
        read().extension("tides", Tides)


def test_what_no_extension_asks_for_is_told_once_all_have_asked(file):
    file.write_text("[extensions.wether]\ndays = 1\n[extensions.off]\nenabled = false\nx = 1\n")
    config = read()
    config.extension("weather", Weather)
    assert config.unclaimed() == [
        f"{file}:2 sets 'extensions.wether.days', which no extension has asked for. "
        "Did you mean 'weather'?"
    ]


def test_enabled_locked_blocked_and_strict_are_separate_facts(file):
    file.write_text(
        "[extensions.a]\nenabled = false\nblocked = true\n"
        "[extensions.b]\nenabled = true\nstrict = true\n[extensions.c]\nenabled = true\n"
    )
    config = read()
    assert (config.disabled, config.blocked, config.strict) == ({"a"}, {"a"}, {"b"})
    assert [config.switch(name) for name in "abcd"] == [
        Switch(False, False, True, False, f"Blocked in {file}:3, disabled in {file}:2."),
        Switch(True, False, False, True, f"Strict in {file}:6."),
        Switch(True, False, False, False, f"Enabled in {file}:8."),
        Switch(True, False, False, False, "Enabled by default."),
    ]


def test_a_config_can_be_made_by_a_program(tmp_path):
    config = Config(root=tmp_path, port=1, extensions={"weather": {"enabled": False, "days": 1}})
    assert config.extension("weather", Weather) == Weather(days=1)
    assert config.switch("weather").reason == "Disabled in the program."
    assert config.sources == {
        "port": "the program",
        "root": "the program",
        "extensions.weather.days": "the program",
        "extensions.weather.enabled": "the program",
    }
    assert dataclasses.replace(config, port=Config.port).sources["root"] == "the program"

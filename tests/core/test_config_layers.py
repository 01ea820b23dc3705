"""Which layer wins, what the administrator alone decides, and that every value knows why."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.config import load
from plughost.errors import ConfigError

FILES = ("system", "environment", "site", "user", "flag")
"""The folders of a machine that may have a plughost.toml, lowest first."""
LAYERS = (*FILES, "variables", "command line")
ADMINISTRATOR = ("system", "environment")


class Machine:
    """Folders for every layer; whatever is not written says nothing."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        for name in FILES:
            (root / name).mkdir()
        monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(root / "user"))
        monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(root / "site"))

    def file(self, layer: str) -> Path:
        return self.root / layer / "plughost.toml"

    def load(self, **flags: Any):
        named = self.file("flag")
        return load(
            flags,
            named if named.exists() else None,
            administrator=[self.root / name for name in ADMINISTRATOR],
        )


@pytest.fixture
def machine(jupyter_folders, monkeypatch):
    return Machine(jupyter_folders, monkeypatch)


def test_every_layer_is_above_the_one_before(machine, monkeypatch):
    for port, layer in enumerate(FILES):
        machine.file(layer).write_text(f"port = {port}\n")
        assert machine.load().sources == {"port": f"{machine.file(layer)}:1"}
        assert machine.load().port == port
    monkeypatch.setenv("PLUGHOST_PORT", "8")
    assert machine.load().port == 8
    config = machine.load(port=9)
    assert [(entry.value, entry.source, entry.counts) for entry in config.explain("port")] == [
        (9, "flag --port", True),
        (8, "environment variable PLUGHOST_PORT", False),
        *((port, f"{machine.file(FILES[port])}:1", False) for port in (4, 3, 2, 1, 0)),
        (8888, "default", False),
    ]


def test_the_folders_of_jupyter_config_path_count_in_its_order(machine, monkeypatch):
    first = machine.root / "first"
    first.mkdir()
    (first / "plughost.toml").write_text("port = 1")
    machine.file("site").write_text("port = 2\nhold = 2")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"{first}:{machine.root / 'site'}")
    assert (machine.load().port, machine.load().hold) == (1, 2)


def test_tables_are_merged_key_by_key(machine):
    machine.file("system").write_text("[extensions.a]\nx = 1\ny = 1\n[services]\na.B = 'one'\n")
    machine.file("user").write_text("[extensions.a]\ny = 2\n[services]\n'c.D' = 'two'\n")
    config = machine.load()
    assert config.extensions == {"a": {"x": 1, "y": 2}}
    assert config.services == {"a.B": "one", "c.D": "two"}
    assert config.sources == {
        "extensions.a.x": f"{machine.file('system')}:2",
        "extensions.a.y": f"{machine.file('user')}:2",
        "services.a.B": f"{machine.file('system')}:5",
        "services.c.D": f"{machine.file('user')}:4",
    }


def test_nobody_undoes_a_block_of_the_administrator(machine, monkeypatch):
    machine.file("system").write_text("[extensions.a]\nblocked = true\n")
    machine.file("environment").write_text("[extensions.a]\nblocked = false\n")
    machine.file("user").write_text("[extensions.a]\nblocked = false\nenabled = true\n")
    monkeypatch.setenv("PLUGHOST_EXTENSIONS__A__BLOCKED", "false")
    config = machine.load()
    why = f"blocked in {machine.file('system')}:2"
    assert config.blocked == {"a"}
    assert config.switch("a").reason == f"Blocked in {machine.file('system')}:2."
    assert config.warnings == (
        "environment variable PLUGHOST_EXTENSIONS__A__BLOCKED sets 'extensions.a.blocked' "
        f"in vain: {why}.",
        f"{machine.file('user')}:2 sets 'extensions.a.blocked' in vain: {why}.",
        f"{machine.file('environment')}:2 sets 'extensions.a.blocked' in vain: {why}.",
    )


def test_a_user_can_undo_a_block_of_their_own(machine):
    machine.file("user").write_text("[extensions.a]\nblocked = true\n")
    assert machine.load().blocked == {"a"}
    machine.file("flag").write_text("[extensions.a]\nblocked = false\n")
    assert (machine.load().blocked, machine.load().warnings) == (set(), ())


def test_a_locked_table_stays_as_the_administrator_left_it(machine):
    machine.file("system").write_text("[extensions.a]\nlocked = true\nx = 1\nenabled = false\n")
    machine.file("environment").write_text("[extensions.a]\nx = 2\n")
    machine.file("user").write_text("[extensions.a]\nx = 3\nnew = 3\nenabled = true\n")
    config = machine.load()
    assert config.extensions == {"a": {"locked": True, "x": 2, "enabled": False}}
    why = f"locked in {machine.file('system')}:2"
    assert set(config.warnings) == {
        f"{machine.file('user')}:2 sets 'extensions.a.x' in vain: {why}.",
        f"{machine.file('user')}:3 sets 'extensions.a.new' in vain: {why}.",
        f"{machine.file('user')}:4 sets 'extensions.a.enabled' in vain: {why}.",
    }
    assert config.explain("extensions.a.x")[0].note == f"Has no effect: {why}."
    assert config.switch("a").reason == f"Disabled in {machine.file('system')}:4, {why}."


def test_a_locked_setting_is_out_of_reach_of_variables_and_flags(machine, monkeypatch):
    machine.file("system").write_text("locked = ['ip', 'port', 'services']\nport = 1\n")
    machine.file("user").write_text("ip = '0.0.0.0'\nservices.a = 'b'\n")
    monkeypatch.setenv("PLUGHOST_PORT", "2")
    config = machine.load(port=3, hold=3)
    assert (config.ip, config.port, config.hold, config.services) == ("127.0.0.1", 1, 3, {})
    assert config.locked == ["ip", "port", "services"]
    assert len(config.warnings) == 4
    assert f"flag --port sets 'port' in vain: locked in {machine.file('system')}:1." in (
        config.warnings
    )


@pytest.mark.parametrize("locked", ["token", "token_file", "no_auth"])
def test_a_lock_on_one_way_in_is_a_lock_on_all(machine, monkeypatch, locked):
    machine.file("system").write_text(f"locked = ['{locked}']\ntoken = 'theirs'\n")
    machine.file("user").write_text("no_auth = true\n")
    (machine.root / "mine").write_text("mine")
    monkeypatch.setenv("JUPYTER_TOKEN_FILE", str(machine.root / "mine"))
    config = machine.load(token="mine")
    assert (config.token, config.no_auth, len(config.warnings)) == ("theirs", False, 3)


def test_only_the_administrator_can_lock(machine):
    machine.file("user").write_text("locked = ['port']\n[extensions.a]\nlocked = true\nx = 1\n")
    machine.file("flag").write_text("port = 2\n[extensions.a]\nx = 2\n")
    config = machine.load()
    assert (config.port, config.locked, config.extensions) == (2, [], {"a": {"x": 2}})
    assert not config.switch("a").locked
    why = "only the administrator's folders can lock"
    assert set(config.warnings) == {
        f"{machine.file('user')}:1 sets 'locked.port' in vain: {why}.",
        f"{machine.file('user')}:3 sets 'extensions.a.locked' in vain: {why}.",
    }


@dataclass(frozen=True)
class Weather:
    days: int = 3
    api_key: str = ""


def test_a_description_for_json_has_every_key_and_layer(machine):
    machine.file("user").write_text("hold = 1\nport = 1\n[extensions.a]\nenabled = false\n")
    config = machine.load(port=2)
    config.extension("weather", Weather)
    described = {each["key"]: each for each in json.loads(json.dumps(config.to_json()))}
    assert described["port"] == {
        "key": "port",
        "value": 2,
        "default": 8888,
        "source": "flag --port",
        "layers": [
            {"value": 2, "source": "flag --port", "counts": True, "note": ""},
            {"value": 1, "source": f"{machine.file('user')}:2", "counts": False, "note": ""},
            {"value": 8888, "source": "default", "counts": False, "note": ""},
        ],
    }
    assert described["extensions.weather.days"]["default"] == 3
    assert described["extensions.a.enabled"]["value"] is False


def test_a_key_that_nobody_knows_cannot_be_explained(machine):
    machine.file("user").write_text("[extensions.a]\nx = 1\ny = 1\n")
    with pytest.raises(ConfigError, match="no setting 'prt'") as error:
        machine.load().explain("prt")
    assert "Did you mean 'port'?" in str(error.value.hint)
    with pytest.raises(ConfigError) as error:
        machine.load().explain("extensions.a")
    assert "Below it: extensions.a.x, extensions.a.y." in str(error.value.hint)


def test_secrets_are_never_told(machine, monkeypatch):
    secret = "canary-7f3a"
    machine.file("system").write_text(
        f"token = '{secret}'\nhashed_password = '{secret}'\nport = 1\n"
        f"[extensions.weather]\napi_key = '{secret}'\nmail = {{ password = ['{secret}'] }}\n"
    )
    monkeypatch.setenv("JUPYTER_TOKEN", secret)
    config = machine.load(token=secret)
    entries = [entry for key in config.sources for entry in config.explain(key)]
    texts = [json.dumps(config.to_json()), repr(entries), repr(config), *config.warnings]
    assert [text for text in texts if secret in text] == []
    described = {each["key"]: each["value"] for each in config.to_json()}
    assert (described["token"], described["hashed_password"]) == ("…", "…")
    assert machine.load().explain("token")[-1].value is None
    for text in (f"token = ['{secret}']", f"no_auth = true\ntoken = '{secret}'"):
        machine.file("user").write_text(text)
        with pytest.raises(ConfigError) as error:
            machine.load()
        assert secret not in f"{error.value} {error.value.hint}"


KEYS = ("port", "hold", "extensions.a.x", "extensions.a.enabled", "extensions.a.blocked")
LOCKS = ("locked.port", "locked.hold", "extensions.a.locked")


@st.composite
def machines(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """For each layer, what it says of some of the keys; no two say the same number."""
    said: dict[str, dict[str, Any]] = {layer: {} for layer in LAYERS}
    for number, (layer, key) in enumerate(product(LAYERS, (*KEYS, *LOCKS))):
        if layer == "command line" and "." in key:
            continue
        if draw(st.booleans()):
            numeric = key in KEYS[:3]
            said[layer][key] = number if numeric else key in LOCKS[:2] or draw(st.booleans())
    return said


@settings(deadline=None, max_examples=200)
@given(machines())
def test_the_administrator_always_wins_and_else_the_highest_layer(said):
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(Path(root), monkeypatch)
        lines = {layer: _write(machine, layer, said[layer]) for layer in FILES}
        for key, value in said["variables"].items():
            if key not in LOCKS[:2]:
                name = key.upper().replace(".", "__")
                monkeypatch.setenv(f"PLUGHOST_{name}", str(value).lower())
        config = machine.load(**said["command line"])

    def source(layer: str, key: str) -> str:
        name = key.upper().replace(".", "__")
        told = {
            "variables": f"environment variable PLUGHOST_{name}",
            "command line": f"flag --{key}",
        }
        return told.get(layer) or lines[layer][key]

    for key in KEYS:
        lock = "extensions.a.locked" if "." in key else f"locked.{key}"
        speakers = [layer for layer in LAYERS if key in said[layer]]
        theirs = [layer for layer in speakers if layer in ADMINISTRATOR]
        blockers = [layer for layer in theirs if said[layer][key] is True and "blocked" in key]
        if any(said[layer].get(lock) for layer in ADMINISTRATOR):
            speakers = theirs
        winner = (blockers or speakers or [None])[-1]

        value = config.port if key == "port" else config.hold if key == "hold" else None
        if "." in key:
            value = config.extensions.get("a", {}).get(key.split(".")[-1])
        if winner is None:
            assert key not in config.sources
        else:
            assert (value, config.sources[key]) == (said[winner][key], source(winner, key))
    assert config.switch("a").locked == any(
        said[layer].get("extensions.a.locked") for layer in ADMINISTRATOR
    )


def _write(machine: Machine, layer: str, said: dict[str, Any]) -> dict[str, str]:
    """Write a layer's file; returns where each key stands."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in said.items() if "locked." not in key]
    places = {key: number for number, key in enumerate(k for k in said if "locked." not in k)}
    names = [key.split(".")[1] for key in said if key.startswith("locked.")]
    machine.file(layer).write_text("\n".join([*lines, f"locked = {json.dumps(names)}"]))
    return {key: f"{machine.file(layer)}:{place + 1}" for key, place in places.items()}

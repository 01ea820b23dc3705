"""The bundler and the type checker come from npm once, and from the cache ever after."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from plughost_build.errors import NpmFailed
from plughost_build.node import find_node
from plughost_build.toolchain import program, tools_are_installed

from .machines import CLOSED_PORT


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    # Found before the cache is emptied: it may be the one that nodeenv put there.
    node = find_node()
    monkeypatch.setenv("PATH", f"{node.executable.parent}")
    monkeypatch.setenv("PLUGHOST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_tools_are_installed_once_and_run_offline_afterwards(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = find_node()
    assert not tools_are_installed()
    first = program(node)
    assert tools_are_installed()
    assert first.is_relative_to(empty_cache)

    monkeypatch.setenv("npm_config_registry", CLOSED_PORT)
    monkeypatch.setenv("npm_config_cache", str(empty_cache / "no-npm-cache"))
    assert program(node) == first
    # Without a request it says how to call it: so it could load all that it imports.
    run = subprocess.run([node.executable, first], capture_output=True, text=True)
    assert run.returncode == 2
    assert "build.mjs <request.json>" in run.stdout


def test_an_unreachable_registry_is_named_and_leaves_nothing_behind(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", CLOSED_PORT)
    monkeypatch.setenv("npm_config_cache", str(empty_cache / "no-npm-cache"))
    with pytest.raises(NpmFailed, match=r"(?s)ECONNREFUSED.*npm_config_registry"):
        program(find_node())
    assert list((empty_cache / "tools").iterdir()) == []

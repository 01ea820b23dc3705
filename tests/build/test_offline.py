"""Builds without a network, after one that had it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from .command import run_build
from .conftest import MakeSource
from .machines import CLOSED_PORT

CUT = {
    **{
        name: CLOSED_PORT for each in ("http_proxy", "https_proxy") for name in (each, each.upper())
    },
    **{"no_proxy": "", "NO_PROXY": "", "npm_config_noproxy": ""},
    "PLUGHOST_NODE_MIRROR": CLOSED_PORT,
    "PIP_NO_INDEX": "1",
}
"""Every way out leads to a port at which nobody listens."""


@pytest.fixture
def caches(tmp_path: Path) -> dict[str, str]:
    """Caches that no other build has filled."""
    return {
        "PLUGHOST_CACHE": str(tmp_path / "cache"),
        "npm_config_cache": str(tmp_path / "npm"),
        # Somebody's .npmrc must not keep addresses out of the lock file.
        "npm_config_omit_lockfile_registry_resolved": "false",
    }


@pytest.fixture
def folder(make_source: MakeSource) -> Path:
    """A source with a dependency from the npm registry."""
    return make_source(
        "weather",
        package_json={"dependencies": {"just-safe-get": "4.2.0"}},
        files={
            "tsconfig.json": '{"compilerOptions": {"module": "esnext", "moduleResolution": '
            '"bundler", "target": "es2022", "strict": true, "types": []}, "include": ["src"]}',
            "src/index.ts": "import get from 'just-safe-get';\nexport default [get];\n",
        },
    )


def test_after_one_build_everything_works_without_a_network(
    folder: Path, caches: dict[str, str], tmp_path: Path
) -> None:
    first = run_build(folder, **caches)
    assert first.returncode == 0, first.stderr
    assert "  install tools: " in first.stderr
    assert "  install packages: " in first.stderr

    (folder / "src/more.ts").write_text("export const more = 1;\n")
    again = run_build(folder, **caches, **CUT)
    assert again.returncode == 0, again.stderr
    assert "install" not in again.stderr

    fresh_clone = tmp_path / "clone"
    skip = shutil.ignore_patterns("node_modules", "frontend")
    shutil.copytree(folder, fresh_clone, ignore=skip)
    elsewhere = run_build(fresh_clone, **caches, **CUT)
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert "  install packages: " in elsewhere.stderr

    # The tools, too, come out of npm's cache.
    shutil.rmtree(tmp_path / "cache")
    newly = run_build(folder, "--force", **caches, **CUT)
    assert newly.returncode == 0, newly.stderr
    assert "  install tools: " in newly.stderr


def test_without_a_network_at_the_first_time_one_sentence_says_what_to_do(
    folder: Path, caches: dict[str, str]
) -> None:
    started = time.monotonic()
    run = run_build(folder, **caches, **CUT)
    assert time.monotonic() - started < 60, "npm by itself would try for more than a minute"
    assert run.returncode == 2
    assert "Error: 'npm ci' failed in " in run.stderr
    assert "\nnpm error code ECONNREFUSED\n" in run.stderr
    assert "\nThe npm registry cannot be reached: run the build again with a network, or " in (
        run.stderr
    )


def test_a_package_that_the_registry_has_not_is_told(folder: Path) -> None:
    text = (folder / "package.json").read_text()
    (folder / "package.json").write_text(text.replace("4.2.0", "99.0.0"))
    run = run_build(folder)
    assert run.returncode == 2
    assert "No matching version found for just-safe-get@99.0.0" in run.stderr
    assert run.stderr.endswith(
        "The registry (`npm config get registry`) has no such package or version: check the "
        "dependencies in package.json.\n"
    )


def test_what_is_only_for_development_is_installed_in_production_too(
    make_source: MakeSource, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "package.json").write_text('{"name": "theirs", "version": "1.0.0"}')
    folder = make_source("weather", package_json={"devDependencies": {"theirs": "file:../theirs"}})
    run = run_build(folder, NODE_ENV="production")
    assert run.returncode == 0, run.stderr
    assert (folder / "node_modules/theirs").exists()
    assert "install" not in run_build(folder, "--force", NODE_ENV="production").stderr

"""When a bundle is fresh, asked without Node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plughost_build.build import Options, is_fresh, why_stale
from plughost_build.fingerprint import changed, fingerprint, hash_of_sources
from plughost_build.source import Source, find_sources

from .conftest import MakeSource


@pytest.fixture
def source(make_source: MakeSource) -> Source:
    folder = make_source(
        "weather",
        files={"package-lock.json": "{}", "schema/plugin.json": "{}", "style/base.css": ""},
        package_json={"peerDependencies": {"react": "^18"}},
    )
    (source,) = find_sources(folder)
    return source


REACT: dict[str, dict[str, str]] = {
    "react": {"version": "18.2.0", "from": "lab", "types": "types-AAAAAAAA.json.gz"}
}


def circumstances(source: Source, **changes: object) -> str:
    usual = {"tools": "t", "shared": REACT, "mode": "production", "check": True}
    return fingerprint(source, **{**usual, "sourcemap": False, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        "src/index.ts",
        "src/deep/new.tsx",
        "style/base.css",
        "schema/plugin.json",
        "package.json",
        "package-lock.json",
        "tsconfig.json",
    ],
)
def test_a_change_of_what_a_build_reads_makes_it_stale(source: Source, path: str) -> None:
    before = hash_of_sources(source)
    changed = source.folder / path
    changed.parent.mkdir(exist_ok=True)
    changed.write_text("something else")
    assert hash_of_sources(source) != before


@pytest.mark.parametrize(
    "path",
    [
        "plughost_weather/__init__.py",
        "plughost_weather/templates/page.html",
        "plughost_weather/frontend/plughost.json",
        "node_modules/react/index.js",
        "tests/index.test.ts",
        "pyproject.toml",
        "PKG-INFO",
        "dist/weather-0.1.0.tar.gz",
        "weather.egg-info/PKG-INFO",
        ".git/HEAD",
    ],
)
def test_other_files_do_not(source: Source, path: str) -> None:
    before = hash_of_sources(source)
    added = source.folder / path
    added.parent.mkdir(parents=True, exist_ok=True)
    added.write_text("anything")
    assert hash_of_sources(source) == before


def test_a_renamed_file_and_one_that_moved_make_it_stale(source: Source) -> None:
    seen = {hash_of_sources(source)}
    (source.folder / "src/index.ts").rename(source.folder / "src/main.ts")
    seen.add(hash_of_sources(source))
    (source.folder / "src/main.ts").rename(source.folder / "main.ts")
    seen.add(hash_of_sources(source))
    assert len(seen) == 3


def test_it_does_not_depend_on_where_the_source_lies(
    source: Source, make_source: MakeSource, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    source.folder.rename(copy)
    (moved,) = find_sources(copy)
    copied = circumstances(moved)
    copy.rename(source.folder)
    assert circumstances(source) == copied


def test_typescript_inside_the_python_package_counts(make_source: MakeSource) -> None:
    folder = make_source(
        "inside",
        plughost={"entry": "plughost_inside/js/index.ts"},
        files={"plughost_inside/js/index.ts": "export default [];"},
    )
    (source,) = find_sources(folder)
    before = hash_of_sources(source)
    source.entry.write_text("export default [1];")
    assert hash_of_sources(source) != before


def test_the_lock_file_of_a_workspace_counts_for_its_members(
    make_source: MakeSource, tmp_path: Path
) -> None:
    (tmp_path / "package.json").write_text('{"workspaces": ["*"]}')
    (source,) = find_sources(make_source("member"))
    before = hash_of_sources(source)
    (tmp_path / "package-lock.json").write_text("{}")
    assert hash_of_sources(source) != before


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"tools": "newer"}, "tools"),
        ({"mode": "development"}, "options"),
        ({"check": False}, "options"),
        ({"sourcemap": True}, "options"),
        ({"shared": {}}, "shared"),
        ({"shared": {"react": {**REACT["react"], "version": "19.0.0"}}}, "shared"),
        ({"shared": {"react": {**REACT["react"], "types": "types-BBBBBBBB.json.gz"}}}, "shared"),
    ],
)
def test_other_circumstances_make_it_stale_and_which_can_be_told(
    source: Source, change: dict[str, object], part: str
) -> None:
    before = circumstances(source)
    assert changed(before, circumstances(source, **change)) == [part]
    source.entry.write_text("export default [1];")
    assert changed(before, circumstances(source, **change)) == ["sources", part]


def test_a_fingerprint_of_another_make_is_that_of_other_tools(source: Source) -> None:
    sources = f"sha256:{hash_of_sources(source)}"
    assert changed(f"{sources}/0123456789abcdef", circumstances(source)) == ["tools"]
    assert changed("sha256:0/0123", circumstances(source)) == ["sources", "tools"]


def test_shared_modules_that_the_source_does_not_mention_change_nothing(source: Source) -> None:
    more = {**REACT, "@lumino/widgets": {"version": "2.8.0", "from": "lab"}}
    assert circumstances(source, shared=more) == circumstances(source)


# Through is_fresh: what `build` really asks


def pretend_built(source: Source, options: Options, value: str) -> bool:
    source.output.mkdir(exist_ok=True)
    (source.output / "index.js").touch()
    (source.output / "types.json.gz").touch()
    manifest = {"module": "index.js", "styles": [], "preload": [], "fingerprint": value}
    manifest["types"] = "types.json.gz"
    source.manifest.write_text(json.dumps(manifest))
    return is_fresh(source, options)


def test_an_unpacked_sdist_keeps_a_bundle_that_other_tools_made(source: Source) -> None:
    made_by_others = f"sha256:{hash_of_sources(source)}/0123456789abcdef"
    assert pretend_built(source, Options(keep_sdist_bundle=True), made_by_others)
    assert not pretend_built(source, Options(), made_by_others)
    other_sources = f"sha256:{'0' * 64}/0123456789abcdef"
    assert not pretend_built(source, Options(keep_sdist_bundle=True), other_sources)


@pytest.mark.parametrize(
    "damage", ["no manifest", "broken manifest", "module gone", "types gone", "no module"]
)
def test_a_damaged_bundle_is_not_fresh(source: Source, damage: str) -> None:
    options = Options(keep_sdist_bundle=True)
    assert pretend_built(source, options, f"sha256:{hash_of_sources(source)}/0")
    match damage:
        case "no manifest":
            source.manifest.unlink()
        case "broken manifest":
            source.manifest.write_text("{")
        case "module gone":
            (source.output / "index.js").unlink()
        case "types gone":
            (source.output / "types.json.gz").unlink()
        case "no module":
            source.manifest.write_text(
                json.dumps({"fingerprint": f"sha256:{hash_of_sources(source)}/0"})
            )
    assert why_stale(source, options) == ["missing" if damage == "no manifest" else "damaged"]

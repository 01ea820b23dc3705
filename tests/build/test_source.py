"""Which frontends there are to build, in which order, and what is wrong with a package.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plughost_build.errors import SourceError
from plughost_build.source import find_sources

from .conftest import MakeSource


@pytest.fixture
def workspace(tmp_path: Path, make_source: MakeSource) -> Path:
    """Three frontends of which each needs the next, and a package that is none."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text(json.dumps({"workspaces": ["extensions/*", "./ui/"]}))
    make_source(
        "first",
        folder=root / "extensions/first",
        package_json={"peerDependencies": {"@scope/second": "1"}},
    )
    make_source(
        "second",
        folder=root / "extensions/second",
        plughost={"provides": ["@scope/second/deep"]},
        package_json={"dependencies": {"third": "1"}},
    )
    make_source("third", folder=root / "ui", plughost={"provides": ["third"]})
    make_source("lonely", folder=root / "extensions/lonely")
    (root / "extensions/none").mkdir()
    (root / "extensions/none/package.json").write_text('{"name": "none"}')
    return root


def names(folder: Path) -> list[str]:
    return [source.name.removeprefix("plughost-") for source in find_sources(folder)]


def test_in_an_extensions_folder_there_is_that_extension(make_source: MakeSource) -> None:
    folder = make_source("weather")
    (source,) = find_sources(folder)
    assert (source.name, source.root) == ("plughost-weather", folder)
    assert source.output == folder / "plughost_weather" / "frontend"


def test_a_workspace_has_all_its_members_each_after_those_it_takes_modules_from(
    workspace: Path,
) -> None:
    found = names(workspace)
    assert sorted(found) == ["first", "lonely", "second", "third"]
    assert [name for name in found if name != "lonely"] == ["third", "second", "first"]


def test_a_member_of_a_workspace_comes_with_those_it_takes_modules_from(workspace: Path) -> None:
    assert names(workspace / "extensions/first") == ["third", "second", "first"]
    assert names(workspace / "extensions/lonely") == ["lonely"]
    assert {source.root for source in find_sources(workspace / "ui")} == {workspace}


def test_what_is_only_there_for_development_makes_no_circle(
    workspace: Path, make_source: MakeSource
) -> None:
    make_source(
        "third",
        folder=workspace / "ui",
        plughost={"provides": ["third"]},
        package_json={"devDependencies": {"@scope/second": "1"}},
    )
    assert [name for name in names(workspace) if name != "lonely"] == ["third", "second", "first"]


def test_frontends_that_need_each_other_are_named(workspace: Path, make_source: MakeSource) -> None:
    make_source(
        "third",
        folder=workspace / "ui",
        plughost={"provides": ["third"]},
        package_json={"dependencies": {"@scope/second": "1"}},
    )
    with pytest.raises(SourceError, match=r"use a shared module of the next: plughost-\w+ → "):
        find_sources(workspace)


def test_a_folder_without_package_json_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no package.json in '.*'\.\nRun `plughost "):
        find_sources(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{,}", r"is not JSON: .* in line 1, column 2\."),
        ("[]", "holds no JSON object"),
        ("{}", "has no 'plughost' object"),
        ('{"name": "x", "plughost": []}', "'plughost' in .* is not an object"),
        ('{"plughost": {"package": "."}}', "has no 'name'"),
        ('{"name": "x", "plughost": {}}', "'plughost' in .* has no 'package'"),
        ('{"name": "x", "plughost": {"package": 1}}', "'plughost.package' in .* is 1, not a path"),
        ('{"name": "x", "plughost": {"package": "y"}}', "names the folder 'y', and there is none"),
        (
            '{"name": "x", "plughost": {"package": ".", "output": ".."}}',
            "'plughost.output' in .* is '..', which does not lie below",
        ),
        (
            '{"name": "x", "plughost": {"package": ".", "output": "src"}}',
            "The output of .* is '.*src', and what it is built from lies in there",
        ),
        (
            '{"name": "x", "plughost": {"package": ".", "output": "ui/", "schemas": "ui/schema"}}',
            "The output of .* is '.*ui', and what it is built from lies in there",
        ),
        (
            '{"name": "x", "plughost": {"package": ".", "provides": "react"}}',
            "'plughost.provides' in .* is not a list",
        ),
    ],
)
def test_a_package_json_that_cannot_be_used_says_why(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "package.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        find_sources(tmp_path)


def test_a_build_does_not_write_over_its_own_source(make_source: MakeSource) -> None:
    source = make_source(
        folder=make_source("app") / "plughost_app/frontend", plughost={"package": ".."}
    )
    with pytest.raises(SourceError, match="what it is built from lies in there"):
        find_sources(source)

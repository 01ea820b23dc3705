"""Ranges of versions as package.json files write them; the cases are those of npm's README."""

from __future__ import annotations

import pytest

from plughost_observe.doctor.npm_ranges import satisfies


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("^1.2.3", ["1.2.3", "1.9.9"], ["1.2.2", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.2", "0.0.4"]),
        ("^1.x", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.0", "0.9.0"], ["1.0.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("1.2.3", ["1.2.3"], ["1.2.4"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("1.2.x", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("1", ["1.0.0", "1.9.9"], ["0.9.0", "2.0.0"]),
        ("*", ["0.0.0", "99.0.0"], []),
        ("", ["1.2.3"], []),
        (">=1.2.7 <1.3.0", ["1.2.7", "1.2.99"], ["1.2.6", "1.3.0"]),
        (">= 1.2.7", ["1.2.7", "3.0.0"], ["1.2.6"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        ("<=1.2", ["1.2.9"], ["1.3.0"]),
        ("1.2.3 - 2.3", ["1.2.3", "2.3.9"], ["1.2.2", "2.4.0"]),
        ("1.2.7 || >=1.2.9 <2.0.0", ["1.2.7", "1.2.9", "1.4.6"], ["1.2.8", "2.0.0"]),
        ("^18.2.0 || ^19", ["18.3.1", "19.0.0"], ["17.0.2", "20.0.0"]),
    ],
)
def test_a_version_is_in_a_range_or_not(wanted, inside, outside):
    assert {version: satisfies(version, wanted) for version in inside} == dict.fromkeys(
        inside, True
    )
    assert {version: satisfies(version, wanted) for version in outside} == dict.fromkeys(
        outside, False
    )


@pytest.mark.parametrize(
    "wanted", ["latest", "workspace:*", "npm:react@18", "https://example.org/x"]
)
def test_of_what_is_no_range_nothing_is_claimed(wanted):
    assert satisfies("1.2.3", wanted) is None


def test_a_prerelease_counts_as_the_version_it_precedes():
    assert satisfies("4.6.0-rc.1", "^4.5.0")

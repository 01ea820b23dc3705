"""The tour in plughost/README.md names every module, and its first part takes an hour."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "plughost"
TOUR = (PACKAGE / "README.md").read_text(encoding="utf-8")
HOUR = 1800
"""Lines that are not blank: what one reads in an hour."""


def parts() -> dict[str, list[str]]:
    """The files that each part of the tour names at the head of a line, in order."""
    found = {}
    for section in TOUR.split("\n## ")[1:]:
        files = re.findall(r"^\d+\. `([\w/.]+\.py)`", section, re.MULTILINE)
        if files:
            found[section.partition("\n")[0]] = files
    return found


def test_the_tour_names_every_module_once():
    modules = [file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py")]
    named = [file for files in parts().values() for file in files]
    assert sorted(named) == sorted(modules)


def test_an_hour_is_enough_for_the_path_of_a_request():
    files = parts()["The path of a request"]
    lines = [
        line
        for file in files
        for line in (PACKAGE / file).read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    assert len(lines) <= HOUR
    assert f"{HOUR:,} lines" in TOUR

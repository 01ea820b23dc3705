"""Does a version lie in a range as package.json files write it? (npm's `semver`, README)

Only what dependencies are written with: `^`, `~`, comparisons, `x`, hyphens, `||`. Pre-releases
count as the version they precede: whoever installed one wanted it.
"""

from __future__ import annotations

import re

_PART = r"(\d+|[xX*])"
_VERSION = re.compile(rf"[v=\s]*{_PART}(?:\.{_PART}(?:\.{_PART})?)?(?:[-+].*)?")
_TERM = re.compile(r"\s*(\^|~>?|>=|<=|>|<|=)?\s*([^\s]+)")

Version = tuple[int, int, int]
_TOP = 10**9


def satisfies(version: str, wanted: str) -> bool | None:
    """Whether `version` is in the range; None where either is nothing we understand."""
    found = _bounds(version)
    if found is None:
        return None
    answers = [_satisfies_all(found[0], part.strip()) for part in wanted.split("||")]
    return True if True in answers else None if None in answers else False


def _satisfies_all(version: Version, wanted: str) -> bool | None:
    if hyphen := re.fullmatch(r"(\S+)\s+-\s+(\S+)", wanted):
        wanted = f">={hyphen[1]} <={hyphen[2]}"
    for operator, text in _TERM.findall(wanted):
        bounds = _bounds(text)
        if bounds is None:
            return None
        if not _holds(version, operator, *bounds):
            return False
    return True


def _bounds(text: str) -> tuple[Version, Version] | None:
    """The first version that a text means, and the first one beyond: `1.2` is 1.2.0 to 1.3.0."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    numbers = []
    for part in match.groups():
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    if not numbers:
        return (0, 0, 0), (_TOP, 0, 0)
    return _version(*numbers), _version(*numbers[:-1], numbers[-1] + 1)


def _version(*numbers: int) -> Version:
    major, minor, patch = (*numbers, 0, 0)[:3]
    return major, minor, patch


def _holds(version: Version, operator: str, low: Version, high: Version) -> bool:
    if operator == "^":
        fixed = next((place for place, number in enumerate(low) if number), 2)
        # ^0.0.3 is only that; ^0.0 is 0.0.x; ^1.2 is 1.x.
        raised = _version(*low[:fixed], low[fixed] + 1)
        return low <= version < max(raised, high if low == (0, 0, 0) else raised)
    if operator.startswith("~"):
        return low <= version < max(high, (low[0], low[1] + 1, 0) if high[0] == low[0] else high)
    if operator == ">":
        return version >= high
    if operator == "<":
        return version < low
    return {"<=": version < high, ">=": version >= low}.get(operator, low <= version < high)

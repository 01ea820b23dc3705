"""Whose code a stack is running: the extension or distribution, the file and the line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from types import FrameType

import importlib_metadata
import msgspec

from plughost import ExtensionRecord

CORE = "plughost"
STANDARD_LIBRARY = "Python"

_LABELS = (
    *("issues", "issue", "issuetracker", "bugtracker", "bugreports", "bugs", "tracker"),
    *("source", "sourcecode", "repository", "github", "code", "homepage", "home"),
)
"""Where authors hear of faults, best first: labels as in "Well-known Project URLs in Metadata"
of the Python packaging guide, and others that are in use."""


class Place(msgspec.Struct, frozen=True):
    """A line of code, and whose it is.

    `extension` is empty for what belongs to none. `within` is what it had called, as
    `file:line`, when that is somebody else's code.
    """

    extension: str
    distribution: str
    file: str
    line: int
    function: str
    within: str = ""


def place_of(frames: Sequence[FrameType], records: Iterable[ExtensionRecord]) -> Place:
    """Whose fault the innermost frame is; `frames` come with the innermost first.

    It is the innermost extension's; without one the innermost other distribution's, without
    that the host's, Tornado's, and last Python's own.
    """
    packages = {record.package: record for record in records if record.package}
    for frame in frames:
        record = next(
            (r for p, r in packages.items() if f"{_module(frame)}.".startswith(f"{p}.")), None
        )
        if record is not None:
            return _place(frame, frames[0], record.name, record.distribution)
    # min() takes the first of equals: the innermost.
    guilty = min(frames, key=_innocence)
    return _place(guilty, frames[0], "", _distribution_of(guilty))


def issue_address(distribution: str) -> str:
    """Where the authors of a distribution want to hear of faults; empty when they do not say."""
    try:
        metadata = importlib_metadata.metadata(distribution)
    except (importlib_metadata.PackageNotFoundError, ValueError):
        return ""
    addresses = {}
    for entry in metadata.get_all("Project-URL") or []:
        label, _, address = entry.partition(",")
        addresses["".join(filter(str.isalnum, label.lower()))] = address.strip()
    found = next((addresses[label] for label in _LABELS if label in addresses), "")
    return found or metadata.get("Home-page") or ""


def _place(guilty: FrameType, innermost: FrameType, extension: str, distribution: str) -> Place:
    within = f"{innermost.f_code.co_filename}:{innermost.f_lineno}"
    return Place(
        extension=extension,
        distribution=distribution,
        file=guilty.f_code.co_filename,
        line=guilty.f_lineno,
        function=guilty.f_code.co_name,
        within="" if guilty is innermost else within,
    )


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _innocence(frame: FrameType) -> int:
    """The less a frame is in the way of every call, the more likely it is to blame."""
    top = _module(frame).partition(".")[0]
    in_the_way = {CORE: 1, "tornado": 2}
    return 3 if top in sys.stdlib_module_names else in_the_way.get(top, 0)


def _distribution_of(frame: FrameType) -> str:
    top = _module(frame).partition(".")[0]
    if top in sys.stdlib_module_names:
        return STANDARD_LIBRARY
    # Takes a while: it reads the list of files of everything that is installed.
    owners = importlib_metadata.packages_distributions().get(top, [])
    return owners[0] if owners else top

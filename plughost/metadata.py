"""What installed distributions offer by their entry points, read one by one.

Not `importlib_metadata.entry_points()`: one distribution with broken metadata would hide
what all the others offer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import importlib_metadata

log = logging.getLogger("plughost.extensions")


def entry_points(group: str) -> Iterator[tuple[importlib_metadata.EntryPoint, Any]]:
    """Each entry point of a group with its distribution; imports nothing.

    Of two distributions of one name the first on sys.path hides the other. One whose
    metadata cannot be read is left out, and the log says so.
    """
    seen: set[str] = set()
    for distribution in importlib_metadata.distributions():
        try:
            # Most distributions have no such section; reading the text is all they cost.
            if f"[{group}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
            name = distribution.name
            found = [*distribution.entry_points.select(group=group)] if name not in seen else []
            seen.add(name)
        except Exception as error:  # whatever a stranger's metadata makes the library raise
            unreadable(distribution, error)
        else:
            yield from ((entry, distribution) for entry in found)


def unreadable(distribution: Any, error: Exception) -> None:
    """Say that a distribution is left out, and where it lies."""
    where = getattr(distribution, "_path", None) or distribution
    log.error("The metadata of %s cannot be read (%s); it is left out.", where, error)

"""Plain counters of requests, cheap enough to be kept whether anybody reads them or not."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from plughost import Answered

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; with one more for what takes longer."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Kind(NamedTuple):
    """What requests are told apart by; `route` is a pattern, never a path: those are endless."""

    method: str
    route: str
    extension: str


class Durations:
    """How long requests of one kind took, as a histogram, and how they were answered.

    `statuses` counts by class, such as `2xx`; `total` is in seconds.
    """

    __slots__ = ("buckets", "statuses", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.statuses: dict[str, int] = {}
        self.total = 0.0

    def copy(self) -> Durations:
        """What it is now; this goes on counting."""
        copy = Durations()
        copy.buckets, copy.statuses = self.buckets.copy(), self.statuses.copy()
        copy.total = self.total
        return copy


class Requests:
    """All requests that have been answered, counted."""

    def __init__(self) -> None:
        self._kinds: dict[Kind, Durations] = {}

    def answered(self, answered: Answered) -> None:
        """Count a request."""
        method = answered.method if answered.method in METHODS else "other"
        kind = Kind(method, answered.route, answered.extension)
        durations = self._kinds.get(kind)
        if durations is None:
            durations = self._kinds[kind] = Durations()
        durations.buckets[bisect_left(BUCKETS, answered.seconds)] += 1
        durations.total += answered.seconds
        status = f"{answered.status // 100}xx"
        durations.statuses[status] = durations.statuses.get(status, 0) + 1

    def copy(self) -> dict[Kind, Durations]:
        """What has been counted so far, by kind."""
        return {kind: durations.copy() for kind, durations in self._kinds.items()}

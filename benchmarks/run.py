"""Measure plughost and its peers side by side; prints medians and ratios."""

from __future__ import annotations

import asyncio
import statistics
import sys

from budgets import OURS, judged
from measurements import GROUPS, MEASUREMENTS, Figures, Measurement
from servers import same_kernels


def main(names: list[str]) -> int:
    wanted = [name for given in names for name in GROUPS.get(given, [given])]
    unknown = sorted(set(wanted) - set(MEASUREMENTS))
    if unknown:
        there = ", ".join([*MEASUREMENTS, *GROUPS])
        print(f"No measurement {unknown[0]!r}. There are: {there}.")
        return 2
    if set(GROUPS["kernels"]) & set(wanted or MEASUREMENTS):
        same_kernels()
    missed = 0
    columns: tuple[str, ...] = ()
    for name in wanted or MEASUREMENTS:
        measurement = MEASUREMENTS[name]
        if columns != measurement.contenders:
            columns = measurement.contenders
            print(f"{'':34}{''.join(f'{column:>15}' for column in columns)}")
        figures, failed = measured(measurement)
        missed += failed + report(figures, columns)
    return 1 if missed else 0


def measured(measurement: Measurement) -> tuple[dict[str, list[Figures]], int]:
    """What each contender has come to, once a round; they take turns. How often ours failed.

    A peer that fails has one round less.
    """
    figures: dict[str, list[Figures]] = {name: [] for name in measurement.contenders}
    failed = 0
    for _ in range(measurement.rounds):
        for name in measurement.contenders:
            try:
                with measurement.subject(name) as subject:
                    figures[name].append(asyncio.run(measurement.take(subject)))
            except ChildProcessError as error:
                print(f"{name} has failed: {error}")
                failed += name == OURS
    return figures, failed


def report(figures: dict[str, list[Figures]], columns: tuple[str, ...]) -> int:
    """Print a line for each figure that somebody has; how many have missed their budget."""
    missed = 0
    # A dictionary rather than a set: the order in which they were measured stays.
    for key in {key: None for rounds in figures.values() for each in rounds for key in each}:
        medians = {
            name: statistics.median(each[key] for each in rounds if key in each)
            for name, rounds in figures.items()
            if any(key in each for each in rounds)
        }
        line, holds = judged(key, medians)
        missed += not holds
        shown = (f"{medians[name]:15.3f}" if name in medians else f"{'–':>15}" for name in columns)
        print(f"{key:34}{''.join(shown)}{line}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

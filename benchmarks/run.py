"""Measure plughost and JupyterLab side by side; prints medians and ratios."""

from __future__ import annotations

import asyncio
import statistics
import sys

from measurements import BUDGETS, MEASUREMENTS, Figures
from servers import jupyterlab, plughost, running

ROUNDS = 3


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MEASUREMENTS))
    if unknown:
        print(f"No measurement {unknown[0]!r}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    over = 0
    ours, peer = plughost(), jupyterlab()
    print(f"{'':34}{'plughost':>12}{'jupyterlab':>12}{'ratio':>8}{'budget':>8}")
    for name in names or MEASUREMENTS:
        figures: dict[str, list[Figures]] = {ours.name: [], peer.name: []}
        for _ in range(ROUNDS):
            for kind in (ours, peer):
                with running(kind) as server:
                    figures[kind.name].append(asyncio.run(MEASUREMENTS[name](server)))
        for key in figures[ours.name][0]:
            mine, theirs = (
                statistics.median(f[key] for f in figures[kind.name]) for kind in (ours, peer)
            )
            budget = BUDGETS.get(key)
            missed = budget is not None and mine / theirs > budget
            over += missed
            print(
                f"{key:34}{mine:12.3f}{theirs:12.3f}{mine / theirs:8.2f}"
                f"{'' if budget is None else f'{budget:8.2f}'}{'  over' if missed else ''}"
            )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Measure plughost and JupyterLab side by side; prints medians and ratios."""

from __future__ import annotations

import asyncio
import statistics
import sys

from measurements import BUDGETS, LIMITS, MEASUREMENTS, Figures, is_rate
from servers import jupyterlab, plughost, running

ROUNDS = 3


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MEASUREMENTS))
    if unknown:
        print(f"No measurement {unknown[0]!r}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    missed = 0
    ours, peer = plughost(), jupyterlab()
    print(f"{'':34}{'plughost':>12}{'jupyterlab':>12}{'ratio':>8}{'better':>8}{'budget':>9}")
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
            line, holds = judged(key, mine, theirs)
            missed += not holds
            print(f"{key:34}{mine:12.3f}{theirs:12.3f}{line}")
    return 1 if missed else 0


def judged(key: str, mine: float, theirs: float) -> tuple[str, bool]:
    """The rest of a figure's line: ratio, which way is better, budget; and whether that holds."""
    better, sign = ("higher", "≥") if is_rate(key) else ("lower", "≤")
    line = f"{mine / theirs:8.2f}{better:>8}"
    if key in LIMITS:
        budget, value = float(LIMITS[key]), mine
        text = f"{sign} {budget:g} ms"
    elif key in BUDGETS:
        budget, value = BUDGETS[key], mine / theirs
        text = f"{sign} {budget:.2f}"
    else:
        return line, True
    holds = value >= budget if is_rate(key) else value <= budget
    return f"{line}{text:>9}{'' if holds else '  missed'}", holds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

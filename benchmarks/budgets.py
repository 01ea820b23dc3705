"""The budgets of the design, and whether a figure holds its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

OURS, PEER, PLAIN = "plughost", "jupyterlab", "jupyter_client"

BUDGETS = {
    "first answer (s)": 1 / 5,
    "ready with all extensions (s)": 1 / 3,
    "memory after start (MB)": 1 / 2,
    "cold: launcher visible (s)": 1 / 3,
    "warm: launcher visible (s)": 1 / 3,
    "cold: requests": 1 / 3,
    "cold: transferred (MB)": 1 / 3,
    "/api/status (requests/s)": 1.5,
    "list 10,000 files (s)": 1 / 30,
    "read 20 MB notebook (s)": 1 / 4,
    "save 20 MB notebook (s)": 1 / 4,
    "notebook: keystroke (s)": 1 / 3,
    "notebook: scroll, longest (ms)": 1,
    "notebook: a key later, median (ms)": 1,
    "idle WebSocket: memory (kB)": 1 / 20,
    "extension: cold (s)": 1 / 4,
    "100 modules: cold (s)": 1 / 4,
}
"""Ratios to JupyterLab: for a rate the least there may be, for everything else the most."""

PLAIN_BUDGETS = {
    **{
        f"{request}, {framing}: {which} (ms)": 1.3
        for request in ("execute", "kernel_info")
        for framing in ("v1", "legacy")
        for which in ("median", "99th")
    },
    "20,000 displays (messages/s)": 0.8,
    "20,000 flushed prints (lines/s)": 0.8,
    "burst of 20,000 (messages/s)": 0.8,
    "200 × 1 MB (MB/s)": 0.8,
}
"""Ratios to jupyter_client."""

LIMITS = {
    "20 labextensions, cold: launcher (× of none)": 1.1,
    "20 labextensions, warm: launcher (× of none)": 1.1,
    "read 20 MB notebook: stall (ms)": 50,
    "save 20 MB notebook: stall (ms)": 50,
    "warm kernel: answered (ms)": 150,
    "warm kernel: cell has run (ms)": 150,
    "20,000 displays: lost": 0,
    "20,000 flushed prints: lost": 0,
    "burst of 20,000: server lost": 0,
    "200 × 1 MB: lost": 0,
    "a flood costs: longest (ms)": 50,
    "idle WebSocket: descriptors": 2,
    "extension: watched, edit to bundle (ms)": 200,
    "100 modules: watched, edit to bundle (ms)": 200,
}
"""The most there may be, whatever the peers do."""


def judged(key: str, medians: Mapping[str, float]) -> tuple[str, bool]:
    """The rest of a figure's line: ratio, to whom, which way is better, budget; if that holds.

    `medians` has the contenders that have such a figure, by name.
    """
    mine = medians.get(OURS)
    to = PLAIN if key in PLAIN_BUDGETS or PEER not in medians else PEER
    better, sign = ("higher", "≥") if is_rate(key) else ("lower", "≤")
    ratio = mine / medians[to] if mine is not None and medians.get(to) else None
    line = f"{ratio:7.2f} of {to:15}{better:7}" if ratio is not None else f"{better:>32} "
    if key in LIMITS:
        budget, value = float(LIMITS[key]), mine
        text = f"{sign} {budget:g} {_unit(key)}"
    elif key in BUDGETS or key in PLAIN_BUDGETS:
        budget, value = {**BUDGETS, **PLAIN_BUDGETS}[key], ratio
        text = f"{sign} {budget:.2f}"
    else:
        return line, True
    if value is None:
        return f"{line}{text:>9}  not measured", False
    holds = value >= budget if is_rate(key) else value <= budget
    return f"{line}{text:>9}{'' if holds else '  missed'}", holds


def is_rate(figure: str) -> bool:
    """Whether more of it is better."""
    return figure.endswith("/s)")


def _unit(figure: str) -> str:
    match = re.search(r"\((.+)\)$", figure)
    return match[1] if match else ""

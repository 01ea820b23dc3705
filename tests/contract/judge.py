"""Judges the table: names every row that promises what nobody answers for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import get_close_matches

from .proofs import Proof
from .table import KINDS, OWNERS, STATES, TOPICS, Row


def problems(rows: Sequence[Row], proofs: Sequence[Proof]) -> list[str]:
    """What is wrong with these rows and the tests that claim to prove them, one sentence each."""
    proven = _proven(rows, proofs)
    found = [problem for row in rows for problem in _of_row(row, row.id in proven)]
    found += _duplicates(rows)
    for proof in proofs:
        found += _of_proof(proof, rows)
    return found


def tally(rows: Sequence[Row]) -> str:
    """How many rows are in each state, such as "3 works, 70 planned, 5 left out"."""
    count = Counter(row.state for row in rows)
    return ", ".join(f"{count[state]} {state}" for state in STATES)


def _proven(rows: Sequence[Row], proofs: Sequence[Proof]) -> set[str]:
    claims = {proof.claim for proof in proofs if not proof.flaw}
    return {row.id for row in rows if row.id in claims or f"{row.kind}/*" in claims}


def _of_row(row: Row, proven: bool) -> list[str]:
    at = f"{row.place}: {row.id!r}"
    found = []
    if not row.id:
        found.append(f"{row.place}: a row without an id.")
    if not row.owner:
        found.append(f"{at} has no owner. Owners: {', '.join(OWNERS)}.")
    elif row.owner not in OWNERS:
        found.append(f"{at} has the unknown owner {row.owner!r}. {_hint(row.owner, OWNERS)}")
    if row.state not in STATES:
        found.append(f"{at} has the unknown state {row.state!r}. {_hint(row.state, STATES)}")
    if row.state == "works" and not proven:
        found.append(
            f"{at} claims to work and no test proves it. "
            f"Mark one with @pytest.mark.proves({row.id!r}), or say 'planned'."
        )
    if row.state == "works" and row.note:
        found.append(f"{at} works, so its note {row.note!r} is out of date. Leave it empty.")
    if row.state == "planned" and row.note not in TOPICS:
        found.append(f"{at} is planned in {row.note!r}, no topic. {_hint(row.note, TOPICS)}")
    if row.state == "left out" and not row.note:
        found.append(f"{at} is left out without a reason. Say in its note why.")
    return found


def _duplicates(rows: Sequence[Row]) -> list[str]:
    places = defaultdict(list)
    for row in rows:
        places[row.id].append(row.place)
    return [
        f"{id_!r} stands in {len(where)} rows: {', '.join(where)}. Keep one."
        for id_, where in places.items()
        if len(where) > 1
    ]


def _of_proof(proof: Proof, rows: Sequence[Row]) -> list[str]:
    at = f"{proof.place}: the claim {proof.claim!r} of {proof.test}"
    if proof.flaw:
        return [f"{at} does not count: {proof.flaw}."]
    everything = [f"{kind}/*" for kind in KINDS]
    states = {row.id: row.state for row in rows}
    if proof.claim in everything:
        return []
    if proof.claim not in states:
        return [f"{at} names no row. {_hint(proof.claim, [*states, *everything])}"]
    if states[proof.claim] != "works":
        state = states[proof.claim]
        return [f"{at} contradicts its row, which says {state!r}. Change the row to 'works'."]
    return []


def _hint(word: str, known: Sequence[str]) -> str:
    if near := get_close_matches(word, known, n=1):
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(known)}." if len(known) <= 12 else "The ids stand in the CSV files."

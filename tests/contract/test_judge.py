"""The judge itself, on tables that are wrong on purpose."""

from dataclasses import replace

import pytest

from .judge import problems, tally
from .proofs import Proof
from .table import OWNERS, STATES, TOPICS, Row

WORKS = Row("GET /api/status", "plughost", "works", place="endpoints.csv:2")
PLANNED = Row(
    "GET /api/kernels", "kernels", "planned", "extension manager", place="endpoints.csv:3"
)
LEFT_OUT = Row("GET /lab/api/build", "lab", "left out", "nothing to build", place="endpoints.csv:4")
PROOF = Proof("GET /api/status", "tests/test_a.py::test_b", "tests/test_a.py:7")
CLAIM = "tests/test_a.py:7: the claim"
AT_WORKS = "endpoints.csv:2: 'GET /api/status'"
UNPROVEN = (
    "claims to work and no test proves it. "
    "Mark one with @pytest.mark.proves('GET /api/kernels'), or say 'planned'."
)


def test_a_sound_table_has_no_problems() -> None:
    assert problems([WORKS, PLANNED, LEFT_OUT], [PROOF]) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"owner": ""}, f"has no owner. Owners: {', '.join(OWNERS)}."),
        ({"owner": "kernel"}, "has the unknown owner 'kernel'. Did you mean 'kernels'?"),
        ({"state": "done"}, f"has the unknown state 'done'. Known: {', '.join(STATES)}."),
        ({"note": ""}, f"is planned in '', no topic. Known: {', '.join(TOPICS)}."),
        ({"note": "some day"}, f"is planned in 'some day', no topic. Known: {', '.join(TOPICS)}."),
        (
            {"note": "extension manage"},
            "is planned in 'extension manage', no topic. Did you mean 'extension manager'?",
        ),
        ({"state": "left out", "note": ""}, "is left out without a reason. Say in its note why."),
        ({"state": "works", "note": ""}, UNPROVEN),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_the_way_out(
    change: dict[str, str], problem: str
) -> None:
    table = [WORKS, replace(PLANNED, **change), LEFT_OUT]
    assert problems(table, [PROOF]) == [f"endpoints.csv:3: 'GET /api/kernels' {problem}"]


def test_a_row_without_an_id_is_named_by_its_line() -> None:
    assert problems([replace(PLANNED, id="")], []) == ["endpoints.csv:3: a row without an id."]


def test_a_row_that_works_keeps_no_plan() -> None:
    assert problems([replace(WORKS, note="extension manager")], [PROOF]) == [
        f"{AT_WORKS} works, so its note 'extension manager' is out of date. Leave it empty."
    ]


def test_a_row_written_twice_is_named_with_both_lines() -> None:
    twice = [PLANNED, replace(PLANNED, kind="plugins", place="plugins.csv:9")]
    assert problems(twice, []) == [
        "'GET /api/kernels' stands in 2 rows: endpoints.csv:3, plugins.csv:9. Keep one."
    ]


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        ("GET /api/statu", "names no row. Did you mean 'GET /api/status'?"),
        ("endpoint/*", "names no row. Did you mean 'endpoints/*'?"),
        (
            PLANNED.id,
            "contradicts its row, which says 'planned'. Change the row to 'works'.",
        ),
        (
            LEFT_OUT.id,
            "contradicts its row, which says 'left out'. Change the row to 'works'.",
        ),
    ],
)
def test_a_claim_that_fits_no_working_row_is_a_problem(claim: str, problem: str) -> None:
    wrong = Proof(claim, "tests/test_a.py::test_c", "tests/test_a.py:9")
    assert problems([WORKS, PLANNED, LEFT_OUT], [PROOF, wrong]) == [
        f"tests/test_a.py:9: the claim {claim!r} of tests/test_a.py::test_c {problem}"
    ]


def test_a_flawed_claim_is_a_problem_and_proves_nothing() -> None:
    flawed = replace(PROOF, claim=PLANNED.id, flaw="it is marked skip")
    assert problems([replace(PLANNED, state="works", note="")], [flawed]) == [
        f"endpoints.csv:3: 'GET /api/kernels' {UNPROVEN}",
        f"{CLAIM} 'GET /api/kernels' of tests/test_a.py::test_b does not count: it is marked skip.",
    ]


def test_one_test_can_prove_all_working_rows_of_its_own_kind_only() -> None:
    bulk = replace(PROOF, claim="endpoints/*")
    plugin = replace(WORKS, id="a:b", kind="plugins", place="plugins.csv:2")
    assert problems([WORKS], [bulk]) == []
    assert [p.partition(" claims")[0] for p in problems([WORKS, plugin], [bulk])] == [
        "plugins.csv:2: 'a:b'"
    ]


def test_the_tally_counts_every_state() -> None:
    assert tally([WORKS, PLANNED, PLANNED]) == "1 works, 2 planned, 0 left out"

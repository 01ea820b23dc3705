"""The table of promises as it stands, judged against the tests as they stand."""

from pathlib import Path

import pytest

from .judge import problems
from .proofs import find_proofs
from .table import KINDS, rows

ROOT = Path(__file__).parents[2]


def test_every_promise_has_an_owner_and_a_proof_a_plan_or_a_reason(
    pytestconfig: pytest.Config,
) -> None:
    table = [row for kind in KINDS for row in rows(kind)]
    folders = pytestconfig.getini("testpaths"), pytestconfig.getini("norecursedirs")
    found = problems(table, find_proofs(ROOT, *folders))
    assert not found, "\n".join(["", *found])


def test_no_kind_of_promise_is_missing_from_the_table() -> None:
    assert [kind for kind in KINDS if not rows(kind)] == []

"""The search for claims, on tests that do and do not run."""

from pathlib import Path

import pytest

from .proofs import Proof, find_proofs, proofs_in


def claims(source: str, name: str = "tests/test_a.py") -> list[tuple[str, str, str]]:
    """Id, test and flaw of each claim in a file; CLAIM stands for the plainest one."""
    written = source.replace("CLAIM", 'pytest.mark.proves("a")')
    found = proofs_in(f"import pytest\n{written}", name)
    return [(proof.claim, proof.test.removeprefix(f"{name}::"), proof.flaw) for proof in found]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (
            '@pytest.mark.proves("a", "b")\nasync def test_x(): ...',
            [("a", "test_x", ""), ("b", "test_x", "")],
        ),
        (
            "class TestX:\n @CLAIM\n def test_y(self): ...",
            [("a", "TestX::test_y", "")],
        ),
        (
            "PARAMS = [pytest.param(1, marks=CLAIM)]\ndef test_x(): ...",
            [("a", "tests/test_a.py", "it is not on a test function that pytest collects")],
        ),
        (
            "@pytest.mark.parametrize('n', [pytest.param(1, marks=CLAIM)])\ndef test_x(n): ...",
            [("a", "test_x", "")],
        ),
        (
            '@pytest.mark.proves("plugins/*")\ndef test_x(): assert table.working("plugins")',
            [("plugins/*", "test_x", "")],
        ),
        ('TEXT = "@pytest.mark.proves(1)"', []),
    ],
)
def test_claims_are_read_from_the_tests_that_make_them(
    source: str, found: list[tuple[str, str, str]]
) -> None:
    assert claims(source) == found


@pytest.mark.parametrize(
    ("source", "flaw"),
    [
        ("@CLAIM\n@pytest.mark.skip\ndef test_x(): ...", "it is marked skip"),
        ("@CLAIM\n@pytest.mark.xfail(strict=True)\ndef test_x(): ...", "it is marked xfail"),
        ("@CLAIM\ndef test_x():\n pytest.skip('no browser')", "it calls pytest.skip"),
        (
            "@pytest.mark.skipif(True, reason='')\nclass TestX:\n @CLAIM\n def test_x(self): ...",
            "its class is marked skipif",
        ),
        (
            "class TestX:\n def __init__(self): ...\n @CLAIM\n def test_x(self): ...",
            "pytest does not collect TestX, which has an __init__",
        ),
        ("pytestmark = [pytest.mark.skip]\n@CLAIM\ndef test_x(): ...", "its file is marked skip"),
        (
            "numpy = pytest.importorskip('numpy')\n@CLAIM\ndef test_x(): ...",
            "its file calls pytest.importorskip",
        ),
        ("@CLAIM\ndef helper(): ...", "it is not on a test function that pytest collects"),
        ("if True:\n @CLAIM\n def test_x(): ...", None),
        ("@CLAIM\nclass TestX:\n def test_x(self): ...", None),
        ("@pytest.mark.proves()\ndef test_x(): ...", "its marker must name rows, as plain strings"),
        ("@pytest.mark.proves(NAME)\ndef test_x(): ...", "a row's id must be a plain string"),
        (
            '@pytest.mark.proves("plugins/*")\ndef test_x(): working("endpoints")',
            "it claims all working rows without asking for them by working('plugins')",
        ),
    ],
)
def test_a_claim_of_a_test_that_would_not_run_is_flawed(source: str, flaw: str | None) -> None:
    flaw = flaw or "it is not on a test function that pytest collects"
    assert [found for _, _, found in claims(source)] == [flaw]


def test_a_claim_in_a_file_that_pytest_passes_over_is_flawed() -> None:
    source = "@CLAIM\ndef test_x(): ..."
    flaw = "pytest collects only files named test_*.py"
    assert claims(source, "tests/checks.py") == [("a", "test_x", flaw)]


def test_claims_are_looked_for_where_pytest_looks_for_tests(tmp_path: Path) -> None:
    for folder in ("tests/web", "tests/outsider", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "test_a.py").write_text(
            'import pytest\n@pytest.mark.proves("a")\ndef test_x(): ...\n'
        )
    assert find_proofs(tmp_path, ["tests"], ["out*"]) == [
        Proof("a", "tests/web/test_a.py::test_x", "tests/web/test_a.py:2")
    ]

"""The reading of the table's files."""

from pathlib import Path

import pytest

from .table import Row, TableError, rows, working


def test_rows_are_read_with_their_place_and_commas_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "plugins.csv").write_text('id,owner,state,note\na:b,lab,works,\nc:d,,x,"e, f"\n')
    assert rows("plugins", tmp_path) == [
        Row("a:b", "lab", "works", "", "plugins", "plugins.csv:2"),
        Row("c:d", "", "x", "e, f", "plugins", "plugins.csv:3"),
    ]
    assert working("plugins", tmp_path) == ["a:b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,state\n", "plugins.csv:1: the first line must be 'id,owner,state,note'"),
        ("id,owner,state,note\na,b,c\n", "plugins.csv:2: 3 cells instead of 4 in"),
        ("id,owner,state,note\na,b,c,d, e\n", 'Put a cell with a comma in it into "quotes"'),
    ],
)
def test_a_line_that_is_no_row_is_refused_with_its_number(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "plugins.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        rows("plugins", tmp_path)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TableError, match=r"'plugin'\. Kinds: endpoints, plugins, page_config"):
        rows("plugin")

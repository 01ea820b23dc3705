"""The table of promises to existing clients: one line per endpoint, plugin and page-config key."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

KINDS = ("endpoints", "plugins", "page_config")

COLUMNS = ["id", "owner", "state", "note"]

STATES = ("works", "planned", "left out")

# Who can own a row: the core, the browser host and the first-party extensions.
OWNERS = (
    "plughost",
    "ui",
    "contents",
    "events",
    "kernels",
    "terminals",
    "settings",
    "lab",
    "observe",
    "login",
    "lsp",
    "manager",
    "nbconvert",
)

# What a planned row waits for, and nothing else: a free text would hide that
# nobody has taken the row on.
TOPICS = (
    "extension manager",
    "JupyterHub",
)


class TableError(ValueError):
    """A table file cannot be read as rows."""


@dataclass(frozen=True)
class Row:
    """One promise: whose it is, whether it is kept, and the topic or the reason if it is not."""

    id: str
    owner: str
    state: str
    note: str = ""
    kind: str = "endpoints"
    place: str = ""


def rows(kind: str, folder: Path = FOLDER) -> list[Row]:
    """All rows of one kind, in the order of its file.

    Raises `TableError` when the kind is unknown or a line has too few or too many cells.
    """
    if kind not in KINDS:
        raise TableError(f"There is no kind {kind!r}. Kinds: {', '.join(KINDS)}.")
    path = folder / f"{kind}.csv"
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        for cells in lines:
            place = f"{path.name}:{lines.line_num}"
            if lines.line_num == 1:
                if cells != COLUMNS:
                    raise TableError(f"{place}: the first line must be '{','.join(COLUMNS)}'.")
            elif len(cells) != len(COLUMNS):
                raise TableError(
                    f"{place}: {len(cells)} cells instead of {len(COLUMNS)} in {cells}. "
                    f'Put a cell with a comma in it into "quotes".'
                )
            else:
                id_, owner, state, note = (cell.strip() for cell in cells)
                found.append(Row(id_, owner, state, note, kind, place))
    return found


def working(kind: str, folder: Path = FOLDER) -> list[str]:
    """The ids of one kind that say they work, in the order of the file."""
    return [row.id for row in rows(kind, folder) if row.state == "works"]

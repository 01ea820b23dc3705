"""What people see: tables and colours on a terminal, plain text in a pipe, JSON for scripts."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

COLOURS = {
    "active": "green",
    "failed": "red",
    "waiting": "yellow",
    "disabled": "bright_black",
    "blocked": "bright_black",
}
"""The states of an extension; others, and other words, have no colour."""


def has_colours(stream: TextIO) -> bool:
    """Whether colours are wanted there: on a terminal that has some, unless NO_COLOR is set."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and _is_tty(stream)


def is_attended() -> bool:
    """Whether a person sits at both ends and can be asked something."""
    return _is_tty(sys.stdin) and _is_tty(sys.stderr)


def _is_tty(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: it was closed before we came


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns of equal width below a header, the first row; the words in COLOURS in theirs."""
    if len(rows) < 2:
        return
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for number, row in enumerate(rows):
        cells = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            padded = cell if at == len(row) - 1 else cell.ljust(width)
            # Styled after it was padded: escape codes have a length too.
            style = {"bold": True} if number == 0 else {"fg": COLOURS.get(cell)}
            cells.append(click.style(padded, **style))
        click.echo("  ".join(cells).rstrip())


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Names and their values below each other; what has no value is left out."""
    facts = [(name, value) for name, value in facts if value]
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        first, *more = value.splitlines()
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {first}")
        for line in more:
            click.echo(f"{' ' * width}  {line}")


def wrapped(text: str, stream: TextIO) -> str:
    """The text, broken between words where that is a terminal; elsewhere it is left alone."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def short(path: str | Path) -> str:
    """A path as people write it, with `~` for the home folder."""
    home = os.path.expanduser("~")
    text = str(path)
    return f"~{text[len(home) :]}" if home != "/" and text.startswith(home + os.sep) else text


def counted(number: int, plural: str) -> str:
    """`1 kernel`, `2 kernels`."""
    return f"{number} {plural.removesuffix('s') if number == 1 else plural}"

"""How an examination looks: colours and tables on a terminal, plain aligned text in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from plughost import __version__
from plughost_observe.doctor.examination import Examination
from plughost_observe.doctor.findings import Finding, Level, counted
from plughost_observe.doctor.modules import Copy, Resolution
from plughost_observe.doctor.startup import Cost, duration, size

COLOURS = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.NOTE: "cyan"}


class Table(msgspec.Struct, frozen=True):
    """Rows below a title, with a header where columns have names.

    `right` are the columns with numbers; `below` is a sentence on it all.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    right: frozenset[str] = frozenset()
    below: str = ""

    def without_empty(self) -> Table:
        full = [i for i in range(len(self.columns)) if any(row[i] for row in self.rows)]
        return msgspec.structs.replace(
            self,
            columns=[self.columns[i] for i in full],
            rows=[[row[i] for i in full] for row in self.rows],
        )


def tables(seen: Examination) -> Iterator[Table]:
    """What there is to show, in the order in which people look for it."""
    if seen.profile is not None:
        where = "Start" if seen.profile.started else "Extensions"
        yield _costs(where, seen.profile.costs, seen.profile.sentence)
    if not seen.whole:
        if seen.resolution is not None:
            yield from _modules(seen.resolution)
        return
    yield Table(
        "Running servers",
        ["process", "address", "root folder"],
        [[str(s.pid), s.url, s.root] for s in seen.servers],
    )
    yield Table(
        "Routes that answer anybody",
        ["path", "extension"],
        [[route.pattern, route.extension] for route in seen.public_routes],
    )
    yield Table(
        "Kernels",
        ["name", "language", "program", "usable"],
        [[k.name, k.language, k.executable, "no" if k.problem else "yes"] for k in seen.kernels],
    )
    yield Table("Around", ["", ""], [*map(list, _around(seen))])


def _costs(title: str, costs: list[Cost], below: str) -> Table:
    def ms(value: float | None) -> str:
        return "" if not value else duration(value)

    numbers = ["find", "import", "register", "start", "memory", "loop-block"]
    rows = [
        [
            each.name,
            each.state,
            ms(each.find),
            ms(each.imported),
            ms(each.register),
            ms(each.start),
            "" if each.memory is None else size(each.memory),
            f"{duration(each.blocked.milliseconds)} ({each.blocked.count}×)"
            if each.blocked and each.blocked.count
            else "",
        ]
        for each in costs
    ]
    return Table(title, ["extension", "state", *numbers], rows, frozenset(numbers), below)


def _modules(resolution: Resolution) -> Iterator[Table]:
    def listed(copies: list[Copy]) -> str:
        return ", ".join(f"{c.extension} {c.version} ({size(c.bytes)})" for c in copies)

    yield Table(
        "Shared modules",
        ["module", "version", "from", "wanted by", "not used of", "copies"],
        [
            [
                each.name,
                each.version or "none",
                each.extension,
                ", ".join(
                    f"{w.extension} {w.range}{'' if w.fits is not False else ' (!)'}"
                    for w in each.wanted_by
                ),
                ", ".join(each.overruled),
                listed(each.copies),
            ]
            for each in resolution.modules
        ],
    )
    spare = sum(each.spare for each in resolution.duplicates)
    yield Table(
        "More than once in the page",
        ["package", "bundled by", "to spare"],
        [[each.name, listed(each.copies), size(each.spare)] for each in resolution.duplicates],
        frozenset({"to spare"}),
        f"One copy of each would save {size(spare)}, uncompressed." if spare else "",
    )


def _around(seen: Examination) -> Iterator[tuple[str, str]]:
    around = seen.machine
    yield "Python", f"{around['python']} in {around['prefix']}"
    yield "system", around["system"]
    packages = {name: each for name, each in around["packages"].items() if each}
    wanted = ("tornado", "pluggy", "jupyter_client")
    yield "packages", ", ".join(f"{name} {packages[name]}" for name in wanted if name in packages)
    for name, folder in around["folders"].items():
        room = "" if folder["free"] is None else f", {size(folder['free'])} free"
        yield f"{name} folder", f"{folder['path']}{room}"
    node = seen.node
    yield "Node.js", f"{node['node']}, npm {node['npm']}" if node.get("node") else "none"
    for other in seen.environments:
        extensions = ", ".join(each.name for each in other.found) or "no extensions"
        yield "other Python", f"{other.prefix}: {extensions}"


def verdict(seen: Examination) -> str:
    """The last line: whether something is wrong, and how much there is to read."""
    if not seen.ok:
        return f"{counted(seen.findings)}."
    return f"Nothing is wrong; {counted(seen.findings)}." if seen.findings else "Nothing is wrong."


# -- plain


def print_plain(seen: Examination) -> None:
    """Aligned text without colours or frames; what is long is not broken, for grep's sake."""
    click.echo(f"plughost {__version__}")
    for table in tables(seen):
        lean = table.without_empty()
        if lean.rows and lean.columns:
            click.echo(f"\n{lean.title}")
            _print_rows(lean)
        if table.below:
            click.echo(table.below)
    click.echo()
    for finding in seen.findings:
        click.echo(f"{finding.level.value}: {finding.message}")
        if finding.hint:
            click.echo(f"  {finding.hint}")
    click.echo(verdict(seen))


def _print_rows(table: Table) -> None:
    rows = [*([table.columns] if any(table.columns) else []), *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in table.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


# -- terminal


def print_on_terminal(seen: Examination) -> None:
    """The same with colours, wrapped to the width of the terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"[bold]plughost {__version__}[/bold]")
    for table in tables(seen):
        lean = table.without_empty()
        if lean.rows and lean.columns:
            console.print(f"\n[bold]{lean.title}[/bold]")
            console.print(_framed(lean))
        if table.below:
            console.print(table.below, markup=False)
    console.print()
    for finding in seen.findings:
        console.print(_told(finding))
    colour = "green" if seen.ok else COLOURS[Level.ERROR]
    console.print(verdict(seen), style=colour, markup=False)


def _framed(table: Table) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        show_header=any(table.columns),
        show_edge=False,
        pad_edge=False,
        header_style="dim",
    )
    for index, column in enumerate(table.columns):
        right = column in table.right
        drawn.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=right or index == 0,
            overflow="fold",
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    return drawn


def _style(cell: str) -> str:
    return {"failed": "bold red", "no": "bold red", "waiting": "yellow"}.get(cell, "")


def _told(finding: Finding) -> Any:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, width=max(len(level.value) for level in Level))
    grid.add_column(overflow="fold")
    colour = COLOURS[finding.level]
    grid.add_row(Text(finding.level.value, style=colour), Text(finding.message))
    if finding.hint:
        grid.add_row("", Text(finding.hint, style="dim"))
    return Padding(grid, (0, 0, 1, 0))


def is_terminal() -> bool:
    return sys.stdout.isatty()


def make_room_for_any_text() -> None:
    """A character that standard output has no code for becomes a question mark, not an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")

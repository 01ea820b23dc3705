"""The subcommands `plughost doctor` and `plughost bugreport`."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click


@click.command()
@click.option("--startup", is_flag=True, help="Start everything once and show what it costs.")
@click.option("--modules", is_flag=True, help="Show who provides each shared module, and to whom.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def doctor(startup: bool, modules: bool, as_json: bool) -> None:
    """Say what is wrong with what is installed and runs.

    And what to do about it. Extensions are loaded in a process of their own; with --startup
    their services are started there, too, in temporary folders. Ends with exit code 1 when
    something is wrong.

    \b
    Examples:
      plughost doctor               everything
      plughost doctor --startup     who makes the start slow
      plughost doctor --modules     how the page resolves its shared modules
      plughost doctor --json | jq '.findings[].message'
    """
    if startup and modules:
        raise click.UsageError("--startup does not go together with --modules.")
    from plughost_observe.doctor import drawing
    from plughost_observe.doctor.examination import examine, examine_modules, examine_startup

    drawing.make_room_for_any_text()
    with _progress() as progress:
        look = examine_startup if startup else examine_modules if modules else examine
        seen = look(progress)
    if as_json:
        click.echo(json.dumps(seen.to_json(), indent=2))
    elif drawing.is_terminal():
        drawing.print_on_terminal(seen)
    else:
        drawing.print_plain(seen)
    sys.exit(0 if seen.ok else 1)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def bugreport(file: Path | None) -> None:
    """Write a zip for whoever helps you, without your secrets.

    FILE is the zip to write, or a folder for it; without it plughost-bugreport-<time>.zip is
    written here. A file that exists is left alone.
    """
    from plughost_observe.doctor.bugreport import write

    with _progress() as progress:
        report = write(file, progress)
    click.echo(f"{report.path}")
    width = max(len(name) for name, _ in report.members)
    for name, size in report.members:
        click.echo(f"  {name.ljust(width)}  {size:>9,} bytes")
    click.echo(
        "\nTokens, passwords, cookies and names are left out as far as they can be known: "
        "look through it before you send it."
    )
    click.echo(f"Send it to {report.address}")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Say on a terminal what is being done; a pipe and a script hear nothing of it."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("looking") as status:
        yield lambda text: status.update(escape(text))

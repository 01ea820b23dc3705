"""The subcommand `plughost build`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plughost_build.build import Options, Report
from plughost_build.build import build as build_sources
from plughost_build.bundler import Event
from plughost_build.errors import BuildError
from plughost_build.report import json_lines, line_for, plain, size_table, to_stderr
from plughost_build.source import Source, find_sources

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


@click.command()
@click.argument(
    "paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--installed", is_flag=True, help="Build installed extensions that came uncompiled.")
@click.option("--bundle", is_flag=True, help="Make one bundle of everything that is enabled.")
@click.option("--jupyterlab", is_flag=True, help="Make a labextension for JupyterLab as well.")
@click.option("--watch", is_flag=True, help="Build again after each edit, until Ctrl-C.")
@click.option("--dry-run", is_flag=True, help="Say what is not fresh, and build nothing.")
@click.option("--force", is_flag=True, help="Build even what is fresh.")
@click.option("--no-check", is_flag=True, help="Do not check types.")
@click.option("--development", is_flag=True, help="Readable output with source maps.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
def build(
    paths: tuple[Path, ...],
    installed: bool,
    bundle: bool,
    jupyterlab: bool,
    watch: bool,
    dry_run: bool,
    force: bool,
    no_check: bool,
    development: bool,
    as_json: bool,
) -> None:
    """Compile the browser half of extensions.

    PATH is an extension's folder (with a package.json that has a "plughost" object) or an npm
    workspace of several; the current folder, if none is given.
    What is fresh is left alone.

    Exit codes: 0 built or fresh, 1 errors in the source, 2 could not start.
    """
    options = Options(
        mode="development" if development else "production",
        check=not no_check,
        sourcemap=development,
        force=force,
        labextension=jupyterlab,
    )
    try:
        sources = _all_sources(paths or (Path.cwd(),))
        if as_json:
            build_sources(sources, options, json_lines)
        else:
            _show(sources, options)
    except BuildError as error:
        if as_json:
            failed = {"event": "failed", "text": error.args[0], "hint": error.hint}
            print(json.dumps(failed), flush=True)
        else:
            click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _all_sources(paths: tuple[Path, ...]) -> list[Source]:
    """Each once, though several paths may lead to it."""
    return list({s.folder: s for path in paths for s in find_sources(path)}.values())


def _show(sources: list[Source], options: Options) -> None:
    """Build with progress on standard error and, at the end, the sizes on standard output."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("starting") as status:
            results = build_sources(sources, options, _animated(console, status))
    else:
        results = build_sources(sources, options, plain(to_stderr))
    if any(result.built for result in results):
        Console().print(size_table(results))


def _animated(console: Console, status: Status) -> Report:
    """Finished steps in lines; below them the one that is running."""
    running: dict[str, None] = {}

    def report(event: Event) -> None:
        if event["event"] == "step":
            if event["state"] == "start":
                running[event["name"]] = None
            else:
                running.pop(event["name"], None)
            status.update(", ".join(running) or "…")
        if line := line_for(event):
            # No markup, no wrapping: code frames hold brackets and need their columns.
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return report

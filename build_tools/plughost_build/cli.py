"""The subcommand `plughost build`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plughost_build.build import Options, Report, Result
from plughost_build.build import build as build_sources
from plughost_build.build import dry_run as dry_run_sources
from plughost_build.bundler import Event
from plughost_build.errors import BuildError
from plughost_build.report import (
    against_budget,
    json_lines,
    line_for,
    plain,
    size_table,
    to_stderr,
)
from plughost_build.source import Source, find_sources

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

NARROW = 60
"""Columns of a terminal below which the table of sizes has only those over the wire."""
SERVED_WHEN = (
    "A server that runs serves what was built after its next start, or once the extension was "
    "disabled and enabled (`plughost extensions`)."
)


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
@click.option("--sourcemap", is_flag=True, help="Write source maps for a production build, too.")
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
    sourcemap: bool,
    as_json: bool,
) -> None:
    """Compile the browser half of extensions.

    PATH is an extension's folder (with a package.json that has a "plughost" object) or an npm
    workspace of several; the current folder, if none is given.
    What is fresh is left alone.

    Exit codes: 0 built or fresh, 1 errors in a source, or with --dry-run something that is not
    fresh, 2 could not start, 130 interrupted.
    """
    for one, other, both in (
        ("--installed", "a PATH", installed and paths),
        ("--installed", "--jupyterlab", installed and jupyterlab),
        ("--installed", "--watch", installed and watch),
        ("--installed", "--bundle", installed and bundle),
        ("--dry-run", "--watch", dry_run and watch),
        ("--bundle", "a PATH", bundle and paths),
        ("--bundle", "--jupyterlab", bundle and jupyterlab),
        ("--bundle", "--development", bundle and development),
        ("--bundle", "--sourcemap", bundle and sourcemap),
        ("--bundle", "--no-check", bundle and no_check),
        ("--watch", "--bundle", watch and bundle),
        ("--watch", "--jupyterlab", watch and jupyterlab),
        ("--dry-run", "--bundle", dry_run and bundle),
    ):
        if both:
            raise click.UsageError(f"{one} does not go together with {other}.")
    options = Options(
        mode="development" if development else "production",
        check=not no_check,
        sourcemap=development or sourcemap,
        force=force,
        labextension=jupyterlab,
    )

    good = True

    def work(report: Report) -> list[Result]:
        nonlocal good
        if installed:
            from plughost_build.installed import build_installed, dry_run_installed

            outcome = (dry_run_installed if dry_run else build_installed)(options, report)
            good = outcome.ok
            return outcome.results
        if bundle:
            from plughost_build.page_bundle import build_bundles

            return build_bundles(report, force=force)
        sources = _all_sources(paths or (Path.cwd(),))
        if dry_run:
            good = dry_run_sources(sources, options, report)
            return []
        return build_sources(sources, options, report)

    try:
        if watch:
            from plughost_build.watch import watch as keep_built

            options = replace(options, mode="development", sourcemap=True)
            # Until Ctrl-C, which is how it ends and nothing that has failed.
            with suppress(KeyboardInterrupt):
                report = json_lines if as_json else plain(to_stderr)
                keep_built(lambda: _all_sources(paths or (Path.cwd(),)), options, report)
        elif as_json:
            work(json_lines)
        elif dry_run:
            work(plain(click.echo))
        elif any(result.built for result in _show(work)) and installed:
            click.echo(SERVED_WHEN, err=True)
    except KeyboardInterrupt:
        click.echo("Interrupted; what was there before is still there.", err=True)
        sys.exit(130)  # as a shell says of who was ended by SIGINT
    except BuildError as error:
        if as_json:
            failed = {"event": "failed", "text": error.args[0], "hint": error.hint}
            print(json.dumps(failed), flush=True)
        else:
            click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    if not good:
        sys.exit(1)


def _all_sources(paths: tuple[Path, ...]) -> list[Source]:
    """Each once, though several paths may lead to it."""
    return list({s.folder: s for path in paths for s in find_sources(path)}.values())


def _show(work: Callable[[Report], list[Result]]) -> list[Result]:
    """Work with progress on standard error and, at the end, the sizes on standard output."""
    if sys.stderr.isatty():
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("starting") as status:
            results = work(_animated(console, status))
    else:
        results = work(_logged)
    if any(result.built for result in results):
        from rich.console import Console

        # A log has no width, and in it names are looked for whole.
        out = Console(width=None if sys.stdout.isatty() else 200)
        out.print(size_table(results, narrow=out.width < NARROW))
        for line in against_budget(results):
            click.echo(line)
    return results


def _logged(event: Event) -> None:
    plain(to_stderr)(event)
    if event["event"] == "step" and event["state"] == "start" and event["name"] == "bundle":
        import rich.table  # noqa: F401  # for the sizes; now that others are at work


def _animated(console: Console, status: Status) -> Report:
    """Finished steps in lines; below them the one that is running."""
    frontend = ""
    running: dict[str, str] = {}

    def report(event: Event) -> None:
        nonlocal frontend
        if event["event"] == "frontend":
            frontend = event["name"]
        if event["event"] == "step":
            running.pop(event["name"], None)
            if event["state"] != "done":
                running[event["name"]] = (line_for(event) or event["name"]).strip()
        words = ": ".join(filter(None, (frontend, ", ".join(running.values()))))
        # Naming the spinner has it drawn now: not every step lasts until the next time.
        status.update(words, spinner="dots")
        # What is under way is shown below the lines, not among them.
        if (line := line_for(event)) and event.get("state") != "progress":
            # No markup, no wrapping: code frames hold brackets and need their columns.
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return report

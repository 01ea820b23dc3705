"""The `plughost` command. What it cannot do itself is a subcommand of some extension.

Subcommands are entry points in the group `plughost.subcommands`, each a click command,
so that `plughost --help` lists them without importing any extension.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click
import importlib_metadata

from plughost._version import __version__
from plughost.errors import HostError, did_you_mean

SUBCOMMANDS = "plughost.subcommands"


class Subcommands(click.Group):
    """Our own commands and those of extensions; a misspelt one suggests the right one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._entry_points().names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in self._entry_points().names:
            return own
        entry = self._entry_points()[cmd_name]
        try:
            command: click.Command = entry.load()
        except ImportError as error:
            distribution = entry.dist.name if entry.dist else "?"
            raise click.ClickException(
                f"The subcommand {cmd_name!r} of {distribution!r} cannot be imported: {error}"
            ) from error
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = did_you_mean(args[0], self.list_commands(ctx)) if args else ""
            raise click.UsageError(f"{error.message} {hint}".strip(), ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that can explain itself is told without a traceback."""
        try:
            return super().invoke(ctx)
        except HostError as error:
            message = f"{error.message}\n{error.hint}" if error.hint else error.message
            raise click.ClickException(message) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; those of extensions by the distribution they come from."""
        rows = []
        for name in self.list_commands(ctx):
            own = self.commands.get(name)
            if own is not None:
                rows.append((name, own.get_short_help_str(60)))
            else:
                entry = self._entry_points()[name]
                rows.append((name, f"from {entry.dist.name if entry.dist else entry.module}"))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _entry_points(self) -> Any:
        return importlib_metadata.entry_points(group=SUBCOMMANDS)


@click.group(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="plughost")
def main() -> None:
    """An extension-first host for notebooks, terminals and whatever you install."""


@main.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--ip", help="Address to listen on [127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on; the next free one if taken [8888].")
@click.option("--root", type=click.Path(path_type=Path), help="Folder to show [here].")
@click.option("--base-url", help="Path under which everything is served [/].")
@click.option("--token", help="What callers must present [random].")
@click.option("--token-file", type=click.Path(path_type=Path), help="File with the token.")
@click.option("--no-auth", is_flag=True, default=None, help="Let everybody in (loopback only).")
@click.option("--certfile", type=click.Path(path_type=Path), help="Serve HTTPS with this.")
@click.option("--keyfile", type=click.Path(path_type=Path), help="The certificate's key.")
@click.option("--unix-socket", type=click.Path(path_type=Path), help="Listen on this file.")
@click.option("--no-browser", is_flag=True, help="Print the URL, open nothing.")
@click.option("--safe", is_flag=True, default=None, help="Load first-party extensions only.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="One more plughost.toml, above yours."
)
@click.option("--verbose", "-v", is_flag=True, help="Log every request.")
def serve(
    path: Path | None, no_browser: bool, config: Path | None, verbose: bool, **flags: Any
) -> None:
    """Serve a folder, or the folder of a file, and open the browser.

    \b
    Examples:
      plughost serve                    the current folder
      plughost serve ~/notebooks        another folder
      plughost serve analysis.ipynb     one file, opened
    """
    from plughost.serving import run

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname).1s %(asctime)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    run(path, flags, config_file=config, open_browser=not no_browser)


@main.group()
def extensions() -> None:
    """See which extensions are installed and how they fare."""


@extensions.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def list_extensions(as_json: bool) -> None:
    """Import every installed extension and say how that went.

    Ends with exit code 1 when one failed.
    """
    from plughost.serving import load_records, print_records

    # What an extension logs while it is tried stands in its record; once is enough.
    logging.disable(logging.CRITICAL)
    records = load_records()
    print_records(records, as_json=as_json)
    if any(record.stopped for record in records):
        sys.exit(1)


@extensions.command("enable")
@click.argument("name")
def enable_extension(name: str) -> None:
    """Give an extension that was switched off for failing another chance."""
    from plughost.serving import enable

    enable(name)

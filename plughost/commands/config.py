"""`plughost config`: the settings, who says what, and the file to change them in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plughost.commands.completion import config_keys
from plughost.commands.extensions import written
from plughost.commands.groups import Group

if TYPE_CHECKING:
    from plughost.config.layers import Entry


@click.group(cls=Group, default="show")
def config() -> None:
    """See what is set, where, and why it counts; change it.

    \b
    Examples:
      plughost config                  what is set, and where
      plughost config explain port     what each file and variable says of it
      plughost config edit             your plughost.toml, in your editor
    """


@config.command()
@click.option("--all", "everything", is_flag=True, help="Also what is at its default.")
@click.option("--json", "as_json", is_flag=True, help="Print settings and warnings as JSON.")
def show(everything: bool, as_json: bool) -> None:
    """Show what is set, and where; of secrets only that they are."""
    from plughost import terminal
    from plughost.config import load

    settings = load()
    told = [each for each in settings.to_json() if everything or each["source"] != "default"]
    if as_json:
        terminal.print_json({"settings": told, "warnings": list(settings.warnings)})
        return
    rows = [("SETTING", "VALUE", "SET IN")]
    rows += [(each["key"], written(each["value"]), _place(each["source"])) for each in told]
    terminal.print_table(rows)
    if not told:
        click.echo("Nothing is set; everything is at its default. See: plughost config show --all")
    for warning in settings.warnings:
        click.echo(f"\n{warning}", err=True)


@config.command()
@click.argument("key", shell_complete=config_keys)
@click.option("--json", "as_json", is_flag=True, help="Print what each layer says as JSON.")
def explain(key: str, as_json: bool) -> None:
    """Say what each layer says of a setting, and which counts.

    KEY is a setting, such as `port`, or one of an extension: `extensions.kernels.enabled`.
    """
    from plughost import terminal

    layers = _explained(key)
    if as_json:
        keys = ("value", "source", "counts", "note")
        terminal.print_json([{name: getattr(each, name) for name in keys} for each in layers])
        return
    ruling = next(each for each in layers if each.counts)
    click.echo(f"{key} = {written(ruling.value)}\n")
    rows = [("VALUE", "", "SAID BY")]
    overruled = False
    for each in layers:
        verdict = "counts" if each.counts else "overruled" if overruled else "no effect"
        rows.append((written(each.value), verdict, _place(each.source)))
        overruled = overruled or each.counts
    terminal.print_table(rows)
    for each in layers:
        if each.note and not each.counts:
            click.echo(f"\n{_place(each.source)}: {each.note}")


@config.command()
def edit() -> None:
    """Change your plughost.toml in an editor, and check it.

    The editor is $VISUAL, $EDITOR, or what the system has.
    """
    from plughost import terminal
    from plughost.commands import user_file
    from plughost.config import load
    from plughost.errors import ConfigError

    file = user_file.path()
    if not file.exists():
        user_file.write(file, user_file.TEMPLATE)
        click.echo(f"Created {terminal.short(file)}.")
    while True:
        _open_editor(file)
        try:
            settings = load()
        except ConfigError as error:
            told = f"Error: {error.message}\n{error.hint}"
            click.echo(terminal.wrapped(told, sys.stderr), err=True)
            if not sys.stdin.isatty() or not click.confirm("Edit again?", default=True, err=True):
                sys.exit(1)
        else:
            break
    for warning in settings.warnings:
        click.echo(warning, err=True)
    click.echo(f"{terminal.short(file)} is fine. Servers read it when they start.")


def _explained(key: str) -> list[Entry]:
    """What the layers say of a key; who declares it is imported when nobody has set it."""
    from plughost.config import load
    from plughost.errors import ConfigError

    settings = load()
    try:
        return settings.explain(key)
    except ConfigError:
        if not key.startswith("extensions."):
            raise
    from plughost.commands.extensions import tried

    return tried().config.explain(key)


def _open_editor(file: Path) -> None:
    try:
        click.edit(filename=str(file))
    except click.ClickException as error:
        raise click.ClickException(
            f"{error.format_message()}\nName an editor in the environment variable EDITOR, or "
            f"change {str(file)!r} with another program."
        ) from None


def _place(source: str) -> str:
    from plughost.terminal import short

    return short(source)

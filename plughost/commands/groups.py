"""Groups of subcommands: those of extensions among them, and errors that say what to do next.

A command ends with 0 when all is well, with 1 when something is wrong, and with 2 when it was
called in a way that makes no sense.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import importlib_metadata

from plughost.errors import HostError, did_you_mean
from plughost.metadata import entry_points

SUBCOMMANDS = "plughost.subcommands"
"""The entry-point group in which a distribution names its subcommands, each a click command."""


class Group(click.Group):
    """A group whose misspelt subcommands suggest the right one.

    `default` is the subcommand that is meant when none is named.
    """

    def __init__(self, *args: Any, default: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        help_wanted = args and args[0] in ctx.help_option_names
        if self._default and not help_wanted and (not args or args[0].startswith("-")):
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(no_such(name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


class Commands(Group):
    """The top level: our own commands and those of extensions, which are not imported to be listed.

    An error that can explain itself is told without a traceback.
    """

    group_class = Group

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_entry_points().names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _entry_points().names:
            return own
        entry = _entry_points()[cmd_name]
        try:
            command: click.Command = entry.load()
        except (ImportError, AttributeError) as error:
            name = entry.dist.name if entry.dist else "?"
            raise click.ClickException(
                f"The subcommand {cmd_name!r} of {name!r} cannot be imported: {error}\n"
                f"Reinstall it (`pip install --force-reinstall {name}`), or report it to its "
                "authors."
            ) from error
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        # Not by looking up the command, as groups do: that imports it, and may raise.
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(no_such(args[0], self.list_commands(ctx)), ctx)
        return super(Group, self).resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        # click itself knows nothing of https://no-color.org.
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except HostError as error:
            from plughost.terminal import wrapped

            message = f"Error: {error.message}\n{error.hint or ''}".rstrip()
            click.echo(wrapped(message, sys.stderr), err=True)
            ctx.exit(1)
        except RuntimeError as error:
            if "home directory" not in str(error):
                raise
            click.echo(
                "Error: There is no home folder: HOME is not set, and the system does not know "
                "this user.\nSet HOME, or JUPYTER_CONFIG_DIR, JUPYTER_DATA_DIR and "
                "JUPYTER_RUNTIME_DIR.",
                err=True,
            )
            ctx.exit(1)
        except FileNotFoundError:
            if _has_folder():
                raise
            click.echo(
                "Error: The current folder does not exist any more.\nGo to one that does.", err=True
            )
            ctx.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        entries = _entry_points()
        rows = [
            (name, own.get_short_help_str(room) if own else described(entries[name], room))
            for name in names
            for own in (self.commands.get(name),)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        # click would import each command whose name fits, only to see what it says of itself.
        from click.shell_completion import CompletionItem

        entries = _entry_points()
        return [
            CompletionItem(
                name, help=own.get_short_help_str() if own else described(entries[name], 60)
            )
            for name in self.list_commands(ctx)
            for own in (self.commands.get(name),)
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)


def no_such(name: str, known: Iterable[str]) -> str:
    known = list(known)
    return f"There is no command {name!r}. {did_you_mean(name, known) or _list(known)}".strip()


def described(entry: importlib_metadata.EntryPoint, room: int) -> str:
    """What a subcommand says of itself, in one line; whose it is when that cannot be seen.

    Read from the source of the function: importing extensions takes long, and may fail.
    """
    says = _docstring(entry.module, entry.attr)
    if says:
        # The function has no parameters or body that click would look at.
        return click.Command(entry.name, help=says).get_short_help_str(room)
    return f"from {entry.dist.name if entry.dist else entry.module}"


def _docstring(module: str, function: str) -> str:
    """The docstring of a function at the top of a module; empty where there is none to see."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        if spec is None:
            return ""
        folders = [Path(each, *rest) for each in spec.submodule_search_locations or ()]
        own = [Path(spec.origin)] if spec.origin and not rest else []
        nested = [file for f in folders for file in (f.with_suffix(".py"), f / "__init__.py")]
        source = next(file for file in (own or nested) if file.is_file())
        tree = ast.parse(source.read_bytes())
    except (ImportError, ValueError, OSError, SyntaxError, StopIteration):
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return ast.get_docstring(node) or ""
    return ""


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _list(known: list[str]) -> str:
    return f"There are: {', '.join(known)}."


@functools.cache
def _entry_points() -> Any:
    return importlib_metadata.EntryPoints(entry for entry, _ in entry_points(SUBCOMMANDS))

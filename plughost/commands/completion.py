"""Words that the shell completes, and the scripts that make it ask for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import importlib_metadata

SHELLS = {
    "bash": 'Put this line into ~/.bashrc:  eval "$(plughost completion bash)"',
    "zsh": 'Put this line into ~/.zshrc:  eval "$(plughost completion zsh)"',
    "fish": "Write it to a file:  "
    "plughost completion fish > ~/.config/fish/completions/plughost.fish",
}
"""With how each is told to complete."""


@click.command()
@click.argument("shell", required=False, type=click.Choice([*SHELLS]))
def completion(shell: str | None) -> None:
    """Print the script for completion in your shell.

    \b
    Examples:
      eval "$(plughost completion bash)"      in ~/.bashrc
      eval "$(plughost completion zsh)"       in ~/.zshrc
      plughost completion fish > ~/.config/fish/completions/plughost.fish
    """
    from click.shell_completion import get_completion_class

    shell = shell or Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise click.UsageError(f"Which shell? Name one of these: {', '.join(SHELLS)}.")
    click.echo(kind(click.Command("plughost"), {}, "plughost", "_PLUGHOST_COMPLETE").source())
    if sys.stdout.isatty():
        click.echo(f"# {SHELLS[shell]}", err=True)


def extension_names(ctx: Any, param: Any, incomplete: str) -> list[str]:
    names = importlib_metadata.entry_points(group="plughost").names
    return sorted(name for name in names if name.startswith(incomplete))


def config_keys(ctx: Any, param: Any, incomplete: str) -> list[str]:
    from plughost.config import SETTINGS, load
    from plughost.errors import ConfigError

    try:
        known = {*SETTINGS, *load().sources}
    except ConfigError:
        known = {*SETTINGS}
    return sorted(key for key in known if key.startswith(incomplete))


def server_ports(ctx: Any, param: Any, incomplete: str) -> list[str]:
    from plughost.servers import running_servers

    ports = [str(server.port or server.pid) for server in running_servers()]
    return [port for port in ports if port.startswith(incomplete)]

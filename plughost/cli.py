"""The `plughost` command: its table of contents.

What it cannot do itself is a subcommand of some extension: an entry point in the group
`plughost.subcommands`, so that `plughost --help` lists it without importing anything.
"""

from __future__ import annotations

import click

from plughost._version import __version__
from plughost.commands.completion import completion
from plughost.commands.config import config
from plughost.commands.extensions import extensions
from plughost.commands.groups import Commands
from plughost.commands.serve import serve
from plughost.commands.servers import servers


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="plughost")
def main() -> None:
    """An extension-first host for notebooks, terminals and whatever you install.

    \b
    Examples:
      plughost serve               the current folder, in the browser
      plughost extensions          what is installed, and how it fares
    """


main.add_command(serve)
main.add_command(servers)
main.add_command(extensions)
main.add_command(config)
main.add_command(completion)

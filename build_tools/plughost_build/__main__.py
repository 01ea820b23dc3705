"""`python -m plughost_build`: the subcommand without the core around it."""

from plughost_build.cli import build

build()

"""`python -m plughost` is the `plughost` command."""

from plughost.cli import main

main()

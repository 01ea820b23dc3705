"""Says at the end of a test run how many promises are kept."""

import pytest

from .judge import tally
from .table import KINDS, TableError, rows


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line per kind of promise."""
    terminalreporter.section("promises to existing clients")
    for kind in KINDS:
        try:
            line = tally(rows(kind))
        except TableError as error:  # has failed a test; here it would end the whole run
            line = str(error)
        terminalreporter.write_line(f"{kind}: {line}")

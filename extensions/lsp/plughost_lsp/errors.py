"""What can be wrong with a language server, and what to do then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from plughost import HostError, NotFound, Unavailable


class ServerNotFound(NotFound):
    def __init__(self, name: str, installed: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"There is no language server named {name!r}.",
            hint=f"There are: {', '.join(sorted(installed)) or 'none'}.",
        )


class NotInstalled(NotFound):
    def __init__(self, name: str, install: Mapping[str, str]) -> None:
        self.name = name
        how = " or ".join(install.values())
        super().__init__(
            f"The language server {name!r} is not installed.",
            hint=f"To install it: {how}" if how else "Install it where PATH leads.",
        )


class TooManyServers(Unavailable):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"{limit} language servers are running, and no more are started.",
            hint="Close some tabs, or raise max_processes in [extensions.lsp] of plughost.toml.",
            retry_after=30,
        )


class KeepsDying(Unavailable):
    """Too many deaths in a row; `said` is the last line of its stderr, maybe empty."""

    def __init__(self, name: str, deaths: int, seconds: int, said: str) -> None:
        self.name = name
        last = f" It last said: {said}" if said else ""
        super().__init__(
            f"The language server {name!r} has died {deaths} times within a minute.{last}",
            hint=f"It can be started again in {seconds} s; GET /lsp/status has what it said.",
            retry_after=seconds,
        )


class NotStarted(HostError):
    def __init__(self, name: str, program: str, why: str) -> None:
        self.name = name
        super().__init__(
            f"The language server {name!r} cannot be started: {program!r}: {why}.",
            hint="Correct its argv in [extensions.lsp.servers], or install it again.",
        )

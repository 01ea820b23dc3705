"""What a person can set: `[extensions.terminals]` in `plughost.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """The settings of terminals, with their defaults."""

    shell_command: list[str] = field(default_factory=list)
    """Program and arguments to run; empty: the user's shell, not as a login shell."""

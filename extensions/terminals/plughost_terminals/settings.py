"""What a person can set: `[extensions.terminals]` in `plughost.toml`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The settings of terminals, with their defaults."""

    shell_command: str | list[str] = field(default_factory=list)
    """Program and arguments to run; empty: the user's shell, not as a login shell."""
    terminado_settings: dict[str, Any] = field(
        default_factory=dict,
        metadata={"jupyter": ("ServerApp.terminado_settings", "NotebookApp.terminado_settings")},
    )
    """Where Jupyter's files have `shell_command`; nothing else of it is used."""
    terminals_enabled: bool = field(
        default=True,
        metadata={"jupyter": ("ServerApp.terminals_enabled", "NotebookApp.terminals_enabled")},
    )
    """Whether terminals can be opened."""
    cull_inactive_timeout: float = field(
        default=0.0, metadata={"jupyter": "TerminalManager.cull_inactive_timeout"}
    )
    """Seconds without input or output after which a terminal is closed; 0: never."""
    cull_interval: float = field(
        default=300.0, metadata={"jupyter": "TerminalManager.cull_interval"}
    )
    """Seconds from one look for inactive terminals to the next."""

    @property
    def shell(self) -> list[str]:
        """The command that is set, as a list; empty where none is."""
        command = self.shell_command or self.terminado_settings.get("shell_command") or []
        return shlex.split(command) if isinstance(command, str) else [str(part) for part in command]

"""What people can set in `[extensions.observe]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The settings of what is written down, and of who may read the metrics."""

    log_file: bool = True
    """Log lines go to a file; with `--safe` none is written, whatever is set."""
    log_folder: Path | None = None
    """Where the files lie; `plughost/logs` in Jupyter's data folder by default."""
    log_bytes: int = 5 * 1024 * 1024
    """A file that has become this large is put aside, and another begun."""
    log_count: int = 5
    """Files that are kept beside the one that is written."""
    log_memory: int = 2 * 1024 * 1024
    """Bytes of log lines that are kept in memory, for `GET /plughost/api/logs`."""
    audit: bool = False
    """Whether it is written down who did what."""
    audit_file: Path | None = None
    """Where; `audit.jsonl` beside the log files by default."""
    loop_limit: float = 100.0
    """Milliseconds for which a callback may hold the event loop unreported."""
    public_metrics: bool = False
    """Whether anybody may read `GET /metrics`, without a token."""
    startup_budget_ms: float = 500.0
    """Milliseconds that an extension may add to the start before `plughost doctor` warns."""

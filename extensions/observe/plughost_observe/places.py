"""Where the log and the audit log are written."""

from __future__ import annotations

from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from plughost import Config
from plughost_observe.log_file import RotatingFile
from plughost_observe.settings import Settings


def log_file(config: Config, settings: Settings) -> RotatingFile | None:
    """The file of this server, named after its port; None when nothing may be written."""
    if config.safe or not settings.log_file:
        return None
    # By the port, so that a person finds what was logged before the server was restarted.
    name = config.unix_socket.stem if config.unix_socket else str(config.port)
    path = _folder(config, settings) / f"{name}.jsonl"
    return RotatingFile(path, settings.log_bytes, settings.log_count)


def audit_file(config: Config, settings: Settings) -> Path:
    """The one file of all servers of this user."""
    if settings.audit_file is None:
        return _folder(config, settings) / "audit.jsonl"
    return config.root / settings.audit_file


def _folder(config: Config, settings: Settings) -> Path:
    if settings.log_folder is None:
        return Path(jupyter_data_dir(), "plughost", "logs")
    return config.root / settings.log_folder

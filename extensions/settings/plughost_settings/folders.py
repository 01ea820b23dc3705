"""Where Jupyter keeps its files: the same places, so that people keep what they have."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir, jupyter_config_path

from plughost_settings.sections import Sections


@dataclass(frozen=True)
class Folders:
    """The folders of one person on one machine.

    `config` is the person's own, `config_path` all configuration folders with the
    strongest first. `app_settings` is the administrator's: overrides and page
    configuration of JupyterLab as it is installed.
    """

    config: Path
    config_path: tuple[Path, ...]
    app_settings: Path
    user_settings: Path
    workspaces: Path

    def sections(self, kind: str) -> Sections:
        """The sections in the subfolder `kind` of the configuration folders."""
        return Sections([folder / kind for folder in self.config_path], own=self.config / kind)


def jupyter_folders() -> Folders:
    """The folders that JupyterLab uses, its three environment variables honoured."""
    config = Path(jupyter_config_dir())
    app = _from_environment("JUPYTERLAB_DIR", Path(sys.prefix, "share", "jupyter", "lab"))
    return Folders(
        config=config,
        config_path=tuple(map(Path, jupyter_config_path())),
        app_settings=app / "settings",
        user_settings=_from_environment("JUPYTERLAB_SETTINGS_DIR", config / "lab/user-settings"),
        workspaces=_from_environment("JUPYTERLAB_WORKSPACES_DIR", config / "lab/workspaces"),
    )


def _from_environment(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).expanduser()

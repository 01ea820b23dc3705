"""Where Jupyter keeps its files: the same places, so that people keep what they have."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir, jupyter_config_path, jupyter_path

from plughost_settings.options import Options
from plughost_settings.sections import Sections


@dataclass(frozen=True)
class Folders:
    """The folders of one person on one machine.

    `config` is the person's own, `config_path` all configuration folders with the
    strongest first, `labextensions` all folders of labextensions likewise. `app_settings`
    is the administrator's: overrides and page configuration of JupyterLab as it is installed.
    """

    config: Path
    config_path: tuple[Path, ...]
    labextensions: tuple[Path, ...]
    app_settings: Path
    user_settings: Path
    workspaces: Path

    def sections(self, kind: str) -> Sections:
        """The sections in the subfolder `kind` of the configuration folders."""
        return Sections([folder / kind for folder in self.config_path], own=self.config / kind)


def jupyter_folders(options: Options | None = None) -> Folders:
    """The folders that JupyterLab uses: what is set, else its environment variables, else
    what jupyter_core says."""
    options = options or Options()
    config = Path(jupyter_config_dir())
    app = options.app_dir or _variable("JUPYTERLAB_DIR", Path(sys.prefix, "share/jupyter/lab"))
    return Folders(
        config=config,
        config_path=tuple(map(Path, jupyter_config_path())),
        labextensions=(
            *options.extra_labextensions_path,
            *map(Path, jupyter_path("labextensions")),
        ),
        app_settings=app / "settings",
        user_settings=options.user_settings_dir
        or _variable("JUPYTERLAB_SETTINGS_DIR", config / "lab/user-settings"),
        workspaces=options.workspaces_dir
        or _variable("JUPYTERLAB_WORKSPACES_DIR", config / "lab/workspaces"),
    )


def _variable(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).expanduser()

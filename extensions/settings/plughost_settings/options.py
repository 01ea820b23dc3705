"""What a person can set: `[extensions.settings]` in `plughost.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


def _jupyter(name: str) -> dict[str, tuple[str, ...]]:
    """What Jupyter calls a setting; its files count where plughost.toml says nothing."""
    return {"jupyter": (f"LabApp.{name}", f"LabServerApp.{name}", f"LabConfig.{name}")}


@dataclass(frozen=True)
class Options:
    """The settings of settings, with their defaults."""

    custom_css: bool = field(default=False, metadata=_jupyter("custom_css"))
    """Whether the lab's page loads `custom/custom.css`."""
    app_dir: Path | None = field(default=None, metadata=_jupyter("app_dir"))
    """JupyterLab's application folder, with `settings/` in it; None: what `JUPYTERLAB_DIR` says."""
    user_settings_dir: Path | None = field(default=None, metadata=_jupyter("user_settings_dir"))
    """Folder of the person's settings; None: what `JUPYTERLAB_SETTINGS_DIR` says."""
    workspaces_dir: Path | None = field(default=None, metadata=_jupyter("workspaces_dir"))
    """Folder of the workspaces; None: what `JUPYTERLAB_WORKSPACES_DIR` says."""
    extra_labextensions_path: list[Path] = field(
        default_factory=list, metadata=_jupyter("extra_labextensions_path")
    )
    """Folders of labextensions that go before Jupyter's data folders."""
    blocked_extensions_uris: str | list[str] = field(
        default_factory=list, metadata=_jupyter("blocked_extensions_uris")
    )
    """Files (paths or `file:` URIs) that list extensions nobody may install."""
    allowed_extensions_uris: str | list[str] = field(
        default_factory=list, metadata=_jupyter("allowed_extensions_uris")
    )
    """Files that list the only extensions that may be installed."""

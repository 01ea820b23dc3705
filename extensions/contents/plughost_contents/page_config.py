"""What the page knows about the files before it asks for any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plughost_contents.settings import Settings


def page_values(root: Path, settings: Settings) -> dict[str, Any]:
    """The page-configuration keys of JupyterLab that concern files."""
    return {
        "serverRoot": shown(root),
        "preferredPath": settings.preferred_path,
        "delete_to_trash": settings.delete_to_trash,
        "allow_hidden_files": settings.allow_hidden_files,
        "copyAbsolutePath": settings.copy_absolute_path,
    }


def shown(root: Path) -> str:
    """The root folder as a person would write it, with `~` for the home folder."""
    home = Path.home()
    if root == home:
        return "~"
    return f"~/{root.relative_to(home).as_posix()}" if home in root.parents else str(root)

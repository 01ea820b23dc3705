"""What a person can set: `[extensions.contents]` in `plughost.toml`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The settings of contents, with their defaults."""

    allow_hidden_files: bool = False
    """Answer for names that begin with a dot, and list them where a page asks for it."""
    delete_to_trash: bool = True
    """Move what is deleted to the trash of the system; false: delete it for good."""
    strict_root: bool = False
    """Refuse symbolic links that lead out of the root folder."""
    copy_absolute_path: bool = False
    """Let the page copy paths with the root folder in front."""
    preferred_path: str = "/"
    """Folder, below the root, that the file browser opens first."""

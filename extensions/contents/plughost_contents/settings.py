"""What a person can set: `[extensions.contents]` in `plughost.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field

_MANAGERS = ("AsyncFileContentsManager", "FileContentsManager", "ContentsManager")


def _jupyter(name: str) -> dict[str, tuple[str, ...]]:
    """What Jupyter calls a setting; its files count where plughost.toml says nothing."""
    return {"jupyter": tuple(f"{manager}.{name}" for manager in _MANAGERS)}


@dataclass(frozen=True)
class Settings:
    """The settings of contents, with their defaults."""

    allow_hidden_files: bool = field(default=False, metadata=_jupyter("allow_hidden"))
    """Answer for names that begin with a dot, and list them where a page asks for it."""
    delete_to_trash: bool = field(default=True, metadata=_jupyter("delete_to_trash"))
    """Move what is deleted to the trash of the system; false: delete it for good."""
    strict_root: bool = False
    """Refuse symbolic links that lead out of the root folder."""
    copy_absolute_path: bool = False
    """Let the page copy paths with the root folder in front."""
    preferred_path: str = "/"
    """Folder, below the root, that the file browser opens first."""

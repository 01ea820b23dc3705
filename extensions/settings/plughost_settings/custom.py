"""The person's own style sheet for the workbench."""

from __future__ import annotations

from pathlib import Path


class CustomStyle:
    """`custom/custom.css` in Jupyter's configuration folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """The style sheet; an empty one where there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

"""Themes: style sheets, with their fonts and images, that the page loads at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from plughost import NotFound


class ThemeNotFound(NotFound):
    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(
            f"No enabled frontend and no labextension has a theme from the package {package!r}.",
            hint="A build writes themes to `themes/` beside its output; run `plughost build`.",
        )


class Themes:
    """The themes in `<folder>/<package>/`; the first folder that has one wins."""

    def __init__(self, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders

    def folder(self, package: str) -> Path:
        """Where a theme's files lie. Raises ThemeNotFound."""
        for folder in self._folders():
            if (folder / package).is_dir():
                # What has been linked in from its source tree is not in its folder by name.
                return (folder / package).resolve()
        raise ThemeNotFound(package)

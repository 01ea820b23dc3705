"""Listings: which extensions an administrator lets people install, and which not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from plughost_settings.files import read_objects

log = logging.getLogger("plughost.settings")


class Listings:
    """The blocked and the allowed extensions, from files; nothing is fetched from elsewhere.

    A file is JSON: `{"blocked_extensions": [{"name": …}]}`, or `allowed_extensions`. One
    that cannot be used counts as empty and is still named among the URIs: where there is an
    allowed list, what is not on it is not allowed.
    """

    def __init__(self, blocked: str | Sequence[str], allowed: str | Sequence[str]) -> None:
        self._uris = {"blocked_extensions": _split(blocked), "allowed_extensions": _split(allowed)}
        for uri in [uri for uris in self._uris.values() for uri in uris]:
            if _path(uri) is None:
                log.warning(
                    "The listing %r is not read: it is no file here. "
                    "Download it, and name the file by its whole path.",
                    uri,
                )

    def read(self) -> dict[str, list[Any]]:
        """Both lists, and the URIs they came from, by the names that JupyterLab has for them."""
        found: dict[str, list[Any]] = {f"{kind}_uris": uris for kind, uris in self._uris.items()}
        for kind, uris in self._uris.items():
            paths = [path for path in map(_path, uris) if path is not None]
            lists = [values.get(kind) for values in read_objects(*paths)]
            found[kind] = [each for listed in lists if isinstance(listed, list) for each in listed]
        return found


def _split(uris: str | Sequence[str]) -> list[str]:
    """URIs as Jupyter writes them, between commas, or already apart."""
    parts = uris.split(",") if isinstance(uris, str) else uris
    return [part.strip() for part in parts if part.strip()]


def _path(uri: str) -> Path | None:
    """The file on this machine that a URI means (RFC 8089); None for anything else."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    path = Path(uri).expanduser()
    return path if path.is_absolute() else None

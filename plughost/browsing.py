"""Leading a browser to a URL with a token, without telling it to everybody on the machine."""

from __future__ import annotations

import contextlib
import html
import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECONDS = 30.0
"""So long a browser has to find its way."""
READING_SECONDS = 5.0
"""The same, where a person waits at a prompt for it."""


@contextlib.contextmanager
def address(url: str, token: str) -> Iterator[str]:
    """What to open instead of a URL that holds the token, as long as a `with` lasts.

    The arguments of a program can be read by everybody, so a browser gets the name of a file
    that only this user can read and that leads on.
    """
    # A browser of Windows beside a Linux in it cannot read the file.
    if not token or "microsoft" in platform.release().lower():
        yield url
        return
    descriptor, name = tempfile.mkstemp(prefix="plughost-", suffix=".html")  # mode 0600
    file = Path(name)
    try:
        target = html.escape(url, quote=True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as page:
            page.write(
                "<!DOCTYPE html><meta charset=utf-8><title>plughost</title>"
                f'<meta http-equiv="refresh" content="0; url={target}">'
                f'<a href="{target}">Open plughost</a>'
            )
        yield file.as_uri()
    finally:
        file.unlink(missing_ok=True)

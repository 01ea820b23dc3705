"""Where people are sent once they are in: back to where they were, and nowhere else."""

from __future__ import annotations

import re
import string
from urllib.parse import quote, unquote

# Browsers drop tabs and line ends, and take a backslash for a slash (URL standard, 4.4).
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT = string.punctuation


def destination(url: str, base_url: str) -> str:
    """The URL when it is a path below the base URL, else the base URL.

    A path that begins with two slashes would name another host, and one with `..`, plain or
    encoded, could leave the base URL for whatever else answers at this host.
    """
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    inside = (
        path.startswith("/")
        and not path.startswith("//")
        and not _UNSAFE.search(url)
        and not {".", ".."}.intersection(unquote(path).split("/"))
        and f"{path}/".startswith(base_url)
    )
    return quote(url, safe=_KEPT) if inside else base_url

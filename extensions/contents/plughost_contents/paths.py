"""API paths: names joined by `/`, relative to a root that they cannot leave.

The path is decoded once, by the server, and looked at name by name before anything
touches a disk. It is text and stays text: `%2e%2e` after decoding is an odd name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from urllib.parse import quote

from plughost import BadRequest
from plughost_contents.errors import PathNotFound

_COPY = re.compile(r"-Copy\d*(?=\.|$)")


def normal(path: str) -> str:
    """The path without superfluous slashes.

    Raises PathNotFound for a path that no root contains: `.` and `..`, NUL, a backslash
    (a separator to some systems and clients), and what is no Unicode text.
    """
    names = [name for name in path.split("/") if name]
    if not all(name not in (".", "..") and addressable(name) for name in names):
        raise PathNotFound(path)
    return "/".join(names)


def addressable(name: str) -> bool:
    """Whether a name found on disk can be part of an API path."""
    if "\\" in name or "\0" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8, as `os.fsdecode` keeps them
        return False
    return True


def is_hidden(path: str) -> bool:
    """Whether any name in the path begins with a dot."""
    return path.startswith(".") or "/." in path


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def url_path(path: str) -> str:
    """The path for a URL, each name percent-encoded."""
    return quote(path, safe="/")


def untitled_names(kind: str, extension: str) -> Iterator[str]:
    """Names for something new, the preferred one first.

    Raises BadRequest for an extension that is more than the end of a name.
    """
    if "/" in extension or not addressable(extension):
        raise BadRequest(
            f"{extension!r} is no file extension.", hint="Send one such as '.py', or none."
        )
    if kind == "directory":
        return _numbered("Untitled Folder", "", " ")
    if kind == "notebook":
        return _numbered("Untitled", ".ipynb", "")
    return _numbered("untitled", f".{extension.lstrip('.')}" if extension else "", "")


def copy_names(name: str) -> Iterator[str]:
    """Names for a copy: its own, where that is free, then `-Copy1` and so on.

    The number stands before the first dot; a notebook's name may have dots of its own.
    """
    hidden = "." if name.startswith(".") else ""
    bare = _COPY.sub("", name[len(hidden) :])
    cut = bare.rpartition(".") if bare.endswith(".ipynb") else bare.partition(".")
    if not cut[0]:
        cut = (bare, "", "")
    return _numbered(hidden + cut[0], cut[1] + cut[2], "-Copy")


def _numbered(stem: str, extension: str, before_number: str) -> Iterator[str]:
    yield stem + extension
    for number in itertools.count(1):
        yield f"{stem}{before_number}{number}{extension}"

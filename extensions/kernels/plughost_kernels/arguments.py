"""What a kernel can be started with: a folder to work in, and environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from plughost import BadRequest

SESSION_NAME = "JPY_SESSION_NAME"
LONGEST_VARIABLE = 128 * 1024
"""No Linux program can be given a longer variable, in bytes, with its name, `=` and the zero
byte at its end; execve(2)."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_variables(env: Mapping[str, str]) -> None:
    """Raise BadRequest for environment variables that a kernel cannot be given."""
    for name, value in env.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("JPY_"):
            raise BadRequest(
                f"The environment variable {name!r} cannot be set for a kernel.",
                hint="A name has letters, digits and underscores, no digit first; those with "
                "JPY_ are the server's.",
            )
        if "\0" in value:
            raise BadRequest(
                f"The value of the environment variable {name!r} has a zero byte in it.",
                hint="No program can be given one; encode the value.",
            )
        if _size(name, value) > LONGEST_VARIABLE:
            raise BadRequest(
                f"The value of the environment variable {name!r} is too long.",
                hint=f"A variable has at most {LONGEST_VARIABLE} bytes; put it into a file.",
            )


def check_path(path: str) -> None:
    """Raise BadRequest for what is no path anywhere."""
    if "\0" in path:
        raise BadRequest(
            f"The path {path!r} has a zero byte in it.", hint="No file can have such a name."
        )


def check_session_name(name: str) -> None:
    """Raise BadRequest for a path that a kernel cannot be given as its JPY_SESSION_NAME."""
    check_path(name)
    if _size(SESSION_NAME, name) > LONGEST_VARIABLE:
        raise BadRequest(
            f"The path of a session is too long: it has {len(name)} characters.",
            hint=f"Its kernel finds it in {SESSION_NAME}, and a variable has at most "
            f"{LONGEST_VARIABLE} bytes.",
        )


def working_folder(root: Path, path: str) -> Path:
    """The folder a kernel for `path` runs in: the nearest one that exists, not above `root`.

    JupyterLab asks for a session before it has named the file, so `path` itself, or more
    of it, need not exist.
    """
    wanted = Path(os.path.normpath(root / path.strip("/")))
    if not wanted.is_relative_to(root):
        return root
    folder = root
    # Downwards, and with `os.path`, which takes a name that is too long for one of nobody.
    for name in wanted.relative_to(root).parts:
        if not os.path.isdir(folder / name):
            break
        folder /= name
    return folder


def folder_still_there(folder: Path, document: str) -> Path:
    """`folder`, or when that was moved or deleted, the `document`'s, or the nearest above."""
    moved = [Path(document).parent] if document else []
    return next(one for one in (folder, *moved, *folder.parents) if os.path.isdir(one))


def _size(name: str, value: str) -> int:
    return len(os.fsencode(f"{name}={value}")) + 1

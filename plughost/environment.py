"""The environment of processes that extensions start."""

from __future__ import annotations

import os
import re

_SECRETS = re.compile(r"JUPYTER_TOKEN|JPY_\w+|PLUGHOST_(?:TOKEN|HASHED_PASSWORD|EXTENSIONS__\w+)")


def child_environment() -> dict[str, str]:
    """The server's environment variables without its secrets, for a process that it starts.

    Shells, converters and language servers run other people's code, and need neither the
    token nor what stands in variables for extensions.
    """
    return {name: value for name, value in os.environ.items() if not _SECRETS.fullmatch(name)}

"""The running servers of this user, as each of them, and Jupyter's, writes it down."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import msgspec
from jupyter_core.paths import jupyter_runtime_dir


class RunningServer(msgspec.Struct, frozen=True):
    """What stands in `jpserver-<pid>.json`, the file that `jupyter server list` reads."""

    pid: int
    url: str
    token: str = ""
    root_dir: str = ""
    port: int = 0
    base_url: str = "/"
    secure: bool = False
    hostname: str = ""
    password: bool = False
    sock: str = ""
    version: str = ""

    @property
    def login_url(self) -> str:
        """The URL that logs a browser in, where a token does."""
        return f"{self.url}?token={quote(self.token)}" if self.token else self.url


def running_servers() -> list[RunningServer]:
    """Those whose process lives, the one that came first at the top."""
    import psutil  # only a command asks

    found = []
    for file in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        try:
            server = msgspec.json.decode(file.read_bytes(), type=RunningServer)
        except (OSError, msgspec.DecodeError):  # it has just ended, or is being written
            continue
        if psutil.pid_exists(server.pid):
            found.append((file.stat().st_mtime if file.exists() else 0.0, server))
    return [server for _, server in sorted(found, key=lambda each: each[0])]

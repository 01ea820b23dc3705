"""What a person can set: `[extensions.lsp]` in `plughost.toml`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]


def _jupyter(name: str) -> msgspec.Meta:
    """What Jupyter calls a setting; its files count where plughost.toml says nothing."""
    return msgspec.Meta(extra={"jupyter": f"LanguageServerManager.{name}"})


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[extensions.lsp.servers.<name>]`: a server of one's own, or changes to a known one."""

    enabled: bool = True
    """False: this server is neither listed nor started."""
    argv: list[str] = []
    """Program and arguments; it speaks on its standard input and output."""
    languages: list[str] = []
    """What it is for, as JupyterLab names languages: `python`, `r`, `sh`."""
    mime_types: list[str] = []
    """The same as MIME types, for clients that match by those."""
    display_name: str = ""
    """What people read; its name by default."""
    env: dict[str, str] = {}
    """Variables to add to its environment; `${HOME}` is replaced by the server's own."""
    configuration: dict[str, Any] = {}
    """Its settings, by dotted names (`pylsp.plugins.pyflakes.enabled`); a client's come first."""
    requires_documents_on_disk: bool | None = None
    """Write what is in notebooks into files for it, because it reads files on its own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of language servers, with their defaults; sizes in bytes, times in seconds."""

    autodetect: Annotated[bool, _jupyter("autodetect")] = True
    """Look for well-known servers, and for those that installed packages name."""
    servers: dict[str, ServerSettings] = {}
    """More servers, or changes to known ones, by name."""
    language_servers: Annotated[dict[str, dict[str, Any]], _jupyter("language_servers")] = {}
    """The same as Jupyter's files have them; of one name, `servers` wins."""
    node_roots: Annotated[list[str], _jupyter("node_roots")] = []
    """Folders in whose `node_modules` the packages that name servers look; none: the usual ones."""
    extra_node_roots: Annotated[list[str], _jupyter("extra_node_roots")] = []
    """Folders to look in before those."""
    max_processes: Positive = 16
    """Servers that run at once: each client has one of its own."""
    max_message_bytes: Positive = 16 * 1024 * 1024
    """The largest message, in either direction."""
    restart_limit: Positive = 5
    """Deaths within a minute after which a server is not started again until that is over."""
    shutdown_wait: float = 3.0
    """A server asked to shut down has half of this before SIGTERM, all of it before SIGKILL.

    The host gives all services together 5 seconds to stop."""

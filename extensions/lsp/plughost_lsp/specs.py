"""What a language server is: how to start it, what it is for, and what clients are told of it.

On the wire and in other people's packages this is jupyter-lsp's specification, version 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from plughost_lsp.settings import ServerSettings

VERSION = 2

ABOUT = ("config_schema", "extend", "install", "troubleshoot", "urls", "workspace_configuration")
"""What a specification says to people and to clients; we only pass it on."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A language server, installed or not."""

    name: str
    argv: list[str]
    languages: list[str]
    mime_types: list[str] = []
    display_name: str = ""
    env: dict[str, str] = {}
    configuration: dict[str, Any] = {}
    on_disk: bool = False
    """It reads files on its own, so that what is only in a notebook must be in one too."""
    about: dict[str, Any] = {}
    installed: bool = True
    fallback: bool = False
    """Counts only where nothing else is for its languages: it checks, and completes nothing."""

    def to_json(self) -> dict[str, Any]:
        """For clients. How it is started is left out, as in jupyter-lsp: it may hold secrets."""
        name = self.display_name or self.name
        schema = {"title": name, "type": "object", "properties": {}}
        return {
            # Without a schema jupyterlab-lsp has no form for its settings.
            "config_schema": schema,
            **self.about,
            "argv": [""],
            "env": {},
            "display_name": name,
            "languages": self.languages,
            "mime_types": self.mime_types,
            "requires_documents_on_disk": self.on_disk,
            "version": VERSION,
        }


class _Foreign(msgspec.Struct):
    """What we use of jupyter-lsp's specification; the rest is in ABOUT or ignored."""

    argv: list[str] = []
    languages: list[str] = []
    mime_types: list[str] = []
    display_name: str = ""
    env: dict[str, str] = {}
    # The specification's own default: it is older than servers that need no files.
    requires_documents_on_disk: bool = True


def from_jupyter(name: str, spec: Mapping[str, Any], *, installed: bool = True) -> Spec:
    """A specification as jupyter-lsp has them. Raises ValueError where it is none."""
    # Through JSON: what is no JSON in it would break each reply that tells of it.
    try:
        plain = msgspec.json.decode(msgspec.json.encode(dict(spec), enc_hook=str))
        told = msgspec.convert(plain, _Foreign)
    except (TypeError, msgspec.MsgspecError) as error:
        raise ValueError(f"{name!r} is no specification of a server: {error}") from None
    return Spec(
        name=name,
        argv=told.argv,
        languages=told.languages,
        mime_types=told.mime_types,
        display_name=told.display_name,
        env=told.env,
        on_disk=told.requires_documents_on_disk,
        about={key: plain[key] for key in ABOUT if plain.get(key) is not None},
        installed=installed,
    )


def from_settings(name: str, settings: ServerSettings, known: Spec | None) -> Spec:
    """A server of `plughost.toml`: what is said there over what is known of it.

    Raises ValueError where something is missing.
    """
    base = known or Spec(name=name, argv=[], languages=[], installed=False)
    changed = replace(
        base,
        argv=settings.argv or base.argv,
        languages=settings.languages or base.languages,
        mime_types=settings.mime_types or base.mime_types,
        display_name=settings.display_name or base.display_name,
        env={**base.env, **settings.env},
        configuration={**base.configuration, **settings.configuration},
        on_disk=(
            base.on_disk
            if settings.requires_documents_on_disk is None
            else settings.requires_documents_on_disk
        ),
        installed=bool(settings.argv) or base.installed,
        fallback=False,
    )
    missing = [key for key in ("argv", "languages") if not getattr(changed, key)]
    if missing:
        raise ValueError(f"it needs {' and '.join(missing)}")
    return changed

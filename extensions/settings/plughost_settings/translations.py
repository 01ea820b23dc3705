"""Translations of the workbench: language packs and packages that bring their own.

Both are found by entry point: `jupyterlab.languagepack` names a package that translates
many others into one language, `jupyterlab.locale` one that translates itself. Their
catalogues are `<package>/locale/<locale>/LC_MESSAGES/<domain>.json`; no code of theirs runs.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import msgspec
from importlib_metadata import EntryPoint, entry_points

DEFAULT = "default"
ENGLISH = "en"

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_SUMMARY = re.compile(r"JupyterLab (.+) Language Pack", re.IGNORECASE)

log = logging.getLogger("plughost.settings")

Catalogue = dict[str, Any]
"""Translations by message; under the empty message, facts about the catalogue."""


class Language(msgspec.Struct, frozen=True, rename="camel"):
    """What a language is called in English and in itself."""

    display_name: str
    native_name: str


class Translations:
    """The languages that are installed, and what the workbench says in each."""

    async def languages(self) -> dict[str, Language]:
        """The languages to choose from, by locale; English is always there."""
        return await asyncio.to_thread(self._languages)

    async def catalogues(self, locale: str) -> tuple[dict[str, Catalogue], str]:
        """Everything in one language, by domain, and a message when that is not to be had.

        `default` is the language that the server's environment asks for, if it is
        installed; English needs no catalogue.
        """
        return await asyncio.to_thread(self._catalogues, locale)

    def _languages(self) -> dict[str, Language]:
        found = {ENGLISH: Language("English", "English")}
        for entry in sorted(entry_points(group="jupyterlab.languagepack"), key=lambda e: e.name):
            if _folder(entry):
                found[entry.name] = Language(name := _display_name(entry), name)
        return found

    def _catalogues(self, locale: str) -> tuple[dict[str, Catalogue], str]:
        asked, locale = locale, _system_locale() if locale == DEFAULT else locale
        if not _LOCALE.fullmatch(locale):
            return {}, f"{locale!r} is not the name of a locale, such as 'fr_FR'."
        locale = locale.replace("-", "_")
        merged: dict[str, Catalogue] = {}
        # Packs last: where both translate a message, the language's own team has the say.
        for group in ("jupyterlab.locale", "jupyterlab.languagepack"):
            for entry in entry_points(group=group):
                folder = _folder(entry)
                for path in folder.glob(f"locale/{locale}/LC_MESSAGES/*.json") if folder else ():
                    merged[path.stem] = {**merged.get(path.stem, {}), **_read(path)}
        if merged or asked == DEFAULT or locale.partition("_")[0] == ENGLISH:
            return merged, ""
        return {}, (
            f"The language {locale!r} is not installed. "
            f"Install it with `pip install jupyterlab-language-pack-{locale.replace('_', '-')}`."
        )


def _folder(entry: EntryPoint) -> Path | None:
    """Where an entry point's package lies, found without importing it."""
    top, *rest = entry.module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location, *rest)
        if folder.is_dir():
            return folder
    log.warning("The translations %r are in no package %r.", entry.name, entry.module)
    return None


def _display_name(entry: EntryPoint) -> str:
    """The language's name, which a pack gives in its summary: "JupyterLab … Language Pack"."""
    summary = (entry.dist.metadata.get("Summary") or "") if entry.dist else ""
    match = _SUMMARY.fullmatch(summary.strip())
    return match[1] if match else entry.name


def _read(path: Path) -> Catalogue:
    try:
        catalogue = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        log.warning("The translations in %r cannot be used: %s.", str(path), error)
        return {}
    return catalogue if isinstance(catalogue, dict) else {}


def _system_locale() -> str:
    """The language that the server's environment asks for (POSIX, 8.2), English if for none."""
    variables = map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next(filter(None, variables), ENGLISH).partition(".")[0].partition("@")[0]
    return name if _LOCALE.fullmatch(name) else ENGLISH

"""Translations of the workbench: language packs and packages that bring their own.

Both are found by entry point: `jupyterlab.languagepack` names a package that translates
many others into one language, `jupyterlab.locale` one that translates itself. Their
catalogues are `<package>/locale/<locale>/LC_MESSAGES/<domain>.json`; no code of theirs runs.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from importlib_metadata import EntryPoint, entry_points

from plughost_settings.files import stamp
from plughost_settings.translator import Catalogue, Translator

DEFAULT = "default"
ENGLISH = "en"

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_SUMMARY = re.compile(r"JupyterLab (.+) Language Pack", re.IGNORECASE)

log = logging.getLogger("plughost.settings")

GROUPS = ("jupyterlab.locale", "jupyterlab.languagepack")
"""Packs last: where both translate a message, the language's own team has the say."""


class Language(msgspec.Struct, frozen=True, rename="camel"):
    """What a language is called in English and in itself."""

    display_name: str
    native_name: str


class Translations:
    """The languages that are installed, and what the workbench says in each."""

    def __init__(self) -> None:
        self._installed: tuple[Any, dict[str, list[EntryPoint]]] = (None, {})
        self._translators: dict[str, tuple[Any, Translator]] = {}

    async def languages(self) -> dict[str, Language]:
        """The languages to choose from, by locale; English is always there."""
        return await asyncio.to_thread(self._languages)

    async def catalogues(self, locale: str) -> tuple[dict[str, Catalogue], str]:
        """Everything in one language, by domain, and a message when that is not to be had.

        `default` is the language that the server's environment asks for, if it is
        installed; English needs no catalogue.
        """
        return await asyncio.to_thread(self._catalogues, locale)

    async def listed(self) -> dict[str, Any]:
        """The languages as clients are told of them."""
        return {"data": await self.languages(), "message": ""}

    async def told(self, locale: str) -> dict[str, Any]:
        """The catalogues of a language as clients are told of them."""
        data, message = await self.catalogues(locale)
        return {"data": data, "message": message}

    def translator(self, locale: str) -> Translator | None:
        """What translates schemas into a language; None for English and what is not there.

        The same object until a catalogue changes. Reads files.
        """
        locale = _resolved(locale)
        if not _LOCALE.fullmatch(locale) or locale == ENGLISH:
            return None
        files = list(self._files(locale))
        if not files:
            return None
        state = [(file, stamp(file)) for file in files]
        known = self._translators.get(locale)
        if known is None or known[0] != state:
            known = self._translators[locale] = (state, Translator(_merged(files)))
        return known[1]

    def _languages(self) -> dict[str, Language]:
        found = {ENGLISH: Language("English", "English")}
        for entry in sorted(self._entries("jupyterlab.languagepack"), key=lambda e: e.name):
            if _folder(entry):
                found[entry.name] = Language(name := _display_name(entry), name)
        return found

    def _catalogues(self, locale: str) -> tuple[dict[str, Catalogue], str]:
        asked, locale = locale, _resolved(locale)
        if not _LOCALE.fullmatch(locale):
            return {}, f"{locale!r} is not the name of a locale, such as 'fr_FR'."
        merged = _merged(self._files(locale))
        if merged or asked == DEFAULT or locale.partition("_")[0] == ENGLISH:
            return merged, ""
        return {}, (
            f"The language {locale!r} is not installed. "
            f"Install it with `pip install jupyterlab-language-pack-{locale.replace('_', '-')}`."
        )

    def _files(self, locale: str) -> Iterator[Path]:
        """The catalogues of a language; one that comes later is the stronger."""
        for group in GROUPS:
            for entry in self._entries(group):
                folder = _folder(entry)
                if folder:
                    yield from sorted(folder.glob(f"locale/{locale}/LC_MESSAGES/*.json"))

    def _entries(self, group: str) -> list[EntryPoint]:
        """The entry points of a group; looked for again only when something was installed."""
        state = [(folder, stamp(Path(folder))) for folder in sys.path]
        if self._installed[0] != state:
            found = entry_points()
            self._installed = (state, {each: list(found.select(group=each)) for each in GROUPS})
        return self._installed[1][group]


def _merged(files: Iterable[Path]) -> dict[str, Catalogue]:
    """The catalogues in files, by domain."""
    merged: dict[str, Catalogue] = {}
    for path in files:
        merged[path.stem] = {**merged.get(path.stem, {}), **_read(path)}
    return merged


def _resolved(locale: str) -> str:
    """The name of a locale as the packs' folders have it, `default` replaced."""
    return (_system_locale() if locale == DEFAULT else locale).replace("-", "_")


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
        return msgspec.json.decode(path.read_bytes(), type=Catalogue)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        log.warning("The translations in %r cannot be used: %s.", str(path), error)
        return {}


def _system_locale() -> str:
    """The language that the server's environment asks for (POSIX, 8.2), English if for none."""
    variables = map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next(filter(None, variables), ENGLISH).partition(".")[0].partition("@")[0]
    return name if _LOCALE.fullmatch(name) else ENGLISH

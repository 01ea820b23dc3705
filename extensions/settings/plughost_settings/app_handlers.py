"""What each app finds below its own address: parse, ask the domain, reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec

from plughost import BadRequest, FileHandler, Handler, JSONHandler, Route
from plughost_settings.bodies import body
from plughost_settings.files import LONGEST_TEXT
from plughost_settings.licenses import EXTENSIONS, FORMATS, Licenses
from plughost_settings.listings import Listings
from plughost_settings.page_config import addresses
from plughost_settings.schemas import PACKAGE
from plughost_settings.settings import Settings
from plughost_settings.themes import Themes
from plughost_settings.translations import Translations
from plughost_settings.workspaces import Workspace, Workspaces

LISTINGS_FILE = "@jupyterlab/extensionmanager-extension/listings.json"


@dataclass(frozen=True)
class Parts:
    """What answers at an app's addresses."""

    settings: Settings
    workspaces: Workspaces
    translations: Translations
    themes: Themes
    licenses: Licenses
    listings: Listings


def app_routes(url: str, parts: Parts) -> list[Route]:
    """The addresses of the app with this `appUrl`; each handler gets its part by name."""
    # An address is text, in which a dot is a dot.
    at = {name: path.replace(".", r"\.") for name, path in addresses(url).items()}
    plugin = rf"{at['settings']}/(?P<plugin>.+)"
    workspace = rf"{at['workspacesApi']}/(?P<name>.+)"
    language = rf"{at['translationsApi']}/(?P<locale>[^/]+)"
    theme = rf"{at['themes']}/(?P<package>{PACKAGE})/(?P<file>.+)"
    return [
        Route(at["settings"], SettingsHandler, settings=parts.settings),
        Route(plugin, PluginHandler, settings=parts.settings),
        Route(at["workspacesApi"], WorkspacesHandler, workspaces=parts.workspaces),
        Route(workspace, WorkspaceHandler, workspaces=parts.workspaces),
        Route(at["translationsApi"], LanguagesHandler, translations=parts.translations),
        Route(language, CataloguesHandler, translations=parts.translations),
        Route(theme, ThemeFiles, themes=parts.themes),
        Route(rf"{at['licenses']}/?", LicensesHandler, licenses=parts.licenses),
        Route(rf"{at['listings']}/(?P<file>.*)", ListingsHandler, listings=parts.listings),
    ]


class RawSettings(msgspec.Struct):
    """The body of a PUT: the person's JSON5 text."""

    raw: str


class SettingsHandler(JSONHandler):
    """All plugins' settings, or with `ids_only=true` their ids."""

    def initialize(self, settings: Settings) -> None:
        self._settings = settings

    async def get(self) -> None:
        if self.get_query_argument("ids_only", "") == "true":
            self.reply({"settings": [{"id": plugin} for plugin in await self._settings.ids()]})
        else:
            self.reply({"settings": await self._settings.all()})


class PluginHandler(JSONHandler):
    """One plugin's settings: read them, or store the person's text."""

    def initialize(self, settings: Settings) -> None:
        self._settings = settings

    async def get(self, plugin: str) -> None:
        self.reply(await self._settings.get(plugin))

    async def put(self, plugin: str) -> None:
        # A text may grow in the body: a quotation mark becomes two characters.
        wanted = body(self, RawSettings, most=2 * LONGEST_TEXT)
        await self._settings.save(plugin, wanted.raw)
        self.reply(None, status=204)


class WorkspacesHandler(JSONHandler):
    """All workspaces."""

    def initialize(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def get(self) -> None:
        self.reply(await self._workspaces.listed())


class WorkspaceHandler(JSONHandler):
    """One workspace: read, store, remove it."""

    def initialize(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def get(self, name: str) -> None:
        self.reply(await self._workspaces.get(name))

    async def put(self, name: str) -> None:
        await self._workspaces.save(name, body(self, Workspace))
        self.reply(None, status=204)

    async def delete(self, name: str) -> None:
        await self._workspaces.delete(name)
        self.reply(None, status=204)


class LanguagesHandler(JSONHandler):
    """The languages that are installed."""

    def initialize(self, translations: Translations) -> None:
        self._translations = translations

    async def get(self) -> None:
        self.reply(await self._translations.listed())


class CataloguesHandler(JSONHandler):
    """Everything in one language; for an unknown one nothing, and a message."""

    def initialize(self, translations: Translations) -> None:
        self._translations = translations

    async def get(self, locale: str) -> None:
        self.reply(await self._translations.told(locale))


class ThemeFiles(FileHandler):
    """A theme's style sheet and what it refers to, relative to itself."""

    def initialize(self, themes: Themes) -> None:  # type: ignore[override]  # folders by package
        super().initialize()
        self._themes = themes

    def folder(self, **groups: str) -> Path:
        return self._themes.folder(groups["package"])


class LicensesHandler(Handler):
    """The licences of the page's parts, as `format` json, csv or markdown."""

    def initialize(self, licenses: Licenses) -> None:
        self._licenses = licenses

    async def get(self) -> None:
        name = self.get_query_argument("format", "json")
        if name not in FORMATS:
            raise BadRequest(
                f"There is no format {name!r} for licences.", hint=f"Formats: {', '.join(FORMATS)}."
            )
        content_type, write = FORMATS[name]
        pattern = self.get_query_argument("bundles", ".*")
        full_text = self._flag("full_text", "1")
        text = await asyncio.to_thread(
            lambda: write(self._licenses.bundles(pattern, full_text=full_text))
        )
        self.set_header("Content-Type", content_type)
        if self._flag("download", "0"):
            file = f"plughost-licenses.{EXTENSIONS[name]}"
            self.set_header("Content-Disposition", f"attachment; filename={file}")
        self.finish(text)

    def _flag(self, name: str, default: str) -> bool:
        return self.get_query_argument(name, default) in ("1", "true")


class ListingsHandler(JSONHandler):
    """Which extensions may be installed, in the one file that clients ask for."""

    def initialize(self, listings: Listings) -> None:
        self._listings = listings

    async def get(self, file: str) -> None:
        if file != LISTINGS_FILE:
            raise BadRequest(f"There is no listing {file!r}.", hint=f"Ask for {LISTINGS_FILE!r}.")
        self.reply(await asyncio.to_thread(self._listings.read))

"""The addresses of the settings extension: parse, ask the domain, reply."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from tornado.websocket import WebSocketClosedError

from plughost import BadRequest, FileHandler, Handler, JSONHandler, Route, WebSocketHandler
from plughost_settings.custom import CustomStyle
from plughost_settings.events import EventBus, Listener
from plughost_settings.exporters import Exporters
from plughost_settings.licenses import EXTENSIONS, FORMATS, Licenses
from plughost_settings.page_config import ADDRESSES
from plughost_settings.schemas import PACKAGE
from plughost_settings.sections import Sections
from plughost_settings.settings import Settings
from plughost_settings.themes import Themes
from plughost_settings.translations import Translations
from plughost_settings.workspaces import Workspace, Workspaces

TRY_AGAIN_LATER = 1013
"""WebSocket close code of a server that cannot keep up (IANA registry of close codes)."""


def routes(
    *,
    settings: Settings,
    workspaces: Workspaces,
    translations: Translations,
    events: EventBus,
    sections: Sections,
    themes: Themes,
    licenses: Licenses,
    exporters: Exporters,
    custom: CustomStyle,
) -> list[Route]:
    """Every address; what answers at it is handed to its handler by name."""
    at = ADDRESSES
    theme = rf"{at['themes']}/(?P<package>{PACKAGE})/(?P<file>.+)"
    return [
        Route(at["settings"], SettingsHandler, settings=settings),
        Route(rf"{at['settings']}/(?P<plugin>.+)", PluginHandler, settings=settings),
        Route(at["workspacesApi"], WorkspacesHandler, workspaces=workspaces),
        Route(rf"{at['workspacesApi']}/(?P<name>.+)", WorkspaceHandler, workspaces=workspaces),
        Route(at["translationsApi"], LanguagesHandler, translations=translations),
        Route(
            rf"{at['translationsApi']}/(?P<locale>[^/]+)",
            CataloguesHandler,
            translations=translations,
        ),
        Route(theme, ThemeFiles, themes=themes),
        Route(rf"{at['licenses']}/?", LicensesHandler, licenses=licenses),
        Route(r"/api/config/(?P<section>\w+)", SectionHandler, sections=sections),
        Route(r"/api/nbconvert", ExportersHandler, exporters=exporters),
        Route(r"/api/events", EventsHandler, bus=events),
        Route(r"/api/events/subscribe", EventsSocket, bus=events),
        Route(r"/custom/custom\.css", CustomStyleHandler, custom=custom),
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
        await self._settings.save(plugin, self.body(RawSettings).raw)
        self.reply(None, status=204)


class WorkspacesHandler(JSONHandler):
    """All workspaces."""

    def initialize(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def get(self) -> None:
        found = await self._workspaces.all()
        ids = [workspace.metadata.id for workspace in found]
        self.reply({"workspaces": {"ids": ids, "values": found}})


class WorkspaceHandler(JSONHandler):
    """One workspace: read, store, remove it."""

    def initialize(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def get(self, name: str) -> None:
        self.reply(await self._workspaces.get(name))

    async def put(self, name: str) -> None:
        await self._workspaces.save(name, self.body(Workspace))
        self.reply(None, status=204)

    async def delete(self, name: str) -> None:
        await self._workspaces.delete(name)
        self.reply(None, status=204)


class LanguagesHandler(JSONHandler):
    """The languages that are installed."""

    def initialize(self, translations: Translations) -> None:
        self._translations = translations

    async def get(self) -> None:
        self.reply({"data": await self._translations.languages(), "message": ""})


class CataloguesHandler(JSONHandler):
    """Everything in one language; for an unknown one nothing, and a message."""

    def initialize(self, translations: Translations) -> None:
        self._translations = translations

    async def get(self, locale: str) -> None:
        data, message = await self._translations.catalogues(locale)
        self.reply({"data": data, "message": message})


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


class SectionHandler(JSONHandler):
    """One configuration section: read, replace, change it."""

    def initialize(self, sections: Sections) -> None:
        self._sections = sections

    async def get(self, section: str) -> None:
        self.reply(await asyncio.to_thread(self._sections.read, section))

    async def put(self, section: str) -> None:
        values = self.body(dict[str, Any])
        await asyncio.to_thread(self._sections.replace, section, values)
        self.reply(None, status=204)

    async def patch(self, section: str) -> None:
        changes = self.body(dict[str, Any])
        self.reply(await asyncio.to_thread(self._sections.update, section, changes))


class ExportersHandler(JSONHandler):
    """The formats that notebooks can be converted to."""

    def initialize(self, exporters: Exporters) -> None:
        self._exporters = exporters

    async def get(self) -> None:
        self.reply(await self._exporters.all())


class EventMessage(msgspec.Struct):
    """The body of a POST: one event. `timestamp` says when it happened, nobody asks yet."""

    schema_id: str
    version: str | int
    data: dict[str, Any]
    timestamp: datetime | None = None


class EventsHandler(JSONHandler):
    """Emit an event."""

    def initialize(self, bus: EventBus) -> None:
        self._bus = bus

    def post(self) -> None:
        event = self.body(EventMessage)
        self._bus.emit(event.schema_id, event.data, version=event.version)
        self.reply(None, status=204)


class EventsSocket(WebSocketHandler):
    """Every event from now on, one JSON text each; what the client says is not heard."""

    def initialize(self, bus: EventBus) -> None:
        self._bus = bus
        self._listener: Listener | None = None

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self._listener = self._bus.listen()
        self._forwarding = asyncio.ensure_future(self._forward(self._listener))

    def on_message(self, message: str | bytes) -> None:
        pass

    def on_close(self) -> None:
        if self._listener is not None:
            self._listener.close()

    async def _forward(self, listener: Listener) -> None:
        try:
            async for event in listener:
                await self.write_message(msgspec.json.encode(event).decode())
        except WebSocketClosedError:
            return
        if listener.behind:
            self.close(TRY_AGAIN_LATER, "Too slow: some events are lost.")
        else:
            self.close()


class CustomStyleHandler(Handler):
    """The person's own style sheet."""

    def initialize(self, custom: CustomStyle) -> None:
        self._custom = custom

    async def get(self) -> None:
        self.set_header("Content-Type", "text/css; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(await asyncio.to_thread(self._custom.read))

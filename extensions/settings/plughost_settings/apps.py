"""Apps: pages whose JupyterLab packages ask for their services below an `appUrl` of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from plughost import ExtensionError, Host, Route
from plughost_settings.app_handlers import Parts, app_routes
from plughost_settings.folders import Folders
from plughost_settings.labextensions import Labextensions, browser_halves
from plughost_settings.licenses import Licenses
from plughost_settings.listings import Listings
from plughost_settings.options import Options
from plughost_settings.page_config import LAB, PageSettings
from plughost_settings.settings import Settings
from plughost_settings.themes import Themes
from plughost_settings.translations import Translations
from plughost_settings.workspaces import Workspaces

_URL = re.compile(r"(?:/[\w~-][\w.~-]*)+")


class Apps:
    """What the page of an app needs of settings, at the addresses where it looks for it.

    Whose page has an `appUrl` of its own asks for it in two hooks:

        @hookimpl
        def plughost_routes(host):
            return host.service("plughost_settings.apps.Apps").routes("/board")

        @hookimpl
        def plughost_page_config(host):
            apps = host.service("plughost_settings.apps.Apps")
            return [PageConfig("board", lambda visit: apps.page_config("/board"))]

    All apps share schemas, the person's settings, themes and translations: a plugin is set
    once, wherever it runs. Workspaces are each app's own, since a layout fits no other app's
    widgets: those of `/lab` lie where JupyterLab has them, those of `/board` in the subfolder
    `board`.
    """

    def __init__(self, host: Host, folders: Folders, labextensions: Labextensions) -> None:
        options: Options = host.config.extension("settings", Options)
        self._host = host
        self._folders = folders
        self._labextensions = labextensions
        self._halves = browser_halves(host, labextensions)
        self._listings = Listings(options.blocked_extensions_uris, options.allowed_extensions_uris)
        self._page = PageSettings(
            folders,
            host.config.base_url,
            self._halves,
            disables=lambda: {each.name: each.disables for each in labextensions.all()},
            custom_css=options.custom_css,
        )

    def routes(self, url: str) -> list[Route]:
        """The routes of the app with this `appUrl`. Raises ExtensionError for what is none."""
        parts = Parts(
            settings=self._host.service(Settings),
            workspaces=self.workspaces(url),
            translations=self._host.service(Translations),
            themes=Themes(lambda: [folder / "themes" for folder in self._halves()]),
            licenses=Licenses(self._licensed),
            listings=self._listings,
        )
        return app_routes(url, parts)

    def page_config(self, url: str) -> dict[str, Any]:
        """The values for the app's page configuration, `appUrl` among them."""
        return self._page.values(url, self._workspaces_folder(url))

    def workspaces(self, url: str) -> Workspaces:
        """The app's workspaces."""
        if url == LAB:
            return self._host.service(Workspaces)
        return Workspaces(self._workspaces_folder(url))

    def _workspaces_folder(self, url: str) -> Path:
        if not _URL.fullmatch(url):
            raise ExtensionError(
                f"{url!r} cannot be the `appUrl` of a page.",
                hint="Write it like '/board': a slash before each name, none at the end.",
            )
        folder = self._folders.workspaces
        return folder if url == LAB else folder / url[1:]

    def _licensed(self) -> dict[str, Path]:
        """The folder of each browser half, by the name of its npm package."""
        frontends = {each.manifest.name: each.folder for each in self._host.frontends}
        return {**{each.name: each.folder for each in self._labextensions.all()}, **frontends}

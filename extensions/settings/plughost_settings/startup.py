"""What a page asks for at its start, all at once, so that it can carry the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec

from plughost import Host
from plughost_settings.apps import Apps
from plughost_settings.page_config import LAB, addresses
from plughost_settings.sections import Sections
from plughost_settings.settings import Settings
from plughost_settings.translations import Translations

SECONDS = 2.0
"""An answer that takes longer is left out: the page then asks for it as ever."""

SECTION = "jupyterlabapputilsextensionannouncements"
"""The configuration section in which JupyterLab notes what it has announced."""

Answer = Callable[[], Awaitable[Any]]

log = logging.getLogger("plughost.settings")


class StartupData:
    """The replies to the requests with which a page of JupyterLab's packages begins.

    Other extensions add theirs in the hook `settings_startup`.
    """

    def __init__(self, host: Host, apps: Apps, sections: Sections) -> None:
        self._host = host
        self._apps = apps
        self._sections = sections

    async def collect(
        self, app_url: str = LAB, workspace: str = "default", patience: float = SECONDS
    ) -> dict[str, bytes]:
        """The JSON that a GET would be answered with now, by path below the base URL.

        What fails, or takes longer than `patience` (seconds), is not among them, and the log
        says so.
        """
        own = await self._own(app_url, workspace)
        offered = self._host.ask("settings_startup", tuple, host=self._host)
        # Our own last: nobody else answers in our place.
        wanted = [
            (name, pair) for name, pairs in {**offered, "settings": own}.items() for pair in pairs
        ]
        answers = await asyncio.gather(
            *(asyncio.wait_for(_answer(pair), patience) for _, pair in wanted),
            return_exceptions=True,
        )
        found: dict[str, bytes] = {}
        for (name, pair), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, BaseException):
                reason = str(answer) or type(answer).__name__
                log.warning("A page goes without %r of %r: %s", pair[:1], name, reason)
            else:
                found.update([answer])
        return found

    async def _own(self, app_url: str, workspace: str) -> list[tuple[str, Answer]]:
        settings = self._host.service(Settings)
        translations = self._host.service(Translations)
        workspaces = self._apps.workspaces(app_url)
        locale = await asyncio.to_thread(settings.locale)

        async def all_settings() -> dict[str, Any]:
            return {"settings": await settings.all()}

        at = addresses(app_url)
        return [
            (at["settings"], all_settings),
            (at["workspacesApi"], workspaces.listed),
            (f"{at['workspacesApi']}/{quote(workspace)}", lambda: workspaces.get(workspace)),
            (at["translationsApi"], translations.listed),
            (f"{at['translationsApi']}/{quote(locale)}", lambda: translations.told(locale)),
            (
                f"/api/config/{SECTION}",
                lambda: asyncio.to_thread(self._sections.read, SECTION),
            ),
        ]


async def _answer(pair: tuple[Any, ...]) -> tuple[str, bytes]:
    path, answer = pair
    if not isinstance(path, str):
        raise TypeError(f"a path is text, not {type(path).__name__}")
    return path, msgspec.json.encode(await answer())

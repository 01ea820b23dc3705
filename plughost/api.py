"""The host's own endpoints: version, status, identity, extensions, pages, compiled files."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

import msgspec

from plughost._version import __version__
from plughost.auth import User
from plughost.bundles import BundleFiles
from plughost.contributions import Page, PageRequest, Route
from plughost.errors import BadRequest, ExtensionNotFound, NotFound, NotSupported
from plughost.frontend import content_security_policy, new_nonce
from plughost.guard import guard
from plughost.handlers import Handler, JSONHandler
from plughost.static import FrontendFiles

UPDATABLE = [field.name for field in fields(User) if field.name != "username"]

log = logging.getLogger("plughost.api")


def core_routes() -> list[Route]:
    return [
        Route(r"/", StartPage),
        Route(r"/api", VersionHandler, public=True),
        Route(r"/api/status", StatusHandler),
        Route(r"/api/me", MeHandler),
        Route(r"/api/shutdown", ShutdownHandler),
        Route(r"/api/security/csp-report", PolicyReportHandler),
        Route(r"/plughost/api/config", ConfigHandler),
        Route(r"/plughost/api/extensions", ExtensionsHandler),
        Route(r"/plughost/api/extensions/(?P<name>[^/]+)", ExtensionHandler),
        Route(r"/plughost/frontends/(?P<extension>[^/]+)/(?P<file>.+)", FrontendFiles),
        Route(r"/plughost/bundles/(?P<page>[^/]+)/(?P<file>.+)", BundleFiles),
    ]


def page_routes(pages: Iterable[Page]) -> list[Route]:
    return [Route(page.pattern, PageHandler, page=page) for page in pages]


class VersionHandler(JSONHandler):
    """`GET /api`: the version, for anybody who asks."""

    def get(self) -> None:
        self.reply({"version": __version__})


class StatusHandler(JSONHandler):
    """`GET /api/status`: since when, when last used, and what extensions add."""

    def get(self) -> None:
        self.reply(dict(sorted(self.host.status().items())))


class MeHandler(JSONHandler):
    """`/api/me`: who the caller is, and which of `permissions` they have."""

    def get(self) -> None:
        text = self.get_query_argument("permissions", "{}")
        try:
            asked = json.loads(text)
            granted = {resource: [str(a) for a in actions] for resource, actions in asked.items()}
        except (ValueError, AttributeError, TypeError):
            raise BadRequest(
                f"The permissions {text!r} are not a JSON object of lists.",
                hint='Ask like this: {"contents": ["read", "write"]}.',
            ) from None
        user: User = self.current_user
        self.reply({"identity": user, "permissions": {**granted, "updatable_fields": UPDATABLE}})

    def patch(self) -> None:
        """Change how the caller appears to others; the cookie remembers it."""
        changes = self.body(dict[str, str | None], default={})
        unknown = sorted(set(changes) - set(UPDATABLE))
        if unknown or not changes:
            raise BadRequest(
                f"{unknown[0]!r} cannot be changed." if unknown else "There is nothing to change.",
                hint=f"These can: {', '.join(UPDATABLE)}.",
            )
        if self.caller is None or self.caller.proof not in ("token", "cookie"):
            raise NotSupported(
                "Only a caller whom the server's own cookie names can be changed here.",
                hint="Change the name where you log in.",
            )
        # Only a colour and a picture may be missing.
        texts = {k: v if k in ("avatar_url", "color") else v or "" for k, v in changes.items()}
        user = User(**{**asdict(self.caller.user), **texts})
        self.host.auth.log_in(self, user)
        self.reply({"status": "success", "identity": asdict(user)})


class ShutdownHandler(JSONHandler):
    """`POST /api/shutdown`: stop this server and what it started."""

    def post(self) -> None:
        self.reply({})
        self.host.stop(keep=False)


class PolicyReportHandler(JSONHandler):
    """`POST /api/security/csp-report`: a browser says what a page's policy has stopped."""

    def post(self) -> None:
        log.warning("Stopped by the Content-Security-Policy: %s", self.request.body.decode())
        self.reply(None, status=204)


class ConfigHandler(JSONHandler):
    """`GET /plughost/api/config`: every setting, its value, and which layers say what."""

    def get(self) -> None:
        self.reply({"settings": self.host.config.to_json(), "warnings": self.host.config.warnings})


class ExtensionsHandler(JSONHandler):
    """`GET /plughost/api/extensions`: the records of all extensions."""

    def get(self) -> None:
        self.reply([record.to_json() for record in self.host.records.values()])


class Switch(msgspec.Struct, forbid_unknown_fields=True):
    """What `PATCH /plughost/api/extensions/<name>` takes."""

    enabled: bool


class ExtensionHandler(JSONHandler):
    """`/plughost/api/extensions/<name>`: one record; enable, disable or replace it.

    What is changed here lasts until the host ends; plughost.toml is what lasts longer.
    """

    def get(self, name: str) -> None:
        record = self.host.records.get(name)
        if record is None:
            raise ExtensionNotFound(name, self.host.records)
        self.reply(record.to_json())

    async def patch(self, name: str) -> None:
        """`{"enabled": true}` imports and starts it, `false` stops it and whoever needs it."""
        enabled = self.body(Switch).enabled
        change = self.host.enable if enabled else self.host.disable
        self.reply((await change(name)).to_json())

    async def post(self, name: str) -> None:
        """Put what is on disk now in the place of what runs; its dependants are restarted."""
        self.reply((await self.host.replace(name)).to_json())


class PageHandler(Handler):
    """One page: asked-for configuration, import map and boot data in one HTML document."""

    clean_address = True

    def initialize(self, page: Page) -> None:
        self._page = page

    async def get(self, **arguments: str) -> None:
        if self.caller is not None:
            self.host.auth.remember(self, self.caller)
        await self.host.until_pages_are_whole()
        base_url = self.host.config.base_url
        visit = PageRequest(
            path=self.request.path,
            arguments=arguments,
            query={name: self.get_query_argument(name) for name in self.request.query_arguments},
            base_url=base_url,
        )
        nonce = new_nonce()
        self.xsrf_token  # noqa: B018  # reading it sets the cookie that Jupyter clients send back
        policy = content_security_policy(self._page, nonce, base_url)
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Cache-Control", "no-store")
        config = await self._config(visit)
        frontends = self.host.frontends
        self.finish(self.host.renderer.page(self._page, frontends, config, base_url, nonce))

    async def _config(self, visit: PageRequest) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for name, offers in self.host.running_offers():
            for config in offers.page_config:
                if config.page == self._page.name:
                    with guard(self.host.records[name], "page configuration", fatal=False):
                        values = config.values(visit)
                        if isinstance(values, Awaitable):
                            values = await values
                        # What is no JSON must not take the page along.
                        json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
                        _merge(merged, values)
        return merged


def _merge(merged: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value


class StartPage(Handler):
    """`/` leads to the default page; a token in the query becomes a cookie and disappears."""

    async def get(self) -> None:
        await self.host.until(lambda: bool(self.host.pages) or not self.host.loading)
        page = self.host.default_page
        if page is None:
            raise NotFound(
                "There is nothing to show: no active extension brings a page.",
                hint="`plughost extensions list` shows which are installed and why one does not "
                "run. The workbench is the extension 'lab'; what is not compiled, "
                "`plughost build` compiles.",
            )
        if self.caller is not None:
            self.host.auth.remember(self, self.caller)
        self.redirect(self.host.config.base_url.rstrip("/") + page.url)

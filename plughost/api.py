"""The host's own endpoints: version, status, identity, extensions, pages, compiled files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from plughost._version import __version__
from plughost.auth import User
from plughost.contributions import Page, PageRequest, Route
from plughost.errors import BadRequest, ExtensionNotFound, NoRoute
from plughost.extensions import guard
from plughost.frontend import content_security_policy, new_nonce
from plughost.static import FrontendFiles
from plughost.web import Handler, JSONHandler, without_token

log = logging.getLogger("plughost.api")


def core_routes() -> list[Route]:
    return [
        Route(r"/", StartPage),
        Route(r"/api", VersionHandler, public=True),
        Route(r"/api/status", StatusHandler),
        Route(r"/api/me", MeHandler),
        Route(r"/api/shutdown", ShutdownHandler),
        Route(r"/api/security/csp-report", PolicyReportHandler),
        Route(r"/plughost/api/extensions", ExtensionsHandler),
        Route(r"/plughost/api/extensions/(?P<name>[^/]+)", ExtensionHandler),
        Route(r"/plughost/frontends/(?P<extension>[^/]+)/(?P<file>.+)", FrontendFiles),
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
        facts: dict[str, Any] = {
            "started": self.host.started,
            "last_activity": self.host.last_activity,
            "loading": self.host.loading,
        }
        for name, offers in self.host.offers.items():
            for status in offers.status:
                with guard(self.host.records[name], "status", fatal=False):
                    facts.update(status.values())
        self.reply(dict(sorted(facts.items())))


class MeHandler(JSONHandler):
    """`GET /api/me`: who the caller is, and which of `permissions` they have."""

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
        self.reply({"identity": user, "permissions": granted})


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


class ExtensionsHandler(JSONHandler):
    """`GET /plughost/api/extensions`: the records of all extensions."""

    def get(self) -> None:
        self.reply([record.to_json() for record in self.host.records.values()])


class ExtensionHandler(JSONHandler):
    """`GET /plughost/api/extensions/<name>`: one record."""

    def get(self, name: str) -> None:
        record = self.host.records.get(name)
        if record is None:
            raise ExtensionNotFound(name, self.host.records)
        self.reply(record.to_json())


class PageHandler(Handler):
    """One page: asked-for configuration, import map and boot data in one HTML document.

    A token in the query becomes a cookie, and the browser is sent to the clean URL.
    """

    def initialize(self, page: Page) -> None:
        self._page = page

    async def get(self, **arguments: str) -> None:
        if self.caller is not None:
            self.host.auth.remember(self, self.caller)
        if "token" in self.request.query_arguments:
            self.redirect(without_token(self.request.uri or ""))
            return
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
        self.set_header(
            "Content-Security-Policy", content_security_policy(self._page, nonce, base_url)
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(
            self.host.renderer.page(
                self._page, self.host.frontends, self._config(visit), base_url, nonce
            )
        )

    def _config(self, visit: PageRequest) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for name, offers in self.host.offers.items():
            for config in offers.page_config:
                if config.page == self._page.name:
                    with guard(self.host.records[name], "page configuration", fatal=False):
                        _merge(merged, config.values(visit))
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
            raise NoRoute("/")
        if self.caller is not None:
            self.host.auth.remember(self, self.caller)
        self.redirect(self.host.config.base_url.rstrip("/") + page.url)

"""Nbconvert: notebooks as HTML, PDF, Markdown, scripts and whatever else nbconvert makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import Route, Service, hookimpl
from plughost_nbconvert.conversions import CONTENTS, Conversions
from plughost_nbconvert.handlers import FormatsHandler, NotebookHandler, PostedHandler
from plughost_nbconvert.settings import Settings

if TYPE_CHECKING:
    from plughost import Host


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("nbconvert", Settings)
    return [Service(Conversions(host, settings), requires=(CONTENTS,))]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    conversions = host.service(Conversions)
    return [
        Route(r"/api/nbconvert", FormatsHandler, conversions=conversions),
        Route(r"/nbconvert/(?P<format>[^/]+)", PostedHandler, conversions=conversions),
        Route(
            r"/nbconvert/(?P<format>[^/]+)/(?P<path>.+)", NotebookHandler, conversions=conversions
        ),
    ]

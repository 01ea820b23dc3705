"""Contents: the files of a folder, as notebooks, text and bytes, for clients and browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plughost import HookSpecs, PageConfig, Route, Service, hookimpl
from plughost_contents import downloads, handlers, hookspecs
from plughost_contents.contents import Contents
from plughost_contents.events import ACTIONS, CHANGES
from plughost_contents.files import Files
from plughost_contents.page_config import page_values
from plughost_contents.provider import PROVIDER
from plughost_contents.resolve import Resolver
from plughost_contents.settings import Settings

if TYPE_CHECKING:
    from plughost import Host


@hookimpl
def plughost_hookspecs() -> list[HookSpecs]:
    return [HookSpecs(hookspecs)]


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("contents", Settings)
    files = Files(host.config.root, strict=settings.strict_root)
    return [
        Service(files, provides=PROVIDER),
        Service(Contents(host, settings), requires=(PROVIDER,)),
    ]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    contents = host.service(Contents)
    return [
        # A path may itself end in such a word; the handlers look whether it does.
        Route(
            r"/api/contents/(?P<path>.+)/checkpoints/(?P<checkpoint>[\w-]+)",
            handlers.CheckpointHandler,
            contents=contents,
        ),
        Route(
            r"/api/contents/(?P<path>.+)/checkpoints",
            handlers.CheckpointsHandler,
            contents=contents,
        ),
        Route(r"/api/contents/(?P<path>.+)/trust", handlers.TrustHandler, contents=contents),
        Route(r"/api/contents(?:/(?P<path>.*))?", handlers.ContentsHandler, contents=contents),
        Route(r"/api/notebooks(?P<path>/.*)?", handlers.OldContentsHandler),
        Route(r"/api/resolvePath", handlers.ResolveHandler, resolver=Resolver(host)),
        Route(r"/files/(?P<path>.*)", downloads.FilesHandler, contents=contents),
        Route(r"/view/(?P<path>.*)", downloads.ViewHandler, contents=contents),
    ]


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    settings = host.config.extension("contents", Settings)
    return [PageConfig("lab", lambda visit: page_values(host.config.root, settings))]


@hookimpl(optionalhook=True)
def events_schemas() -> list[dict[str, Any]]:
    return [ACTIONS, CHANGES]


@hookimpl(optionalhook=True)
def events_listening(host: Host, listening: bool) -> list[None]:
    host.service(Contents).listen(listening)
    return []

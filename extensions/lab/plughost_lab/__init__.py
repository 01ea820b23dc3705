"""The lab: JupyterLab's workbench at `/lab`, built in the page by this extension's frontend."""

from pathlib import Path

from plughost import Host, Page, PageConfig, Route, hookimpl
from plughost_lab.handlers import FaviconHandler
from plughost_lab.visit import PATTERN, LabOptions, page_config

FOLDER = Path(__file__).parent


@hookimpl
def plughost_routes() -> list[Route]:
    favicons = FOLDER / "favicons"
    # A browser asks for icons before anybody has logged in.
    return [
        Route(r"/favicon\.ico", FaviconHandler, public=True, folder=favicons, only="favicon.ico"),
        Route(r"/static/favicons/(?P<file>[^/]+)", FaviconHandler, public=True, folder=favicons),
    ]


@hookimpl
def plughost_pages() -> list[Page]:
    return [
        Page(
            "lab",
            PATTERN,
            url="/lab",
            title="plughost",
            template=FOLDER / "lab.html",
            # JupyterLab compiles setting schemas with `new Function`, its JavaScript renderer
            # is `eval`, and rich outputs bring inline scripts: a nonce would stop them.
            policy={"script-src": "'self' 'unsafe-inline' 'unsafe-eval'"},
            open="/lab/tree/{path}",
            rank=10,
        )
    ]


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    options = host.config.extension("lab", LabOptions)
    return [PageConfig("lab", lambda visit: page_config(visit, options))]

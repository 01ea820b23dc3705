"""The lab: JupyterLab's workbench at `/lab`, built in the page by this extension's frontend."""

from pathlib import Path
from typing import Any

from plughost import FileHandler, Host, Page, PageConfig, Route, hookimpl
from plughost_lab import labextensions, startup
from plughost_lab.moved import PATTERN as MOVED
from plughost_lab.moved import Moved
from plughost_lab.visit import PATTERN, LabOptions, page_config

FOLDER = Path(__file__).parent
DAY = 24 * 3600


@hookimpl
def plughost_routes() -> list[Route]:
    # A browser asks for icons before anybody has logged in; they hardly ever change.
    icons: dict[str, Any] = {"public": True, "folder": FOLDER / "favicons", "max_age": DAY}
    return [
        Route(r"/(?P<file>favicon\.ico)", FileHandler, **icons),
        Route(r"/static/favicons/(?P<file>[^/]+)", FileHandler, **icons),
        Route(MOVED, Moved),
        Route(labextensions.PATTERN, labextensions.LabextensionFiles),
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
    return [
        PageConfig("lab", lambda visit: page_config(visit, options)),
        PageConfig("lab", lambda visit: labextensions.page_config(host, visit.base_url)),
        PageConfig("lab", lambda visit: startup.page_config(host, visit)),
    ]

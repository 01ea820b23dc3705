"""The lab: JupyterLab's workbench at `/lab`, built in the page by this extension's frontend."""

from pathlib import Path
from typing import Any

from plughost import (
    FileHandler,
    Guests,
    Host,
    Page,
    PageConfig,
    PageRequest,
    Route,
    Service,
    hookimpl,
)
from plughost_lab import labextensions, startup
from plughost_lab.first_page import FirstPage
from plughost_lab.latecomers import Latecomers
from plughost_lab.moved import PATTERN as MOVED
from plughost_lab.moved import Moved
from plughost_lab.policy import page_policy
from plughost_lab.visit import PATTERN, LabOptions, page_config

FOLDER = Path(__file__).parent
DAY = 24 * 3600


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    return [Service(Latecomers()), Service(FirstPage(host))]


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
def plughost_pages(host: Host) -> list[Page]:
    options = host.config.extension("lab", LabOptions)
    return [
        Page(
            "lab",
            PATTERN,
            url="/lab",
            title="plughost",
            template=FOLDER / "lab.html",
            policy=page_policy(options.external_content),
            open="/lab/tree/{path}",
            rank=10,
        )
    ]


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    options = host.config.extension("lab", LabOptions)
    first = host.service(FirstPage)

    async def started(visit: PageRequest) -> dict[str, Any]:
        first.is_asked_for()
        return await startup.page_config(host, visit)

    return [
        PageConfig("lab", lambda visit: page_config(visit, options)),
        PageConfig("lab", lambda visit: labextensions.page_config(host, visit)),
        PageConfig("lab", started),
    ]


@hookimpl
def plughost_guests(host: Host) -> list[Guests]:
    return [Guests(lambda: labextensions.guests(host))]

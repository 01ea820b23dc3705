"""One visit of the lab's page: which addresses are its own, and what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plughost import PageRequest, __version__
from plughost_lab import policy

FRONTEND = "/plughost/frontends/lab"
"""Where the compiled files of this extension are served."""

APPS = "plughost_settings.apps.Apps"
"""The service that knows what an app's page configuration disables and what it has saved."""

LAB = "/lab"
"""The page configuration's `appUrl`."""

PATTERN = (
    r"/(?P<mode>lab|doc)"
    r"(?:/workspaces/(?P<workspace>[^/]+))?"
    # What programs ask for below /lab is never answered with a page.
    r"(?:/tree(?:/(?P<path>.*))?|/(?!(?:api|extensions)(?:/|$))(?P<unknown>.+))?"
)
"""`/lab`, `/lab/tree/<path>`, `/lab/workspaces/<name>[/tree/<path>]`, the same below `/doc`.

Any other path below them is the page too, which then says that there is no such place.
"""

MODES = {"lab": "multiple-document", "doc": "single-document"}

CONTENTS_API = "[2, 21, 1]"
"""The version of jupyter_server's contents API that is served.

JupyterLab decides by it whether files can be sent in pieces; it reads a string that holds JSON.
"""


@dataclass(frozen=True)
class LabOptions:
    """`[extensions.lab]` in plughost.toml."""

    expose_app_in_browser: bool = False
    """Whether scripts and the console reach the application as `window.jupyterapp`."""
    always_show_debugger: bool = False
    """Whether the debugger is shown for kernels that cannot be debugged as well."""
    external_content: tuple[str, ...] = ()
    """Other servers from which outputs and documents may load pictures, scripts, frames, data.

    Sources as Content-Security-Policy has them: `https://cdn.bokeh.org`,
    `https://*.githubusercontent.com`, or `https:` for every server.
    """
    wait_for: tuple[str, ...] = ()
    """Labextensions that the page does not start without, `*` for all of them.

    By default those can come later that replace nothing: one that shows a page of its own in
    place of the launcher should be named here.
    """

    def __post_init__(self) -> None:
        policy.check(self.external_content)


def workspace(visit: PageRequest) -> str:
    """The name of the workspace whose layout the page begins with."""
    return visit.arguments["workspace"] or "default"


def page_config(visit: PageRequest, options: LabOptions) -> dict[str, Any]:
    """The lab's part of the page configuration; README.md says what each value is for."""
    arguments = visit.arguments
    base = visit.base_url.rstrip("/")
    values: dict[str, Any] = {
        "appName": "plughost",
        "appVersion": __version__,
        "appNamespace": "lab",
        "appUrl": LAB,
        "fullAppUrl": base + LAB,
        "baseUrl": visit.base_url,
        "wsUrl": "",
        "token": "",  # never the server's: the page's own cookie lets it in
        "treeUrl": f"{LAB}/tree",
        "fullTreeUrl": f"{base}{LAB}/tree",
        "docUrl": "/doc",
        "labextensionsUrl": f"{LAB}/extensions",
        "fullLabextensionsUrl": f"{base}{LAB}/extensions",
        "mode": MODES[arguments["mode"]],
        "workspace": workspace(visit),
        "treePath": arguments["path"],
        "notebookVersion": CONTENTS_API,
        "quitButton": True,
        "buildAvailable": False,
        "buildCheck": False,
        "cacheFiles": True,
        "devMode": False,
        "externalContent": list(options.external_content),
        "exposeAppInBrowser": options.expose_app_in_browser,
        "alwaysShowDebuggerExtension": options.always_show_debugger,
        "appendToken": False,
        "staticUrl": FRONTEND,
        "fullStaticUrl": base + FRONTEND,
        "staticDir": str(Path(__file__).parent / "frontend"),
        "templatesDir": str(Path(__file__).parent),
    }
    return {**values, "notFoundUrl": visit.path} if arguments["unknown"] else values

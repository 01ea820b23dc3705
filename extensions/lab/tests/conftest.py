"""A host with the lab and, in its place, a browser half that only says it was run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plughost import Frontend, hookimpl


class StandIn:
    """A frontend that is the app of the lab's page, and an extension that switches plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "app.js").write_text("export default () => ({});")
        (folder / "plughost.json").write_text(
            json.dumps(
                {
                    "format": 1,
                    "name": "@stand/in",
                    "version": "1",
                    "module": "app.js",
                    "app": True,
                    "pages": ["lab"],
                }
            )
        )

    @hookimpl
    def plughost_frontends(self) -> list[Frontend]:
        return [Frontend(self.folder)]


@pytest.fixture
def app(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "stand-in")


@pytest.fixture
def config_of():
    """The page configuration in a page's HTML."""

    def read(html: str) -> Any:
        element = re.search(r'<script[^>]* id="jupyter-config-data">(.*?)</script>', html)
        assert element is not None, "the page has no configuration"
        return json.loads(element[1])

    return read

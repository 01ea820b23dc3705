"""A frontend with schemas, themes and licences, made by hand, and folders of nobody."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plughost import Frontend, Page, hookimpl


class Weather:
    """A stranger's extension: a frontend in a folder, and a page of the name `lab`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(
            "plughost.json",
            {
                "format": 1,
                "name": "@tea/weather",
                "version": "2.1.0",
                "module": "index.js",
                "pages": ["lab"],
            },
        )

    @hookimpl
    def plughost_frontends(self) -> list[Frontend]:
        return [Frontend(self.folder)]

    @hookimpl
    def plughost_pages(self) -> list[Page]:
        return [Page("lab", "/lab", url="/lab", title="Lab")]

    def write(self, path: str, content: Any) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))


SCHEMA = {
    "title": "Weather",
    "type": "object",
    "properties": {
        "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
        "towns": {"type": "object", "default": {"home": "Oslo"}},
    },
    "additionalProperties": False,
}


@pytest.fixture
def weather(tmp_path: Path) -> Weather:
    extension = Weather(tmp_path / "weather-frontend")
    extension.write("schemas/@tea/weather/plugin.json", SCHEMA)
    extension.write("schemas/@tea/weather/package.json.orig", {"version": "2.1.0"})
    extension.write("schemas/plain/zoom.json", {"properties": {}, "type": "object"})
    return extension


@pytest.fixture
def config(jupyter_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's configuration folder; JupyterLab's other ones are not the developer's either."""
    monkeypatch.setenv("JUPYTERLAB_DIR", str(jupyter_folders / "app"))
    for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_PATH"):
        monkeypatch.delenv(name, raising=False)
    # What pip has put into this environment, and the system's packages.
    for folders in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):
        monkeypatch.setattr(f"jupyter_core.paths.{folders}", [])
    return jupyter_folders / "jupyter-config"


@pytest.fixture
def app_settings(config: Path, jupyter_folders: Path) -> Path:
    """Where an administrator's overrides and page configuration lie."""
    folder = jupyter_folders / "app" / "settings"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def add_labextension(config: Path, jupyter_folders: Path) -> Callable[..., Path]:
    """Prebuild a labextension: `add_labextension("@tea/herbs", {path: content})` → its folder."""

    def added(
        name: str,
        files: dict[str, Any] | None = None,
        *,
        version: str = "1.2.3",
        data: Path | None = None,
        folder: str = "",
    ) -> Path:
        path = (data or jupyter_folders / "jupyter-data") / "labextensions" / (folder or name)
        package = {"name": name, "version": version, "jupyterlab": {"_build": {"load": "r.js"}}}
        for file, content in {"package.json": package, **(files or {})}.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            (path / file).write_text(text)
        return path

    return added


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make an importable distribution: `install("name", group, {entry: package})` → its folder."""

    def installed(name: str, group: str, entries: dict[str, str], summary: str = "") -> Path:
        site = tmp_path / f"site-{name}"
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: {summary}\n"
        )
        lines = [f"{entry} = {package}" for entry, package in entries.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        monkeypatch.syspath_prepend(str(site))
        return site

    return installed

"""What the settings extension writes into the lab's page: addresses, folders, switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plughost_settings.files import read_objects
from plughost_settings.folders import Folders
from plughost_settings.sections import merge

LAB = "/lab"
"""The page configuration's `appUrl`: below it JupyterLab looks for its own services."""

ADDRESSES = {
    "settings": f"{LAB}/api/settings",
    "workspacesApi": f"{LAB}/api/workspaces",
    "translationsApi": f"{LAB}/api/translations",
    "themes": f"{LAB}/api/themes",
    "licenses": f"{LAB}/api/licenses",
}

SWITCHES = ("disabledExtensions", "deferredExtensions")
"""Objects from the id of a plugin to whether it is; the page flattens them to lists."""


class PageSettings:
    """Values for the lab's page configuration, at each visit.

    The files `page_config.json` of JupyterLab have the last word: first the
    administrator's in the application settings, then `labconfig/` in each
    configuration folder, the person's own last.
    """

    @dataclass(frozen=True)
    class Options:
        """`[extensions.settings]` in plughost.toml."""

        custom_css: bool = False
        """Whether the lab's page loads `custom/custom.css`."""

    def __init__(self, folders: Folders, base_url: str, options: Options) -> None:
        self._folders = folders
        self._base_url = base_url
        self._options = options

    def values(self) -> dict[str, Any]:
        """All values; what the files say wins over what is computed."""
        return {**self._computed(), **self._from_files()}

    def _computed(self) -> dict[str, Any]:
        base = self._base_url.rstrip("/")
        relative = {f"{name}Url": path for name, path in ADDRESSES.items()}
        absolute = {f"full{key[0].upper()}{key[1:]}": base + path for key, path in relative.items()}
        custom = f"{base}/custom/custom.css" if self._options.custom_css else ""
        return {
            **relative,
            **absolute,
            "customStyleUrl": custom,
            "appSettingsDir": str(self._folders.app_settings),
            "userSettingsDir": str(self._folders.user_settings),
            "workspacesDir": str(self._folders.workspaces),
            "news": {"disabled": True},
        }

    def _from_files(self) -> dict[str, Any]:
        app = self._folders.app_settings
        merged: dict[str, Any] = {}
        for values in [
            *read_objects(app / "page_config.json", app / "page_config.json5"),
            self._folders.sections("labconfig").read("page_config"),
        ]:
            merged = merge(merged, _with_switches(values))
        return {
            key: _on(value) if isinstance(value, dict) and key not in SWITCHES else value
            for key, value in merged.items()
        }


def _with_switches(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each switch as an object: files may have lists of what is on."""
    return {
        key: dict.fromkeys(value, True) if key in SWITCHES and isinstance(value, list) else value
        for key, value in values.items()
    }


def _on(switches: Mapping[str, Any]) -> list[str]:
    return [key for key, value in switches.items() if value]

"""What the settings extension writes into a page: addresses, folders, switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from plughost_settings.folders import Folders
from plughost_settings.sections import Merged

LAB = "/lab"
"""The `appUrl` of JupyterLab's own page."""

SWITCHES = ("disabledExtensions", "deferredExtensions")
"""Objects from the id of a plugin to whether it is; the page flattens them to lists."""


def addresses(app_url: str) -> dict[str, str]:
    """Where a page with this `appUrl` looks for its services, by their page configuration keys
    without `Url`."""
    return {
        "settings": f"{app_url}/api/settings",
        "workspacesApi": f"{app_url}/api/workspaces",
        "translationsApi": f"{app_url}/api/translations",
        "themes": f"{app_url}/api/themes",
        "licenses": f"{app_url}/api/licenses",
        "listings": f"{app_url}/api/listings",
    }


class PageSettings:
    """Values for a page's configuration, at each visit.

    The files `page_config.json` of JupyterLab have the last word: first the
    administrator's in the application settings, then `labconfig/` in each
    configuration folder, the person's own last. `frontends` are the folders of the
    compiled browser halves; `disables` has, by the name of each labextension, what it
    disables as long as it is not disabled itself.
    """

    def __init__(
        self,
        folders: Folders,
        base_url: str,
        frontends: Callable[[], Iterable[Path]],
        *,
        disables: Callable[[], Mapping[str, Iterable[str]]] = dict,
        custom_css: bool = False,
    ) -> None:
        self._folders = folders
        self._base_url = base_url
        self._frontends = frontends
        self._disables = disables
        self._custom_css = custom_css
        app, labconfig = folders.app_settings, folders.sections("labconfig")
        self._files = Merged(
            lambda: [
                *(app / "page_config.json", app / "page_config.json5"),
                *labconfig.files("page_config"),
            ],
            _with_switches,
        )

    def values(self, app_url: str, workspaces: Path) -> dict[str, Any]:
        """All values; what the files say wins over what is computed."""
        files = self._from_files()
        told = files.get("disabledExtensions", {})
        disabled = {
            each: True
            for name, others in self._disables().items()
            if told.get(name) is not True
            for each in others
        }
        switches = {"disabledExtensions": {**disabled, **told}} if disabled else {}
        return {**self._computed(app_url, workspaces), **files, **switches}

    def _computed(self, app_url: str, workspaces: Path) -> dict[str, Any]:
        base = self._base_url.rstrip("/")
        relative = {f"{name}Url": path for name, path in addresses(app_url).items()}
        relative["appUrl"] = app_url
        absolute = {f"full{key[0].upper()}{key[1:]}": base + path for key, path in relative.items()}
        custom = f"{base}/custom/custom.css" if self._custom_css else ""
        return {
            **relative,
            **absolute,
            "customStyleUrl": custom,
            "appSettingsDir": str(self._folders.app_settings),
            "schemasDir": self._folder("schemas"),
            "themesDir": self._folder("themes"),
            "userSettingsDir": str(self._folders.user_settings),
            "workspacesDir": str(workspaces),
            "news": {"disabled": True},
        }

    def _folder(self, name: str) -> str:
        """The folder of this name in the first frontend that has one; the page only shows it."""
        found = (str(each / name) for each in self._frontends() if (each / name).is_dir())
        return next(found, "")

    def _from_files(self) -> dict[str, Any]:
        return {
            key: _on(value) if isinstance(value, dict) and key not in SWITCHES else value
            for key, value in self._files.read().items()
        }


def _with_switches(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each switch as an object: files may have lists of what is on."""
    return {
        key: dict.fromkeys(value, True) if key in SWITCHES and isinstance(value, list) else value
        for key, value in values.items()
    }


def _on(switches: Mapping[str, Any]) -> list[str]:
    return [key for key, value in switches.items() if value]

"""Setting schemas: which settings the plugins of the enabled frontends have, and their defaults."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from plughost import HostError, NotFound
from plughost_settings.files import stamp
from plughost_settings.sections import Merged, Sections, merge

PACKAGE = r"(?:@[\w~-][\w.~-]*/)?[\w~-][\w.~-]*"
"""Regular expression of an npm package's name; none that matches leads out of a folder."""

_ID = re.compile(rf"(?P<package>{PACKAGE}):(?P<plugin>[\w~-][\w.~ -]*)")

log = logging.getLogger("plughost.settings")


class SchemaNotFound(NotFound):
    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        super().__init__(
            f"No enabled frontend has a setting schema for the plugin {plugin!r}.",
            hint="GET /lab/api/settings?ids_only=true lists the plugins that have settings.",
        )


class SchemaUnreadable(HostError):
    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The setting schema {str(path)!r} cannot be used: {reason}",
            hint="Correct the schema and build the extension again with `plughost build`.",
        )


@dataclass(frozen=True)
class Schema:
    """One plugin's settings: `encoded` is JSON Schema, draft 7, with the overridden defaults.

    `version` is that of the npm package, "N/A" when the build did not say. It is kept as JSON,
    which is a tenth of the objects, and what most who want it ask for.
    """

    plugin: str
    version: str
    encoded: msgspec.Raw

    def decoded(self) -> dict[str, Any]:
        """A new object each time."""
        return msgspec.json.decode(self.encoded, type=dict[str, Any])


class Overrides:
    """Defaults that an administrator has set in place of those in the schemas.

    Read from `overrides.d/*.json[5]` and `overrides.json[5]` in JupyterLab's application
    settings, then from `labconfig/default_setting_overrides.json`; later ones win.
    """

    def __init__(self, app_settings: Path, labconfig: Sections) -> None:
        self._app_settings = app_settings
        self._labconfig = labconfig
        self._merged = Merged(self._files)

    def read(self) -> Mapping[str, Any]:
        """By id of the plugin, an object of default values by name of the setting."""
        return self._merged.read()

    def _files(self) -> list[Path]:
        folder = self._app_settings
        parts = [p for p in folder.glob("overrides.d/*") if p.suffix in (".json", ".json5")]
        return [
            *sorted(parts),
            *(folder / "overrides.json", folder / "overrides.json5"),
            *self._labconfig.files("default_setting_overrides"),
        ]


class Schemas:
    """The schemas in `<folder>/<package>/<plugin>.json`; the first folder that has one wins.

    `folders` is asked each time: extensions come and go. What has been read is kept until
    its file changes, so that the same schema is the same object.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]], overrides: Overrides) -> None:
        self._folders = folders
        self._overrides = overrides
        self._known: dict[str, tuple[Any, Schema]] = {}

    def ids(self) -> list[str]:
        """The ids of all plugins that have settings, in no order."""
        return list(self._paths())

    def overridden(self, plugin: str) -> Mapping[str, Any]:
        """The defaults that an administrator has set for a plugin."""
        found = self._overrides.read().get(plugin)
        return found if isinstance(found, dict) else {}

    def get(self, plugin: str) -> Schema:
        """One schema. Raises SchemaNotFound and SchemaUnreadable."""
        match = _ID.fullmatch(plugin)
        if match:
            for folder in self._folders():
                path = folder / match["package"] / f"{match['plugin']}.json"
                if path.is_file():
                    return self._load(plugin, path, self._overrides.read())
        raise SchemaNotFound(plugin)

    def all(self) -> list[Schema]:
        """All schemas that can be used; the log names those that cannot."""
        overrides = self._overrides.read()
        found = []
        for plugin, path in self._paths().items():
            try:
                found.append(self._load(plugin, path, overrides))
            except SchemaUnreadable as error:
                log.warning("%s %s", error.message, error.hint)
        return found

    def _paths(self) -> dict[str, Path]:
        paths: dict[str, Path] = {}
        for folder in self._folders():
            for path in (*folder.glob("[!@]*/*.json"), *folder.glob("@*/*/*.json")):
                plugin = f"{path.parent.relative_to(folder).as_posix()}:{path.stem}"
                if _ID.fullmatch(plugin):
                    paths.setdefault(plugin, path)
        return paths

    def _load(self, plugin: str, path: Path, overrides: Mapping[str, Any]) -> Schema:
        package = path.with_name("package.json.orig")
        defaults = overrides.get(plugin)
        state = (path, stamp(path), stamp(package), defaults)
        known = self._known.get(plugin)
        if known is None or known[0] != state:
            schema = _read(path)
            if isinstance(defaults, dict):
                schema = _with_defaults(schema, defaults)
            encoded = msgspec.Raw(msgspec.json.encode(schema))
            known = self._known[plugin] = (state, Schema(plugin, _version(package), encoded))
        return known[1]


def _read(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise SchemaUnreadable(path, str(error)) from None


def _version(path: Path) -> str:
    try:
        return str(_read(path).get("version", "N/A"))
    except SchemaUnreadable:
        return "N/A"


def _with_defaults(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(schema))
    properties = _object(changed, "properties")
    for name, value in defaults.items():
        setting = _object(properties, name)
        old = setting.get("default")
        if isinstance(old, dict) and isinstance(value, dict):
            value = merge(old, value)
        setting["default"] = value
    return changed


def _object(values: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, an empty one put there where there is none."""
    found = values.get(key)
    if not isinstance(found, dict):
        found = values[key] = {}
    return found

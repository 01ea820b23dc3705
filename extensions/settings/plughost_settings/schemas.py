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
from plughost_settings.files import read_objects
from plughost_settings.sections import Sections, merge

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
    """One plugin's settings: `schema` is JSON Schema, draft 7, with the overridden defaults.

    `version` is that of the npm package, "N/A" when the build did not say.
    """

    plugin: str
    version: str
    schema: dict[str, Any]


class Overrides:
    """Defaults that an administrator has set in place of those in the schemas.

    Read from `overrides.d/*.json[5]` and `overrides.json[5]` in JupyterLab's application
    settings, then from `labconfig/default_setting_overrides.json`; later ones win.
    """

    def __init__(self, app_settings: Path, labconfig: Sections) -> None:
        self._app_settings = app_settings
        self._labconfig = labconfig

    def read(self) -> dict[str, dict[str, Any]]:
        """Default values by name of the setting, by id of the plugin."""
        folder = self._app_settings
        parts = [p for p in folder.glob("overrides.d/*") if p.suffix in (".json", ".json5")]
        files = [*sorted(parts), folder / "overrides.json", folder / "overrides.json5"]
        merged: dict[str, Any] = {}
        for values in [*read_objects(*files), self._labconfig.read("default_setting_overrides")]:
            merged = merge(merged, values)
        return {plugin: values for plugin, values in merged.items() if isinstance(values, dict)}


class Schemas:
    """The schemas in `<folder>/<package>/<plugin>.json`; the first folder that has one wins.

    `folders` is asked each time: extensions come and go.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]], overrides: Overrides) -> None:
        self._folders = folders
        self._overrides = overrides
        self._read: dict[Path, tuple[int, dict[str, Any]]] = {}

    def ids(self) -> list[str]:
        """The ids of all plugins that have settings, in no order."""
        return list(self._paths())

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

    def _load(self, plugin: str, path: Path, overrides: Mapping[str, dict[str, Any]]) -> Schema:
        schema = self._json(path)
        if plugin in overrides:
            schema = _with_defaults(schema, overrides[plugin])
        try:
            version = str(self._json(path.with_name("package.json.orig")).get("version", "N/A"))
        except SchemaUnreadable:
            version = "N/A"
        return Schema(plugin, version, schema)

    def _json(self, path: Path) -> dict[str, Any]:
        """A file's object, kept until the file changes; never to be modified."""
        try:
            changed = path.stat().st_mtime_ns
            known = self._read.get(path)
            if known and known[0] == changed:
                return known[1]
            value = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            raise SchemaUnreadable(path, str(error)) from None
        self._read[path] = (changed, value)
        return value


def _with_defaults(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(schema))
    properties = changed.setdefault("properties", {})
    for name, value in defaults.items():
        setting = properties.setdefault(name, {})
        old = setting.get("default")
        both = isinstance(old, dict) and isinstance(value, dict)
        setting["default"] = merge(old, value) if both else value
    return changed

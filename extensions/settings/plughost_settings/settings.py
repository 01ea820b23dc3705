"""The user's settings: one JSON5 file for each plugin, shared with JupyterLab."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from plughost import BadRequest, HostError
from plughost_settings.files import NotJSON5, keep_aside, parse_json5, write_whole
from plughost_settings.schemas import Schema, Schemas

SUFFIX = ".jupyterlab-settings"
EMPTY = "{}"


class InvalidSettings(BadRequest):
    """A value that the schema does not allow; `place` is its JSONPath, such as `$.theme`."""

    def __init__(self, plugin: str, place: str, reason: str) -> None:
        self.plugin = plugin
        self.place = place
        super().__init__(
            f"The settings of {plugin!r} are not valid at {place!r}: {reason}.",
            hint=f"GET /lab/api/settings/{plugin} shows what the schema allows.",
        )


class PluginSettings(msgspec.Struct, frozen=True):
    """One plugin's settings as JupyterLab's clients know them.

    `raw` is the person's text with its comments, `settings` what it says; the defaults
    stand in `schema`. `warning` is there when the person's file cannot be used and the
    defaults hold. `last_modified` and `created` are ISO 8601, null without a file.
    """

    id: str
    schema: dict[str, Any]
    version: str
    raw: str
    settings: dict[str, Any]
    last_modified: str | None
    created: str | None
    warning: str | msgspec.UnsetType = msgspec.UNSET


class Settings:
    """What every plugin can be set to, and is."""

    def __init__(self, schemas: Schemas, folder: Path) -> None:
        self._schemas = schemas
        self._folder = folder

    async def ids(self) -> list[str]:
        """The ids of the plugins that have settings, in descending order."""
        return sorted(await asyncio.to_thread(self._schemas.ids), reverse=True)

    async def all(self) -> list[PluginSettings]:
        """The settings of all plugins, by id in descending order."""
        return await asyncio.to_thread(self._all)

    async def get(self, plugin: str) -> PluginSettings:
        """One plugin's settings. Raises SchemaNotFound and SchemaUnreadable."""
        return await asyncio.to_thread(lambda: self._with_user(self._schemas.get(plugin)))

    async def save(self, plugin: str, raw: str) -> None:
        """Store the person's settings as they wrote them.

        Raises SchemaNotFound, NotJSON5, InvalidSettings, and NotWritable.
        """
        await asyncio.to_thread(self._save, plugin, raw)

    def _all(self) -> list[PluginSettings]:
        schemas = sorted(self._schemas.all(), key=lambda schema: schema.plugin, reverse=True)
        return [self._with_user(schema) for schema in schemas]

    def _save(self, plugin: str, raw: str) -> None:
        schema = self._schemas.get(plugin)
        _check(raw, schema, f"The text of the settings of {plugin!r}")
        if self._with_user(schema).warning is not msgspec.UNSET:
            # The page has been working with the defaults: what it saves replaces a file
            # it never saw, and the person's work is in there.
            keep_aside(self._path(plugin))
        write_whole(self._path(plugin), raw)

    def _with_user(self, schema: Schema) -> PluginSettings:
        path = self._path(schema.plugin)
        raw, settings = EMPTY, dict[str, Any]()
        warning: str | msgspec.UnsetType = msgspec.UNSET
        modified = created = None
        try:
            stat = path.stat()
            modified, created = _iso(stat.st_mtime), _iso(stat.st_ctime)
            text = path.read_text(encoding="utf-8")
            if text.strip():
                settings = _check(text, schema, f"The file {str(path)!r}")
                raw = text
        except FileNotFoundError:
            pass
        except HostError as error:
            warning = f"{error.message} The defaults hold until it is corrected: {str(path)!r}."
        except (OSError, UnicodeDecodeError) as error:
            warning = f"The file {str(path)!r} cannot be read: {error}. The defaults hold."
        return PluginSettings(
            id=schema.plugin,
            schema=schema.schema,
            version=schema.version,
            raw=raw,
            settings=settings,
            last_modified=modified,
            created=created,
            warning=warning,
        )

    def _path(self, plugin: str) -> Path:
        package, _, name = plugin.partition(":")
        return self._folder / package / f"{name}{SUFFIX}"


def _check(raw: str, schema: Schema, what: str) -> dict[str, Any]:
    """The settings that a text stands for. Raises NotJSON5 and InvalidSettings."""
    settings = parse_json5(raw, what)
    if not isinstance(settings, dict):
        raise NotJSON5(what, "line 1 begins something else than an object")
    try:
        msgspec.json.encode(settings)
    except (OverflowError, UnicodeEncodeError) as error:
        raise NotJSON5(what, f"it has a value that JSON cannot carry ({error})") from None
    # Imported when needed: with its vocabularies it takes longer than the rest of us.
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError, UnknownType, best_match
    from referencing.exceptions import Unresolvable

    try:
        Draft7Validator.check_schema(schema.schema)
        mistake = best_match(Draft7Validator(schema.schema).iter_errors(settings))
    except (SchemaError, UnknownType, Unresolvable) as broken:
        reason = f"its schema cannot be used ({str(broken).splitlines()[0]})"
        raise InvalidSettings(schema.plugin, "$", reason) from None
    if mistake is not None:
        raise InvalidSettings(schema.plugin, mistake.json_path, mistake.message)
    return settings


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()

"""The user's settings: one JSON5 file for each plugin, shared with JupyterLab."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from plughost import BadRequest, HostError
from plughost_settings.files import (
    NotJSON5,
    Stamp,
    keep_aside,
    parse_json5,
    read_objects,
    stamp,
    write_whole,
)
from plughost_settings.schemas import Schema, Schemas
from plughost_settings.translations import DEFAULT, Translations
from plughost_settings.translator import Translator

SUFFIX = ".jupyterlab-settings"
EMPTY = "{}"

LANGUAGE = "@jupyterlab/translation-extension:plugin"
"""The plugin whose setting `locale` is the language of the workbench."""


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
    stand in `schema`, which is JSON. `warning` is there when the person's file cannot be
    used and the defaults hold. `last_modified` and `created` are ISO 8601, null without a
    file.
    """

    id: str
    schema: msgspec.Raw
    version: str
    raw: str
    settings: dict[str, Any]
    last_modified: str | None
    created: str | None
    warning: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True)
class _Known:
    """What has been found out of one plugin, and what that was found out from."""

    schema: Schema
    translator: Translator | None
    user_file: Stamp | None
    settings: PluginSettings


class Settings:
    """What every plugin can be set to, and is, in the language that the person has set.

    Files are read again only when they have changed.
    """

    def __init__(self, schemas: Schemas, folder: Path, translations: Translations) -> None:
        self._schemas = schemas
        self._folder = folder
        self._translations = translations
        self._known: dict[str, _Known] = {}
        self._language: tuple[Stamp | None, Any] = (None, None)
        self._writing = threading.Lock()  # what is kept aside is looked at before it is written

    async def ids(self) -> list[str]:
        """The ids of the plugins that have settings, in descending order."""
        return sorted(await asyncio.to_thread(self._schemas.ids), reverse=True)

    async def all(self) -> list[PluginSettings]:
        """The settings of all plugins, by id in descending order; not to be modified."""
        return [known.settings for known in await asyncio.to_thread(self._all)]

    async def get(self, plugin: str) -> PluginSettings:
        """One plugin's settings. Raises SchemaNotFound and SchemaUnreadable."""
        return (await asyncio.to_thread(self._get, plugin)).settings

    async def save(self, plugin: str, raw: str) -> None:
        """Store the person's settings as they wrote them.

        Raises SchemaNotFound, NotJSON5, InvalidSettings, and NotWritable.
        """
        await asyncio.to_thread(self._save, plugin, raw)

    def locale(self) -> str:
        """The language that the person has set, else the administrator, else `default`.

        Reads a file, unless it is as it was.
        """
        path = self._path(LANGUAGE)
        now = stamp(path)
        if self._language[0] != now:
            values = read_objects(path)
            self._language = (now, values[0].get("locale") if values else None)
        chosen = self._language[1] or self._schemas.overridden(LANGUAGE).get("locale")
        return chosen if isinstance(chosen, str) else DEFAULT

    def _all(self) -> list[_Known]:
        translator = self._translations.translator(self.locale())
        schemas = sorted(self._schemas.all(), key=lambda schema: schema.plugin, reverse=True)
        return [self._with_user(schema, translator) for schema in schemas]

    def _get(self, plugin: str) -> _Known:
        schema = self._schemas.get(plugin)
        return self._with_user(schema, self._translations.translator(self.locale()))

    def _save(self, plugin: str, raw: str) -> None:
        schema = self._schemas.get(plugin)
        _check(raw, schema, f"The text of the settings of {plugin!r}")
        with self._writing:
            if self._with_user(schema, None).settings.warning is not msgspec.UNSET:
                # The page has been working with the defaults: what it saves replaces a file
                # it never saw, and the person's work is in there.
                keep_aside(self._path(plugin))
            write_whole(self._path(plugin), raw)

    def _with_user(self, schema: Schema, translator: Translator | None) -> _Known:
        user_file = stamp(self._path(schema.plugin))
        known = self._known.get(schema.plugin)
        if (
            known is None
            or known.schema is not schema
            or known.translator is not translator
            or known.user_file != user_file
        ):
            settings = self._read(schema, translator)
            known = _Known(schema, translator, user_file, settings)
            self._known[schema.plugin] = known
        return known

    def _read(self, schema: Schema, translator: Translator | None) -> PluginSettings:
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
            schema=_translated(schema, translator) if translator else schema.encoded,
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


def _translated(schema: Schema, translator: Translator) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(translator.schema(schema.decoded())))


def _check(raw: str, schema: Schema, what: str) -> dict[str, Any]:
    """The settings that a text stands for. Raises NotJSON5 and InvalidSettings."""
    settings = parse_json5(raw, what)
    if not isinstance(settings, dict):
        raise NotJSON5(what, "line 1 begins something else than an object")
    mistake = _mistake(settings, schema)
    if mistake is not None:
        raise InvalidSettings(schema.plugin, *mistake)
    return settings


def _mistake(settings: dict[str, Any], schema: Schema) -> tuple[str, str] | None:
    """The place and the reason why a schema does not allow settings; None when it does."""
    # Imported when needed: with its vocabularies it takes longer than the rest of us.
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError, UnknownType, best_match
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY

    rules = schema.decoded()
    try:
        Draft7Validator.check_schema(rules)
        # With a registry, or jsonschema fetches what a schema refers to.
        validator = Draft7Validator(rules, registry=EMPTY_REGISTRY)
        mistake = best_match(validator.iter_errors(settings))
    except (SchemaError, UnknownType, Unresolvable, RecursionError, re.error) as broken:
        return "$", f"its schema cannot be used ({str(broken).splitlines()[0]})"
    except OverflowError as error:
        return "$", f"a number is too large ({error})"
    if mistake is None:
        return None
    return mistake.json_path, _shortened(mistake.message)


def _shortened(text: str) -> str:
    """The same without what makes it long: it may quote all of the settings."""
    return text if len(text) <= 300 else f"{text[:200]} … {text[-90:]}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()

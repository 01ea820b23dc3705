"""Setting schemas in another language: the titles and descriptions that people read."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

DOMAIN = "jupyterlab"
"""The catalogue for schemas that name none."""

INTERNATIONALIZATION = "jupyter.lab.internationalization"
"""Key of a schema that names its own `domain`, and `selectors` of more texts to translate."""

# By the context in which a text stands in the catalogues (gettext's `msgctxt`): the paths of
# those texts. From jupyterlab_server, whose packs have been written for them.
_PLACES = re.compile(
    r"""
      (?P<settings> (?:definitions/.*/)?properties/.*/(?:title|description)
                  | jupyter\.lab\.setting-icon-label )
    | (?P<schema>   title | description )
    | (?P<menu>     jupyter\.lab\.menus/.*/label )
    | (?P<toolbar>  jupyter\.lab\.toolbars/.*/label )
    """,
    re.VERBOSE,
)

Catalogue = dict[str, Any]
"""Translations by message; under the empty message, facts about the catalogue."""

log = logging.getLogger("plughost.settings")


class Translator:
    """Translates schemas with the catalogues of one language, by their domains."""

    def __init__(self, catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues

    def schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same schema, its texts translated where there is a translation."""
        own = schema.get(INTERNATIONALIZATION)
        own = own if isinstance(own, dict) else {}
        domain = str(own.get("domain", DOMAIN)).replace("-", "_")
        catalogue = self._catalogues.get(domain)
        if not catalogue:
            return schema
        return _Walk(catalogue, _compiled(own.get("selectors"))).object(schema, "")


class _Walk:
    """One way through one schema; a path is the keys to a text with slashes between.

    `further` are the places that the schema names itself.
    """

    def __init__(self, catalogue: Catalogue, further: list[re.Pattern[str]]) -> None:
        self._catalogue = catalogue
        self._further = further

    def object(self, values: dict[str, Any], path: str) -> dict[str, Any]:
        return {key: self._value(value, path + key) for key, value in values.items()}

    def _value(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return self.object(value, f"{path}/")
        if isinstance(value, list):
            return [
                self.object(each, f"{path}[{number}]/") if isinstance(each, dict) else each
                for number, each in enumerate(value)
            ]
        return value

    def _text(self, text: str, path: str) -> str:
        match = _PLACES.fullmatch(path)
        if match is None and not any(place.fullmatch(path) for place in self._further):
            return text
        context = match.lastgroup if match else "schema"
        found = self._catalogue.get(f"{context}\x04{text}")  # as gettext's compiled files do
        return found[0] if isinstance(found, list) and found and found[0] else text


def _compiled(selectors: Any) -> list[re.Pattern[str]]:
    """A schema's selectors, without those that cannot be used."""
    usable = []
    for selector in selectors if isinstance(selectors, list) else ():
        try:
            usable.append(re.compile(str(selector)))
        except re.error as error:
            log.warning("The schema selector %r is no regular expression: %s.", selector, error)
    return usable

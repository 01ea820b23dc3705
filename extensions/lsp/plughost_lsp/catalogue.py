"""Which language servers there are: found when somebody asks, in a thread, and kept a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from plughost_lsp import finders
from plughost_lsp.known import known_servers
from plughost_lsp.settings import Settings
from plughost_lsp.specs import Spec, from_jupyter, from_settings

FRESH_SECONDS = 60.0
"""A server that is installed meanwhile is seen after this long, by a page that is loaded then."""

log = logging.getLogger("plughost.lsp")


class Catalogue:
    """The servers by name, those that are not installed included.

    Of one name, what is set in plughost.toml goes over what Jupyter's files say, that over
    what installed packages name, and that over what we know ourselves.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._specs: Mapping[str, Spec] = {}
        self._looked: float | None = None
        self._looking = asyncio.Lock()
        self._packages: list[Spec] | None = None  # once: it imports their code
        self._told: set[str] = set()

    async def specs(self) -> Mapping[str, Spec]:
        """All servers by name, looked for anew if that is long ago."""
        async with self._looking:
            if self._looked is None or time.monotonic() - self._looked > FRESH_SECONDS:
                self._specs = await asyncio.to_thread(self._look)
                self._looked = time.monotonic()
        return self._specs

    def _look(self) -> Mapping[str, Spec]:
        found: dict[str, Spec] = {}
        if self._settings.autodetect:
            found |= {spec.name: spec for spec in known_servers()}
            found |= {spec.name: spec for spec in self._of_packages()}
        for name, spec in self._of_jupyter_files():
            found[name] = spec
            if not spec.argv:  # jupyter-lsp's way to switch one off
                del found[name]
        for name, settings in self._settings.servers.items():
            known = found.pop(name, None)
            if settings.enabled:
                try:
                    found[name] = from_settings(name, settings, known)
                except ValueError as error:
                    self._tell(f"The server {name!r} in [extensions.lsp.servers]: {error}.")
        return {name: _with_schema(spec) for name, spec in found.items() if _counts(spec, found)}

    def _of_packages(self) -> list[Spec]:
        if self._packages is None:
            settings = self._settings
            manager = finders.Manager(settings.node_roots, settings.extra_node_roots)
            self._packages = finders.found_by_packages(manager)
        return self._packages

    def _of_jupyter_files(self) -> Iterator[tuple[str, Spec]]:
        for name, spec in self._settings.language_servers.items():
            try:
                yield name, from_jupyter(name, spec)
            except ValueError as error:
                self._tell(f"LanguageServerManager.language_servers[{name!r}]: {error}")

    def _tell(self, warning: str) -> None:
        if warning not in self._told:
            self._told.add(warning)
            log.warning("%s", warning)


def _counts(spec: Spec, found: Mapping[str, Spec]) -> bool:
    others = (other for other in found.values() if other.installed and not other.fallback)
    return not spec.fallback or not any(
        set(spec.languages).intersection(other.languages) for other in others
    )


def _with_schema(spec: Spec) -> Spec:
    if "config_schema" in spec.about:
        return spec
    schema = finders.jupyter_schema(spec.name)
    return replace(spec, about={**spec.about, "config_schema": schema}) if schema else spec

"""A page's bundle: what `plughost build --bundle` has joined, used where it is of what is enabled.

`docs/reference/frontends.md` describes the folder that this module reads.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_data_dir

from plughost.errors import NotFound
from plughost.frontend import LoadedFrontend
from plughost.static import FrontendFiles

BUNDLE = "bundle.json"
FORMAT = 1

log = logging.getLogger("plughost.frontend")


class Bundle(msgspec.Struct, frozen=True):
    """`bundle.json`, as a build wrote it.

    `files` are those that have been joined into `module` and `styles`, as
    `<extension>/<file>`; `extensions` those whose module is a function of the bundle's.
    """

    format: int
    key: str
    module: str
    styles: str
    files: list[str]
    extensions: list[str]


def bundle_folder(page: str) -> Path:
    """Where the bundle of a page lies that was made in this environment."""
    environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]
    return Path(jupyter_data_dir(), "plughost", "bundles", f"{page}-{environment}")


def bundle_key(page: str, frontends: Iterable[LoadedFrontend]) -> str:
    """What a bundle was made of: other manifests, or another order, make another key."""
    here = [
        (frontend.extension, frontend.manifest)
        for frontend in frontends
        if page in frontend.manifest.pages or frontend.manifest.provides
    ]
    return hashlib.sha256(msgspec.json.encode(here)).hexdigest()[:32]


def joined(
    page: str, loads: Mapping[str, Any], frontends: Iterable[LoadedFrontend], base_url: str
) -> Mapping[str, Any]:
    """What a page loads, with its bundle in place of what was joined, if there is one that fits.

    Whoever imports a joined file by its address gets the bundle, by the import map: what is
    in it exists once.
    """
    bundle = _fitting(page, frontends)
    if bundle is None:
        return loads
    module, styles = (
        f"{base_url}plughost/bundles/{page}/{file}" for file in (bundle.module, bundle.styles)
    )
    gone = {f"{base_url}plughost/frontends/{file}" for file in bundle.files}
    guests = {
        entry["module"]
        for entry in loads["boot"]["frontends"]
        if entry["extension"] in bundle.extensions
    }
    addresses = {url: module for url in sorted(gone) if url.endswith(".js")}
    return {
        **loads,
        "import_map": {"imports": {**loads["import_map"]["imports"], **addresses}},
        "boot": {**loads["boot"], "bundle": {"module": module, "extensions": bundle.extensions}},
        "styles": [styles, *(url for url in loads["styles"] if url not in gone)],
        "preload": [module, *(url for url in loads["preload"] if url not in gone | guests)],
        "host_module": module,
    }


def _fitting(page: str, frontends: Iterable[LoadedFrontend]) -> Bundle | None:
    path = bundle_folder(page) / BUNDLE
    try:
        bundle = msgspec.json.decode(path.read_bytes(), type=Bundle)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        _note(f"{str(path)!r} cannot be used ({error})")
        return None
    if bundle.format != FORMAT or bundle.key != bundle_key(page, frontends):
        _note(f"The bundle of the page {page!r} was made of other frontends than are enabled now")
        return None
    return bundle


_noted: set[str] = set()


def _note(text: str) -> None:
    if text not in _noted:
        _noted.add(text)
        log.warning("%s; the page loads without it. `plughost build --bundle` makes one.", text)


class BundleFiles(FrontendFiles):
    """`/plughost/bundles/<page>/<file>`: the files of a page's bundle."""

    def folder(self, **groups: str) -> Path:
        page = groups["page"]
        # It becomes part of a path.
        if all(page not in frontend.manifest.pages for frontend in self.host.frontends):
            raise NotFound(f"There is no page {page!r} here.")
        return bundle_folder(page)

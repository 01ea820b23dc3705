"""Compiled browser halves: their manifests, the import map, and the page that loads them.

`docs/reference/frontends.md` describes the files this module reads.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from plughost._version import __version__
from plughost.contributions import Page
from plughost.errors import ManifestError
from plughost.records import ExtensionRecord

MANIFEST = "plughost.json"
FORMAT = 1
HOST = "host"
"""Under this name the browser host itself is served, beside the extensions' frontends."""

log = logging.getLogger("plughost.frontend")


class Provided(msgspec.Struct, frozen=True):
    """A shared module: version of its package, and the file that the import map points to."""

    version: str
    file: str


class Manifest(msgspec.Struct, frozen=True):
    """`plughost.json`, as a build wrote it."""

    format: int
    name: str
    version: str
    module: str
    engine: str = ""
    app: bool = False
    pages: list[str] = []
    styles: list[str] = []
    preload: list[str] = []
    provides: dict[str, Provided] = {}
    requires: dict[str, str] = {}
    fingerprint: str = ""


@dataclass(frozen=True)
class LoadedFrontend:
    """One frontend: the name it is served under, its folder, its manifest, and whose it is."""

    extension: str
    folder: Path
    manifest: Manifest
    owner: ExtensionRecord

    def url(self, base_url: str, file: str) -> str:
        return f"{base_url}plughost/frontends/{self.extension}/{file}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a frontend's folder.

    Raises ManifestError, naming the file, when it is missing, is not what a build writes,
    or was written for another format.
    """
    path = folder / MANIFEST
    again = "Build it again with `plughost build`."
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ManifestError(f"Cannot read {str(path)!r}: {error.strerror}.", hint=again) from None
    except msgspec.DecodeError as error:
        raise ManifestError(f"{str(path)!r} is not a manifest: {error}", hint=again) from None
    if manifest.format != FORMAT:
        raise ManifestError(
            f"{str(path)!r} has format {manifest.format}; this plughost reads format {FORMAT}.",
            hint=again,
        )
    return manifest


def import_map(frontends: Iterable[LoadedFrontend], base_url: str) -> dict[str, dict[str, str]]:
    """The page's import map (HTML standard, "import maps"): each shared module's URL.

    Of two frontends that provide the same module the first wins, and the log says so.
    """
    imports: dict[str, str] = {}
    owners: dict[str, str] = {}
    for frontend in frontends:
        for specifier, provided in frontend.manifest.provides.items():
            if specifier in imports:
                whose = (specifier, owners[specifier], frontend.extension)
                log.warning("Shared module %r comes from %r; the copy of %r is not used.", *whose)
                continue
            imports[specifier] = frontend.url(base_url, provided.file)
            owners[specifier] = frontend.extension
    return {"imports": imports}


def boot_data(page: Page, frontends: Iterable[LoadedFrontend], base_url: str) -> dict[str, Any]:
    """What the browser host needs to start a page: the app's module and the plugins'."""
    here = [f for f in frontends if page.name in f.manifest.pages]

    def entry(f: LoadedFrontend) -> dict[str, str]:
        manifest, url = f.manifest, f.url(base_url, f.manifest.module)
        who = {"extension": f.extension, "package": manifest.name, "version": manifest.version}
        return {**who, "module": url}

    return {
        "page": page.name,
        "baseUrl": base_url,
        "version": __version__,
        "app": next((entry(f) for f in here if f.manifest.app), None),
        "frontends": [entry(f) for f in here if not f.manifest.app],
        "problems": any(told.page == page.name for f in here for told in f.owner.page_problems),
    }


def content_security_policy(page: Page, nonce: str, base_url: str) -> str:
    """The page's policy: its own directives over a strict default (CSP level 3).

    Scripts run by nonce alone, not by origin: the user's files are of the same origin.
    """
    directives = {
        "default-src": "'self'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'self' blob: data:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "report-uri": report_uri(base_url),
        **page.policy,
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def report_uri(base_url: str) -> str:
    """Where browsers report what a policy has stopped (CSP level 3, 6.5.1)."""
    return f"{base_url}api/security/csp-report"


def new_nonce() -> str:
    return secrets.token_urlsafe(16)

"""The licences of what the page is made of, as each browser half's build has collected them."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from plughost import BadRequest

FILES = ("third-party-licenses.json", "static/third-party-licenses.json")
"""Where `plughost build` puts them, and where JupyterLab's builder does."""

Bundles = dict[str, "Bundle"]

log = logging.getLogger("plughost.settings")


class License(msgspec.Struct, frozen=True, rename="camel"):
    """One package: `license_id` is an SPDX expression, `extracted_text` what its author wrote."""

    name: str
    version_info: str | None = None
    license_id: str | None = None
    extracted_text: str | msgspec.UnsetType | None = msgspec.UNSET


class Bundle(msgspec.Struct, frozen=True):
    """The packages that one browser half contains."""

    packages: list[License]


class Licenses:
    """Reads what lies in the browser halves' folders, which `folders` gives by npm package."""

    def __init__(self, folders: Callable[[], Mapping[str, Path]]) -> None:
        self._folders = folders

    def bundles(self, pattern: str = ".*", *, full_text: bool = True) -> Bundles:
        """The bundles whose names begin as a regular expression says; `full_text` adds the wording.

        Raises BadRequest for what is not a regular expression.
        """
        try:
            wanted = re.compile(pattern)
        except re.error as error:
            raise BadRequest(
                f"The pattern {pattern!r} is not a regular expression: {error}.",
                hint="Leave `bundles` away to get all of them.",
            ) from None
        wanted_folders = {n: f for n, f in self._folders().items() if wanted.match(n)}
        found = {name: _read(folder) for name, folder in wanted_folders.items()}
        # Who contains nobody else's work has nothing to list.
        found = {name: bundle for name, bundle in found.items() if bundle.packages}
        return found if full_text else {name: _short(bundle) for name, bundle in found.items()}


def _read(folder: Path) -> Bundle:
    """What a build has collected; nothing, and a line in the log, where that cannot be used."""
    for path in (folder / file for file in FILES):
        try:
            return msgspec.json.decode(path.read_bytes(), type=Bundle)
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            log.warning("The licences in %r cannot be used: %s.", str(path), error)
    return Bundle([])


def as_json(bundles: Bundles) -> str:
    """The shape JupyterLab's licence viewer reads."""
    return msgspec.json.encode({"bundles": bundles}).decode()


def as_csv(bundles: Bundles) -> str:
    """One line for each package, after a line of headings."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["name", "versionInfo", "licenseId", "extractedText", "bundle"])
    for name, bundle in bundles.items():
        for each in bundle.packages:
            table.writerow(
                [each.name, each.version_info, each.license_id, each.extracted_text or None, name]
            )
    return text.getvalue()


def as_markdown(bundles: Bundles) -> str:
    """A heading for each bundle and each package, the wording in a code block."""
    lines = ["# Licences", ""]
    for name, bundle in bundles.items():
        lines += [f"## {name}", ""]
        for each in bundle.packages:
            heading = f"### {each.name} {each.version_info or ''}".rstrip()
            lines += [heading, "", each.license_id or "unknown", ""]
            if each.extracted_text:
                wording = each.extracted_text.splitlines()
                lines += [*(f"    {line}".rstrip() for line in wording), ""]
    return "\n".join(lines)


FORMATS = {
    "json": ("application/json", as_json),
    "csv": ("text/csv; charset=UTF-8", as_csv),
    "markdown": ("text/markdown; charset=UTF-8", as_markdown),
}
"""For each format its content type and what writes it."""

EXTENSIONS = {"json": "json", "csv": "csv", "markdown": "md"}


def _short(bundle: Bundle) -> Bundle:
    return Bundle([License(p.name, p.version_info, p.license_id) for p in bundle.packages])

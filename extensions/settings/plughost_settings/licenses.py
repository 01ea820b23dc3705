"""The licences of what the page is made of, as each frontend's build has collected them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from plughost import BadRequest

FILE = "third-party-licenses.json"

Bundles = dict[str, "Bundle"]


class License(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One package: `license_id` is an SPDX expression, `extracted_text` what its author wrote."""

    name: str
    version_info: str
    license_id: str
    extracted_text: str | None = None


class Bundle(msgspec.Struct, frozen=True):
    """The packages that one frontend contains."""

    packages: list[License]


class Licenses:
    """Asks the frontends, whose folders `folders` gives by npm package."""

    def __init__(self, folders: Callable[[], Mapping[str, Path]]) -> None:
        self._folders = folders

    def bundles(self, pattern: str = ".*", *, full_text: bool = True) -> Bundles:
        """The bundles whose names match a regular expression; `full_text` adds the wording.

        Raises BadRequest for what is not a regular expression.
        """
        try:
            wanted = re.compile(pattern)
        except re.error as error:
            raise BadRequest(
                f"The pattern {pattern!r} is not a regular expression: {error}.",
                hint="Leave `bundles` away to get all of them.",
            ) from None
        found = {
            name: msgspec.json.decode(path.read_bytes(), type=Bundle)
            for name, folder in self._folders().items()
            if wanted.fullmatch(name) and (path := folder / FILE).is_file()
        }
        # A frontend that contains nobody else's work has nothing to list.
        found = {name: bundle for name, bundle in found.items() if bundle.packages}
        return found if full_text else {name: _short(bundle) for name, bundle in found.items()}


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
                [each.name, each.version_info, each.license_id, each.extracted_text or "", name]
            )
    return text.getvalue()


def as_markdown(bundles: Bundles) -> str:
    """A heading for each bundle and each package, the wording in a code block."""
    lines = ["# Licences", ""]
    for name, bundle in bundles.items():
        lines += [f"## {name}", ""]
        for each in bundle.packages:
            lines += [f"### {each.name} {each.version_info}", "", each.license_id, ""]
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

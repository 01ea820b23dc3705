"""Labextensions in the lab's page: which are loaded, from where, and what they are offered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plughost import (
    ExtensionRecord,
    FileHandler,
    Host,
    NotFound,
    PageRequest,
    ServiceNotFound,
    State,
)
from plughost_lab.latecomers import Latecomers, is_fresh
from plughost_lab.visit import APPS, LabOptions

FINDER = "plughost_settings.labextensions.Labextensions"
"""The service that finds them; without it there are none."""

URL = "/lab/extensions"

PATTERN = rf"{URL}/(?P<package>(?:@[^/@]+/)?[^/@]+)/(?P<file>.+)"

CONTAINERS = "_JUPYTERLAB"
"""The global object into which the scripts of labextensions put their containers."""

SEVERAL = frozenset(
    f"@jupyterlab/{name}"
    for name in (
        "attachments",
        "cells",
        "csvviewer",
        "docregistry",
        "nbformat",
        "observables",
        "outputarea",
        "property-inspector",
        "running",
    )
)
"""What JupyterLab shares and allows more than one copy of."""

YEAR = 365 * 24 * 3600

TEXTS = frozenset((".css", ".js", ".json", ".map", ".svg"))
"""What is worth compressing, from SMALL bytes on and up to LARGE."""

SMALL = 1024
LARGE = 32 * 1024 * 1024

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_PACKAGE = re.compile(r"(?:@[^/]+/)?[^/@]+")
_HASHED = re.compile(r"(?:(?:.*[./-])?[0-9a-f]{16,64}|.*-[A-Z0-9]{8})\.\w+(?:\.map)?")


if TYPE_CHECKING:

    class Build(Protocol):
        load: str
        extension: str | None
        mime_extension: str | None
        style: str | None
        entrypoints: list[str] | None

    class Labextension(Protocol):
        """What the finder knows of each."""

        name: str
        version: str
        folder: Path
        build: Build | None
        problem: str
        disables: tuple[str, ...]
        relies_on: tuple[str, ...]
        is_theme: bool
        distribution: str
        server_half: str


async def page_config(host: Host, visit: PageRequest) -> dict[str, Any]:
    """The page's list of labextensions, as JupyterLab has it and as the browser host does.

    The latter, under `federation`, is for the boot data, and missing if there are none.
    """
    finder = _finder(host)
    if finder is None:
        return {"federated_extensions": [], "labextensionsPath": []}
    found = _found(host)
    off = {each.name: reason for each in found if (reason := _why_off(host, each))}
    loaded = [each for each in found if each.build and each.name not in off]
    for each in found:
        if each.problem and each.name not in off:
            host.records["lab"].say(
                f"The labextension in {str(each.folder)!r} cannot be loaded. {each.problem}"
            )
    values: dict[str, Any] = {
        "federated_extensions": [_entry(each.name, each.build) for each in loaded if each.build],
        "labextensionsPath": [str(path) for path in finder.paths],
    }
    if found:
        at, shared = f"{visit.base_url.rstrip('/')}{URL}", _shared(host)
        containers = [_container(each, off.get(each.name, ""), at) for each in found]
        if await is_fresh(host, visit):
            wait_for = host.config.extension("lab", LabOptions).wait_for
            among = host.service(Latecomers).among
            late = await asyncio.to_thread(among, loaded, shared, wait_for)
            for container in containers:
                if container["package"] in late:
                    container["later"] = True
        values["federation"] = {
            "global": CONTAINERS,
            "shared": shared,
            "containers": containers,
            "problems": any(r.page_problems for r in host.known.values() if r.guest_of == "lab"),
        }
    return values


def guests(host: Host) -> list[ExtensionRecord]:
    """A record for each labextension, as if it were an extension."""
    found = _found(host)
    disabled = _disabled(host) if found else {}
    return [_record(host, each, disabled) for each in found]


def _record(host: Host, labextension: Labextension, disabled: Any) -> ExtensionRecord:
    name = labextension.name
    record = ExtensionRecord(
        name,
        distribution=labextension.distribution,
        version=labextension.version,
        summary=f"The labextension in {labextension.folder}",
        phase="find",
    )
    off = _why_off(host, labextension)
    if not off and name in disabled and (not isinstance(disabled, dict) or disabled[name]):
        off = "It is among the disabledExtensions of the page configuration."
    if off:
        record.state = State.BLOCKED if host.switch(name).blocked else State.DISABLED
        record.notes = [off]
    elif labextension.problem:
        record.state = State.FAILED
        record.error, record.next_step = labextension.problem, _what_to_do(name)
    else:
        record.state = State.ACTIVE
        if labextension.server_half:
            record.notes = [_of_the_server_half(labextension.server_half)]
    return record


def _of_the_server_half(distribution: str) -> str:
    return (
        f"Its server half, the Python package {distribution!r}, is made for jupyter_server and "
        "does not run here: what needs it works only if an extension of plughost answers instead."
    )


def _disabled(host: Host) -> Any:
    """The `disabledExtensions` of the page configuration, a list or an object of switches."""
    try:
        values: dict[str, Any] = host.service(APPS).page_config("/lab")
    except ServiceNotFound:
        return {}
    return values.get("disabledExtensions", {})


def _found(host: Host) -> list[Labextension]:
    """What is installed, but for those whose native half is there."""
    finder = _finder(host)
    native = {frontend.manifest.name for frontend in host.frontends}
    return [each for each in finder.all() if each.name not in native] if finder else []


def _what_to_do(name: str) -> str:
    return f"Build it, or reinstall {name!r}."


class LabextensionFiles(FileHandler):
    """`/lab/extensions/<package>/<file>`: the files of a labextension.

    A name, or a query, with a hash of the content never changes its meaning (RFC 8246).
    No compressed twins lie beside them, so text is compressed as it is sent: a third of the
    bytes, for 3 ms of a worker thread per 200 kB, once for each browser.
    """

    _packed: bytes | None = None

    def folder(self, **groups: str) -> Path:
        finder = _finder(self.host)
        found = finder.find(groups["package"]) if finder else None
        if found is None:
            raise NotFound(
                f"There is no labextension {groups['package']!r}.",
                hint="Reload the page: it may have been removed since.",
            )
        # What has been linked in from its source tree is not in its folder by name.
        folder: Path = found.folder.resolve()
        return folder

    async def get(self, file: str, **groups: str) -> None:  # type: ignore[override]  # groups too
        headers = self.request.headers
        plain = "Range" in headers or "If-None-Match" in headers
        if not plain and _GZIP.search(headers.get("Accept-Encoding", "")):
            self._packed = await asyncio.to_thread(_packed, self.folder(**groups), file)
        await super().get(file, **groups)

    def get_content_size(self) -> int:
        return super().get_content_size() if self._packed is None else len(self._packed)

    def get_content(self, abspath: str, *limits: Any) -> Any:  # type: ignore[override]  # of a request
        return super().get_content(abspath, *limits) if self._packed is None else self._packed

    def set_extra_headers(self, path: str) -> None:
        super().set_extra_headers(path)
        if self._packed is not None:
            self.set_header("Content-Encoding", "gzip")

    def compute_etag(self) -> str | None:
        """A weak one: it is the same for the file as it lies there and as it was compressed."""
        return f"W/{super().compute_etag()}"

    def cache_control(self, file: str) -> str:
        if self.get_query_argument("v", "") or _HASHED.fullmatch(file):
            return f"private, max-age={YEAR}, immutable"
        return super().cache_control(file)


def _packed(folder: Path, file: str) -> bytes | None:
    """A text file of a folder compressed; None for what is none, is small, or far too large."""
    import gzip  # here, not at the start of a server

    try:
        path = (folder / file).resolve()
        if not path.is_relative_to(folder) or path.suffix not in TEXTS:
            return None
        if not SMALL <= path.stat().st_size <= LARGE:
            return None
        return gzip.compress(path.read_bytes(), 5, mtime=0)
    except (OSError, ValueError):  # it cannot be read, or has a name that is none
        return None


def _finder(host: Host) -> Any:
    try:
        return host.service(FINDER)
    except ServiceNotFound:
        return None


def _why_off(host: Host, labextension: Labextension) -> str:
    """Why a labextension is not loaded though a page configuration allows it; "" if it is.

    One switch is for both kinds: that of its own name, or of the extension it came with.
    """
    if host.config.safe:
        return "The server was started with --safe."
    switch = host.switch(labextension.name)
    if switch.blocked or not switch.enabled:
        return switch.reason
    for record in host.records.values():
        same = _normal(record.distribution) == _normal(labextension.distribution)
        if same and record.distribution and record.state.value in ("disabled", "blocked"):
            return f"It came with the extension {record.name!r}, which is {record.state.value}."
    return ""


def _normal(distribution: str) -> str:
    """A distribution's name as others are compared with it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _entry(name: str, build: Build) -> dict[str, Any]:
    """One of JupyterLab's `federated_extensions`."""
    entry = {
        "name": name,
        "load": build.load,
        "extension": build.extension,
        "mimeExtension": build.mime_extension,
        "style": build.style,
        "entrypoints": build.entrypoints,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _container(labextension: Labextension, off: str, at: str) -> dict[str, Any]:
    """One of the boot data's containers."""
    build, name = labextension.build, labextension.name
    container: dict[str, Any] = {"package": name, "version": labextension.version}
    container |= {"script": "", "modules": [], "styles": []}
    if build:
        container |= {
            "script": f"{at}/{name}/{build.load}",
            # Renderers first, as in JupyterLab: what is drawn with them comes after.
            "modules": [each for each in (build.mime_extension, build.extension) if each],
            "styles": [build.style] if build.style else [],
        }
    else:
        container |= {"error": labextension.problem, "hint": _what_to_do(name)}
    if off:
        container["off"] = off
    elif build and labextension.server_half:
        container["hint"] = _of_the_server_half(labextension.server_half)
    return container


def _shared(host: Host) -> dict[str, Sequence[str]]:
    """The versions of the shared modules that are packages, as the import map takes them.

    Of what may be in the page more than once, some containers insist on a version that
    satisfies the range of their build, such as `^4.6.6`: it has one more that does.
    """
    shared: dict[str, Sequence[str]] = {}
    for name, version in _provided(host):
        if name not in shared and _PACKAGE.fullmatch(name):
            also = [f"{version.partition('.')[0]}.999.0"] if name in SEVERAL else []
            shared[name] = [version, *also]
    return shared


def _provided(host: Host) -> Iterator[tuple[str, str]]:
    for frontend in host.frontends:
        for name, provided in frontend.manifest.provides.items():
            yield name, provided.version

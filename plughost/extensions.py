"""Entry points become extension records, and records become plugin objects."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir

from plughost._version import __version__
from plughost.errors import ExtensionError, ManifestError
from plughost.guard import apart
from plughost.metadata import entry_points, unreadable
from plughost.records import ExtensionRecord, State

GROUP = "plughost"
"""The entry-point group in which a distribution names its extensions."""

log = logging.getLogger("plughost.extensions")


def find() -> list[ExtensionRecord]:
    """One record for each installed extension, first-party ones first; imports nothing.

    Of two distributions that use the same name the second is recorded as failed, and so is
    one that says it needs another plughost. A distribution whose metadata cannot be read is
    left out, and the log says so.
    """
    records: dict[str, ExtensionRecord] = {}
    for record in sorted(_installed(), key=lambda r: (not r.first_party, r.name, r.distribution)):
        twin = records.get(record.name)
        if twin:
            record.name = f"{record.name}@{record.distribution}"
            record.fail(
                "find",
                ExtensionError(
                    f"The extension name {twin.name!r} is used by {twin.distribution!r} "
                    f"and by {record.distribution!r}.",
                    hint=f"Uninstall one of them: `pip uninstall {record.distribution}`.",
                ),
            )
        records[record.name] = record
    return list(records.values())


def _installed() -> Iterator[ExtensionRecord]:
    """A record for each entry point, as the metadata of its distribution describes it."""
    for entry, distribution in entry_points(GROUP):
        try:
            record = ExtensionRecord(
                name=entry.name,
                distribution=distribution.name,
                version=distribution.version,
                package=entry.module,
                summary=distribution.metadata.get("Summary") or "",
                entry_point=entry,
            )
            if not record.first_party:
                _check_requirement(record, distribution.requires or ())
        except Exception as error:  # whatever a stranger's metadata makes the library raise
            unreadable(distribution, error)
        else:
            yield record


def _check_requirement(record: ExtensionRecord, requirements: Iterable[str]) -> None:
    """Fail a record whose distribution requires another version of plughost.

    pip sees to that when it installs; a later upgrade of plughost alone goes unnoticed.
    """
    from packaging.requirements import Requirement  # only for those who are not first-party

    for text in requirements:
        if not text.startswith("plughost"):
            continue
        requirement = Requirement(text)
        if requirement.name != "plughost" or (
            requirement.marker and not requirement.marker.evaluate({"extra": ""})
        ):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            record.fail(
                "find",
                ExtensionError(
                    f"{record.distribution} {record.version} needs plughost "
                    f"{requirement.specifier}, and this is {__version__}.",
                    hint=f"Get one that fits: `pip install --upgrade {record.distribution}`.",
                ),
            )


def check_engine(engine: str, name: str) -> None:
    """Raise ManifestError when a range of plughost versions (PEP 440) leaves this one out."""
    if not engine:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # when a manifest says so

    try:
        fits = SpecifierSet(engine).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise ManifestError(
            f"The engine {engine!r} of {name!r} is not a range of versions.",
            hint='Write one as in PEP 440, such as ">=0.1,<0.3".',
        ) from None
    if not fits:
        raise ManifestError(
            f"{name!r} was made for plughost {engine}, and this is {__version__}.",
            hint="Install a version of it that fits, or build it again for this plughost.",
        )


def package_folder(package: str) -> Path | None:
    """Where the package `a.b` lies, found without importing it; None if it does not exist."""
    top, *rest = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location, *rest)
        if folder.is_dir():
            return folder
    return None


def frontend_folder(record: ExtensionRecord, package: Path) -> Path | None:
    """The compiled browser half: in its package, or what was built here if it came uncompiled."""
    if (package / "frontend").is_dir():
        return package / "frontend"
    if record.first_party or record.entry_point is None or not built_frontends().is_dir():
        return None
    folder = built_folder(record.entry_point.dist, record.package) / "frontend"
    return folder if folder.is_dir() else None


def is_uncompiled(package: Path) -> bool:
    """Whether a package without a compiled browser half carries the sources of one."""
    try:
        described = [package / "package.json", *package.glob("*/package.json")]
        return any(file.is_file() and b'"plughost"' in file.read_bytes() for file in described)
    except OSError:
        return False


def built_frontends() -> Path:
    """Where `plughost build --installed` puts what it builds: among the user's own data."""
    return Path(jupyter_data_dir(), "plughost", "frontends")


def built_folder(distribution: Any, package: str) -> Path:
    """The folder that it fills for one package of a distribution.

    Its name says which distribution, which version, and by a hash which installation: where
    that lies and every file that came with it. What was built for another one is never used.
    """
    place = os.path.realpath(distribution.locate_file(""))
    try:
        lines = (distribution.read_text("RECORD") or "").splitlines()
    except ValueError:  # no text: as good as none
        lines = []
    # Only what the author packed: installers add files of their own, and bytecode unhashed.
    came = sorted(line for line in lines if ",sha256=" in line and ".dist-info/" not in line)
    digest = hashlib.sha256("\n".join([place, package, *came]).encode()).hexdigest()
    name = re.sub(r"[-_.]+", "-", distribution.name).lower()
    return built_frontends() / f"{name}-{distribution.version}-{digest[:16]}"


async def load(record: ExtensionRecord, seconds: float) -> Any:
    """Import one extension in a thread and return its plugin object, within `seconds`.

    Returns None when that fails, as the record says.
    """
    entry = record.entry_point
    assert entry is not None, "only found extensions are loaded"
    record.state = State.LOADING
    before = _resident()
    plugin = await apart(record, "import", entry.load, seconds)
    if plugin is None and record.state == State.LOADING:
        record.fail(
            "import",
            ExtensionError(
                f"The entry point {entry.value!r} leads to None.",
                hint="Let it name a module, or an object with hooks.",
            ),
        )
    record.memory = max(0, _resident() - before)
    return plugin


async def load_anew(record: ExtensionRecord, seconds: float) -> Any:
    """Import one extension as it lies on disk now, whatever is imported of it already.

    When that fails the modules are put back, so that what still runs finds its own.
    """
    home = record.home
    before = {name: sys.modules[name] for name in _modules_of(home)}
    for name in before:
        del sys.modules[name]
    importlib.invalidate_caches()
    plugin = await load(record, seconds)
    if plugin is None:
        for name in _modules_of(home):
            del sys.modules[name]
        sys.modules.update(before)
    return plugin


def _modules_of(package: str) -> list[str]:
    return [name for name in sys.modules if name == package or name.startswith(f"{package}.")]


def _resident() -> int:
    """Bytes of this process in memory; their peak where the system tells nothing better."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        try:
            import resource  # not on Linux, where it would be the peak
        except ImportError:
            return 0  # Windows tells neither
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS

"""Installed extensions that came uncompiled: where their sources are, and where they are built.

A wheel may carry a browser half as sources, without a bundle. Those files are the installer's,
so a copy of them is built, and the output goes to a folder of the user's that is served to this
very installation alone (`plughost.extensions.built_folder`).
What is installed as editable is built in place, as `plughost build FOLDER` does.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plughost_build.build import Options, Report, Result, build, dry_run, is_fresh
from plughost_build.bundler import Event
from plughost_build.cache import cache_folder, fill_once
from plughost_build.errors import BuildError, CacheError, NodeNotFound, SourceError
from plughost_build.fingerprint import files_of
from plughost_build.shared import package_folders
from plughost_build.source import (
    Source,
    find_sources,
    providers_first,
    read_package_json,
    shipped_source,
    source_for,
)

ORIGIN = "origin.json"
"""Beside a bundle built here: which installation it was built for."""


@dataclass(frozen=True)
class Installed:
    """A source with what it belongs to; `origin` is None where it is built in place."""

    source: Source
    extension: str
    distribution: str
    origin: dict[str, str] | None

    @property
    def about(self) -> Event:
        """What every event about it carries."""
        folder = self.source.folder
        return {
            "extension": self.extension,
            "distribution": self.distribution,
            "folder": str(folder),
            "inPlace": self.origin is None,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of all of them; `ok` is false where one could not be built, or is stale."""

    results: list[Result]
    ok: bool


def build_installed(options: Options, report: Report) -> Outcome:
    """Build what is not fresh, each for itself: one that fails is reported, and no obstacle.

    What was built for an installation that is gone is removed.
    Raises `NodeNotFound`, and `CacheError`, of which the next one would die as well.
    """
    for folder in left_over():
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            report({"event": "removed", "folder": str(folder)})
    found, failures = _find()
    results: list[Result] = []
    for each in found:
        told = _telling(report, each.about)
        try:
            results += _build(each, options, told)
        except (NodeNotFound, CacheError):
            raise
        except BuildError as error:
            failures.append((each.about | {"name": each.source.name}, error))
    return Outcome(results, _report_failures(failures, report))


def dry_run_installed(options: Options, report: Report) -> Outcome:
    """Report what `build_installed` would do, and do nothing."""
    found, failures = _find()
    fresh = [dry_run([each.source], options, _telling(report, each.about)) for each in found]
    return Outcome([], _report_failures(failures, report) and all(fresh))


def _telling(report: Report, about: Event) -> Report:
    return lambda event: report({**event, **about})


def _report_failures(failures: Sequence[tuple[Event, BuildError]], report: Report) -> bool:
    for about, error in failures:
        report({"event": "failed", **about, "text": error.args[0], "hint": error.hint})
    return not failures


# -- finding


def _find() -> tuple[list[Installed], list[tuple[Event, BuildError]]]:
    """Everything there is to build, providers of shared modules first; and what is unusable."""
    from plughost.extensions import GROUP
    from plughost.metadata import entry_points, unreadable

    found: dict[Path, Installed] = {}
    failures: list[tuple[Event, BuildError]] = []
    for entry, distribution in entry_points(GROUP):
        try:
            entry.module  # noqa: B018  # which is only read now
        except Exception as error:  # whatever a stranger's metadata makes the library raise
            unreadable(distribution, error)
            continue
        about = {"extension": entry.name, "distribution": distribution.name}
        try:
            of_extension = [*_of_extension(entry, distribution)]
            # Before its own come its providers: whose those are, another entry point may say.
            for each in of_extension[:-1]:
                found.setdefault(each.source.folder, each)
            for own in of_extension[-1:]:
                found[own.source.folder] = own
        except BuildError as error:
            failures.append(({**about, "name": entry.name}, error))
    sources = [each.source for each in found.values()]
    try:
        sources = [source for source, _ in providers_first(sources)]
    except SourceError as error:
        # Those who are not in the circle can be built all the same.
        failures.append(({"name": "installed extensions"}, error))
    return [found[source.folder] for source in sources], failures


def _of_extension(entry: Any, distribution: Any) -> Iterator[Installed]:
    for package in package_folders(entry.module):
        if beside := _source_beside(package):
            # In a workspace those come along that it takes modules from.
            for source in find_sources(beside):
                yield Installed(source, entry.name, distribution.name, None)
            return
        folder = shipped_source(package)
        if folder is None:
            continue
        place = Path(distribution.locate_file("")).resolve()
        if not folder.is_relative_to(place):  # editable
            yield Installed(find_sources(folder)[-1], entry.name, distribution.name, None)
        elif folder == (package / "frontend").resolve():
            raise SourceError(
                f"The sources lie in {str(folder)!r}, where the bundle belongs.",
                "Ask the authors to keep them in another folder.",
            )
        elif not (package / "frontend").is_dir():
            yield _to_build_elsewhere(folder, entry, distribution)
        return


def _source_beside(package: Path) -> Path | None:
    """The folder above a package in an editable install whose build fills that package."""
    for folder in package.parents[:2]:
        try:
            target = read_package_json(folder)["plughost"]["package"]
            if (folder / target).resolve() == package.resolve():
                return folder
        except (SourceError, KeyError, TypeError):
            continue
    return None


def _to_build_elsewhere(folder: Path, entry: Any, distribution: Any) -> Installed:
    from plughost.extensions import built_folder

    # The server knows one name only, whatever the source calls its output.
    package = built_folder(distribution, entry.module)
    source = replace(source_for(folder, package), output=package / "frontend")
    origin = {
        "distribution": distribution.name,
        "package": entry.module,
        "place": str(Path(distribution.locate_file("")).resolve()),
    }
    return Installed(source, entry.name, distribution.name, origin)


# -- building


def _build(each: Installed, options: Options, report: Report) -> list[Result]:
    source = each.source
    if each.origin is None or is_fresh(source, options):
        return build([source], options, report)
    _claim(source.package, each.origin)
    with _copied(source) as copy:
        return build([copy], options, report)


def _claim(folder: Path, origin: dict[str, str]) -> None:
    """Make the folder for what is built, which from the beginning says what for."""

    def fill(draft: Path) -> None:
        (draft / ORIGIN).write_text(f"{json.dumps(origin, indent=2)}\n", encoding="utf-8")
        draft.chmod(0o755)

    try:
        fill_once(folder, fill)
    except CacheError as error:
        raise SourceError(
            f"The folder {str(folder.parent)!r} cannot be written.",
            "It is for what is built for you; another place for all your data is named by "
            "JUPYTER_DATA_DIR.",
        ) from error


@contextmanager
def _copied(source: Source) -> Iterator[Source]:
    """A copy of all that a build may read, where npm can install beside it."""
    place = cache_folder() / "installed"
    try:
        place.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=f"{source.package.name}-", dir=place)
    except OSError as error:
        raise CacheError(str(place), error.strerror or str(error)) from error
    with scratch as name:
        folder = Path(name).resolve()
        for path in files_of(source):
            target = folder / path.relative_to(source.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        yield replace(source, folder=folder, root=folder, original=source)


# -- what is left over


def left_over() -> list[Path]:
    """Folders that were built for an installation that is gone, or is another one by now."""
    from plughost.extensions import built_frontends

    folders = [path for path in built_frontends().glob("[!.]*") if path.is_dir()]
    return [folder for folder in sorted(folders) if not _is_wanted(folder)]


def _is_wanted(folder: Path) -> bool:
    import importlib_metadata

    from plughost.extensions import built_folder

    try:
        origin = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        there = importlib_metadata.distributions(
            name=origin["distribution"], path=[origin["place"]]
        )
        return any(built_folder(each, origin["package"]).name == folder.name for each in there)
    except (OSError, ValueError, LookupError, TypeError):
        return False

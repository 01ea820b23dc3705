"""What there is to build: npm packages whose `package.json` has a `plughost` object.

The keys are those of docs/reference/frontends.md.
The bundler checks them in full; here is read what Python must know before any Node runs.
"""

from __future__ import annotations

import graphlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plughost_build.errors import SourceError

MANIFEST = "plughost.json"
OURS = ".plughost"
"""The folder in a source where builds keep what editors read; see node/tsconfig.mjs."""
_AT_RUN_TIME = ("dependencies", "peerDependencies", "optionalDependencies")


@dataclass(frozen=True)
class Source:
    """The browser half of one extension, before it is compiled.

    `folder` holds its package.json, `root` the package.json and lock file that npm installs
    from: the same folder, or that of the workspace.
    `output` receives the bundle, `labextension` what stock JupyterLab loads, if that is asked for.
    `app` says that it makes the application of a page.
    `needs` are the packages it asks for to run; those that are only there for development, for
    their types perhaps, are not among them.
    Of the frontends in the same workspace, `providers` are those that it takes shared modules
    from, directly or not, and `members` the names of all.
    `original` is what this one was copied from, where it lies in a place to build in.
    """

    name: str
    folder: Path
    root: Path
    package: Path
    output: Path
    labextension: Path
    entry: Path
    schemas: Path
    app: bool
    provides: frozenset[str]
    needs: frozenset[str]
    providers: tuple[Source, ...] = ()
    members: frozenset[str] = frozenset()
    original: Source | None = None

    @property
    def manifest(self) -> Path:
        """Where a finished build says what it wrote."""
        return self.output / MANIFEST

    def lies_in(self, output: Path) -> bool:
        """Whether a build, which replaces its output whole, would there remove what it reads."""
        read = (self.folder, self.entry, self.schemas)
        return any(path.resolve().is_relative_to(output) for path in read)


def find_sources(folder: Path) -> list[Source]:
    """The sources in `folder`, each after those whose shared modules it uses.

    All members with a `plughost` object, if it is an npm workspace; itself, if its own
    package.json has one, and before it those members of its workspace that it takes shared
    modules from.
    Raises `SourceError` where there is none, and for a package.json that cannot be used.
    """
    folder = folder.resolve()
    package_json = read_package_json(folder)
    if "plughost" in package_json:
        source = _source(folder, package_json)
        if source.root == folder:
            return [source]
        (source,) = (s for s in _members(source.root) if s.folder == folder)
        return [*source.providers, source]
    members = _members(folder)
    if not members:
        raise SourceError(
            f"{str(folder / 'package.json')!r} has no 'plughost' object, so there is nothing to "
            "build.",
            'Add one, such as "plughost": {"package": "my_extension"}; see '
            "docs/reference/frontends.md.",
        )
    return members


def shipped_source(package: Path) -> Path | None:
    """The folder in a Python package that holds its browser half uncompiled, if one does.

    The package's own folder or one right inside it, with a package.json that has a `plughost`
    object.
    """
    for path in sorted((*package.glob("package.json"), *package.glob("*/package.json"))):
        try:
            if "plughost" in json.loads(path.read_text(encoding="utf-8")):
                return path.parent.resolve()
        except (OSError, ValueError, TypeError):
            continue  # something else's, which is not ours to judge
    return None


def source_for(folder: Path, package: Path) -> Source:
    """The source in `folder`, to be built into another Python package than it names."""
    return replace(_source(folder, read_package_json(folder), package), root=folder)


def _members(root: Path) -> list[Source]:
    """The frontends of a workspace in the order to build them, each knowing its providers."""
    found = [
        _source(member, package_json)
        for member in workspace_members(root, read_package_json(root))
        if "plughost" in (package_json := read_package_json(member))
    ]
    names = frozenset(source.name for source in found)
    done: dict[Path, Source] = {}
    for source, direct in providers_first(found):
        providers: dict[Path, Source] = {}
        for folder in direct:
            for provider in (*done[folder].providers, done[folder]):
                providers[provider.folder] = provider
        done[source.folder] = replace(source, providers=tuple(providers.values()), members=names)
    return list(done.values())


def read_package_json(folder: Path) -> dict[str, Any]:
    """The parsed package.json of `folder`."""
    path = folder / "package.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(
            f"There is no package.json in {str(folder)!r}.",
            "Run `plughost build` in the folder of an extension, or name that folder.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{str(path)!r} cannot be read: {error}.") from error
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{str(path)!r} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Mind that JSON knows no comments and no comma after the last item.",
        ) from None
    if not isinstance(data, dict):
        raise SourceError(f"{str(path)!r} holds no JSON object.")
    return data


def workspace_members(root: Path, package_json: dict[str, Any]) -> list[Path]:
    """The folders that the `workspaces` of `root` name, each with a package.json."""
    patterns = package_json.get("workspaces", [])
    if isinstance(patterns, dict):
        patterns = patterns.get("packages", [])
    found = {
        match.parent.resolve()
        for pattern in patterns
        for match in root.glob(f"{pattern.removeprefix('./').rstrip('/')}/package.json")
        if "node_modules" not in match.relative_to(root).parts
    }
    return sorted(found)


def _source(folder: Path, package_json: dict[str, Any], package: Path | None = None) -> Source:
    path = str(folder / "package.json")
    declared = package_json["plughost"]
    if not isinstance(declared, dict):
        raise SourceError(f"'plughost' in {path!r} is not an object.")
    name = package_json.get("name")
    if not isinstance(name, str) or not name:
        raise SourceError(f"{path!r} has no 'name'.", "npm packages need one.")
    package = package or _package(folder, _text(declared, "package", path))
    output_name = _text(declared, "output", path, default="frontend")
    output = (package / output_name).resolve()
    if package not in output.parents:
        # A build owns its output and replaces it whole; it must never be somebody's sources.
        raise SourceError(
            f"'plughost.output' in {path!r} is {output_name!r}, which does not lie below the "
            f"Python package {package.name!r}.",
            "Name a folder inside it, or leave the key out for 'frontend'.",
        )
    provides = declared.get("provides", [])
    if not isinstance(provides, list) or not all(isinstance(item, str) for item in provides):
        raise SourceError(f"'plughost.provides' in {path!r} is not a list of package names.")
    needs = {name for key in _AT_RUN_TIME for name in package_json.get(key) or {}}
    source = Source(
        name=name,
        folder=folder,
        root=_install_root(folder),
        package=package,
        output=output,
        labextension=package / "labextension",
        entry=folder / _text(declared, "entry", path, default="src/index.ts"),
        schemas=folder / _schemas(declared),
        app=declared.get("app") is True,
        provides=frozenset(provides),
        needs=frozenset(needs),
    )
    if source.lies_in(output):
        raise SourceError(
            f"The output of {path!r} is {str(output)!r}, and what it is built from lies in there.",
            "A build replaces that folder whole: keep the sources in another one.",
        )
    return source


def _package(folder: Path, name: str) -> Path:
    package = (folder / name).resolve()
    if not package.is_dir():
        raise SourceError(
            f"'plughost.package' in {str(folder / 'package.json')!r} names the folder {name!r}, "
            "and there is none.",
            "It is the Python package that receives the bundle, relative to package.json.",
        )
    return package


def _text(declared: dict[str, Any], key: str, path: str, default: str | None = None) -> str:
    value = declared.get(key, default)
    if value is None:
        raise SourceError(
            f"'plughost' in {path!r} has no {key!r}.",
            'Add it, such as "package": "my_extension"; see docs/reference/frontends.md.',
        )
    if not isinstance(value, str) or not value:
        raise SourceError(f"'plughost.{key}' in {path!r} is {value!r}, not a path.")
    return value


def _schemas(declared: dict[str, Any]) -> str:
    # Other values than a folder's name are the bundler's to understand or to refuse.
    value = declared.get("schemas", "schema")
    return value if isinstance(value, str) else "schema"


def _install_root(folder: Path) -> Path:
    """The npm workspace that `folder` is a member of, else `folder` itself."""
    for parent in folder.parents:
        if (parent / "package.json").is_file():
            package_json = read_package_json(parent)
            if folder in workspace_members(parent, package_json):
                return parent
    return folder


def package_of(specifier: str) -> str:
    """`react` of `react/jsx-runtime`, `@lumino/widgets` of `@lumino/widgets/style/index.css`."""
    return "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])


def providers_first(sources: list[Source]) -> list[tuple[Source, list[Path]]]:
    """Each source with the folders of those it takes modules from, which come before it."""
    by_folder = {source.folder: source for source in sources}
    graph = {
        user.folder: [
            provider.folder
            for provider in sources
            if provider is not user
            and any(package_of(specifier) in user.needs for specifier in provider.provides)
        ]
        for user in sources
    }
    try:
        order = list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        circle = " → ".join(by_folder[folder].name for folder in error.args[1])
        raise SourceError(
            f"These frontends each use a shared module of the next: {circle}.",
            "Move what they share into a frontend of its own.",
        ) from None
    return [(by_folder[folder], graph[folder]) for folder in order]

"""The build hook of hatchling: wheels, sdists and editable installs carry the browser half.

In an extension's pyproject.toml:

    [build-system]
    requires = ["hatchling", "plughost"]
    build-backend = "hatchling.build"

    [tool.hatch.build.hooks.plughost]

See docs/guides/build.md, and for hatchling's side
https://hatch.pypa.io/latest/plugins/build-hook/reference/.
"""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from plughost_build.build import Options, build, is_fresh
from plughost_build.errors import BuildError, NodeNotFound, SourceError
from plughost_build.node import WHEEL_REQUIREMENT, find_node
from plughost_build.report import plain, to_stderr
from plughost_build.source import OURS, Source, find_sources

OPTIONS = {"source", "check", "labextension"}
OF_HATCH = {
    "dependencies",
    "enable-by-default",
    "path",
    "require-runtime-dependencies",
    "require-runtime-features",
}
"""What hatchling itself reads of a hook's table."""


class PlughostBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # generic only for checkers
    """Builds what is not fresh and adds the result to whatever is being packed.

    Options: `source`, the folder of package.json (default: the project's own); `check`, whether
    to check types (default: true); `labextension`, whether to make a labextension for stock
    JupyterLab, too, and to install it where that looks (default: false).
    """

    PLUGIN_NAME = "plughost"

    def dependencies(self) -> list[str]:
        """What pip must install first: a Node, if a build is due and this machine has none."""
        try:
            wanted = self._wanted()
            if all(is_fresh(source, options) for sources, options in wanted for source in sources):
                return []
            find_node(download=False)
        except NodeNotFound:
            return [WHEEL_REQUIREMENT]
        except BuildError:
            # `initialize` meets it again, where the message is shown.
            return []
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, then name the output folders, which are usually git-ignored."""
        try:
            wanted = self._wanted()
            for sources, options in wanted:
                build(sources, options, plain(to_stderr))
        except BuildError as error:
            # What is raised here ends as a traceback; the sentence must not drown in it.
            self.app.abort(f"plughost build: {error}")
        own, options = wanted[-1]
        for source in own:
            build_data["artifacts"].append(self._pattern(source.output))
            self._leave_out(source.folder / OURS, source.folder / "node_modules")
            if options.labextension:
                self._add_labextension(source, build_data)

    def _add_labextension(self, source: Source, build_data: dict[str, Any]) -> None:
        """Wheels put it among Jupyter's data, which pip copies; sdists carry it as it lies."""
        name = self.metadata.core.raw_name
        about = {
            "packageManager": "python",
            "packageName": name,
            "uninstallInstructions": f"Uninstall the Python package {name}, such as with pip.",
        }
        (source.labextension / "install.json").write_text(f"{json.dumps(about, indent=2)}\n")
        if self.target_name == "wheel":
            place = f"share/jupyter/labextensions/{source.name}"
            build_data["shared_data"][str(source.labextension)] = place
        else:
            build_data["artifacts"].append(self._pattern(source.labextension))

    def _leave_out(self, *folders: Path) -> None:
        """Whether or not the project's own .gitignore, the only one that is read, names them."""
        target, everywhere = self.build_config.target_config, self.build_config.build_config
        given = target.get("exclude", everywhere.get("exclude", []))
        target["exclude"] = [*given, *map(self._pattern, folders)]

    def _pattern(self, folder: Path) -> str:
        relative = os.path.relpath(folder, Path(self.root).resolve())
        return f"/{Path(relative).as_posix()}/"

    def _wanted(self) -> list[tuple[list[Source], Options]]:
        """What to build: from a workspace the providers that come along, and what is packed."""
        options = self._options()
        root = Path(self.root).resolve()
        sources = find_sources(root / self.config.get("source", "."))
        own = [source for source in sources if source.package.is_relative_to(root)]
        others = [source for source in sources if source not in own]
        return [(others, replace(options, labextension=False)), (own, options)]

    def _options(self) -> Options:
        for unknown in sorted(set(self.config) - OPTIONS - OF_HATCH):
            meant = difflib.get_close_matches(unknown, sorted(OPTIONS), 1)
            raise SourceError(
                f"The build hook has no option {unknown!r}.",
                f"Did you mean {meant[0]!r}?" if meant else f"There are: {sorted(OPTIONS)}.",
            )
        unpacked_sdist = Path(self.root, "PKG-INFO").is_file()
        return Options(
            check=bool(self.config.get("check", True)),
            labextension=bool(self.config.get("labextension", False)),
            keep_sdist_bundle=unpacked_sdist,
        )


@hookimpl
def hatch_register_build_hook() -> type[PlughostBuildHook]:
    """Hatchling finds this module by its entry point in the group `hatch`."""
    return PlughostBuildHook

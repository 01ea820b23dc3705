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

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from plughost_build.build import Options, build, is_fresh
from plughost_build.errors import BuildError, NodeNotFound
from plughost_build.node import WHEEL_REQUIREMENT, find_node
from plughost_build.report import plain, to_stderr
from plughost_build.source import Source, find_sources


class PlughostBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # generic only for checkers
    """Builds what is not fresh and adds the result to whatever is being packed.

    Options: `source`, the folder of package.json (default: the project's own), and `check`,
    whether to check types (default: true).
    """

    PLUGIN_NAME = "plughost"

    def dependencies(self) -> list[str]:
        """What pip must install first: a Node, if a build is due and this machine has none."""
        try:
            options = self._options()
            sources = self._sources()
            if all(is_fresh(source, options) for source in sources):
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
            sources = self._sources()
            build(sources, self._options(), plain(to_stderr))
        except BuildError as error:
            # What is raised here ends as a traceback; the sentence must not drown in it.
            self.app.abort(f"plughost build: {error}")
        root = Path(self.root).resolve()
        for source in sources:
            relative = os.path.relpath(source.output, root)
            build_data["artifacts"].append(f"/{Path(relative).as_posix()}/")

    def _sources(self) -> list[Source]:
        return find_sources(Path(self.root, self.config.get("source", ".")))

    def _options(self) -> Options:
        unpacked_sdist = Path(self.root, "PKG-INFO").is_file()
        return Options(check=bool(self.config.get("check", True)), keep_sdist_bundle=unpacked_sdist)


@hookimpl
def hatch_register_build_hook() -> type[PlughostBuildHook]:
    """Hatchling finds this module by its entry point in the group `hatch`."""
    return PlughostBuildHook

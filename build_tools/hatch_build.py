"""plughost's own build hook: its browser host and lab are built like everybody's extension.

The same hook that others name in their pyproject.toml, taken from the source tree, because
plughost is not installed while it is being built.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from plughost_build.hatch import PlughostBuildHook


def get_build_hook() -> type[PlughostBuildHook]:
    """Hatchling's name for it, see its `load_plugin_from_script`."""
    return PlughostBuildHook

"""Compiled browser halves by hand, each in an installed extension of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


def add(
    site: Path,
    name: str,
    module: str,
    *,
    provides: Iterable[str] = (),
    page: str = "lab",
    app: bool = False,
    **files: str,
) -> None:
    """An installed extension with a compiled browser half, whose module is the text given."""
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")
    frontend = site / name / "frontend"
    frontend.mkdir(parents=True)
    (site / name / "__init__.py").touch()
    manifest = {
        "format": 1,
        "name": f"npm-{name}",
        "version": "1.0.0",
        "app": app,
        "pages": [page],
        "module": "index-AAAAAAAA.js",
        "provides": {each: {"version": "1.0.0", "file": "index-AAAAAAAA.js"} for each in provides},
    }
    (frontend / "plughost.json").write_text(json.dumps(manifest))
    (frontend / "index-AAAAAAAA.js").write_text(module)
    for file, text in files.items():
        (frontend / f"{file}.js").write_text(text)


def plugin(name: str, body: str = "") -> str:
    """A module with one plugin, which says in the page that it is there."""
    return f"""{body}
export default {{
  id: '{name}:plugin',
  autoStart: true,
  activate: () => {{ document.documentElement.dataset.{name} = 'active'; }}
}};"""

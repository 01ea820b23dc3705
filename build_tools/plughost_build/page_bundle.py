"""`plughost build --bundle`: what a page loads at its start, joined into one script.

What is joined are the compiled frontends of everything that is enabled, as a server would find
them; see `node/join.mjs`, and `plughost/bundles.py` for who uses the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plughost_build.build import Report, Result, follow, need_node, need_tools
from plughost_build.bundler import bundler
from plughost_build.errors import BuildError, BundlerFailed
from plughost_build.toolchain import tools_fingerprint

if TYPE_CHECKING:
    from plughost.frontend import LoadedFrontend


def build_bundles(report: Report, *, force: bool) -> list[Result]:
    """Make a bundle for each page that has an app, unless the one that is there still fits.

    Imports every enabled extension, since extensions can bring further frontends. Raises
    `BuildError` where there is no page, and for what cannot be joined.
    """
    frontends = _enabled()
    pages = sorted({page for f in frontends if f.manifest.app for page in f.manifest.pages})
    if not pages:
        raise BuildError(
            "No enabled extension has a compiled app for a page, so there is nothing to join.",
            "`plughost extensions list` shows what is enabled.",
        )
    return [_build(page, frontends, report, force) for page in pages]


def _enabled() -> list[LoadedFrontend]:
    """The frontends that a server would serve if it were started now."""
    from plughost import Config, Host

    host = Host(config=Config.load())
    # Standard output is ours, whatever extensions print while they are imported.
    with contextlib.redirect_stdout(sys.stderr):
        asyncio.run(host.load(start=False, count=False))
    return host.frontends


def _build(page: str, frontends: list[LoadedFrontend], report: Report, force: bool) -> Result:
    from plughost.bundles import bundle_folder, bundle_key

    started = time.monotonic()
    folder = bundle_folder(page)
    key, tools = bundle_key(page, frontends), tools_fingerprint()
    if not force and _made_of(folder) == (key, tools):
        report({"event": "fresh", "name": _name(page), "output": str(folder)})
        return Result(_name(page), built=False)
    report({"event": "frontend", "name": _name(page), "folder": str(folder)})
    node = need_node(report)
    need_tools(node, report)
    request = _request(page, frontends, report)
    with bundler(node, {**request, "key": key, "tools": tools}, "join.mjs") as run:
        result = follow(run, _name(page), report)
    if _made_of(folder) != (key, tools):
        raise BundlerFailed(_name(page), f"{str(folder)!r} is not the whole bundle of {key!r}.")
    result.seconds = time.monotonic() - started
    return result


def _request(page: str, frontends: list[LoadedFrontend], report: Report) -> dict[str, Any]:
    """What `node/join.mjs` is asked for."""
    from plughost.bundles import bundle_folder
    from plughost.frontend import HOST

    parts: list[dict[str, Any]] = []
    shared: dict[str, str] = {}
    for frontend in frontends:
        manifest, extension = frontend.manifest, frontend.extension
        core = extension == HOST or (manifest.app and page in manifest.pages)
        if core:
            shared |= {s: f"{extension}/{entry.file}" for s, entry in manifest.provides.items()}
        elif page not in manifest.pages:
            continue
        elif manifest.provides:
            # Others may import it by its address, and run it when they do.
            text = f'"{extension}" stays apart: it provides shared modules.'
            report({"event": "diagnostic", "severity": "warning", "text": text})
            continue
        parts.append(
            {
                "extension": extension,
                "folder": str(frontend.folder),
                "module": manifest.module,
                "styles": manifest.styles,
                "preload": manifest.preload,
                "role": "host" if extension == HOST else "app" if core else "guest",
            }
        )
    return {"output": str(bundle_folder(page)), "frontends": parts, "shared": shared}


def _made_of(folder: Path) -> tuple[str, str] | None:
    """The key and the tools of the bundle that is there, if it is whole."""
    try:
        bundle = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        whole = all((folder / bundle[key]).is_file() for key in ("module", "styles"))
        return (bundle["key"], bundle["tools"]) if whole else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _name(page: str) -> str:
    return f"bundle of the page {page!r}"

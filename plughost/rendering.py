"""Drawing pages with Jinja2; imported when the first one is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from plughost.bundles import joined
from plughost.contributions import Page
from plughost.frontend import HOST, LoadedFrontend, boot_data, import_map


class PageRenderer:
    """Jinja2 templates of pages and error pages; extensions extend `page.html`."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters["json"] = script_json
        self._templates.filters["code"] = code
        self._compiled: dict[Path, tuple[int, jinja2.Template]] = {}

    def page(
        self,
        page: Page,
        frontends: list[LoadedFrontend],
        config: Mapping[str, Any],
        base_url: str,
        nonce: str,
    ) -> str:
        here = [f for f in frontends if page.name in f.manifest.pages]
        host = [f for f in frontends if f.extension == HOST]
        loads: Mapping[str, Any] = {
            "import_map": import_map(frontends, base_url),
            "boot": boot_data(page, frontends, base_url),
            "styles": [f.url(base_url, s) for f in here for s in f.manifest.styles],
            "preload": [
                f.url(base_url, file)
                for f in [*host, *here]
                for file in [f.manifest.module, *f.manifest.preload]
            ],
            "host_module": host[0].url(base_url, host[0].manifest.module) if host else "",
        }
        loads = joined(page.name, loads, frontends, base_url)
        about = {"page": page, "base_url": base_url, "nonce": nonce, "config": config}
        return self._template(page.template).render(about, **loads)

    def _template(self, path: Path | None) -> jinja2.Template:
        """A page's own template, compiled once for each time it is written, or the plain one."""
        if path is None:
            return self._templates.get_template("page.html")
        written = path.stat().st_mtime_ns
        known = self._compiled.get(path)
        if known is None or known[0] != written:
            template = self._templates.from_string(path.read_text(encoding="utf-8"))
            known = self._compiled[path] = (written, template)
        return known[1]

    def error(self, **facts: Any) -> str:
        return self._templates.get_template("error.html").render(**facts)


def code(text: str) -> Markup:
    """A message for a page: what stands between backticks is code."""
    parts = [escape(part) for part in text.split("`")]
    marked = [f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts)]
    return Markup("".join(marked))


def script_json(value: Any) -> Markup:
    """JSON that can stand inside a script element: no `<` survives (HTML standard, 4.12.1.3)."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character, escaped in (("<", "\\u003c"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(character, escaped)
    return Markup(text)

"""What a person sees of a build: steps while it runs, errors with their code, sizes at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from plughost_build.build import Result
from plughost_build.bundler import Event

if TYPE_CHECKING:
    from rich.table import Table

REASONS = {
    "forced": "--force builds what is fresh, too",
    "missing": "it has never been built",
    "damaged": "its bundle is not whole",
    "labextension": "its labextension was not made with it",
    "sources": "its sources have changed",
    "tools": "it was built by another version of plughost",
    "shared": "other shared modules are there now",
    "options": "it was built with other options",
}
"""Why something is not fresh, in words (see `why_stale`)."""


def plain(write: Callable[[str], object]) -> Callable[[Event], None]:
    """A report in lines of text, for logs and for the build hook. Needs no other package."""

    def report(event: Event) -> None:
        if line := line_for(event):
            write(line)

    return report


def json_lines(event: Event) -> None:
    """Every event on a line of its own, as it comes."""
    print(json.dumps(event), flush=True)


def line_for(event: Event) -> str | None:
    """An event in words; None for those that only matter to programs."""
    match event["event"]:
        case "fresh":
            return f"{event['name']}: fresh, nothing to do"
        case "stale":
            return f"{event['name']}: stale, {', '.join(REASONS[r] for r in event['reasons'])}"
        case "failed":
            hint = f"\n  → {event['hint']}" if event["hint"] else ""
            return f"{event['name']}: {event['text']}{hint}"
        case "removed":
            return f"{event['folder']}: removed, what it was built for is no longer installed"
        case "labextension":
            return f"{event['name']}: labextension in {event['output']}"
        case "frontend":
            return f"{event['name']}: building"
        case "step" if event["state"] == "done":
            detail = f" ({event['detail']})" if "detail" in event else ""
            return f"  {event['name']}{detail}: {event['ms'] / 1000:.1f} s"
        case "step" if event["state"] == "progress":
            return f"  {event['name']}: {event['detail']}"
        case "diagnostic":
            return diagnostic(event)
        case "watching":
            return f"Watching {', '.join(event['names'])}. Ctrl-C ends it."
        case "rebuilt":
            how = "rebuilt" if event["changed"] else "built"
            return f"{event['name']}: {how} in {event['ms']} ms ({event['module']})"
        case "broken":
            return f"{event['name']}: not built; the last good bundle, if there is one, stays"
        case "checked" if event["errors"]:
            count = f"{event['errors']} error{'s' if event['errors'] > 1 else ''}"
            return f"{event['name']}: built all the same, with {count} in its types"
        case "checked" if event["mended"]:
            return f"{event['name']}: its types are right again"
    return None


def diagnostic(event: Event) -> str:
    """An error or a warning with its place, its line of code and what to do next.

    Lines and columns count from 1.
    """
    place = ""
    if event.get("file"):
        place = event["file"]
        if event.get("line") is not None:
            place += f":{event['line']}:{event.get('column') or 1}"
        place += ": "
    lines = [f"{place}{event.get('severity', 'error')}: {event['text']}"]
    if event.get("lineText") and event.get("line") is not None:
        lines += _code_frame(event)
    if event.get("hint"):
        lines.append(f"  → {event['hint']}")
    return "\n".join(lines)


def _code_frame(event: Event) -> list[str]:
    # A minified line has thousands of characters: show the part around the error.
    column = (event.get("column") or 1) - 1
    start = max(0, column - 60) if len(event["lineText"]) > 160 else 0
    code = event["lineText"].rstrip()[start : start + 160]
    # Tabs stay tabs in the line below, so that the mark stands under its code.
    before = "".join("\t" if char == "\t" else " " for char in code[: column - start])
    mark = "^" * max(1, min(event.get("length") or 1, len(code) - len(before)))
    number = str(event["line"])
    return [f"  {number} │ {code}", f"  {' ' * len(number)} │ {before}{mark}"]


PARTS = {"start": "at the start", "shared": "if asked for", "later": "later", "aside": "never"}
"""When a page loads a file, in words (see node/budget.mjs)."""


def size_table(results: Sequence[Result], *, narrow: bool = False) -> Table:
    """Bytes of what was built, largest first, one section per frontend."""
    from rich.table import Table

    kinds = ("brotli",) if narrow else ("bytes", "gzip", "brotli")

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="ellipsis")
    for kind in kinds:
        table.add_column("size" if kind == "bytes" else kind, justify="right", no_wrap=True)
    if not narrow:
        table.add_column("loaded", no_wrap=True)
    for result in results:
        if not result.built:
            continue
        modules = sorted(result.modules, key=lambda module: -module["bytes"])
        shown, rest = (modules[:10], modules[10:]) if len(modules) > 12 else (modules, [])
        title = f"{result.name} ({result.seconds:.1f} s)"
        table.add_row(title, *_sizes(modules, kinds), style="bold")
        for module in shown:
            part = [] if narrow else [PARTS.get(module.get("part", ""), "")]
            table.add_row(f"  {module['file']}", *_sizes([module], kinds), *part)
        if rest:
            table.add_row(f"  {len(rest)} smaller files", *_sizes(rest, kinds))
    return table


def against_budget(results: Sequence[Result]) -> Iterator[str]:
    """A line for each frontend: bytes over the wire, and how much of its budget that is."""
    for result in results:
        if result.sizes:
            limits = result.sizes["budget"]
            parts = (_of(key, result.sizes[key], limits.get(key)) for key in ("start", "total"))
            yield f"{result.name}: {', '.join(parts)}"


def _of(name: str, size: int, limit: int | None) -> str:
    if limit is None:
        return f"{name} {_bytes(size)}"
    return f"{name} {_bytes(size)} of {_bytes(limit)} ({100 * size / limit:.0f} %)"


def _sizes(modules: Sequence[Event], kinds: Sequence[str]) -> list[str]:
    # What has no compressed twin goes over the wire as it is.
    return [
        _bytes(sum(module.get(kind) or module["bytes"] for module in modules)) for kind in kinds
    ]


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.2f} MB"


def to_stderr(line: str) -> None:
    """Where logs go: standard output is for results."""
    print(line, file=sys.stderr, flush=True)

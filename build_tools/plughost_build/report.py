"""What a person sees of a build: steps while it runs, errors with their code, sizes at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from plughost_build.build import Result
from plughost_build.bundler import Event

if TYPE_CHECKING:
    from rich.table import Table


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
        case "frontend":
            return f"{event['name']}: building"
        case "step" if event["state"] == "done":
            detail = f" ({event['detail']})" if "detail" in event else ""
            return f"  {event['name']}{detail}: {event['ms'] / 1000:.1f} s"
        case "diagnostic":
            return diagnostic(event)
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


def size_table(results: Sequence[Result]) -> Table:
    """Bytes of what was built, largest first, one section per frontend."""
    from rich.table import Table

    table = Table("file", box=None, pad_edge=False, header_style="bold")
    for heading in ("size", "gzip", "brotli"):
        table.add_column(heading, justify="right")
    for result in results:
        if not result.built:
            continue
        modules = sorted(result.modules, key=lambda module: -module["bytes"])
        shown, rest = (modules[:10], modules[10:]) if len(modules) > 12 else (modules, [])
        title = f"{result.source.name} ({result.seconds:.1f} s)"
        table.add_row(title, *_sizes(modules), style="bold")
        for module in shown:
            table.add_row(f"  {module['file']}", *_sizes([module]))
        if rest:
            table.add_row(f"  {len(rest)} smaller files", *_sizes(rest))
    return table


def _sizes(modules: Sequence[Event]) -> list[str]:
    # What has no compressed twin goes over the wire as it is.
    return [
        _bytes(sum(module.get(key) or module["bytes"] for module in modules))
        for key in ("bytes", "gzip", "brotli")
    ]


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.2f} MB"


def to_stderr(line: str) -> None:
    """Where logs go: standard output is for results."""
    print(line, file=sys.stderr, flush=True)

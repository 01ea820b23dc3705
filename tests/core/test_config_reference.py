"""The tables of docs/reference/configuration.md are what the code says.

`python tests/core/test_config_reference.py` writes them.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
from pathlib import Path

from plughost import Config
from plughost.config import SETTINGS, Switch, _variables
from plughost.config.jupyter import MEANINGS
from plughost.config.layers import RESERVED

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
PLAIN = {"Port": "int", "Seconds": "float"}


def test_the_page_is_what_the_code_says():
    text = PAGE.read_text(encoding="utf-8")
    assert text == generated(text), f"Run `python {Path(__file__).name}` to bring it up to date."


def test_every_setting_is_described():
    assert [name for name in SETTINGS if not meanings(Config).get(name)] == []


def generated(page: str) -> str:
    for name, rows in {
        "settings": settings(),
        "reserved": reserved(),
        "jupyter": jupyter(),
    }.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = marked.sub(lambda match, rows=rows: f"{match[1]}\n{table(rows)}\n\n{match[2]}", page)
    return page


def settings() -> list[list[str]]:
    rows = [["name", "type", "default", "environment variable", "meaning"]]
    fields = {f.name: f for f in dataclasses.fields(Config)}
    for name in SETTINGS:
        f = fields[name]
        default = f.default if f.default is not dataclasses.MISSING else f.default_factory()
        shown = {"root": "the current folder"}.get(name, f"`{toml(default)}`")
        shown = shown if default is not None else "not set"
        variable = f"`PLUGHOST_{name.upper()}`" if name in _variables() else ""
        kind = f"`{PLAIN.get(f.type, f.type)}`".replace("|", "\\|")
        rows.append([f"`{name}`", kind, shown, variable, meanings(Config)[name]])
    return rows


def reserved() -> list[list[str]]:
    rows = [["key", "default", "meaning"]]
    rows += [[f"`{k}`", f"`{toml(v)}`", meanings(Switch)[k]] for k, v in RESERVED.items()]
    return rows


def jupyter() -> list[list[str]]:
    rows = [["Jupyter's names", "setting here"]]
    rows += [[", ".join(f"`{n}`" for n in names), f"`{k}`"] for k, names in MEANINGS.items()]
    return rows


def toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


def meanings(kind: type) -> dict[str, str]:
    """The docstring below each field of a class."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    return {
        field.target.id: " ".join(ast.literal_eval(text.value).split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
    }


def table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(
        f"| {' | '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))} |"
        for row in rows
    )


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

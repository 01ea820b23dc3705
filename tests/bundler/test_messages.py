"""Errors, each with its place and a next step."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Bench

CONFIG = '{"compilerOptions": {"module": "esnext", "moduleResolution": "bundler", "types": []}}'


ADD = 'Add "{}" to "dependencies" in package.json, and the next build installs it.'


@pytest.mark.parametrize(
    ("files", "place", "text", "hint"),
    [
        (
            {"src/index.ts": "import { usState } from './more';\nexport default [usState];"},
            ("src/index.ts", 1, 10, 7),
            'No matching export in "src/more.ts" for import "usState"',
            'Did you mean "useState"?',
        ),
        (
            {"src/index.ts": "const ü = 'äö'; import x from './moar';\nexport default [x, ü];"},
            ("src/index.ts", 1, 31, 8),
            'Could not resolve "./moar"',
            'Did you mean "./more"?',
        ),
        (
            {"src/index.ts": "import x from '../lib/more';\nexport default [x];"},
            ("src/index.ts", 1, 15, 13),
            'Could not resolve "../lib/more"',
            'There is no folder "../lib" there.',
        ),
        (
            {"src/index.ts": "import x from 'nowhere';\nexport default [x];"},
            ("src/index.ts", 1, 15, 9),
            'Could not resolve "nowhere"',
            f"Check the name. {ADD.format('nowhere')}",
        ),
        (
            {
                "src/index.ts": "import './a.css';\nexport default [];",
                "src/a.css": "a{b:url(c.png)}",
            },
            ("src/a.css", 1, 5, 10),
            'Could not resolve "c.png"',
            "Check the name: there is no such file.",
        ),
        (
            {"src/index.ts": "import './a.css';\nexport default [];", "src/a.css": "@import 'b';"},
            ("src/a.css", 1, 9, 3),
            'Could not resolve "b"',
            f"Check the name. {ADD.format('b')}",
        ),
        (
            {
                "src/index.ts": "import x from './x.yaml';\nexport default [x];",
                "src/x.yaml": "a: 1",
            },
            ("src/index.ts", 1, 15, 10),
            'No loader is configured for ".yaml" files: src/x.yaml',
            "Scripts can import scripts, style sheets, .json, text (.md, .txt, .svg, .raw.css), "
            "fonts and pictures; fetch what is something else.",
        ),
        (
            {"src/index.ts": "export const x = 1;"},
            ("src/index.ts", None, None, None),
            "The entry module has no default export.",
            'Add "export default …": an array of plugins, which the page asks it for.',
        ),
    ],
    ids=["name", "file", "folder", "package", "url", "style", "loader", "default"],
)
def test_each_mistake_is_told_once_with_what_to_do(
    bench: Bench, files: dict[str, str], place: tuple[Any, ...], text: str, hint: str
) -> None:
    source = bench.write(
        "it", {"src/more.ts": "export const useState = 1;", "tsconfig.json": CONFIG, **files}
    )
    built = bench.build(source, check=True)
    (said,) = built.diagnostics
    assert tuple(said.get(key) for key in ("file", "line", "column", "length")) == place
    assert (said["text"], said["hint"]) == (text, hint)


def test_what_only_the_type_check_sees_is_told_besides(bench: Bench) -> None:
    files = {
        "src/index.ts": "import x from 'nowhere';\nconst n: number = 'a';\nexport default [x, n];",
        "tsconfig.json": CONFIG,
    }
    built = bench.build(bench.write("it", files), check=True)
    assert built.errors == [
        'Could not resolve "nowhere"',
        "Type 'string' is not assignable to type 'number'. (TS2322)",
    ]

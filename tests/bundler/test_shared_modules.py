"""Shared modules: one instance for everyone, whatever its format and whoever asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from .conftest import Bench, Built


def package(name: str, text: str, version: str = "1.2.3", **more: Any) -> dict[str, str]:
    """Files of an installed npm package with one module."""
    content = {"name": name, "version": version, **more}
    return {
        f"node_modules/{name}/package.json": json.dumps(content),
        f"node_modules/{name}/index.js": text,
    }


COMMON = package("common", "exports.count = 0; exports.add = () => ++exports.count;")
MODERN = package("modern", "export let count = 0; export const add = () => ++count;")


def provider(bench: Bench, packages: Mapping[str, str], entry: str, provides: list[str]) -> Built:
    source = bench.write("host", {**packages, "src/index.ts": entry}, {"provides": provides})
    built = bench.build(source)
    assert built.code == 0, built.diagnostics
    return built


def test_a_require_inside_a_dependency_gets_the_instance_that_imports_get(bench: Bench) -> None:
    entry = "import c from 'common'; import * as m from 'modern'; export default [c, m];"
    host = provider(bench, {**COMMON, **MODERN}, entry, ["common", "modern"])
    old = package("old", "exports.add = () => [require('common').add(), require('modern').add()];")
    guest = bench.build(
        bench.write(
            "guest",
            {
                **old,
                "src/index.ts": """
                    import { add } from 'old';
                    import common, { add as named } from 'common';
                    import * as modern from 'modern';
                    add();
                    named();
                    modern.add();
                    export default [common.count, modern.count];
                """,
            },
        ),
        shared=host.shared,
    )
    assert guest.manifest["requires"] == {"common": "^1.2.3", "modern": "^1.2.3"}
    assert bench.run(f"import found from '{guest.module}'; report(found);", host) == [2, 2]


def test_a_facade_of_commonjs_shows_both_views_of_one_object(bench: Bench) -> None:
    text = "module.exports = { plain: 1, delete: 2, 'with-dash': 3 };"
    host = provider(bench, package("common", text), "export default require('common');", ["common"])
    script = """
        import whole, { plain, delete as reserved, 'with-dash' as dashed } from 'common';
        import * as all from 'common';
        report([whole === all['module.exports'], plain, reserved, dashed]);
    """
    assert bench.run(script, host) == [True, 1, 2, 3]


def test_compiled_commonjs_keeps_its_own_default(bench: Bench) -> None:
    text = """
        Object.defineProperty(exports, '__esModule', { value: true });
        exports.default = 'its own';
        exports.other = 'other';
    """
    host = provider(bench, package("made", text), "export default require('made');", ["made"])
    script = "import own, { other } from 'made'; report([own, other]);"
    assert bench.run(script, host) == ["its own", "other"]


def test_a_facade_of_an_es_module_is_complete_and_live(bench: Bench) -> None:
    files = {
        **package("modern", "export * from './below.js'; export { default } from './below.js';"),
        "node_modules/modern/below.js": """
            export let count = 0;
            export const add = () => ++count;
            export default 'the default';
            export * as inner from './inner.js';
        """,
        "node_modules/modern/inner.js": "export const deep = 'deep';",
    }
    host = provider(bench, files, "import { add } from 'modern'; export default add;", ["modern"])
    script = """
        import given, { count, add, inner } from 'modern';
        add();
        report([given, count, inner.deep]);
    """
    assert bench.run(script, host) == ["the default", 1, "deep"]


def test_what_the_entry_imports_lazily_stays_out_of_the_start(bench: Bench) -> None:
    files = {**package("heavy", "export const weight = 'HEAVY';"), **MODERN}
    entry = """
        import { add } from 'modern';
        export default async () => [add(), (await import('heavy')).weight];
    """
    host = provider(bench, files, entry, ["heavy", "modern"])
    start = [host.manifest["module"], *host.manifest["preload"]]
    assert [name for name in start if "HEAVY" in (host.output / name).read_text()] == []
    script = f"""
        import lazy from '{host.module}';
        import {{ weight }} from 'heavy';
        import {{ count }} from 'modern';
        report([await lazy(), weight, count]);
    """
    assert bench.run(script, host) == [[1, "HEAVY"], "HEAVY", 1]


def test_the_start_is_one_file_and_the_lazy_ones_share_its_modules(bench: Bench) -> None:
    files = {
        "src/index.ts": """
            import { add } from './state';
            add();
            export default [() => import('./one'), () => import('./two')];
        """,
        "src/one.ts": "import { add } from './state'; export default add();",
        "src/two.ts": "import { add, count } from './state'; add(); export { count };",
        "src/state.ts": "export let count = 0; export const add = () => ++count;",
    }
    built = bench.build(bench.write("app", files))
    assert built.manifest["preload"] == []
    script = f"""
        import parts from '{built.module}';
        const one = await parts[0]();
        const two = await parts[1]();
        report([one.default, two.count]);
    """
    assert bench.run(script) == [2, 3]


def test_a_frontend_can_provide_itself(bench: Bench) -> None:
    entry = "export const name = 'host'; export default [];"
    host = provider(bench, {}, entry, ["host"])
    assert bench.run("import { name } from 'host'; report(name);", host) == "host"


REACT = {"react": {"version": "18.2.0", "from": "@plughost/lab"}}
DEEP = {
    **package("big", "export const a = 1;", version="2.0.0"),
    "node_modules/big/lib/deep.js": "export const d = 1;",
    "src/index.ts": "import { d } from 'big/lib/deep.js'; export default d;",
}
TWICE = {
    **package("big", "export const a = 1;", version="2.0.0"),
    **package("other", "export * from 'big';"),
    "node_modules/other/node_modules/big/package.json": '{"name": "big", "version": "1.0.0"}',
    "node_modules/other/node_modules/big/index.js": "export const a = 0;",
    "src/index.ts": "import * as o from 'other'; import { a } from 'big'; export default [a, o];",
}
NEEDS_A_PAGE = {
    **package("page", "exports.title = document.title;"),
    "src/index.ts": "import 'page'; export default [];",
}


@pytest.mark.parametrize(
    ("files", "package_json", "shared", "error"),
    [
        (
            {"src/index.ts": "import { useState } from 'react'; export default useState;"},
            {"dependencies": {"react": "^17.0.0"}},
            REACT,
            '"it" wants react ^17.0.0, and the page has 18.2.0 (from "@plughost/lab").',
        ),
        (
            DEEP,
            {},
            {"big": {"version": "2.0.0"}},
            '"it" imports "big/lib/deep.js", and the page shares only "big":'
            " it would get a copy of its own.",
        ),
        (
            {"src/index.ts": "export default [];"},
            {"plughost": {"package": "python", "provides": ["react"]}},
            REACT,
            '"react" is provided by "@plughost/lab" and by "it".',
        ),
        (
            {"src/index.ts": "import { useState } from 'react'; export default useState;"},
            {"dependencies": {"react": "^18.0.0"}},
            {"react": {**REACT["react"], "also": [{"version": "17.0.2", "from": "charts"}]}},
            '"react" is provided by "@plughost/lab" (18.2.0) and by "charts" (17.0.2);'
            ' "it" wants react ^18.0.0.',
        ),
        (
            {
                **package("chart", "export * from 'react';", dependencies={"react": "^17.0.0"}),
                "src/index.ts": "import * as chart from 'chart'; export default [chart];",
            },
            {},
            {"react": {**REACT["react"], "also": [{"version": "17.0.2", "from": "charts"}]}},
            '"react" is provided by "@plughost/lab" (18.2.0) and by "charts" (17.0.2);'
            ' "chart" wants react ^17.0.0.',
        ),
        (
            TWICE,
            {"plughost": {"package": "python", "provides": ["big"]}},
            {},
            '"big" would be in the bundle 2 times: 1.0.0 for other; 2.0.0 for it.',
        ),
        (
            NEEDS_A_PAGE,
            {"plughost": {"package": "python", "provides": ["page"]}},
            {},
            'The names that "page" exports cannot be known: it is CommonJS and failed when it was'
            " run: document is not defined.",
        ),
        (
            {"src/index.ts": "export default [];"},
            {"plughost": {"package": "python", "provides": ["gone"]}},
            {},
            '"gone" is in plughost.provides and cannot be found.',
        ),
    ],
    ids=[
        "out of range",
        "deep import",
        "two providers",
        "two others provide",
        "two others provide for a dependency",
        "two copies",
        "unknown names",
        "missing",
    ],
)
def test_what_would_put_a_second_copy_into_the_page_is_refused(
    bench: Bench,
    files: dict[str, str],
    package_json: dict[str, Any],
    shared: dict[str, Any],
    error: str,
) -> None:
    built = bench.build(bench.write("it", files, **package_json), shared=shared)
    assert (built.code, built.errors) == (1, [error])
    assert all(each["hint"] for each in built.diagnostics)


def test_a_private_copy_can_be_asked_for(bench: Bench) -> None:
    source = bench.write("it", DEEP, {"private": ["big/lib/deep.js"]})
    built = bench.build(source, shared={"big": {"version": "2.0.0"}})
    assert (built.code, built.manifest["requires"]) == (0, {})

"""What a build writes: the same bytes from the same sources, whole or not at all."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess

import pytest

from plughost_build.node import Node

from .conftest import Bench

WITH_STYLE = {
    "node_modules/looks/package.json": '{"name": "looks", "version": "1.0.0", "license": "MIT"}',
    "node_modules/looks/LICENSE": "Do as you like.",
    "node_modules/looks/base.css": "a { color: red }",
    "node_modules/looks/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "src/index.ts": """
        import './index.css';
        import markup from 'looks/dot.svg';
        import raw from './some.raw.css';
        import picture from './picture.png';
        export default [markup, raw, picture, () => import('./later')];
    """,
    "src/index.css": "@import '~looks/base.css'; b { background: url(~looks/dot.svg) }",
    "src/later.ts": "import './later.css'; export const later = true;",
    "src/later.css": "i { color: blue }",
    "src/some.raw.css": "p { color: green }",
    "src/picture.png": "not really",
}


def test_scripts_get_text_and_addresses_and_style_sheets_get_pictures(bench: Bench) -> None:
    built = bench.build(bench.write("it", WITH_STYLE))
    markup, raw, picture = bench.run(f"import all from '{built.module}'; report(all.slice(0, 3));")
    assert markup == WITH_STYLE["node_modules/looks/dot.svg"]
    assert raw == WITH_STYLE["src/some.raw.css"]
    assert picture.startswith(built.output.as_uri())
    assert built.files[picture.rpartition("/")[2]] == b"not really"
    (sheet,) = [name for name in built.manifest["styles"] if name.startswith("index-")]
    text = (built.output / sheet).read_text()
    assert "color:red" in text
    assert "url('data:image/svg+xml,<svg" in text


def test_styles_of_lazy_modules_are_loaded_with_the_rest(bench: Bench) -> None:
    built = bench.build(bench.write("it", WITH_STYLE))
    text = "".join((built.output / name).read_text() for name in built.manifest["styles"])
    assert "color:#00f" in text


def test_the_same_sources_in_two_folders_give_the_same_bytes(bench: Bench) -> None:
    source = bench.write("it", WITH_STYLE)
    elsewhere = bench.folder / "some" / "where" / "else"
    shutil.copytree(source, elsewhere)
    assert bench.build(source).files == bench.build(elsewhere).files


def test_twins_hold_the_same_bytes(bench: Bench, node: Node) -> None:
    text = ",".join(f"'line {number}'" for number in range(500))
    built = bench.build(bench.write("it", {"src/index.ts": f"export default [{text}];"}))
    name = built.manifest["module"]
    assert gzip.decompress(built.files[f"{name}.gz"]) == built.files[name]
    script = """
        const twin = Buffer.from(process.argv[1], 'base64');
        process.stdout.write(require('zlib').brotliDecompressSync(twin));
    """
    twin = base64.b64encode(built.files[f"{name}.br"]).decode()
    run = subprocess.run([node.executable, "-e", script, twin], capture_output=True, check=True)
    assert run.stdout == built.files[name]


def test_licences_name_what_is_inside(bench: Bench) -> None:
    built = bench.build(bench.write("it", WITH_STYLE))
    assert json.loads(built.files["third-party-licenses.json"]) == {
        "packages": [
            {
                "name": "looks",
                "versionInfo": "1.0.0",
                "licenseId": "MIT",
                "extractedText": "Do as you like.",
            }
        ]
    }


def test_a_list_names_the_packages_inside_with_their_share(bench: Bench) -> None:
    files = {
        "node_modules/heavy/package.json": '{"name": "heavy", "version": "2.0.0"}',
        "node_modules/heavy/index.js": f"export const used = '{'x' * 1000}', unused = 1;",
        "node_modules/unused/index.js": "export default 1;",
        "node_modules/unused/package.json": (
            '{"name": "unused", "version": "1.0.0", "sideEffects": false}'
        ),
        "src/index.ts": "import { used } from 'heavy'; import 'unused'; export default [used];",
    }
    built = bench.build(bench.write("it", files))
    heavy, own = json.loads(built.files["packages.json"])
    assert (heavy["name"], heavy["version"], own["name"]) == ("heavy", "2.0.0", "it")
    whole = len(built.files[built.manifest["module"]])
    assert 1000 < heavy["bytes"] < heavy["bytes"] + own["bytes"] <= whole


@pytest.mark.parametrize("kept", ["@some/thing-of-old", "@some", "@some/thing"])
def test_the_source_keeps_texts_of_packages_published_without_one(bench: Bench, kept: str) -> None:
    package = {"name": "@some/thing-of-old", "version": "1.0.0", "license": "MIT"}
    files = {
        "src/index.ts": "import it from '@some/thing-of-old'; export default it;",
        "node_modules/@some/thing-of-old/package.json": json.dumps(package),
        "node_modules/@some/thing-of-old/index.js": "export default 1;",
        f"licenses/{kept}.txt": "Kept.\n",
        "licenses/@some/other.txt": "Not this one.",
    }
    built = bench.build(bench.write("it", files))
    (found,) = json.loads(built.files["third-party-licenses.json"])["packages"]
    assert (found["name"], found["extractedText"]) == ("@some/thing-of-old", "Kept.")


def test_schemas_and_themes_lie_beside_the_bundle(bench: Bench) -> None:
    files = {
        "schema/plugin.json": '{"type": "object"}',
        "style/theme.css": "@import './variables.css'; b { color: red }",
        "style/variables.css": ":root { --it: 1 }",
        "src/index.ts": "export default [];",
    }
    built = bench.build(bench.write("it", files, {"themes": ["it"]}))
    assert built.files["schemas/it/plugin.json"] == files["schema/plugin.json"].encode()
    assert json.loads(built.files["schemas/it/package.json.orig"]) == {
        "name": "it",
        "version": "1.0.0",
    }
    assert built.files["themes/it/index.css"] == b":root{--it: 1 }b{color:red}\n"
    assert built.manifest["styles"] == []


def test_a_failing_build_leaves_the_old_output_whole(bench: Bench) -> None:
    source = bench.write("it", {"src/index.ts": "export default ['old'];"})
    before = bench.build(source).files
    bench.write("it", {"src/index.ts": "export default ['new';"})
    failed = bench.build(source)
    assert (failed.code, failed.files) == (1, before)
    assert [each.name for each in failed.output.parent.iterdir()] == ["it"]


def test_a_new_build_leaves_nothing_of_the_old(bench: Bench) -> None:
    source = bench.write("it", {"src/index.ts": "export default ['old'];"})
    old = bench.build(source).manifest["module"]
    leftover = bench.folder / "out" / ".it-new-4194305"  # above any process id
    leftover.mkdir()
    bench.write("it", {"src/index.ts": "export default ['new'];"})
    new = bench.build(source)
    assert new.manifest["module"] != old
    assert old not in new.files
    assert [each.name for each in new.output.parent.iterdir()] == ["it"]


@pytest.mark.parametrize(
    ("files", "check", "expected"),
    [
        (
            {"src/index.ts": "const wrong = ;"},
            False,
            ('Unexpected ";"', "src/index.ts", 1, 15),
        ),
        (
            {"src/index.ts": "import x from 'nowhere';\nexport default x;"},
            False,
            ('Could not resolve "nowhere"', "src/index.ts", 1, 15),
        ),
        (
            {
                "src/index.ts": "\nexport const x: number = 'a';\nexport default [];",
                "tsconfig.json": '{"compilerOptions": {"module": "esnext", "types": []}}',
            },
            True,
            ("Type 'string' is not assignable to type 'number'. (TS2322)", "src/index.ts", 2, 14),
        ),
        (
            {"src/index.ts": "export default [];", "package.json": '{"plughost": {"pakage": 1}}'},
            False,
            ('package.json has an unknown key "plughost.pakage".', "package.json", 1, 15),
        ),
        (
            {
                "src/index.ts": "export default [];",
                "schema/plugin.json": "{}",
                "package.json": '{"name": "../it", "version": "1", "plughost": {"package": "."}}',
            },
            False,
            (
                'package.json has the name "../it", which npm does not allow.',
                "package.json",
                1,
                2,
            ),
        ),
    ],
    ids=["syntax", "missing package", "type", "package.json", "name"],
)
def test_an_error_says_where(
    bench: Bench, files: dict[str, str], check: bool, expected: tuple[str, str, int, int]
) -> None:
    built = bench.build(bench.write("it", files), check=check)
    first = built.diagnostics[0]
    assert built.code == 1
    assert (first["text"], first["file"], first["line"], first["column"]) == expected


def test_a_wrong_request_is_not_an_error_of_the_source(bench: Bench) -> None:
    source = bench.write("it", {"src/index.ts": "export default [];"})
    built = bench.build(source, modus="production")
    assert (built.code, built.errors) == (
        2,
        ['The request has an unknown key "modus"; did you mean "mode"?'],
    )


@pytest.mark.parametrize("mode", ["production", "development"])
def test_a_lazily_imported_commonjs_module_has_all_its_names(bench: Bench, mode: str) -> None:
    """Names made at run time too: no lexer finds those of a minified bundle."""
    files = {
        "src/index.ts": """
            export default async () => {
              const { Terminal } = await import('./umd.cjs');
              const made = await import('./made.cjs');
              return [Terminal, made.default, made.inner, made.folder];
            };
        """,
        "src/umd.cjs": "const api = {}; api['Term' + 'inal'] = 'terminal'; module.exports = api;",
        "src/made.cjs": """
            Object.defineProperty(exports, '__esModule', { value: true });
            Object.assign(exports, require('./inner.cjs'));
            exports.default = 'its own';
            exports.folder = typeof __dirname;
        """,
        "src/inner.cjs": "exports.inner = 'inner';",
    }
    built = bench.build(bench.write("app", files), mode=mode)
    script = f"import load from '{built.module}'; report(await load());"
    assert bench.run(script) == ["terminal", "its own", "inner", "string"]

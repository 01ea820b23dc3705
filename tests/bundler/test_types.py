"""Type packs: what goes into one, and how a source is checked against those of the page."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plughost_build.types import unpacked

from .conftest import Bench, Built

PAINT = {
    "node_modules/paint/package.json": json.dumps(
        {
            "name": "paint",
            "version": "1.2.0",
            "scripts": {"postinstall": "exit 1"},
            "exports": {
                ".": {"types": "./lib/index.d.ts", "default": "./lib/index.js"},
                "./brush": {"types": "./lib/brush.d.ts", "default": "./lib/brush.js"},
            },
        }
    ),
    "node_modules/paint/lib/index.js": "export class Canvas { draw() {} }",
    "node_modules/paint/lib/index.d.ts": "import type { Hue } from 'hue';\n"
    "/** Something to draw on. */\n"
    "export declare class Canvas {\n  private readonly id: string;\n  draw(hue: Hue): void;\n}\n"
    "//# sourceMappingURL=index.d.ts.map",
    "node_modules/paint/lib/index.d.ts.map": "{}",
    "node_modules/paint/lib/brush.js": "export const width = 1;",
    "node_modules/paint/lib/brush.d.ts": "export declare const width: number;\n",
    "node_modules/paint/lib/unreached.d.ts": "export declare const never: number;\n",
    # Types from DefinitelyTyped, and of an older version than another package wants.
    "node_modules/@types/hue/package.json": '{"name": "@types/hue", "version": "2.0.0"}',
    "node_modules/@types/hue/index.d.ts": "export type Hue = 'red' | 'blue';\n",
    "node_modules/hue/package.json": '{"name": "hue", "version": "2.0.1"}',
    "node_modules/hue/index.js": "export {}",
}
"""An installed package with an entry of its own for a part, and one whose types are apart."""

PROVIDER = {
    **PAINT,
    "src/index.ts": "export default [];",
    "python/__init__.py": "",
}

STRICT = json.dumps(
    {
        "compilerOptions": {
            "module": "esnext",
            "moduleResolution": "bundler",
            "target": "es2022",
            "noEmit": True,
        },
        "include": ["src"],
    }
)

USER = "import { Canvas } from 'paint';\nnew Canvas().draw('red');\nexport default [];\n"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs are unpacked into a cache of their own; the bundler was found before."""
    monkeypatch.setenv("PLUGHOST_CACHE", str(tmp_path_factory.mktemp("cache")))


def pack_of(built: Built) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(built.files[built.manifest["types"]]))
    return content


def provide(
    bench: Bench, *specifiers: str, name: str = "provider", files: Mapping[str, str] = PROVIDER
) -> Built:
    source = bench.write(name, files, {"provides": [*specifiers]}, dependencies={"paint": "^1"})
    built = bench.build(source)
    assert built.errors == []
    return built


def page(*providers: Built) -> dict[str, Any]:
    """What the request of a user says about the page."""
    packs = [built.output / built.manifest["types"] for built in providers]
    shared: dict[str, Any] = {}
    for built in providers:
        shared |= built.shared
    return {"shared": shared, "types": [str(folder) for folder in unpacked(packs)], "check": True}


def use(
    bench: Bench, request: Mapping[str, Any], files: Mapping[str, str], **plughost: Any
) -> Built:
    """Build a source that has none of the shared packages installed."""
    written = {"src/index.ts": USER, "tsconfig.json": STRICT, **files}
    source = bench.write("user", written, plughost, peerDependencies={"paint": "^1"})
    return bench.build(source, **request)


def places(built: Built) -> list[tuple[str, int, str]]:
    return [(each["file"], each["line"], each["text"]) for each in built.diagnostics]


# What goes into a pack.


def test_a_pack_holds_what_can_be_reached_and_nothing_else(bench: Bench) -> None:
    pack = pack_of(provide(bench, "paint", "paint/brush"))
    assert pack["modules"] == {
        "paint": "node_modules/paint/lib/index.d.ts",
        "paint/brush": "node_modules/paint/lib/brush.d.ts",
    }
    assert [*pack["files"]] == [
        "node_modules/@types/hue/index.d.ts",
        "node_modules/@types/hue/package.json",
        "node_modules/paint/lib/brush.d.ts",
        "node_modules/paint/lib/index.d.ts",
        "node_modules/paint/package.json",
    ]
    text = pack["files"]["node_modules/paint/lib/index.d.ts"]
    assert "Something to draw on" in text
    assert "sourceMappingURL" not in text
    assert "scripts" not in pack["files"]["node_modules/paint/package.json"]


def test_two_versions_of_one_package_stay_where_they_are(bench: Bench) -> None:
    files = {
        **PROVIDER,
        "node_modules/paint/lib/brush.d.ts": "export type { Hue } from 'hue';\n",
        "node_modules/paint/node_modules/hue/package.json": json.dumps(
            {"name": "hue", "version": "1.0.0", "types": "old.d.ts"}
        ),
        "node_modules/paint/node_modules/hue/old.d.ts": "export type Hue = 'grey';\n",
    }
    files["src/index.ts"] = "import type {} from 'hue'; export default [];"
    pack = pack_of(provide(bench, "paint", "hue", files=files))
    assert pack["modules"]["hue"] == "node_modules/@types/hue/index.d.ts"
    assert "node_modules/paint/node_modules/hue/old.d.ts" in pack["files"]


def test_two_builds_in_two_folders_make_the_same_bytes(bench: Bench) -> None:
    one = provide(bench, "paint", name="one")
    other = provide(bench, "paint", name="other")
    assert one.manifest["types"] == other.manifest["types"]
    name = one.manifest["types"]
    assert one.files[name] == other.files[name]
    assert f"{name}.gz" not in one.files
    assert str(bench.folder) not in json.dumps(pack_of(one))


def test_what_a_frontend_provides_of_its_own_is_declared_by_the_compiler(bench: Bench) -> None:
    files = {
        **PROVIDER,
        "src/index.ts": "import mark from './mark.svg';\nimport { Canvas } from 'paint';\n"
        "import { hidden } from './hidden';\n"
        "/** Draw the mark. */\n"
        "export function sign(on: Canvas) { on.draw('red'); return mark + hidden.length; }\n"
        "export default [];\n",
        "src/hidden.ts": "export const hidden: number[] = [];\n",
        "src/mark.svg": "<svg/>",
        "tsconfig.json": STRICT,
    }
    pack = pack_of(provide(bench, "provider", files=files))
    assert pack["modules"] == {"provider": "node_modules/provider/src/index.d.ts"}
    assert "sign(on: Canvas): string" in pack["files"]["node_modules/provider/src/index.d.ts"]
    assert "node_modules/paint/lib/index.d.ts" in pack["files"]
    assert "node_modules/provider/src/hidden.d.ts" not in pack["files"]


def test_an_edit_while_a_pack_is_made_is_no_obstacle(bench: Bench, bundler: Path) -> None:
    provide(bench, "provider")
    script = f"""
        import {{ setTimeout }} from 'node:timers/promises';
        import {{ Parts }} from '{bundler.with_name("parts.mjs").as_uri()}';
        import {{ readSource }} from '{bundler.with_name("source.mjs").as_uri()}';
        const source = readSource({json.dumps(str(bench.folder / "provider"))});
        const parts = new Parts({{ source: source.folder, shared: {{}}, types: [] }}, source);
        const names = async packing => [...(await packing).keys()];
        const first = await names(parts.types());
        const [next] = await Promise.all([
          names(parts.newTypes()),
          setTimeout(50).then(() => names(parts.newTypes())),
          names(parts.types())
        ]);
        report([first.length, next.join() === first.join()]);
    """
    assert bench.run(script) == [1, True]


def test_what_the_page_has_already_is_left_to_its_own_pack(bench: Bench) -> None:
    paint = provide(bench, "paint")
    files = {
        "src/index.ts": "import { Canvas } from 'paint';\nexport const canvas = new Canvas();\n"
        "export default [];\n"
    }
    source = bench.write("gallery", files, {"provides": ["gallery"]})
    gallery = bench.build(source, **page(paint))
    assert gallery.errors == []
    assert [*pack_of(gallery)["files"]] == [
        "node_modules/gallery/package.json",
        "node_modules/gallery/src/index.d.ts",
    ]
    wrong = "import { canvas } from 'gallery';\nimport { Canvas } from 'paint';\n"
    wrong += "const same: Canvas = canvas;\nsame.draw('grey');\nexport default [];\n"
    built = use(bench, page(paint, gallery), {"src/index.ts": wrong})
    assert [place[:2] for place in places(built)] == [("src/index.ts", 4)]


def test_a_package_without_types_is_named(bench: Bench) -> None:
    files = {name: text for name, text in PROVIDER.items() if "@types" not in name}
    built = provide(bench, "hue", "paint", files=files)
    assert [*pack_of(built)["modules"]] == ["paint"]
    (said,) = built.diagnostics
    assert (said["severity"], said["text"]) == ("warning", 'There are no types of "hue".')


def test_whoever_provides_nothing_has_no_pack(bench: Bench) -> None:
    source = bench.write("plain", {"src/index.ts": "export default [];"})
    assert "types" not in bench.build(source).manifest
    assert not (source / ".plughost").exists()


# How a source is checked against the packs of a page.


def test_a_source_is_checked_against_packages_that_are_not_installed(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    assert use(bench, request, {}).diagnostics == []
    built = use(bench, request, {"src/index.ts": USER.replace("red", "grey")})
    assert built.code == 1
    ((file, line, text),) = places(built)
    assert (file, line) == ("src/index.ts", 2)
    assert """Argument of type '"grey"' is not assignable to parameter of type 'Hue'""" in text


def test_what_the_page_has_counts_whatever_is_installed(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    other = {
        "node_modules/paint/package.json": '{"name": "paint", "version": "1.9.0"}',
        "node_modules/paint/index.js": "export class Canvas {}",
        "node_modules/paint/index.d.ts": "export declare class Canvas { erase(): void }",
    }
    assert use(bench, request, other).diagnostics == []


def test_a_private_copy_has_its_own_types(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    own = {
        "node_modules/paint/package.json": '{"name": "paint", "version": "0.1.0"}',
        "node_modules/paint/index.js": "export class Canvas { erase() {} }",
        "node_modules/paint/index.d.ts": "export declare class Canvas { erase(): void }",
        "src/index.ts": USER.replace("draw('red')", "erase()"),
    }
    assert use(bench, request, own, private=["paint"]).diagnostics == []
    assert [place[:2] for place in places(use(bench, request, own))] == [("src/index.ts", 2)]


def test_a_part_without_an_entry_of_its_own_can_be_imported_as_a_type(bench: Bench) -> None:
    request = page(provide(bench, "paint", "paint/brush"))
    text = "import type { Canvas } from 'paint/lib/index';\nimport { Canvas as C } from 'paint';\n"
    text += "export const one: Canvas = new C();\nexport default [];\n"
    assert use(bench, request, {"src/index.ts": text}).diagnostics == []


def test_the_authors_own_paths_survive(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    config = json.loads(STRICT)
    config["compilerOptions"]["paths"] = {"~/*": ["./parts/*"]}
    files = {
        # Relative to the file that says so, with a comment and a comma too many.
        "config/base.json": f"// mine\n{json.dumps(config)[:-1]},}}",
        "config/parts/title.ts": "export const title: string = 'Paint';\n",
        "tsconfig.json": '{"extends": "./config/base.json", "include": ["src"]}',
        "src/index.ts": f"import {{ title }} from '~/title';\n{USER}title.length;\n",
    }
    assert use(bench, request, files).diagnostics == []
    wrong = {**files, "src/index.ts": files["src/index.ts"] + "title.size;\n"}
    assert [place[:2] for place in places(use(bench, request, wrong))] == [("src/index.ts", 6)]


def test_without_a_tsconfig_the_check_is_strict_and_jsx_is_reacts(bench: Bench) -> None:
    runtime = {
        "node_modules/react/package.json": '{"name": "react", "version": "18.0.0"}',
        "node_modules/react/index.js": "exports.version = '18';",
        "node_modules/react/index.d.ts": "export const version: string;\n",
        "node_modules/react/jsx-runtime.js": "exports.jsx = () => 1;",
        "node_modules/react/jsx-runtime.d.ts": "export namespace JSX {\n"
        "  interface IntrinsicElements { p: { children?: string } }\n  interface Element {}\n}\n"
        "export declare function jsx(): JSX.Element;\n",
    }
    files = {"src/index.ts": "export default [];", **runtime}
    react = provide(bench, "react", "react/jsx-runtime", files=files)
    source = bench.write(
        "single",
        {"page.tsx": "export default [<p>{wrong => wrong}</p>];"},
        {"entry": "page.tsx"},
        peerDependencies={"react": "18"},
    )
    built = bench.build(source, **page(react))
    assert {place[:2] for place in places(built)} == {("page.tsx", 1)}
    assert "implicitly has an 'any' type" in built.errors[0] + built.errors[-1]
    (source / "page.tsx").write_text("export default [<p>right</p>];")
    built = bench.build(source, **page(react))
    assert built.diagnostics == []
    assert [*built.manifest["requires"]] == ["react/jsx-runtime"]


ASSETS = {
    "src/index.ts": "import mark from './mark.svg';\nimport photo from './photo.png';\n"
    "import words from './words.md';\nimport names from './a.module.css';\n"
    "import raw from './a.raw.css';\nimport './a.css';\n"
    "export const all: string[] = [mark, photo, words, names.title, raw];\n"
    "export const none: number = mark;\nexport default [];\n",
    "src/mark.svg": "<svg/>",
    "src/photo.png": "PNG",
    "src/words.md": "# Words",
    "src/a.module.css": ".title {}",
    "src/a.raw.css": "p {}",
    "src/a.css": "p {}",
}


def test_importing_an_asset_has_the_type_of_what_it_gives(bench: Bench) -> None:
    built = use(bench, {"check": True}, ASSETS)
    assert places(built) == [
        ("src/index.ts", 8, "Type 'string' is not assignable to type 'number'. (TS2322)")
    ]


def test_the_authors_own_declarations_of_assets_come_first(bench: Bench) -> None:
    own = "declare module '*.svg' {\n  const markup: number;\n  export default markup;\n}\n"
    config = json.loads(STRICT)
    config["compilerOptions"]["skipLibCheck"] = False
    files = {**ASSETS, "src/assets.d.ts": own, "tsconfig.json": json.dumps(config)}
    built = use(bench, {"check": True}, files)
    assert places(built) == [
        ("src/index.ts", 7, "Type 'number' is not assignable to type 'string'. (TS2322)")
    ]


def test_faults_in_the_types_of_the_page_are_not_the_authors(bench: Bench) -> None:
    files = {**PROVIDER, "node_modules/paint/lib/brush.d.ts": "import type {} from 'nowhere';\n"}
    request = page(provide(bench, "paint", "paint/brush", files=files))
    config = json.loads(STRICT)
    config["compilerOptions"]["skipLibCheck"] = False
    text = f"import 'paint/brush';\n{USER}"
    files = {"src/index.ts": text, "tsconfig.json": json.dumps(config)}
    assert use(bench, request, files).diagnostics == []


EXTENDS = {"tsconfig.json": '{\n  "extends": "./.plughost/tsconfig.json"\n}\n'}


def test_a_tsconfig_may_extend_what_the_build_writes_for_editors(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    built = use(bench, request, {**ASSETS, **EXTENDS})
    assert [place[:2] for place in places(built)] == [("src/index.ts", 8)]
    ours = bench.folder / "user/.plughost"
    assert sorted(path.name for path in ours.iterdir()) == [
        ".gitignore",
        "assets.d.ts",
        "tsconfig.json",
    ]
    assert (ours / ".gitignore").read_text() == "*\n"
    config = json.loads((ours / "tsconfig.json").read_text())
    (place,) = config["compilerOptions"]["paths"]["paint"]
    assert Path(place).read_text().startswith("import type { Hue }")


def test_nothing_is_written_for_editors_where_nobody_asks(bench: Bench) -> None:
    assert use(bench, page(provide(bench, "paint")), {}).diagnostics == []
    assert not (bench.folder / "user/.plughost").exists()


def test_a_build_without_a_check_keeps_what_editors_read(bench: Bench) -> None:
    request = page(provide(bench, "paint"))
    use(bench, request, EXTENDS)
    config = bench.folder / "user/.plughost/tsconfig.json"
    before = config.read_text()
    use(bench, {**request, "types": [], "check": False}, EXTENDS)
    assert config.read_text() == before
    shutil.rmtree(config.parent)
    built = use(bench, {**request, "types": [], "check": False}, EXTENDS)
    assert (built.diagnostics, config.is_file()) == ([], True)

"""The same source as a labextension: its container, asked as stock JupyterLab asks, in Node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Bench, Built
from .test_shared_modules import package

PAGE = """
const links = [];
globalThis.document = {
  createElement: () => ({}),
  head: {
    append(link) {
      links.push(link);
      queueMicrotask(() => link.href.includes('broken') ? link.onerror?.() : link.onload?.());
    }
  }
};
const load = async address => {
  document.currentScript = { src: address };
  await import(address);
  delete document.currentScript;
};
const entry = (module, more = {}) => ({ get: async () => () => module, from: 'test', ...more });
const told = [];
console.warn = text => told.push(text);
const why = promise => promise.then(() => 'none', error => error.message);
const named = values => Object.defineProperty(values, '__esModule', { value: true });
"""
"""What a page has, as far as a container cares, and words for the tests."""

SHARED = {
    "common": {"version": "1.2.3", "from": "host"},
    "modern": {"version": "1.2.3", "from": "host"},
}


def folder(bench: Bench, name: str) -> Path:
    return bench.folder / "labextensions" / Path(name).name


def build(bench: Bench, source: Path, **request: Any) -> Built:
    return bench.build(source, labextension=str(folder(bench, source.name)), **request)


def make(bench: Bench, name: str, files: dict[str, str], **more: Any) -> dict[str, Any]:
    """Build it and return its package.json; `more` goes into the source's or the request."""
    request = {key: more.pop(key) for key in ("shared", "mode") if key in more}
    source = bench.write(name, files, **more)
    built = build(bench, source, **{"shared": SHARED, **request})
    assert built.code == 0, built.diagnostics
    made: dict[str, Any] = json.loads((folder(bench, name) / "package.json").read_text())
    return made


def load(bench: Bench, name: str) -> str:
    """JavaScript that puts the container of `name` into the page."""
    made = json.loads((folder(bench, name) / "package.json").read_text())
    address = (folder(bench, name) / made["jupyterlab"]["_build"]["load"]).as_uri()
    return f"await load({address!r});"


def ask(bench: Bench, name: str, script: str) -> Any:
    """Run a script that finds the container of `name` in `container`."""
    return bench.run(
        f"{PAGE}\n{load(bench, name)}\nconst container = _JUPYTERLAB[{name!r}];\n{script}"
    )


def test_each_way_to_import_a_shared_module_gets_the_one_instance(bench: Bench) -> None:
    old = package("old", "exports.add = () => [require('common').add(), require('modern').add()];")
    entry = """
        import common, { add as named } from 'common';
        import * as modern from 'modern';
        import own, { count } from 'modern';
        import { add } from 'old';
        export * from 'modern';
        export default () => {
          add();
          named();
          modern.add();
          return [common.count, modern.count, count, own];
        };
    """
    for kind in ({}, {"type": "module"}):  # esbuild's interop differs
        make(bench, "guest", {**old, "src/index.ts": entry}, **kind)
        script = """
            const common = { count: 0, add: () => ++common.count };
            let n = 0;
            const modern = named({ get count() { return n; }, add: () => ++n, default: 'own' });
            const scope = { common: { '1.2.3': entry(common) } };
            container.init({ ...scope, modern: { '1.3.0': entry(modern) } });
            const { default: run } = (await container.get('./extension'))();
            report(run());
        """
        assert ask(bench, "guest", script) == [2, 2, 2, "own"]


def test_what_it_hands_over_is_a_module_that_can_be_added_to(bench: Bench) -> None:
    make(bench, "guest", {"src/index.ts": "export default [{ id: 'guest:one' }];"})
    script = """
        container.init({});
        const module = (await container.get('./extension'))();
        module.__scope__ = 'guest';
        report([module.hasOwnProperty('__esModule'), module.default]);
    """
    assert ask(bench, "guest", script) == [True, [{"id": "guest:one"}]]


def test_what_is_imported_later_is_taken_from_the_scope_then(bench: Bench) -> None:
    entry = """
        import { add } from 'modern';
        export default async () => {
          const { default: whole, value } = await import('common');
          return [add(), whole.value, value, (await import('modern')).default];
        };
    """
    make(bench, "guest", {"src/index.ts": entry})
    script = """
        const loaded = [];
        const lazy = (name, module) => ({ get: async () => (loaded.push(name), () => module) });
        container.init({
          common: { '1.2.3': lazy('common', { value: 7 }) },
          modern: { '1.2.3': lazy('modern', named({ add: () => 1, default: 'own' })) }
        });
        const { default: run } = (await container.get('./extension'))();
        const before = [...loaded];
        report([before, await run()]);
    """
    assert ask(bench, "guest", script) == [["modern"], [1, 7, 7, "own"]]


def test_what_the_page_does_not_share_is_named_and_nothing_runs(bench: Bench) -> None:
    entry = (
        "import 'common'; import { add } from 'modern'; globalThis.ran = true; export default add;"
    )
    make(bench, "guest", {"src/index.ts": entry})
    script = """
        container.init({});
        const first = await why(container.get('./extension'));
        report([first, await why(container.get('./extension')), globalThis.ran ?? false]);
    """
    first, second, ran = ask(bench, "guest", script)
    assert "guest needs what this page does not share: common, modern." in first
    assert (second, ran) == (first, False)


def test_a_bundle_that_throws_fails_alone_with_its_own_words(bench: Bench) -> None:
    make(bench, "guest", {"src/index.ts": "throw new Error('no licence'); export default [];"})
    script = "container.init({}); report(await why(container.get('./extension')));"
    assert ask(bench, "guest", script) == "no licence"


def test_a_container_keeps_to_one_scope_and_to_what_it_has(bench: Bench) -> None:
    make(bench, "guest", {"src/index.ts": "export default [];"})
    script = """
        const scope = {};
        container.init(scope);
        container.init(scope);
        let second;
        try {
          container.init({});
        } catch (error) {
          second = error.message;
        }
        const [known, other] = ['./extension', './other'].map(each => why(container.get(each)));
        report([second, await known, await other]);
    """
    assert ask(bench, "guest", script) == [
        "guest was given a second share scope.",
        "none",
        'Module "./other" does not exist in container.',
    ]


def test_a_version_out_of_range_is_used_with_a_warning(bench: Bench) -> None:
    entry = "import { value } from 'common'; export default value;"
    make(bench, "guest", {"src/index.ts": entry}, peerDependencies={"common": "^1.0.0"})
    script = """
        container.init({ common: { '2.0.0': entry({ value: 'two' }) } });
        report([(await container.get('./extension'))().default, told]);
    """
    assert ask(bench, "guest", script) == [
        "two",
        ["guest wants common ^1.0.0, and the page has 2.0.0."],
    ]


def test_which_version_is_taken(bench: Bench, bundler: Path) -> None:
    script = f"""
        import {{ choose }} from '{bundler.with_name("container.mjs").as_uri()}';
        const pick = (versions, single) => choose(
          Object.keys(versions),
          {{ within: '>=1.0.0 <2.0.0-0', single }},
          Object.fromEntries(Object.entries(versions).map(([name, loaded]) => [name, {{ loaded }}]))
        );
        report([
          pick({{ '1.9.0': 0, '1.10.0': 0, '2.0.0': 0 }}, false),
          pick({{ '2.0.0': 0, '3.0.0': 0 }}, false),
          pick({{ '1.9.0': 1, '1.10.0': 0, '2.0.0': 0 }}, true),
          pick({{ '1.9.0': 0, '2.0.0': 0 }}, true),
          pick({{}}, true) ?? null
        ]);
    """
    assert bench.run(script) == ["1.10.0", "3.0.0", "1.9.0", "2.0.0", None]


def test_ranges_mean_what_they_mean_to_npm(bench: Bench, bundler: Path) -> None:
    script = f"""
        import {{ createRequire }} from 'node:module';
        import {{ compare, fits }} from '{bundler.with_name("container.mjs").as_uri()}';
        import {{ within }} from '{bundler.with_name("scope.mjs").as_uri()}';
        const semver = createRequire('{bundler.as_uri()}')('semver');
        const versions = ['0.0.3', '0.2.9', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta',
          '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.2.3', '1.10.0', '2.0.0-0',
          '2.0.0', '4.6.0-beta.0', '4.6.4', '4.6.4+build.7', '18.2.0', '18.3.1'];
        const ranges = ['*', '', 'x', '^1.0.0', '~1.2', '1.x', '>=1.2.3 <4', '^4.6.0-beta.0',
          '^0.2.0', '^0.0.3', '1.2.3', '=2.0.0', '<1.0.0 || >=4.6', '1.0.0 - 4', '>1.0.0-beta.2',
          '^2.3.1-alpha.1', '^17 || ^18', '<=18.2', '>18.2.0', '<0.0.0-0'];
        const wrong = [];
        for (const version of versions) {{
          for (const range of ranges) {{
            const right = semver.satisfies(version, range, {{ includePrerelease: true }});
            if (fits(version, within(range)) !== right) wrong.push([version, range]);
          }}
          for (const other of versions) {{
            if (Math.sign(compare(version, other)) !== semver.compare(version, other)) {{
              wrong.push([version, other]);
            }}
          }}
        }}
        report([wrong, fits('9.9.9', within('workspace:*'))]);
    """
    assert bench.run(script) == [[], True]


def test_what_one_provides_the_other_gets_whoever_comes_first(bench: Bench) -> None:
    tokens = "export const IWeather = { name: 'IWeather' }; export default [IWeather];"
    make(bench, "tokens", {"src/index.ts": tokens}, plughost={"provides": ["tokens"]})
    make(
        bench,
        "guest",
        {"src/index.ts": "import { IWeather } from 'tokens'; export default [IWeather];"},
        shared={"tokens": {"version": "1.0.0", "from": "tokens"}},
    )
    for order in (["tokens", "guest"], ["guest", "tokens"]):
        script = (
            "\n".join([PAGE, *(load(bench, name) for name in order)])
            + f"""
            const scope = {{}};
            for (const name of {json.dumps(order)}) _JUPYTERLAB[name].init(scope);
            const of = async name => (await _JUPYTERLAB[name].get('./extension'))().default[0];
            const [mine, theirs] = await Promise.all([of('guest'), of('tokens')]);
            report([mine === theirs, mine.name, Object.keys(scope.tokens)]);
        """
        )
        assert bench.run(script) == [True, "IWeather", ["1.0.0"]]


def test_a_frontend_without_a_page_only_offers(bench: Bench) -> None:
    made = make(
        bench,
        "tokens",
        {"src/index.ts": "export const one = 1;"},
        plughost={"pages": [], "provides": ["tokens"]},
    )
    assert "extension" not in made["jupyterlab"]["_build"]
    script = """
        const scope = {};
        container.init(scope);
        const { one } = (await scope.tokens['1.0.0'].get())();
        report([one, await why(container.get('./extension'))]);
    """
    found = ask(bench, "tokens", script)
    assert found == [1, 'Module "./extension" does not exist in container.']


def test_what_only_plughosts_page_shares_is_made_from_what_jupyterlab_shares(bench: Bench) -> None:
    entry = """
        import { definePlugin } from '@plughost/host';
        import { createRoot } from 'react-dom/client';
        const plugin = definePlugin({ id: 'guest:one', activate: () => {} });
        export default { plugin, root: createRoot(7), element: <><p key="k" title="t">text</p></> };
    """
    files = {
        "src/index.tsx": entry,
        "tsconfig.json": '{"compilerOptions": {"jsx": "react-jsx"}}',
    }
    plughost = {"entry": "src/index.tsx"}
    native = {
        name: {"version": "18.2.0", "from": "@plughost/lab"}
        for name in ("react", "react/jsx-runtime", "react-dom", "react-dom/client")
    }
    host = {"@plughost/host": {"version": "0.1.0", "from": "@plughost/host"}}
    made = make(bench, "guest", files, plughost=plughost, shared={**native, **host})
    assert made["dependencies"] == {"react": "^18.2.0", "react-dom": "^18.2.0"}
    script = """
        const react = {
          Fragment: 'Fragment',
          createElement: (type, props) => ({ type, props })
        };
        const dom = { createRoot: where => ['root', where] };
        const versions = module => ({ '18.2.0': entry(module) });
        container.init({ react: versions(react), 'react-dom': versions(dom) });
        report((await container.get('./extension'))().default);
    """
    row = {"type": "p", "props": {"title": "t", "children": "text", "key": "k"}}
    assert ask(bench, "guest", script) == {
        "plugin": {"autoStart": True, "id": "guest:one", "requires": [], "optional": []},
        "root": ["root", 7],
        "element": {"type": "Fragment", "props": {"children": row}},
    }


def test_its_style_is_there_before_it_says_so(bench: Bench) -> None:
    files = {
        "src/index.ts": "import './a.css'; export default [];",
        "src/a.css": "p { color: red }",
    }
    made = make(bench, "guest", files)
    assert made["jupyterlab"]["_build"]["style"] == "./style"
    script = """
        container.init({});
        report([(await container.get('./style'))(), links.map(each => each.rel), links[1].href]);
    """
    module, rels, sheet = ask(bench, "guest", script)
    assert (module, rels) == ({}, ["modulepreload", "stylesheet"])
    assert Path(sheet.removeprefix("file://")).read_text().startswith("p{color:red}")


def test_a_style_sheet_that_does_not_load_is_named(bench: Bench) -> None:
    files = {
        "src/index.ts": "import './a.css'; export default [];",
        "src/a.css": "p { color: red }",
    }
    make(bench, "broken", files)
    script = "container.init({}); report(await why(container.get('./style')));"
    assert ask(bench, "broken", script).startswith("broken: the style sheet file:///")


def test_lazy_chunks_and_pictures_lie_beside_the_script(bench: Bench) -> None:
    entry = """
        import picture from './a.png';
        export default async () => [picture, (await import('./lazy')).found];
    """
    files = {
        "src/index.ts": entry,
        "src/lazy.ts": "import { value } from 'common'; export const found = value;",
        "src/a.png": "not really",
    }
    make(bench, "guest", files)
    script = """
        container.init({ common: { '1.2.3': entry({ value: 'from the scope' }) } });
        report(await (await container.get('./extension'))().default());
    """
    picture, found = ask(bench, "guest", script)
    assert found == "from the scope"
    assert Path(picture.removeprefix("file://")).parent == folder(bench, "guest") / "static"


def test_development_output_is_readable_and_has_source_maps(bench: Bench) -> None:
    source = bench.write("guest", {"src/index.ts": "export default ['readable'];"})
    built = build(bench, source, mode="development", sourcemap=True)
    assert built.code == 0, built.diagnostics
    names = {path.name.partition("-")[0] for path in (folder(bench, "guest") / "static").iterdir()}
    assert "index" in names
    (source_map,) = (folder(bench, "guest") / "static").glob("index-*.js.map")
    assert "index.ts" in source_map.read_text()
    script = "container.init({}); report((await container.get('./extension'))().default);"
    assert ask(bench, "guest", script) == ["readable"]


def test_the_folder_has_what_jupyterlabs_server_reads(bench: Bench) -> None:
    licensed = package("licensed", "exports.a = 1;", license="MIT")
    files = {
        **licensed,
        "src/index.ts": "import { a } from 'licensed'; export default [a];",
        "schema/plugin.json": '{"title": "Guest"}',
        "style/theme.css": "body { background: black }",
    }
    made = make(
        bench,
        "@tea/guest",
        files,
        plughost={"themes": ["@tea/guest"]},
        description="A guest",
        homepage="https://example.org",
        scripts={"build": "rm -rf /"},
        dependencies={"licensed": "^1.0.0"},
        jupyterlab={
            "extension": "lib/index.js",
            "outputDir": "tea/labextension",
            "schemaDir": "schema",
            "themePath": "style/theme.css",
            "disabledExtensions": ["@jupyterlab/theme-light-extension"],
        },
    )
    build_object = made["jupyterlab"].pop("_build")
    assert made == {
        "name": "@tea/guest",
        "version": "1.0.0",
        "description": "A guest",
        "homepage": "https://example.org",
        "dependencies": {"licensed": "^1.0.0"},
        "jupyterlab": {
            "extension": True,
            "schemaDir": "schemas",
            "themePath": "style/theme.css",
            "disabledExtensions": ["@jupyterlab/theme-light-extension"],
        },
    }
    assert build_object["fingerprint"] == "sha256:0"
    here = bench.folder / "labextensions" / "guest"
    there = {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}
    assert {
        build_object["load"],
        "schemas/@tea/guest/plugin.json",
        "schemas/@tea/guest/package.json.orig",
        "themes/@tea/guest/index.css",
        "static/third-party-licenses.json",
    } <= there
    licenses = json.loads((here / "static/third-party-licenses.json").read_text())
    assert [each["name"] for each in licenses["packages"]] == ["licensed"]


def test_what_cannot_be_one_is_refused_before_anything_is_written(bench: Bench) -> None:
    app = bench.write("page", {"src/index.ts": "export default () => {};"}, {"app": True})
    built = build(bench, app)
    assert built.code == 1
    assert built.errors == ['"page" cannot be a labextension.']
    assert not built.output.exists()
    assert not folder(bench, "page").exists()

"""The types of shared modules, from the wheel of their provider to the check of a stranger."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plughost_build.errors import TypePackError
from plughost_build.types import unpacked

from .machines import CLOSED_PORT

ROOT = Path(__file__).parents[2]

# A pack and the cache.

FILES = {"node_modules/a/package.json": "{}", "node_modules/a/index.d.ts": "export {};\r\n"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLUGHOST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_pack(path: Path, **content: Any) -> Path:
    whole = {"format": 1, "modules": {"a": "node_modules/a/index.d.ts"}, "files": FILES, **content}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(whole).encode()))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    found = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


def test_a_pack_is_unpacked_once(cache: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "types.json.gz")
    (folder,) = unpacked([pack])
    assert folder.is_relative_to(cache)
    assert contents(folder) == {
        **{name: text.encode() for name, text in FILES.items()},
        "modules.json": b'{"a": "node_modules/a/index.d.ts"}',
    }
    before = (folder / "modules.json").stat()
    assert unpacked([pack]) == [folder]
    assert (folder / "modules.json").stat() == before


def test_another_content_has_another_folder(cache: Path, tmp_path: Path) -> None:
    one = unpacked([write_pack(tmp_path / "types.json.gz")])
    other = unpacked([write_pack(tmp_path / "types.json.gz", modules={})])
    assert one != other


def test_a_folder_that_was_tidied_up_is_filled_again(cache: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "types.json.gz")
    (folder,) = unpacked([pack])
    before = contents(folder)
    (folder / "modules.json").unlink()
    (folder / "node_modules/a/index.d.ts").unlink()
    assert unpacked([pack]) == [folder]
    assert contents(folder) == before


def broken(folder: Path) -> dict[str, Path]:
    cut = write_pack(folder / "cut.json.gz")
    cut.write_bytes(cut.read_bytes()[:-20])
    text = folder / "text.json.gz"
    text.write_text("<<<<<<< HEAD")
    return {
        "missing": folder / "missing.json.gz",
        "cut": cut,
        "text": text,
        "no JSON": write_raw(folder / "raw.json.gz", b"{"),
        "no pack": write_raw(folder / "list.json.gz", b"[]"),
        "format": write_pack(folder / "format.json.gz", format=2),
        "outside": write_pack(folder / "outside.json.gz", files={"../../x.d.ts": ""}, modules={}),
        "absolute": write_pack(folder / "absolute.json.gz", files={"/x.d.ts": ""}, modules={}),
        "drive": write_pack(folder / "drive.json.gz", files={"C:/x.d.ts": ""}, modules={}),
        "nowhere": write_pack(folder / "nowhere.json.gz", modules={"a": "node_modules/b.d.ts"}),
    }


def write_raw(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_a_broken_pack_is_named_with_a_way_out_and_leaves_nothing(
    cache: Path, tmp_path: Path
) -> None:
    for pack in broken(tmp_path).values():
        with pytest.raises(TypePackError) as raised:
            unpacked([pack])
        assert f"The types in {str(pack)!r} cannot be unpacked: " in str(raised.value)
        assert "Reinstall the package that it belongs to" in raised.value.hint
    assert contents(tmp_path / "cache") == {}
    assert not (tmp_path.parent / "x.d.ts").exists()


# The real thing: nothing but plughost's wheel in a fresh environment.


@dataclass
class Fresh:
    """An environment with plughost and nothing else, on a machine with an empty cache."""

    folder: Path
    program: Path
    environment: Mapping[str, str]

    def build(
        self, source: Path, *options: str, code: int = 0, environment: Mapping[str, str] = {}
    ) -> list[dict[str, Any]]:
        """The diagnostics of `plughost build`."""
        run = subprocess.run(
            [self.program, "build", "--json", *options, source],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
        )
        assert run.returncode == code, run.stdout + run.stderr
        events = [json.loads(line) for line in run.stdout.splitlines()]
        return [each for each in events if each["event"] in {"diagnostic", "failed"}]

    def shared(self) -> dict[str, dict[str, str]]:
        """What plughost's lab provides."""
        (manifest,) = self.folder.rglob("plughost_lab/frontend/plughost.json")
        provides: dict[str, dict[str, str]] = json.loads(manifest.read_text())["provides"]
        return provides


@pytest.fixture(scope="module")
def fresh(plughost_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", plughost_wheel], check=True)
    environment = {**os.environ, "PLUGHOST_CACHE": str(folder / "cache")}
    return Fresh(folder, python.parent / "plughost", environment)


def write_source(folder: Path, files: Mapping[str, str], **package_json: Any) -> Path:
    content = {
        "name": "stranger",
        "version": "0.1.0",
        "plughost": {"package": "stranger"},
        **package_json,
    }
    for name, text in {"package.json": json.dumps(content), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "stranger").mkdir(exist_ok=True)
    return folder


PANEL = """\
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { definePlugin } from '@plughost/host';
import { ReactWidget } from '@jupyterlab/apputils';
import { LabIcon } from '@jupyterlab/ui-components';
import { useState } from 'react';
import { CopyToClipboard } from 'react-copy-to-clipboard';
import wave from './wave.svg';
import './panel.css';

const icon = new LabIcon({ name: 'stranger:wave', svgstr: wave });

class Panel extends ReactWidget {
  protected override render() {
    return <Greeting name="stranger" />;
  }
}

function Greeting({ name }: { name: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <CopyToClipboard text={name} onCopy={() => setCopied(true)}>
      <button type="button">{copied ? 'Copied' : name}</button>
    </CopyToClipboard>
  );
}

const greeting: JupyterFrontEndPlugin<void> = definePlugin({
  id: 'stranger:greeting',
  description: 'Greets.',
  activate: (app: JupyterFrontEnd) => {
    const panel = new Panel();
    panel.id = 'stranger';
    panel.title.icon = icon;
    app.shell.add(panel, 'main');
  }
});

export default [greeting];
"""

STRANGER = {
    "src/index.tsx": PANEL,
    "src/wave.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "src/panel.css": "p { color: red }",
    "tsconfig.json": '{ "extends": "./.plughost/tsconfig.json" }',
}
"""React, CSS, an SVG, and a CommonJS dependency that requires React itself."""

PACKAGE_JSON = {
    "plughost": {"package": "stranger", "entry": "src/index.tsx"},
    "dependencies": {"react-copy-to-clipboard": "5.1.1"},
    "peerDependencies": {
        "@jupyterlab/apputils": "^4.7.0",
        "@jupyterlab/ui-components": "^4.6.0",
        "@plughost/host": "*",
        "react": "^18.2.0",
    },
    "devDependencies": {"@types/react-copy-to-clipboard": "5.0.7"},
}


@pytest.fixture(scope="module")
def built_stranger(fresh: Fresh) -> Path:
    source = write_source(fresh.folder / "stranger", STRANGER, **PACKAGE_JSON)
    assert fresh.build(source) == []
    return source


@pytest.fixture
def stranger(built_stranger: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built_stranger, tmp_path / "stranger", symlinks=True))


def test_a_strangers_extension_is_built_with_nothing_but_plughost(built_stranger: Path) -> None:
    manifest = json.loads((built_stranger / "stranger/frontend/plughost.json").read_text())
    assert {"@jupyterlab/apputils", "react", "react/jsx-runtime"} <= {*manifest["requires"]}
    installed = {each.name for each in (built_stranger / "node_modules").iterdir()}
    assert "react-copy-to-clipboard" in installed
    # Neither what the page has nor its types.
    assert not installed & {"react", "@jupyterlab", "@lumino"}


def test_the_browser_half_in_the_guide_is_built_as_it_stands(fresh: Fresh) -> None:
    text = (ROOT / "docs/guides/build.md").read_text(encoding="utf-8")
    section = text.partition("## A browser half, whole\n")[2].partition("\n## ")[0]
    named = re.findall(r"^`([^`]+)`(?:(?!\n```).)*\n```\w*\n(.*?)^```$", section, re.M | re.S)
    content = json.loads(dict(named)["package.json"])
    files = {name: block for name, block in named if name != "package.json"}
    source = write_source(fresh.folder / "weather", files, **content)
    (source / content["plughost"]["package"]).mkdir()
    assert fresh.build(source) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "app.shell.add(panel, 'main')",
            "app.shell.add('panel', 'main')",
            "Argument of type 'string' is not assignable to parameter of type 'Widget'",
        ),
        ('<Greeting name="stranger" />', "<Greeting name={1} />", "Type 'number'"),
        ("useState(false)", "useState<number>(false)", "Argument of type 'boolean'"),
        ("svgstr: wave", "svgstr: wave.length", "Type 'number' is not assignable"),
        ("onCopy={() => setCopied(true)}", "onCopy={1}", "Type 'number' is not assignable"),
        ("({ name }: { name: string })", "({ name })", "implicitly has an 'any' type"),
    ],
)
def test_types_are_strict_without_jupyterlabs_packages(
    fresh: Fresh, stranger: Path, right: str, wrong: str, said: str
) -> None:
    text = PANEL.replace(right, wrong)
    assert text != PANEL
    (stranger / "src/index.tsx").write_text(text)
    (first, *_) = fresh.build(stranger, code=1)
    line = 1 + PANEL[: PANEL.index(right)].count("\n")
    assert (first["file"], first["line"]) == ("src/index.tsx", line)
    assert said in first["text"]


def test_and_offline_once_the_packages_are_there(fresh: Fresh, stranger: Path) -> None:
    offline = {"npm_config_registry": CLOSED_PORT, "PLUGHOST_NODE_MIRROR": CLOSED_PORT}
    shutil.rmtree(fresh.folder / "cache/types")
    assert fresh.build(stranger, "--force", environment=offline) == []


EVERYTHING = {
    "strict": True,
    "skipLibCheck": False,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "types": [],
}


def test_the_labs_pack_is_complete(fresh: Fresh, built_stranger: Path, tmp_path: Path) -> None:
    """Imports of every provided module resolve, and nothing they mention is missing.

    The libraries are checked, too, since otherwise what is missing from a declaration would be
    `any` without a word. What JupyterLab's own packages lack is in no pack.
    """
    config = json.loads((built_stranger / ".plughost/tsconfig.json").read_text())
    paths = config["compilerOptions"]["paths"]
    specifiers = [*fresh.shared()]
    assert len(specifiers) > 100
    (tmp_path / "all.ts").write_text(
        "".join(f"import * as m{n} from '{each}';\nm{n};\n" for n, each in enumerate(specifiers))
    )
    options = {"compilerOptions": {**EVERYTHING, "paths": paths}, "files": ["all.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    (compiler,) = fresh.folder.glob("cache/tools/*/node_modules/typescript/bin/tsc")
    run = subprocess.run(
        [compiler, "--pretty", "false", "-p", "tsconfig.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    said = [line for line in run.stdout.splitlines() if ": error TS" in line]
    assert [line for line in said if line.startswith("all.ts")] == []
    missing = {line.split("'")[1] for line in said if "Cannot find module" in line}
    assert missing == {"json-schema", "mermaid/dist/config.type", "type-fest"}

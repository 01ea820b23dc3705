"""Where things are built: for each builder the same sources, laid out as its users have them.

They lie in the cache of builds, with their packages installed once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import jupyterlab

from plughost_build.cache import cache_folder
from plughost_build.node import find_node

ROOT = Path(__file__).parent.parent
PEER = ROOT / "benchmarks" / ".peer"
BUILDS = cache_folder() / "benchmarks"
"""Not in the repository: one of its tools would follow the links to its own folders."""
OUTSIDER = ROOT / "tests" / "outsider"

PEER_PACKAGES = {"@jupyter/builder": "1.2.3", "typescript": "5.8.3"}
"""What the template of JupyterLab's extensions asks for; rspack comes with the builder."""

PEER_TSCONFIG = {
    "compilerOptions": {
        "allowSyntheticDefaultImports": True,
        "composite": True,
        "declaration": True,
        "esModuleInterop": True,
        "incremental": True,
        "jsx": "react-jsx",
        "lib": ["DOM", "ES2022"],
        "module": "esnext",
        "moduleResolution": "bundler",
        "noEmitOnError": True,
        "noImplicitAny": True,
        "noUnusedLocals": True,
        "preserveWatchOutput": True,
        "resolveJsonModule": True,
        "outDir": "lib",
        "rootDir": "src",
        "skipLibCheck": True,
        "strict": True,
        "target": "ES2022",
        "types": [],
    },
    "include": ["src/**/*"],
}
"""The template's, with what the source needs besides."""

MODULES = 100
"""How many more the larger extension has."""


@dataclass(frozen=True)
class Watcher:
    """A command that builds after each edit, and what it prints when it is ready for them."""

    command: tuple[str, ...]
    ready: str


@dataclass(frozen=True)
class Bench:
    """Something to build: the commands of its users, where the bundle goes, what to edit.

    `made` is what builds leave behind, apart from installed packages.
    """

    folder: Path
    output: Path
    edited: Path
    made: tuple[Path, ...]
    build: tuple[tuple[str, ...], ...]
    watch: tuple[Watcher, ...]
    environment: Mapping[str, str]
    pause: float = 1.0

    def clean(self) -> None:
        for path in self.made:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Workshop:
    extension: Bench
    medium: Bench
    lab: Bench


@contextlib.contextmanager
def workshop(name: str) -> Iterator[Workshop]:
    """That of one of the contenders. Raises ChildProcessError where it cannot be made."""
    try:
        yield {"plughost": _plughost, "jupyterlab": _jupyterlab}[name](BUILDS / name)
    except subprocess.CalledProcessError as error:
        said = (error.stdout or b"").decode(errors="replace")[-2000:]
        raise ChildProcessError(f"{error}\n{said}") from error


def _plughost(folder: Path) -> Workshop:
    small, medium = folder / "extension", folder / "medium"
    package_json = json.loads((OUTSIDER / "package.json").read_text())
    _lay_out(small, package_json)
    _lay_out(medium, package_json, packages_of=small)
    lab = folder / "workspace" / "extensions" / "lab"
    _copy_workspace(folder / "workspace")
    return Workshop(
        _ours(small, small / "src/greeting.ts", "plughost_outsider"),
        _ours(medium, medium / "src/greeting.ts", "plughost_outsider"),
        _ours(lab, lab / "src/index.ts", "plughost_lab", pause=4.0),
    )


def _ours(folder: Path, edited: Path, package: str, pause: float = 1.0) -> Bench:
    command = (sys.executable, "-m", "plughost", "build", str(folder))
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output = folder / package / "frontend"
    return Bench(
        folder,
        output,
        edited,
        (output, folder / ".plughost"),
        (command,),
        (Watcher((*command, "--watch", "--json"), '"event": "watching"'),),
        environment,
        pause,
    )


def _jupyterlab(folder: Path) -> Workshop:
    jupyterlab()  # which installs it
    # Its yarn.js is CommonJS, and a package.json of ours above it says otherwise.
    (PEER / "package.json").write_text("{}\n")
    small, medium = folder / "extension", folder / "medium"
    package_json = _peer_package_json()
    _lay_out(small, package_json, PEER_TSCONFIG)
    _lay_out(medium, package_json, PEER_TSCONFIG, packages_of=small)
    environment = _peer_environment(folder)
    app = folder / "app"
    jupyter = str(PEER / "bin" / "jupyter")
    lab = (jupyter, "lab", "build", f"--app-dir={app}")
    if not (app / "static").is_dir():
        # The first time it installs what it is made of.
        subprocess.run(
            lab,
            check=True,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    return Workshop(
        _theirs(small, environment),
        _theirs(medium, environment),
        Bench(
            folder,
            app / "static",
            app,
            (app / "static", app / "staging" / "build"),
            (lab,),
            (),
            environment,
        ),
    )


def _theirs(folder: Path, environment: dict[str, str]) -> Bench:
    """What the template's `build:prod` and `watch` run."""
    tsc = str(folder / "node_modules" / ".bin" / "tsc")
    builder = str(PEER / "bin" / "jupyter-builder")
    output = folder / "plughost_outsider" / "labextension"
    # Watching, it looks for the extension where it would have been installed for development.
    data = folder / "data"
    installed = data / "labextensions" / "plughost-outsider"
    if not installed.is_symlink():
        installed.parent.mkdir(parents=True, exist_ok=True)
        installed.symlink_to(output)
    return Bench(
        folder,
        output,
        folder / "src" / "greeting.ts",
        (output, folder / "lib", folder / "tsconfig.tsbuildinfo"),
        ((tsc,), (builder, "build", ".")),
        (
            Watcher((tsc, "-w", "--sourceMap"), "Found 0 errors"),
            Watcher((builder, "watch", "."), "compiled"),
        ),
        {**environment, "JUPYTER_DATA_DIR": str(data)},
    )


def _peer_package_json() -> dict[str, Any]:
    """The outsider's as JupyterLab wants it, with the packages that plughost's lab is made of."""
    ours = json.loads((OUTSIDER / "package.json").read_text())
    pins = json.loads((ROOT / "package.json").read_text())["overrides"]
    wanted = {**ours["dependencies"], **ours["peerDependencies"]}
    left = {"plughost", "type", "peerDependencies"}
    return {
        **{key: value for key, value in ours.items() if key not in left},
        "main": "lib/index.js",
        "style": "style/index.css",
        "jupyterlab": {"extension": True, "outputDir": "plughost_outsider/labextension"},
        "dependencies": {name: pins.get(name, range_) for name, range_ in wanted.items()},
        "devDependencies": {
            **ours["devDependencies"],
            "@types/react": pins["@types/react"],
            **PEER_PACKAGES,
        },
        "overrides": pins,
    }


def _lay_out(
    folder: Path,
    package_json: dict[str, Any],
    tsconfig: dict[str, Any] | None = None,
    packages_of: Path | None = None,
) -> None:
    """The outsider's sources, with packages of its own or another folder's; if so, a larger one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("src", "style", "plughost_outsider"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(OUTSIDER / name, folder / name, ignore=shutil.ignore_patterns("frontend"))
    if tsconfig is None:
        shutil.copy(OUTSIDER / "tsconfig.json", folder)
    else:
        (folder / "tsconfig.json").write_text(json.dumps(tsconfig))
        # plughost knows what importing an asset gives.
        (folder / "src" / "assets.d.ts").write_text(
            "declare module '*.svg' {\n  const markup: string;\n  export default markup;\n}\n"
        )
    text = json.dumps(package_json, indent=2)
    (folder / "package.json").write_text(text)
    if packages_of is not None:
        _add_modules(folder / "src")
        if not (folder / "node_modules").is_symlink():
            (folder / "node_modules").symlink_to(packages_of / "node_modules")
        shutil.copy(packages_of / "package-lock.json", folder)
        return
    stamp = folder / "node_modules" / ".made-for.json"
    if not stamp.exists() or stamp.read_text() != text:
        command = (sys.executable, "-m", "plughost_build.npm", "install", "--ignore-scripts")
        quietly = ("--no-audit", "--no-fund")
        subprocess.run(
            (*command, *quietly),
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        stamp.write_text(text)


def _add_modules(source: Path) -> None:
    """Copies of the panel, each exporting a name of its own, that the entry imports."""
    panel = (source / "panel.tsx").read_text()
    names = []
    for number in range(MODULES):
        name = f"GreetingPanel{number}"
        names.append(name)
        (source / f"panel{number}.tsx").write_text(panel.replace("GreetingPanel", name))
    entry = source / "index.ts"
    imports = (f"import {{ {name} }} from './panel{i}';\n" for i, name in enumerate(names))
    listed = f"console.log({', '.join(names)});\n"
    entry.write_text(f"{''.join(imports)}{entry.read_text()}{listed}")


def _copy_workspace(folder: Path) -> None:
    """What it takes to build the lab: itself and the browser host, with the packages of here."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("ui", "extensions/lab"):
        built = shutil.ignore_patterns("frontend", ".frontend-*", "node_modules")
        shutil.copytree(ROOT / name, folder / name, ignore=built)
    for name in ("package.json", "package-lock.json", "tsconfig.base.json"):
        shutil.copy(ROOT / name, folder)
    (folder / "plughost" / "static").mkdir(parents=True)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")


def _peer_environment(folder: Path) -> dict[str, str]:
    node = find_node()
    environment = node.environment()
    environment["PATH"] = f"{PEER / 'bin'}{os.pathsep}{environment['PATH']}"
    registry = subprocess.run(
        [*node.npm, "config", "get", "registry"], check=True, capture_output=True, text=True
    ).stdout.strip()
    # jlpm, which is Yarn, does not read npm's settings.
    environment["YARN_NPM_REGISTRY_SERVER"] = registry
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        environment[f"JUPYTER_{kind}_DIR"] = str(folder / kind.lower())
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment

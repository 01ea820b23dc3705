"""Well-known language servers: what they are called, what for, and how to get them.

Only programs in the environment's own folder and on PATH count. A folder that is opened
does not: what lies in a project's `node_modules` is run by whoever says so, not by looking.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import msgspec

from plughost_lsp.specs import Spec

CHECK_SECONDS = 20.0

PYTHON_TYPES = ["text/python", "text/x-ipython", "text/x-python"]
SCRIPT_TYPES = [
    *("application/javascript", "application/typescript", "text/ecmascript", "text/javascript"),
    *("text/jsx", "text/typescript", "text/typescript-jsx"),
]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A server that we know of."""

    name: str
    """As jupyter-lsp has it, where it knows the server: people's settings go by it."""
    argv: list[str]
    languages: list[str]
    """LSP's identifiers, and what JupyterLab makes of a MIME type: `c++src` of `text/x-c++src`."""
    mime_types: list[str]
    install: dict[str, str]
    home: str
    display_name: str = ""
    needs: str = ""
    """Another program that runs it."""
    check: list[str] = []
    """Arguments with which the program prints something if the server is installed in it."""
    on_disk: bool = False
    fallback: bool = False
    """See `Spec`."""


def _pip(package: str) -> dict[str, str]:
    return {"pip": f"pip install '{package}'"}


def _npm(package: str) -> dict[str, str]:
    return {"npm": f"npm install --global {package}"}


KNOWN = [
    Known(
        name="pylsp",
        argv=["pylsp"],
        display_name="python-lsp-server (pylsp)",
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("python-lsp-server[all]"),
        home="https://github.com/python-lsp/python-lsp-server",
    ),
    Known(
        name="basedpyright",
        argv=["basedpyright-langserver", "--stdio"],
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("basedpyright"),
        home="https://github.com/DetachHead/basedpyright",
    ),
    Known(
        name="pyright",
        argv=["pyright-langserver", "--stdio"],
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_npm("pyright"),
        home="https://github.com/microsoft/pyright",
    ),
    Known(
        name="jedi-language-server",
        argv=["jedi-language-server"],
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("jedi-language-server"),
        home="https://github.com/pappasam/jedi-language-server",
    ),
    Known(
        name="pyrefly",
        argv=["pyrefly", "lsp"],
        display_name="Pyrefly",
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("pyrefly"),
        home="https://github.com/facebook/pyrefly",
    ),
    Known(
        name="ty",
        argv=["ty", "server"],
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("ty"),
        home="https://github.com/astral-sh/ty",
    ),
    Known(
        name="ruff",
        argv=["ruff", "server"],
        display_name="Ruff",
        languages=["python"],
        mime_types=PYTHON_TYPES,
        install=_pip("ruff"),
        home="https://github.com/astral-sh/ruff",
        fallback=True,
    ),
    Known(
        name="r-languageserver",
        argv=["Rscript", "--slave", "-e", "languageserver::run()"],
        languages=["r"],
        mime_types=["text/x-rsrc"],
        install={"cran": 'install.packages("languageserver")'},
        home="https://github.com/REditorSupport/languageserver",
        check=["-e", "cat(system.file(package = 'languageserver'))"],
        on_disk=True,
    ),
    Known(
        name="julia-language-server",
        argv=[
            *("julia", "--startup-file=no", "--history-file=no"),
            *("-e", "using LanguageServer; runserver()"),
        ],
        display_name="LanguageServer.jl",
        languages=["julia"],
        mime_types=["application/julia", "text/julia", "text/x-julia"],
        install={"julia": 'using Pkg; Pkg.add("LanguageServer")'},
        home="https://github.com/julia-vscode/LanguageServer.jl",
        check=[
            *("--startup-file=no", "-e"),
            'Base.find_package("LanguageServer") === nothing || print("yes")',
        ],
        on_disk=True,
    ),
    Known(
        name="bash-language-server",
        argv=["bash-language-server", "start"],
        languages=["bash", "sh", "shellscript"],
        mime_types=["application/x-sh", "text/x-sh"],
        install=_npm("bash-language-server"),
        home="https://github.com/bash-lsp/bash-language-server",
        needs="node",
    ),
    Known(
        name="typescript-language-server",
        argv=["typescript-language-server", "--stdio"],
        languages=[
            *("javascript", "javascriptreact", "jsx"),
            *("typescript", "typescript-jsx", "typescriptreact"),
        ],
        mime_types=SCRIPT_TYPES,
        install=_npm("typescript-language-server typescript"),
        home="https://github.com/typescript-language-server/typescript-language-server",
        needs="node",
    ),
    Known(
        name="yaml-language-server",
        argv=["yaml-language-server", "--stdio"],
        languages=["yaml"],
        mime_types=["text/x-yaml", "text/yaml"],
        install=_npm("yaml-language-server"),
        home="https://github.com/redhat-developer/yaml-language-server",
        needs="node",
    ),
    Known(
        name="vscode-json-language-server",
        argv=["vscode-json-language-server", "--stdio"],
        languages=["json", "jsonc", "ld+json"],
        mime_types=["application/json", "application/ld+json", "application/x-json"],
        install=_npm("vscode-langservers-extracted"),
        home="https://github.com/hrsh7th/vscode-langservers-extracted",
        needs="node",
    ),
    Known(
        name="vscode-html-language-server",
        argv=["vscode-html-language-server", "--stdio"],
        languages=["html"],
        mime_types=["text/html"],
        install=_npm("vscode-langservers-extracted"),
        home="https://github.com/hrsh7th/vscode-langservers-extracted",
        needs="node",
    ),
    Known(
        name="vscode-css-language-server",
        argv=["vscode-css-language-server", "--stdio"],
        languages=["css", "less", "scss"],
        mime_types=["text/css", "text/x-less", "text/x-scss"],
        install=_npm("vscode-langservers-extracted"),
        home="https://github.com/hrsh7th/vscode-langservers-extracted",
        needs="node",
    ),
    Known(
        name="dockerfile-language-server-nodejs",
        argv=["docker-langserver", "--stdio"],
        languages=["dockerfile"],
        mime_types=["text/x-dockerfile"],
        install=_npm("dockerfile-language-server-nodejs"),
        home="https://github.com/rcjsuen/dockerfile-language-server",
        needs="node",
    ),
    Known(
        name="sql-language-server",
        argv=["sql-language-server", "up", "--method", "stdio"],
        languages=["sql"],
        mime_types=["application/sql", "text/sql", "text/x-sql"],
        install=_npm("sql-language-server"),
        home="https://github.com/joe-re/sql-language-server",
        needs="node",
    ),
    Known(
        name="texlab",
        argv=["texlab"],
        display_name="TexLab",
        languages=["latex", "stex", "tex"],
        mime_types=["text/x-latex", "text/x-stex", "text/x-tex"],
        install={"conda": "conda install -c conda-forge texlab"},
        home="https://github.com/latex-lsp/texlab",
    ),
    Known(
        name="marksman",
        argv=["marksman", "server"],
        display_name="Marksman",
        languages=["gfm", "ipythongfm", "markdown"],
        mime_types=["text/markdown", "text/x-gfm", "text/x-ipythongfm", "text/x-markdown"],
        install={"conda": "conda install -c conda-forge marksman"},
        home="https://github.com/artempyanykh/marksman",
    ),
    Known(
        name="clangd",
        argv=["clangd"],
        languages=["c", "c++", "c++src", "cpp", "csrc", "objective-c", "objective-cpp"],
        mime_types=["text/x-c++src", "text/x-csrc"],
        install={"conda": "conda install -c conda-forge clang-tools"},
        home="https://clangd.llvm.org/",
    ),
    Known(
        name="gopls",
        argv=["gopls"],
        languages=["go"],
        mime_types=["text/x-go"],
        install={"go": "go install golang.org/x/tools/gopls@latest"},
        home="https://go.dev/gopls/",
    ),
    Known(
        name="rust-analyzer",
        argv=["rust-analyzer"],
        languages=["rust", "rustsrc"],
        mime_types=["text/x-rustsrc"],
        install={"rustup": "rustup component add rust-analyzer"},
        home="https://rust-analyzer.github.io/",
    ),
]


def known_servers() -> list[Spec]:
    """All of them, each with whether it is installed. Looks at files, and may run programs."""
    return [_spec(known) for known in KNOWN]


def _spec(known: Known) -> Spec:
    program = _find(known.argv[0])
    if program and known.needs and not _find(known.needs):
        program = None
    if program and known.check and not _prints(program, *known.check):
        program = None
    return Spec(
        name=known.name,
        argv=[program or known.argv[0], *known.argv[1:]],
        languages=known.languages,
        mime_types=known.mime_types,
        display_name=known.display_name,
        on_disk=known.on_disk,
        about={"install": known.install, "urls": {"home": known.home}},
        installed=program is not None,
        fallback=known.fallback,
    )


def search_path() -> str:
    """PATH, with the interpreter's own folder first: its environment need not be activated."""
    # Nothing relative: it would mean the folder we were started in.
    named = [folder for folder in os.get_exec_path() if os.path.isabs(folder)]
    return os.pathsep.join(dict.fromkeys([str(Path(sys.executable).parent), *named]))


def _find(program: str) -> str | None:
    return shutil.which(program, path=search_path())


@lru_cache(maxsize=32)
def _prints(program: str, *arguments: str) -> bool:
    """Whether a program prints something; asked once, because some take seconds to start."""
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=CHECK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())

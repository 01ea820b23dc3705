"""Finds the tests that claim to prove a row, by reading their source without importing it.

A claim is `@pytest.mark.proves("GET /api/status")` on a test function.
It counts only where pytest would collect and run that function.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

NEVER_RUN = {"skip", "skipif", "xfail"}
GIVES_UP = {"pytest.skip", "pytest.importorskip", "pytest.xfail", "skip", "importorskip", "xfail"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Proof:
    """One claim of one test; a claim with a `flaw` proves nothing."""

    claim: str
    test: str
    place: str
    flaw: str = ""


def find_proofs(root: Path, testpaths: list[str], norecursedirs: list[str]) -> list[Proof]:
    """Every claim in the Python files below `root` that pytest looks at.

    `testpaths` and `norecursedirs` are pytest's own settings, so that this
    search and pytest's cannot drift apart.
    """
    return [
        proof
        for folder in testpaths
        for path in _sources(root / folder, norecursedirs)
        for proof in proofs_in(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]


def proofs_in(source: str, name: str) -> list[Proof]:
    """Every claim in one Python file; `name` is its path below the repository, with slashes."""
    if "proves" not in source:
        return []
    tree = ast.parse(source, filename=name)
    file_flaw = _file_flaw(tree, name)
    found: list[Proof] = []
    seen = set()
    for classes, function in _tests(tree):
        test = "::".join([name, *(cls.name for cls in classes), function.name])
        flaw = file_flaw or _test_flaw(classes, function)
        for call in _claims(function.decorator_list):
            seen.add(call)
            found += _read(call, test, name, flaw, function)
    stray = "it is not on a test function that pytest collects"
    for call in _claims([tree]):
        if call not in seen:
            found += _read(call, name, name, stray, None)
    return found


def _sources(folder: Path, skipped: list[str]) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not any(fnmatch(f, s) for s in skipped))
        yield from (Path(place, file) for file in sorted(files) if file.endswith(".py"))


def _tests(tree: ast.Module) -> Iterator[tuple[list[ast.ClassDef], Function]]:
    waiting: list[tuple[list[ast.ClassDef], list[ast.stmt]]] = [([], tree.body)]
    for classes, body in waiting:
        for node in body:
            if isinstance(node, Function) and node.name.startswith("test"):
                yield classes, node
            elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                waiting.append(([*classes, node], node.body))


def _claims(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and _mark(call.func) == "proves":
                yield call


def _mark(node: ast.AST) -> str:
    """The name of a marker, "" where the node is none: `pytest.mark.x` and `mark.x` are."""
    if not isinstance(node, ast.Attribute):
        return ""
    owner = node.value
    is_mark = (isinstance(owner, ast.Attribute) and owner.attr == "mark") or (
        isinstance(owner, ast.Name) and owner.id == "mark"
    )
    return node.attr if is_mark else ""


def _read(
    call: ast.Call, test: str, name: str, flaw: str, function: Function | None
) -> Iterator[Proof]:
    place = f"{name}:{call.lineno}"
    if call.keywords or not call.args:
        yield Proof("", test, place, "its marker must name rows, as plain strings")
    for arg in call.args:
        if not (isinstance(arg, ast.Constant) and isinstance(arg.value, str)):
            yield Proof(ast.unparse(arg), test, place, "a row's id must be a plain string")
            continue
        claim = arg.value
        kind = claim.removesuffix("/*")
        if function and kind != claim and not _asks_for_working(function, kind):
            own = f"it claims all working rows without asking for them by working({kind!r})"
            yield Proof(claim, test, place, flaw or own)
        else:
            yield Proof(claim, test, place, flaw)


def _asks_for_working(function: Function, kind: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "working"
        and any(isinstance(arg, ast.Constant) and arg.value == kind for arg in node.args)
        for node in ast.walk(function)
    )


def _file_flaw(tree: ast.Module, name: str) -> str:
    base = name.rpartition("/")[2]
    if not (fnmatch(base, "test_*.py") or fnmatch(base, "*_test.py")):
        return "pytest collects only files named test_*.py"
    code = [s for s in tree.body if not isinstance(s, Function | ast.ClassDef)]
    return _flaw_of(code, "its file")


def _test_flaw(classes: list[ast.ClassDef], function: Function) -> str:
    for cls in classes:
        if any(isinstance(s, Function) and s.name == "__init__" for s in cls.body):
            return f"pytest does not collect {cls.name}, which has an __init__"
        marks = [s for s in cls.body if not isinstance(s, Function | ast.ClassDef)]
        if flaw := _flaw_of([*cls.decorator_list, *marks], "its class"):
            return flaw
    return _flaw_of([function], "it")


def _flaw_of(nodes: Iterable[ast.AST], what: str) -> str:
    for top in nodes:
        for node in ast.walk(top):
            if (mark := _mark(node)) in NEVER_RUN:
                return f"{what} is marked {mark}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in GIVES_UP:
                return f"{what} calls {ast.unparse(node.func)}"
    return ""

"""Promises to authors: public names, hooks and borders between extensions."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import plughost
from plughost import hookspecs
from plughost.offers import KINDS

REPOSITORY = Path(__file__).parents[2]
EXTENSIONS = sorted(REPOSITORY.glob("extensions/*/plughost_*"))
ALLOWED = {"plughost", "plughost.testing"}


def modules_imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_there_are_extensions_to_judge():
    assert {e.name for e in EXTENSIONS} >= {
        "plughost_contents",
        "plughost_kernels",
        "plughost_lab",
        "plughost_login",
        "plughost_observe",
        "plughost_settings",
        "plughost_terminals",
    }


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda path: path.name)
def test_an_extension_uses_only_public_names_and_no_other_extension(extension):
    files = [*extension.rglob("*.py"), *extension.parent.glob("tests/*.py")]
    ours = {
        name
        for file in files
        for name in modules_imported(file)
        if name.split(".")[0].startswith("plughost")
    }
    assert {n for n in ours if not n.startswith(extension.name) and n not in ALLOWED} == set()


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda path: path.name)
def test_an_extension_takes_from_plughost_only_what_all_lists(extension):
    for file in extension.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "plughost":
                assert {alias.name for alias in node.names} <= set(plughost.__all__), file


def test_the_core_imports_no_extension_and_no_build_tool():
    for file in (REPOSITORY / "plughost").glob("*.py"):
        foreign = {n for n in modules_imported(file) if n.split(".")[0].startswith("plughost_")}
        assert foreign == set(), file


@pytest.mark.parametrize("name", sorted(set(plughost.__all__) - {"__version__", "hookimpl"}))
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(plughost, name))


def test_every_hook_is_documented_with_an_example_and_asked():
    hooks = {n: f for n, f in vars(hookspecs).items() if n.startswith("plughost_")}
    assert {n.removeprefix("plughost_") for n in hooks} == set(KINDS)
    for name, hook in hooks.items():
        assert f"def {name}(" in inspect.getdoc(hook)

"""What the documentation promises to authors is what the code says and what tests run."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import plughost
from plughost import ExtensionRecord, errors
from plughost.api import core_routes
from plughost.hooks import HOST_HOOKS
from plughost.records import State

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "build_tools" / "reference.py"
PAGE = ROOT / "docs" / "reference" / "hooks.md"
EXAMPLES = ROOT / "tests" / "core" / "examples"
DOCS = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "plughost" / "README.md"])
HOME = ROOT / "plughost" / "__init__.py"

QUOTED = re.compile(r"<!-- from (\S+?)(?:#(\S+))? -->\n+```\w*\n(.*?)\n```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def test_the_reference_is_what_the_code_says():
    run = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_stale_reference_is_refused_with_the_command_to_run(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("reference_tool", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "PAGE", tmp_path / "hooks.md")
    assert tool.main(["--check"]) == 1
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
    tool.PAGE.write_text("Something else.")
    assert tool.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == 2 * [
        "hooks.md is not what the code says. Run: python build_tools/reference.py"
    ]


@pytest.mark.parametrize("name", plughost.__all__)
def test_every_public_name_is_on_the_page(name):
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8").replace("plughost.__v", "__v")


def test_every_hook_is_on_the_page_in_calling_order():
    titles = re.findall(r"^### `(plughost_\w+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == [*HOST_HOOKS]


@functools.cache
def names_of_tests():
    """The names of all tests, which take a while to find."""
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("extensions/*/tests/test_*.py")]
    return {
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("hook", HOST_HOOKS)
def test_every_hook_has_a_test_of_its_own(hook):
    assert f"test_hook_{hook}" in names_of_tests()


def test_type_checkers_and_importers_find_the_same_public_names():
    homes = {
        alias.name: node.module.removeprefix("plughost.")
        for block in ast.parse(HOME.read_text(encoding="utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == plughost._HOMES
    assert sorted([*homes, "__version__"]) == sorted(plughost.__all__)


@pytest.mark.parametrize("name", sorted(plughost._HOMES))
def test_a_public_name_is_found_in_its_home(name):
    value = getattr(plughost, name)
    if inspect.isclass(value):
        assert value.__module__ == f"plughost.{plughost._HOMES[name]}"


# -- examples


def quotations() -> list[tuple[str, str, str | None, str]]:
    """Each quoted block: the page it is on, the file, the names in it, and the text."""
    return [
        (page.relative_to(ROOT).as_posix(), *match.groups())
        for page in DOCS
        for match in QUOTED.finditer(page.read_text(encoding="utf-8"))
    ]


def named(source: str, names: str) -> str:
    """The functions and classes of these names, as they stand in the source."""
    lines = source.splitlines()
    parts = []
    for name in names.split(","):
        (node,) = [n for n in ast.parse(source).body if getattr(n, "name", None) == name]
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        parts.append("\n".join(lines[first - 1 : node.end_lineno]))
    return "\n\n\n".join(parts)


@pytest.mark.parametrize(("page", "path", "names", "text"), quotations())
def test_a_quoted_block_is_what_stands_in_the_file(page, path, names, text):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert text == (named(source, names) if names else source.rstrip("\n")), page


def test_every_marked_block_is_found():
    marks = sum(page.read_text(encoding="utf-8").count("<!-- from ") for page in DOCS)
    assert marks == len(quotations()) > 0


def test_every_example_is_quoted_and_run():
    examples = {f for f in EXAMPLES.rglob("*.py") if not f.name.startswith(("test_", "conftest"))}
    quoted = {ROOT / path for _, path, _, _ in quotations()}
    assert examples - quoted == set()
    tests = "\n".join(f.read_text(encoding="utf-8") for f in EXAMPLES.glob("test_*.py"))
    modules = {f.relative_to(EXAMPLES).parts[0].removesuffix(".py") for f in examples}
    assert {m for m in modules if f"import {m}\n" not in tests} == set()


# -- links


def anchors(page: Path) -> set[str]:
    """What can follow `#` in a link to a page: its headings, as GitHub makes anchors of them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    broken = []
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert broken == []


# -- records.md


def test_the_page_on_records_has_every_key_state_and_endpoint():
    page = (ROOT / "docs" / "reference" / "records.md").read_text(encoding="utf-8")
    paths = [re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", r.pattern) for r in core_routes()]
    wanted = [
        *(f'"{key}":' for key in ExtensionRecord("any").to_json()),
        *(f"| `{state.value}` |" for state in State),
        *(f" {path}` |" for path in paths),
    ]
    assert [each for each in wanted if each not in page] == []
    assert textwrap.dedent(errors.__doc__.split("\n\n")[1]) in page

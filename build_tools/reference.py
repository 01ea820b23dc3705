"""Writes docs/reference/hooks.md from the code: `python build_tools/reference.py`.

What the page says of a hook is its docstring, of a field its type and default, of an error
its line in the tree at the top of `errors.py`. With `--check` nothing is written, and a page
that is not what the code says ends the run with exit code 1.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plughost
from plughost import contributions, errors, hookspecs

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "hooks.md"
COMMAND = "python build_tools/reference.py"

GROUPS = {
    "contributions": "Values",
    "handlers": "Handlers",
    "static": "Handlers",
    "host": "The host",
    "config": "The host",
    "records": "Records",
    "auth": "Who is asking",
    "cookies": "Who is asking",
    "context": "What is being done",
    "environment": "Processes",
    "servers": "Running servers",
    "hookspecs": "Markers",
    "errors": "Errors",
}
"""Under which heading the public names of each module stand, in the order of the page."""

MARKERS = {
    "hookimpl": "Marks a function or method as the implementation of the hook it is named after.",
    "hookspec": "Marks a function as a hook that other extensions can implement.",
}
"""What pluggy's objects are for; their own docstrings are pluggy's."""

DETAILED = ("Values", "Handlers", "The host")
"""Groups of which more is said than one sentence for each name."""

OPENING = f"""\
<!-- Written by `{COMMAND}`; change the docstrings instead. -->

# Hooks and public names

This is every hook that an extension can implement, and every name that it may import.
[extensions.md](../guides/extensions.md) shows how they are used.
[stability.md](stability.md) says how long they last.

## Hooks

They stand in the order in which the host calls them.
It does so when an extension is taken in, and again when the extension is restarted.
A hook is synchronous and returns a list of values; slow work lives in what it returns.
An implementation is marked with `@hookimpl` and takes only the arguments it uses.
"""

OUTSIDE = """\
## Public names

These and the classes above are `plughost.__all__`; every other name may change without notice.
The fixtures for tests are in `plughost.testing`, see [testing.md](../guides/testing.md).
"""


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` only say whether it is what the code says."""
    if arguments not in ([], ["--check"]):
        print(f"Usage: {COMMAND} [--check]", file=sys.stderr)
        return 2
    page = reference()
    if arguments:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        where = PAGE.relative_to(ROOT).as_posix()
        print(f"{where} is not what the code says. Run: {COMMAND}", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


def reference() -> str:
    """The whole page."""
    blocks = [OPENING, *map(_hook, hooks()), OUTSIDE, *_public_names()]
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def hooks() -> list[str]:
    """The names of the host's hooks, in calling order."""
    return [name for name in vars(hookspecs) if name.startswith("plughost_")]


# -- hooks


def _hook(name: str) -> str:
    function = getattr(hookspecs, name)
    prose, example = _split_example(_docstring(function))
    kind = getattr(contributions, _returned(name))
    return "\n".join(
        [
            f"### `{name}`",
            "",
            _fenced(f"def {name}({_arguments(name)}) -> list[{kind.__name__}]"),
            "",
            _markdown(prose),
            "",
            _fenced(example),
            "",
            f"Since {function.since}.",
            "",
            f"#### `{kind.__name__}`",
            "",
            _markdown(_docstring(kind)),
            "",
            _fields(kind),
        ]
    )


def _split_example(text: str) -> tuple[str, str]:
    """A hook's docstring: what it says, and the example that it ends with."""
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip() == "@hookimpl")
    return "\n".join(lines[:at]), textwrap.dedent("\n".join(lines[at:]))


def _returned(name: str) -> str:
    """`Route`, for a hook that returns `list[Route]`."""
    annotation: str = inspect.signature(getattr(hookspecs, name)).return_annotation
    return annotation.removeprefix("list[").removesuffix("]")


def _arguments(name: str) -> str:
    parameters = inspect.signature(getattr(hookspecs, name)).parameters.values()
    return ", ".join(map(_parameter, parameters))


def _fields(kind: type[Any]) -> str:
    """A table of what a contribution is made of."""
    rows = [["field", "type", "default"]]
    for parameter in inspect.signature(kind).parameters.values():
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        given = stars or parameter.default is parameter.empty
        default = "" if given else f"`{_default(kind, parameter)}`"
        # The one name in these annotations that is ours and not public.
        annotation = re.sub(r"\bKey\b", str(contributions.Key), str(parameter.annotation))
        annotation = annotation.replace("|", "\\|")
        rows.append([f"`{stars}{parameter.name}`", f"`{annotation}`", default])
    return _table(rows)


def _default(kind: type[Any], parameter: inspect.Parameter) -> str:
    field = {f.name: f for f in dataclasses.fields(kind)}.get(parameter.name)
    if field is not None and field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return repr(parameter.default)


def _parameter(parameter: inspect.Parameter) -> str:
    """A parameter as it stands in the source; annotations are text there already."""
    return f"{parameter.name}: {parameter.annotation}"


# -- public names


def _public_names() -> Iterator[str]:
    """A table for each group of public names; those that a hook returns stand above."""
    above = {_returned(name) for name in hooks()}
    groups: dict[str, list[str]] = {title: [] for title in GROUPS.values()}
    for name, home in plughost._HOMES.items():
        if name not in above:
            groups[GROUPS[home]].append(name)
    for title, names in groups.items():
        rows = _errors(names) if title == "Errors" else _described(names)
        yield f"### {title}\n\n{_table(rows)}\n"
        for name in names:
            if title in DETAILED:
                yield from _details(getattr(plughost, name))
    yield "### Version\n\n`plughost.__version__` is the version of plughost, as text.\n"


def _described(names: list[str]) -> list[list[str]]:
    said = {name: MARKERS.get(name) or _docstring(getattr(plughost, name)) for name in names}
    rows = [[f"`{name}`", _first(text)] for name, text in said.items()]
    return [["name", "what it is"], *rows]


def _details(kind: type[Any]) -> Iterator[str]:
    """The rest of a class's docstring, and what its own public members are for."""
    rest = _docstring(kind).partition("\n\n")[2]
    inherited = {name for base in kind.__mro__[1:] for name in vars(base)}
    rows = [["member", "what it does"]]
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else getattr(member, "func", member)
        if name.startswith("_") or name in inherited or not inspect.isfunction(function):
            continue
        if function.__doc__:
            called = "()" if function is member else ""
            rows.append([f"`{name}{called}`", _first(function.__doc__)])
    table = _table(rows) if len(rows) > 1 else ""
    if rest or table:
        yield "\n\n".join(
            part for part in (f"#### `{kind.__name__}`", _markdown(rest), table) if part
        )


def _errors(names: list[str]) -> list[list[str]]:
    """The errors in the order of the tree that `errors.py` begins with."""
    rows = [["error", "derives from", "status", "meaning"]]
    for line in _docstring(errors).splitlines():
        found = re.fullmatch(r"[\s│├└─]*(\w+)(?:\s+\d{3})?(?:\s{2,}(.*))?", line)
        if found and found[1] in names:
            error = getattr(plughost, found[1])
            base, status = error.__mro__[1].__name__, str(error.status)
            meaning = found[2] or (_first(error.__doc__) if error.__doc__ else "")
            rows.append([f"`{found[1]}`", f"`{base}`", status, meaning])
    return rows


# -- Markdown


def _docstring(thing: object) -> str:
    text = inspect.getdoc(thing)
    assert text, f"{thing!r} has a docstring: a test sees to that"
    return text


def _first(text: str) -> str:
    """The first sentence of a docstring, or what stands in its place."""
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return re.split(r"(?<=[.])\s", paragraph)[0].replace("|", "\\|")


def _markdown(text: str) -> str:
    """A docstring as Markdown: one sentence per line, what is indented as code."""
    blocks = []
    for block in text.strip("\n").split("\n\n"):
        if block.startswith("    "):
            blocks.append(_fenced(textwrap.dedent(block)))
        else:
            sentences = re.sub(r"(?<=[.!?])\s+(?=[A-Z`])", "\n", " ".join(block.split()))
            blocks.append(sentences)
    return "\n\n".join(blocks)


def _fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _table(rows: list[list[str]]) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * len(rows[0])}", *body])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

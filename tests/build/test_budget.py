"""The size budget: what a build says about sizes, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .command import contents, events_of, run_build
from .conftest import MakeSource

WORDS = ",".join(f'"{number * 7919 % 10007:x}"' for number in range(4000))
"""Text that does not compress well."""


@pytest.fixture
def make_weighty(make_source: MakeSource, tmp_path: Path) -> Any:
    """A source that loads the package `heavy` at the start and a module of its own later."""
    heavy = tmp_path / "heavy"
    heavy.mkdir()
    (heavy / "package.json").write_text('{"name": "heavy", "version": "1.0.0", "main": "x.js"}')
    (heavy / "x.js").write_text(f"export const heavy = [{WORDS}];\n")

    def make(**plughost: Any) -> Path:
        return make_source(
            "weather",
            plughost=plughost,
            package_json={
                # A key of the same name that is not meant.
                "scripts": {"start": "true", "total": "true"},
                "dependencies": {"heavy": "file:../heavy"},
            },
            files={
                "src/index.ts": "import { heavy } from 'heavy';\nimport './red.css';\n"
                "export default [heavy, () => import('./later'), () => import('./types')];\n",
                # Named like a type pack, and nothing of the kind.
                "src/types.ts": f"export const types = [{WORDS}].sort();\n",
                "src/later.ts": f"export const later = [{WORDS}].reverse();\n",
                "src/red.css": "body { color: red }\n",
                "src/heavy.d.ts": "declare module 'heavy';\ndeclare module '*.css';\n",
                "schema/plugin.json": json.dumps({"title": WORDS}),
            },
        )

    return make


def wire(output: Path, name: str) -> int:
    """Bytes of a file as a browser gets it."""
    twin = output / f"{name}.br"
    return (twin if twin.exists() else output / name).stat().st_size


def test_the_sizes_are_those_of_what_pages_load(make_weighty: Any) -> None:
    folder = make_weighty(provides=["plughost-weather"])
    events = events_of(folder)
    output = folder / "plughost_weather/frontend"
    manifest = events[-1]["manifest"]
    start = [manifest["module"], *manifest["styles"], *manifest["preload"]]
    all_files = [name for name in contents(output) if not re.search(r"\.(br|gz)$", name)]
    aside = {"plughost.json", "packages.json", "outside.json", "third-party-licenses.json"}
    aside |= {name for name in all_files if name.startswith("schemas/")}
    assert "schemas/plughost-weather/plugin.json" in aside
    (sizes,) = (event for event in events if event["event"] == "sizes")
    assert sizes == {
        "event": "sizes",
        "start": sum(wire(output, name) for name in start),
        "total": sum(wire(output, name) for name in all_files if name not in aside),
        "budget": {},
    }
    parts = {event["file"]: event["part"] for event in events if event["event"] == "module"}
    assert {name for name, part in parts.items() if part == "start"} == set(start)
    assert {name for name, part in parts.items() if part == "shared"} == {
        entry["file"] for entry in manifest["provides"].values()
    }
    assert {name for name, part in parts.items() if part == "aside"} == aside
    later = {name.split("-")[0] for name, part in parts.items() if part == "later"}
    assert {"later", "types"} <= later


def test_within_the_budget_the_table_says_how_much_of_it_is_used(make_weighty: Any) -> None:
    run = run_build(make_weighty(budget={"start": 20_000}))
    assert run.returncode == 0, run.stderr
    last = run.stdout.splitlines()[-1]
    found = re.fullmatch(
        r"plughost-weather: start (\d+\.\d) kB of 20\.0 kB \((\d+) %\), total (\d+\.\d) kB", last
    )
    assert found, last
    assert abs(float(found[1]) / 20 * 100 - int(found[2])) < 1
    assert float(found[3]) > float(found[1])
    assert re.search(r"\n  index-\w+\.js .* at the start *\n", run.stdout)
    assert re.search(r"\n  later-\w+\.js .* later *\n", run.stdout)


def test_above_it_the_build_fails_with_what_weighs_most_and_the_old_bundle_stays(
    make_weighty: Any,
) -> None:
    folder = make_weighty()
    assert run_build(folder).returncode == 0
    before = contents(folder / "plughost_weather/frontend")

    make_weighty(budget={"start": 1000, "total": 2000})
    run = run_build(folder)
    assert (run.returncode, run.stdout) == (1, "")
    start, total = re.findall(
        r"package\.json:(\d+):7: error: (.*)\n"
        r"  (?:\d+) │       (.*)\n *│       (\^+)\n"
        r"  → (.*)\n",
        run.stderr,
    )
    lines = (folder / "package.json").read_text().splitlines()
    assert lines[int(start[0]) - 1].strip() == start[2] == '"start": 1000,'
    assert lines[int(total[0]) - 1].strip() == total[2] == '"total": 2000'
    assert start[3] == total[3] == "^" * len('"start"')
    assert re.fullmatch(
        r"What is loaded at the start is \d+\.\d kB over the wire, \d+\.\d kB more than its "
        r"budget\.",
        start[1],
    )
    assert re.match(r"Heaviest before compression: heavy \(\d\d\.\d kB\) and ", start[4])
    assert total[1].startswith("All that pages load is ")
    assert re.match(r"Heaviest: (index|later|types)-\w+\.js \(\d+\.\d kB\), ", total[4])
    assert contents(folder / "plughost_weather/frontend") == before


def test_a_development_build_is_not_judged(make_weighty: Any) -> None:
    folder = make_weighty(budget={"start": 1000})
    assert run_build("--development", folder).returncode == 0
    assert run_build(folder).returncode == 1


@pytest.mark.parametrize(
    "budget", [0, {}, {"start": 0}, {"start": "9 kB"}, {"first": 9}, [9], None]
)
def test_what_is_no_budget_is_refused(make_source: MakeSource, budget: Any) -> None:
    run = run_build(make_source("weather", plughost={"budget": budget}))
    assert run.returncode == 1
    assert f'"plughost.budget" is {json.dumps(budget, separators=(",", ":"))}, which is not' in (
        run.stderr
    )
    assert '→ It is one or two numbers of bytes over the wire, such as {"start": ' in run.stderr

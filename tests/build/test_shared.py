"""What a build knows of the modules that other frontends put into the page."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import MakeSource
from .machines import Machine

LIST = """
import json
from pathlib import Path
from plughost_build.shared import shared_modules
from plughost_build.source import find_sources
print(json.dumps({{s.name: shared_modules(s) for s in find_sources(Path("{folder}"))}}))
"""


def manifest(folder: Path, name: str, *provides: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    entries = {specifier: {"version": "1.2.3", "file": "x.js"} for specifier in provides}
    (folder / "plughost.json").write_text(json.dumps({"name": name, "provides": entries}))


def install(machine: Machine, name: str, module: str) -> None:
    """An installed distribution whose entry point names a module that cannot be imported."""
    metadata = machine.site / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[plughost]\n{name} = {module}\n")
    package = machine.site / module.replace(".", "/")
    package.mkdir(parents=True, exist_ok=True)
    (machine.site / module.partition(".")[0] / "__init__.py").write_text("raise SystemExit(3)\n")
    (package / "__init__.py").write_text("raise SystemExit(3)\n")


def test_installed_frontends_are_found_without_importing_them(
    machine: Machine, make_source: MakeSource
) -> None:
    install(machine, "lab", "some_lab")
    manifest(machine.site / "some_lab/frontend", "@some/lab", "react", "react-dom/client")
    install(machine, "deep", "group.deep")
    manifest(machine.site / "group/deep/frontend", "deep", "yjs")
    install(machine, "serveronly", "server_only")
    manifest(machine.site / "plughost/static", "@plughost/host", "@plughost/host")
    (machine.site / "plughost/__init__.py").write_text("raise SystemExit(3)\n")
    listed = json.loads(machine.run_bare(LIST.format(folder=make_source("weather"))))
    assert listed["plughost-weather"] == {
        "@plughost/host": {"version": "1.2.3", "from": "@plughost/host"},
        "react": {"version": "1.2.3", "from": "@some/lab"},
        "react-dom/client": {"version": "1.2.3", "from": "@some/lab"},
        "yjs": {"version": "1.2.3", "from": "deep"},
    }


def test_others_that_provide_the_same_are_all_told_of(
    machine: Machine, make_source: MakeSource
) -> None:
    for name in ("charts", "lab", "maps"):
        install(machine, name, f"some_{name}")
        manifest(machine.site / f"some_{name}/frontend", name, "react")
    # Two extensions of one package have one browser half.
    install(machine, "more-maps", "some_maps")
    listed = json.loads(machine.run_bare(LIST.format(folder=make_source("weather"))))
    react = listed["plughost-weather"]["react"]
    assert sorted([react["from"], *(each["from"] for each in react["also"])]) == [
        "charts",
        "lab",
        "maps",
    ]


def test_a_half_written_manifest_of_another_extension_is_passed_over(
    machine: Machine, make_source: MakeSource
) -> None:
    install(machine, "lab", "some_lab")
    (machine.site / "some_lab/frontend").mkdir()
    (machine.site / "some_lab/frontend/plughost.json").write_text('{"name": "')
    listed = json.loads(machine.run_bare(LIST.format(folder=make_source("weather"))))
    assert listed == {"plughost-weather": {}}


def test_an_entry_point_that_names_no_module_stops_nobody(
    machine: Machine, make_source: MakeSource
) -> None:
    install(machine, "lab", "some_lab")
    manifest(machine.site / "some_lab/frontend", "@some/lab", "react")
    (metadata,) = machine.site.glob("lab-*.dist-info")
    metadata.joinpath("entry_points.txt").write_text(
        "[plughost]\nbad = not a module!\nlab = some_lab\n"
    )
    listed = json.loads(machine.run_bare(LIST.format(folder=make_source("weather"))))
    assert listed == {"plughost-weather": {"react": {"version": "1.2.3", "from": "@some/lab"}}}


def test_in_a_repository_the_bundles_beside_count_and_ones_own_does_not(
    machine: Machine, make_source: MakeSource, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"workspaces": ["*"]}')
    theirs = make_source("provider", folder=root / "provider", plughost={"provides": ["theirs"]})
    mine = make_source("user", folder=root / "user", package_json={"dependencies": {"theirs": "1"}})
    manifest(theirs / "plughost_provider/frontend", "plughost-provider", "theirs")
    manifest(mine / "plughost_user/frontend", "plughost-user", "mine")
    assert json.loads(machine.run_bare(LIST.format(folder=root))) == {
        "plughost-provider": {},
        "plughost-user": {"theirs": {"version": "1.2.3", "from": "plughost-provider"}},
    }


PACKS = """
from pathlib import Path
from plughost_build.shared import type_packs
from plughost_build.source import find_sources
for source in find_sources(Path("{folder}")):
    print(source.name, *(pack.name for pack in type_packs(source)))
"""


def test_the_types_of_strangers_come_from_their_packs_and_a_neighbours_from_npms_links(
    machine: Machine, make_source: MakeSource, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "package.json").write_text('{"workspaces": ["*"]}')
    make_source("beside", folder=root / "beside", plughost={"provides": ["theirs"]})
    make_source("user", folder=root / "user", package_json={"dependencies": {"theirs": "1"}})
    for name, module, shared in (
        ("lab", "some_lab", "react"),
        ("plughost-beside", "plughost_beside", "theirs"),
    ):
        install(machine, name, module)
        folder = machine.site / module / "frontend"
        manifest(folder, name, shared)
        about = json.loads((folder / "plughost.json").read_text())
        (folder / "plughost.json").write_text(json.dumps({**about, "types": f"{name}.json.gz"}))
    assert machine.run_bare(PACKS.format(folder=root)).splitlines() == [
        "plughost-beside lab.json.gz",
        "plughost-user lab.json.gz",
    ]

"""What `plughost doctor` says of browser halves, and of the modules that they share."""

from __future__ import annotations

import re

import pytest


def test_a_browser_half_for_another_plughost_is_named(patient):
    patient.install_half("weather", engine=">=99")
    (finding,) = patient.findings("frontend-refused")
    assert finding["subject"] == "weather"
    assert "engine '>=99'" in finding["message"]


def test_two_providers_of_one_module_are_named_with_whose_is_used(patient):
    provided = {"map-core": {"version": "2.0.0", "file": "shared/map.js"}}
    patient.install_half("maps", provides=provided)
    patient.install_half("other_maps", provides=provided)
    (finding,) = patient.findings("shared-module-twice")
    assert finding["subject"] == "other_maps"
    assert "'map-core' is provided by 'maps' and by 'other_maps'" in finding["message"]


def test_a_module_in_a_version_that_nobody_asked_for_is_named_with_who_wants_what(patient):
    provided = {"map-core": {"version": "2.0.0", "file": "shared/map.js"}}
    patient.install_half("maps", provides=provided)
    patient.install_half("weather", requires={"map-core": "^1.4.0"})
    (finding,) = patient.findings("shared-module-range")
    assert finding["message"] == "'weather' requires 'map-core' ^1.4.0, and 'maps' provides 2.0.0."


def test_a_module_that_nobody_provides_is_named(patient):
    patient.install_half("weather", requires={"map-core": "^1.4.0"})
    (finding,) = patient.findings("shared-module-missing")
    assert (
        "'weather' requires 'map-core', which no installed extension provides"
        in (finding["message"])
    )


@pytest.mark.parametrize("beside", [True, False])
def test_a_browser_half_that_is_not_compiled_is_named_with_how_to(patient, beside):
    folder = patient.install_source("unbuilt", beside=beside)
    (finding,) = patient.findings("frontend-missing")
    assert finding["subject"] == "unbuilt"
    assert str(folder) in finding["message"]
    command = f"plughost build {folder if beside else '--installed'}"
    assert finding["hint"] == f"`{command}` compiles it."
    patient.build(folder if beside else "--installed")
    told = patient.told()
    assert [f for f in told["findings"] if f["check"].startswith("frontend-")] == []


def test_a_source_that_cannot_be_built_is_named_with_the_reason(patient):
    folder = patient.install_source("nameless")
    (folder / "package.json").write_text('{"plughost": {"package": ".."}}')
    (finding,) = patient.findings("frontend-missing")
    assert finding["subject"] == "nameless"
    assert "has no 'name'" in finding["message"]


def test_a_source_that_was_changed_since_it_was_compiled_is_named(patient):
    folder = patient.install_source("edited", beside=True)
    patient.build(folder)
    (folder / "src" / "index.js").write_text("export default [{}];")
    (finding,) = patient.findings("frontend-stale")
    assert (finding["level"], finding["subject"]) == ("warning", "edited")
    assert "changed after it was compiled" in finding["message"]
    assert finding["hint"] == f"`plughost build {folder}` compiles it anew."


def test_a_build_that_cannot_be_asked_is_told_and_the_rest_is_seen(patient):
    (patient.packages / "plughost_build.py").write_text("raise SystemExit('out of order')\n")
    told = patient.told()
    (finding,) = [f for f in told["findings"] if f["check"] == "build-silent"]
    assert "out of order" in finding["message"]
    assert told["kernels"]


BUNDLED = [
    {"name": "react", "version": "17.0.2", "bytes": 140_000},
    {"name": "leaflet", "version": "1.9.4", "bytes": 150_000},
    {"name": "weather", "version": "1.0.0", "bytes": 1_000},
]


def install_copies(patient):
    patient.install_half("weather", requires={"map-core": "^2.0.0"}, bundled=[*BUNDLED, MAP_CORE])
    patient.install_half(
        "maps",
        provides={name: {"version": "2.0.0", "file": "x.js"} for name in ("leaflet", "map-core")},
        bundled=[BUNDLED[1], MAP_CORE, {"name": "tiny", "version": "1.0.0", "bytes": 2_000}],
    )
    patient.install_half(
        "radar", bundled=[{"name": "tiny", "version": "1.1.0", "bytes": 3_000}], requires={"x": "1"}
    )


MAP_CORE = {"name": "map-core", "version": "2.0.0", "bytes": 9_000}


def test_a_copy_of_a_shared_module_is_named_and_is_worse_where_it_must_be_single(patient):
    install_copies(patient)
    found = {f["message"]: f for f in patient.findings("shared-module-copy", "--modules")}
    levels = {message.split("'")[3]: each["level"] for message, each in found.items()}
    assert levels == {"react": "warning", "leaflet": "note", "map-core": "note"}
    assert (
        "'weather' has 'leaflet' 1.9.4 for itself (150 kB), and the page has 2.0.0 of 'maps'."
        in found
    )


def test_every_shared_module_is_listed_with_who_provides_it_and_who_wants_it(patient):
    install_copies(patient)
    told = patient.told("--modules")
    assert told.keys() == {"format", "plughost", "ok", "findings", "modules", "duplicates"}
    modules = {each["name"]: each for each in told["modules"]}
    assert modules["map-core"] == {
        "name": "map-core",
        "version": "2.0.0",
        "extension": "maps",
        "wantedBy": [{"extension": "weather", "range": "^2.0.0", "fits": True}],
        "overruled": [],
        "copies": [{"extension": "weather", "version": "2.0.0", "bytes": 9_000}],
    }
    assert (modules["x"]["version"], modules["x"]["extension"]) == ("", "")
    assert modules["react"]["extension"] == "lab"
    (tiny,) = [each for each in told["duplicates"] if each["name"] == "tiny"]
    assert [copy["extension"] for copy in tiny["copies"]] == ["maps", "radar"]

    shown = patient.run("--modules").stdout
    assert re.search(
        r"^map-core +2\.0\.0 +maps +weather \^2\.0\.0 .*weather 2\.0\.0 \(9 kB\)$",
        shown,
        re.MULTILINE,
    )
    assert re.search(r"^tiny +maps 1\.0\.0 \(2 kB\), radar 1\.1\.0 \(3 kB\) +2 kB$", shown, re.M)
    assert "Kernels" not in shown

"""The compiled bundle: what must be in it whatever the sources become."""

import json
from pathlib import Path

import plughost_lab

BUNDLE = Path(plughost_lab.__file__).parent / "frontend"


def test_every_package_in_the_bundle_has_a_licence_with_its_text():
    packages = json.loads((BUNDLE / "third-party-licenses.json").read_text())["packages"]
    assert len(packages) > 100
    assert [p["name"] for p in packages if not p["extractedText"]] == []


def test_what_is_needed_before_the_launcher_is_few_files():
    manifest = json.loads((BUNDLE / "plughost.json").read_text())
    first = [manifest["module"], *manifest["preload"], *manifest["styles"]]
    assert len(first) <= 3
    assert all((BUNDLE / f"{name}.br").is_file() for name in first)

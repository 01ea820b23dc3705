"""`plughost build --bundle`: few requests, the same page; and what happens when it does not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from .frontends import add, plugin


@pytest.fixture
def site(outsider_wheel, tmp_path):
    """A folder for `PYTHONPATH` that holds the outsider as pip installs it."""
    folder = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", folder, outsider_wheel], check=True)
    return folder


def run_bundle(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "plughost", "build", "--bundle", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def bundle(site, *arguments):
    run = run_bundle(*arguments, PYTHONPATH=str(site))
    assert run.returncode == 0, run.stderr
    return run


def loaded(lab, kind):
    """The compiled files of a kind that the page has asked for: `frontends/lab/…`."""
    paths = [urlsplit(url).path for url in lab.requests]
    compiled = [path for path in paths if path.startswith("/plughost/")]
    return [path.split("/", 2)[2] for path in compiled if path.endswith(f".{kind}")]


async def test_the_page_is_the_same_with_one_script_and_one_style_sheet(served, visit, site):
    made = bundle(site)
    assert "bundle of the page 'lab'" in made.stdout
    server = served(env={"PYTHONPATH": str(site)})
    lab = await visit(server.url)
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    panel = lab.page.locator(".outsider-greeting")
    await panel.wait_for()
    # The bundle, and what the lab loads when it is needed, from where it lies.
    scripts = loaded(lab, "js")
    assert [each.split("/")[0] for each in scripts].count("bundles") == 1
    assert not [each for each in scripts if "/index-" in each and "frontends" in each]
    assert not [each for each in scripts if "/core-" in each or "/outsider/" in each]
    assert [each.split("/")[0] for each in loaded(lab, "css")] == ["bundles"]
    assert await panel.get_attribute("data-same-react") == "true"
    assert await panel.get_attribute("data-same-lumino") == "true"
    padding = "element => getComputedStyle(element.closest('.outsider-panel')).paddingLeft"
    assert await panel.evaluate(padding) != "0px"
    # Fonts and pictures of style sheets are found from the new place.
    fonts = """document.fonts.load("12px 'Font Awesome 5 Free'").then(found => found.length)"""
    assert await lab.page.evaluate(fonts) > 0
    await lab.screenshot("bundle")
    assert lab.console_errors == []
    assert await lab.policy_violations() == []
    assert bundle(site).stderr == "bundle of the page 'lab': fresh, nothing to do\n"


async def test_each_runs_on_its_own_and_what_cannot_be_joined_stays_apart(served, visit, site):
    add(site, "broken", "throw new Error('no such luck');\nexport default [];")
    add(site, "waits", plugin("waits", "await Promise.resolve();"))
    add(site, "gives", plugin("gives", "export const answer = 42;"), provides=["gives"])
    add(site, "takes", plugin("takes", "import { answer } from 'gives'; answer.toFixed();"))
    heavy = plugin("heavy", "export const later = () => import('./later-AAAAAAAA.js');")
    add(site, "heavy", heavy, **{"later-AAAAAAAA": f"export const text = '{'x' * 400_000}';"})
    place = "document.documentElement.dataset.place = new URL('x.png', import.meta.url).pathname;"
    light = f"{place} import('./later-AAAAAAAA.js').then(each => each.run());"
    later = "export const run = () => { document.documentElement.dataset.later = 'run'; };"
    add(site, "light", plugin("light", light), **{"later-AAAAAAAA": later})
    said = bundle(site).stderr
    assert "waits" not in said
    assert "light" not in said
    assert '"gives" stays apart: it provides shared modules.' in said
    assert '"takes" stays apart: it imports "gives", which neither the host nor the app' in said
    assert '"heavy" stays apart: 400 kB of it are loaded only when they are needed.' in said
    lab = await visit(served(env={"PYTHONPATH": str(site)}).url)
    for name in ("waits", "gives", "takes", "heavy", "light"):
        await lab.page.locator(f"html[data-{name}='active']").wait_for(state="attached")
    await lab.page.locator("html[data-later='run']").wait_for(state="attached")
    place = await lab.page.evaluate("document.documentElement.dataset.place")
    assert place == "/plughost/frontends/light/x.png"
    assert [each for each in loaded(lab, "js") if "/light/" in each] == []
    record = await lab.page.evaluate("window.plughost.records.find('npm-broken')")
    assert (record["state"], record["error"]) == ("failed", "no such luck")
    assert len([each for each in lab.console_errors if "no such luck" not in each]) == 0


async def test_one_that_does_not_fit_is_ignored_with_a_note(served, visit, site, jupyter_folders):
    add(site, "sound", plugin("sound"))
    bundle(site)
    environment = {"PYTHONPATH": str(site)}

    async def loads_it(**more):
        server = served(env={**environment, **more})
        page = (await server.client.get("/lab")).text
        return "/plughost/bundles/" in page, server.output.read_text()

    note = "`plughost build --bundle` makes one."
    used, log = await loads_it()
    assert (used, log.count(note)) == (True, 0)
    used, log = await loads_it(PLUGHOST_EXTENSIONS__OUTSIDER__ENABLED="false")
    assert (used, log.count(note), "made of other frontends" in log) == (False, 1, True)

    (file,) = jupyter_folders.rglob("bundle.json")
    whole = file.read_text()
    file.write_text("{")
    used, log = await loads_it()
    assert (used, log.count(note), "cannot be used" in log) == (False, 1, True)
    file.write_text(whole)

    (site / "sound/frontend/index-BBBBBBBB.js").write_text(plugin("sound"))
    manifest = site / "sound/frontend/plughost.json"
    manifest.write_text(manifest.read_text().replace("AAAAAAAA", "BBBBBBBB"))
    used, log = await loads_it()
    assert (used, log.count(note)) == (False, 1)
    lab = await visit(served(env=environment).url)
    await lab.page.locator("html[data-sound='active']").wait_for(state="attached")


def test_a_place_that_cannot_be_written_is_named(jupyter_folders):
    place = jupyter_folders / "jupyter-data" / "plughost" / "bundles"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    run = run_bundle()
    assert run.returncode == 1
    assert f'error: The output folder "{place}' in run.stderr
    assert "report this" not in run.stderr

"""Labextensions in Jupyter's data folders, found by one extension and put into another's page."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import plughost
import plughost_lab
import plughost_settings
from plughost import Frontend, hookimpl
from plughost_lab.labextensions import SEVERAL

BUILT = {"load": "static/remoteEntry.0123456789abcdef.js", "extension": "./extension"}


class Native:
    """An extension whose frontend has the npm name `herbs`, and shares what JupyterLab does."""

    def __init__(self, folder: Path) -> None:
        provides = {
            "react": "18.2.0",
            "react/jsx-runtime": "18.2.0",
            "@jupyterlab/cells": "4.6.4",
            "@jupyterlab/services/lib/kernel": "7.6.4",
        }
        manifest = {
            "format": 1,
            "name": "herbs",
            "version": "1",
            "module": "x.js",
            "provides": {n: {"version": v, "file": "x.js"} for n, v in provides.items()},
        }
        folder.mkdir()
        (folder / "plughost.json").write_text(json.dumps(manifest))
        self.folder = folder

    @hookimpl
    def plughost_frontends(self) -> list[Frontend]:
        return [Frontend(self.folder)]


@pytest.fixture
def add(jupyter_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a labextension: `add("@tea/herbs", build={…}, jupyterlab={…})` → its folder."""
    monkeypatch.setenv("JUPYTERLAB_DIR", str(jupyter_folders / "app"))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    # What pip has put into this environment, and the system's packages.
    for folders in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):
        monkeypatch.setattr(f"jupyter_core.paths.{folders}", [])

    def added(name: str, build: Any = BUILT, distribution: str = "", **about: Any) -> Path:
        folder = jupyter_folders / "jupyter-data/labextensions" / name
        about = {**about, "_build": build} if build else about
        package = {"name": name, "version": "1.2.3", "jupyterlab": about}
        (folder / "static").mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps(package))
        (folder / "install.json").write_text(json.dumps({"packageName": distribution}))
        (folder / BUILT["load"]).write_text("var _JUPYTERLAB;")
        return folder

    return added


def parts(html: str) -> tuple[Any, Any]:
    """The page configuration and the boot data in a page."""
    found = (
        re.search(rf'<script[^>]* id="{each}">(.*?)</script>', html)
        for each in ("jupyter-config-data", "plughost-boot")
    )
    config, boot = (json.loads(each[1]) for each in found if each)
    return config, boot


def containers(boot: Any) -> dict[str, Any]:
    return {each["package"]: each for each in boot["federation"]["containers"]}


def why_not(boot: Any) -> dict[str, str]:
    """By name of each labextension why it is off, or what is wrong with it; "" for the others."""
    return {
        name: each.get("off") or each.get("error", "") for name, each in containers(boot).items()
    }


async def test_a_page_without_labextensions_carries_nothing_for_them(start, add):
    async with start(plughost_lab, plughost_settings) as (_, client):
        html = (await client.get("/lab")).text
    config, boot = parts(html)
    assert config["federated_extensions"] == []
    assert "federation" not in boot
    assert "federation" not in config
    assert 'as="script"' not in html


@pytest.mark.proves("federated_extensions", "labextensionsPath")
async def test_a_page_lists_them_for_jupyterlab_and_for_the_browser_host(start, add, tmp_path):
    whole = {**BUILT, "mimeExtension": "./mime", "style": "./style", "load": BUILT["load"]}
    add("@tea/leaf", {**whole, "load": whole["load"].replace("/", "\\")})
    native = Native(tmp_path / "native")
    async with start(plughost_lab, plughost_settings, native, base_url="/u/") as (_, client):
        html = (await client.get("/u/lab")).text
    config, boot = parts(html)
    assert config["federated_extensions"] == [{"name": "@tea/leaf", **whole}]
    assert str(tmp_path / "jupyter-data/labextensions") in config["labextensionsPath"]
    script = f"/u/lab/extensions/@tea/leaf/{BUILT['load']}"
    assert boot["federation"].pop("shared") == {
        "@plughost/host": [plughost.__version__],
        "react": ["18.2.0"],
        "@jupyterlab/cells": ["4.6.4", "4.999.0"],
    }
    assert boot["federation"] == {
        "global": "_JUPYTERLAB",
        "containers": [
            {
                "package": "@tea/leaf",
                "version": "1.2.3",
                "script": script,
                "modules": ["./mime", "./extension"],
                "styles": ["./style"],
            }
        ],
        "problems": False,
    }
    assert f'<link rel="preload" as="script" href="{script}">' in html


async def test_one_that_is_installed_while_the_server_runs_is_in_the_next_page(start, add):
    async with start(plughost_lab, plughost_settings) as (_, client):
        before = parts((await client.get("/lab")).text)[0]
        add("leaf")
        after = parts((await client.get("/lab")).text)[0]
    names = [[each["name"] for each in each["federated_extensions"]] for each in (before, after)]
    assert names == [[], ["leaf"]]


async def test_a_native_frontend_goes_before_a_labextension_of_its_name(start, add, tmp_path):
    add("herbs")
    add("leaf")
    native = Native(tmp_path / "native")
    async with start(plughost_lab, plughost_settings, native) as (_, client):
        config, boot = parts((await client.get("/lab")).text)
    assert [each["name"] for each in config["federated_extensions"]] == ["leaf"]
    assert list(containers(boot)) == ["leaf"]


async def test_who_is_switched_off_is_not_loaded_and_the_page_is_told_why(
    start, add, jupyter_folders
):
    add("by-jupyter", disabledExtensions=["of-one-that-is-off"])
    add("by-us")
    add("blocked")
    add("by-another")
    add("of-one-that-is-off")
    add("wanted-all-the-same")
    add("disabling", disabledExtensions=["by-another", "wanted-all-the-same", "some:plugin"])
    labconfig = jupyter_folders / "jupyter-config/labconfig"
    labconfig.mkdir()
    switches = {"by-jupyter": True, "wanted-all-the-same": False}
    (labconfig / "page_config.json").write_text(json.dumps({"disabledExtensions": switches}))
    ours = {"by-us": {"enabled": False}, "blocked": {"blocked": True}}
    async with start(plughost_lab, plughost_settings, extensions=ours) as (_, client):
        html = (await client.get("/lab")).text
    config, boot = parts(html)
    loaded = ["disabling", "of-one-that-is-off", "wanted-all-the-same"]
    assert sorted(each["name"] for each in config["federated_extensions"]) == loaded
    assert {"by-jupyter", "by-another", "some:plugin"} == set(config["disabledExtensions"])
    reasons = why_not(boot)
    assert sorted(name for name, reason in reasons.items() if not reason) == loaded
    assert "disabledExtensions" in reasons["by-jupyter"]
    assert "disabledExtensions" in reasons["by-another"]
    assert "Disabled in" in reasons["by-us"]
    assert "Blocked in" in reasons["blocked"]
    # Whoever replaces something is asked for with the page itself.
    preloaded = re.findall(r'rel="preload" as="script" href="[^"]*/extensions/([^/"]+)/', html)
    assert preloaded == ["disabling"]


async def test_one_switch_is_for_both_halves_of_a_distribution(start, add):
    add("leaf", distribution="Plughost_Lab")
    add("other", distribution="something-else")
    async with start(plughost_lab, plughost_settings) as (host, client):
        # As it is found on disk; here it was handed over.
        host.records["stranger"] = record = type(host.records["lab"])("stranger", "plughost-lab")
        record.state = type(record.state)("disabled")
        boot = parts((await client.get("/lab")).text)[1]
        del host.records["stranger"]
    reason = "It came with the extension 'stranger', which is disabled."
    assert why_not(boot) == {"leaf": reason, "other": ""}


async def test_a_safe_start_loads_none(start, add):
    add("leaf")
    async with start(plughost_lab, plughost_settings, safe=True) as (_, client):
        config, boot = parts((await client.get("/lab")).text)
    assert config["federated_extensions"] == []
    assert why_not(boot) == {"leaf": "The server was started with --safe."}


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (None, "Its package.json has no `jupyterlab._build`: it has not been built."),
        ({"load": 1}, "The `jupyterlab._build` in its package.json cannot be used: "),
        ({"load": "static"}, "Its script 'static' is not there."),
        ({"load": "../../secret.js"}, "Its script '../../secret.js' is not there."),
        ({"load": "/etc/passwd"}, "Its script '/etc/passwd' is not there."),
    ],
)
async def test_one_that_is_not_whole_is_named_and_the_others_are_loaded(start, add, build, reason):
    folder = add("broken", build)
    add("leaf")
    async with start(plughost_lab, plughost_settings) as (host, client):
        config, boot = parts((await client.get("/lab")).text)
        await client.get("/lab")
        (note,) = host.records["lab"].notes
    assert [each["name"] for each in config["federated_extensions"]] == ["leaf"]
    broken = containers(boot)["broken"]
    assert broken["error"].startswith(reason)
    assert broken["hint"] == "Build it, or reinstall 'broken'."
    assert note.startswith(f"The labextension in {str(folder)!r} cannot be loaded. {reason}")


async def test_a_server_half_that_does_not_run_here_is_told_with_its_name(start, add):
    add("leaf", discovery={"server": {"base": {"name": "leaf-server"}, "managers": ["pip"]}})
    add("stem")
    async with start(plughost_lab, plughost_settings) as (_, client):
        boot = parts((await client.get("/lab")).text)[1]
        records = {
            each["name"]: each for each in (await client.get("/plughost/api/extensions")).json
        }
    hint = containers(boot)["leaf"]["hint"]
    assert "the Python package 'leaf-server', is made for jupyter_server" in hint
    assert (records["leaf"]["notes"], records["stem"]["notes"]) == ([hint], [])


@pytest.mark.proves("GET /lab/extensions/{package}/{file}")
async def test_their_files_are_served_and_nothing_else(start, add, jupyter_folders):
    folder = add("@tea/leaf")
    texts = {
        "static/568.1e2faa2ba0bbe59c4780.js": "a",
        "static/index-X7Q2M4KD.js": "a",
        "static/style.js": "b",
        "static/a.woff2": "c",
        "schemas/@tea/leaf/package.json.orig": "{}",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (jupyter_folders / "jupyter-data/secret.txt").write_text("hush")
    at = "/lab/extensions/@tea/leaf"
    async with start(plughost_lab, plughost_settings) as (_, client):
        asked = [f"{BUILT['load']}", *texts, "static/a.woff2?v=0123", "package.json"]
        replies = {each: await client.get(f"{at}/{each}") for each in asked}
        again = await client.get(
            f"{at}/static/style.js",
            headers={"If-None-Match": replies["static/style.js"].headers["Etag"]},
        )
        outside = [
            await client.get(f"{at}/{path}")
            for path in ("..%2f..%2f..%2fsecret.txt", "static/..%2f..%2f..%2f..%2fsecret.txt")
        ]
        stranger = await client.get(f"{at}/static/style.js", token=None)
        unknown = await client.get("/lab/extensions/nobody/static/style.js")
        missing = await client.get(f"{at}/static/none.js")
        head = await client.request("HEAD", f"{at}/static/style.js")
    assert {reply.status for reply in replies.values()} == {200}
    assert replies["static/a.woff2"].text == "c"
    kept = [each for each, r in replies.items() if "immutable" in r.headers["Cache-Control"]]
    assert kept == [BUILT["load"], *list(texts)[:2], "static/a.woff2?v=0123"]
    assert replies["static/style.js"].headers["Cache-Control"] == "no-cache"
    assert replies["static/style.js"].headers["Content-Type"].startswith("text/javascript")
    assert (again.status, head.status) == (304, 200)
    assert "hush" not in "".join(reply.text for reply in outside)
    assert {reply.status for reply in outside} <= {403, 404}
    assert (stranger.status, unknown.status, missing.status) == (403, 404, 404)
    assert "There is no labextension &#39;nobody&#39;." in unknown.text


async def test_text_is_compressed_for_who_takes_it(start, add):
    folder = add("leaf")
    text, picture = "let x = 'tea';\n" * 500, "\0" * 5000
    (folder / "static/a.js").write_text(text)
    (folder / "static/a.png").write_text(picture)
    at = "/lab/extensions/leaf/static"
    takes = {"Accept-Encoding": "br, gzip"}
    async with start(plughost_lab, plughost_settings) as (_, client):
        packed = await client.get(f"{at}/a.js", headers=takes)
        same = await client.get(
            f"{at}/a.js", headers={**takes, "If-None-Match": packed.headers["Etag"]}
        )
        plain = [
            await client.get(f"{at}/{name}", headers=headers)
            for name, headers in [
                ("a.js", {}),
                ("a.js", {"Accept-Encoding": "gzip;q=0"}),
                ("a.js", {**takes, "Range": "bytes=0-2"}),
                ("a.png", takes),
                (BUILT["load"].removeprefix("static/"), takes),
            ]
        ]
        missing = await client.get(f"{at}/none.js", headers=takes)
        elsewhere = await client.get(f"{at}/{folder.parent}/leaf/package.json", headers=takes)
    assert elsewhere.status in (403, 404)
    assert gzip.decompress(packed.body).decode() == text
    assert (packed.headers["Content-Encoding"], len(packed.body) < 200) == ("gzip", True)
    assert packed.headers["Content-Type"].startswith("text/javascript")
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert (same.status, missing.status) == (304, 404)
    assert [reply.text for reply in plain] == [text, text, "let", picture, "var _JUPYTERLAB;"]
    assert [each for each in plain if "Content-Encoding" in each.headers] == []


async def test_files_of_one_that_is_linked_in_from_its_source_are_served(
    start, add, jupyter_folders
):
    source = add("leaf").rename(jupyter_folders / "source")
    link = jupyter_folders / "jupyter-data/labextensions/leaf"
    link.symlink_to(source, target_is_directory=True)
    async with start(plughost_lab, plughost_settings) as (_, client):
        first = await client.get(f"/lab/extensions/leaf/{BUILT['load']}")
        link.unlink()
        gone = await client.get(f"/lab/extensions/leaf/{BUILT['load']}")
    assert (first.status, gone.status) == (200, 404)


def test_what_may_be_there_more_than_once_is_what_jupyterlab_says():
    shared = json.loads((files("plughost_build") / "node/jupyterlab.json").read_text())
    libraries = {name for name in shared["others"] if not name.endswith("-extension")}
    assert libraries == SEVERAL


async def test_they_are_listed_shown_and_switched_as_extensions_are(
    start, add, jupyter_folders, tmp_path
):
    add("@tea/leaf", distribution="tea-leaf")
    folder = add("broken", None)
    add("by-jupyter")
    add("blocked")
    add("herbs")
    labconfig = jupyter_folders / "jupyter-config/labconfig"
    labconfig.mkdir()
    (labconfig / "page_config.json").write_text('{"disabledExtensions": {"by-jupyter": true}}')
    path = "/plughost/api/extensions/%40tea%2Fleaf"
    native, ours = Native(tmp_path / "native"), {"blocked": {"blocked": True}}
    async with start(plughost_lab, plughost_settings, native, extensions=ours) as (_, client):
        found = {each["name"]: each for each in (await client.get(path.rpartition("/")[0])).json}
        off = await client.patch(path, {"enabled": False})
        without = parts((await client.get("/lab")).text)[0]["federated_extensions"]
        on = await client.patch(path, {"enabled": True})
        again = parts((await client.get("/lab")).text)[0]["federated_extensions"]
        refused = await client.patch(path.replace("%40tea%2Fleaf", "blocked"), {"enabled": True})
    guests = {n: each["state"] for n, each in found.items() if each["guestOf"] == "lab"}
    assert guests == {
        "@tea/leaf": "active",
        "broken": "failed",
        "by-jupyter": "disabled",
        "blocked": "blocked",
    }
    leaf, broken = found["@tea/leaf"], found["broken"]
    assert (leaf["version"], leaf["distribution"]) == ("1.2.3", "tea-leaf")
    assert str(folder) in broken["summary"]
    assert "it has not been built" in broken["error"]
    assert broken["nextStep"] == "Build it, or reinstall 'broken'."
    assert "disabledExtensions" in found["by-jupyter"]["notes"][0]
    assert (off.json["state"], on.json["state"]) == ("disabled", "active")
    assert off.json["notes"] == ["Disabled since the server was started."]
    assert (without, [each["name"] for each in again]) == ([], ["@tea/leaf"])
    assert refused.status == 403


async def test_what_the_page_tells_of_one_is_in_its_record(start, add):
    add("@tea/leaf")
    problem = {
        "kind": "plugin",
        "name": "@tea/leaf:plugin",
        "extension": "@tea/leaf",
        "state": "failed",
        "phase": "activate",
    }
    told = {"visit": "v", "problems": [problem]}
    async with start(plughost_lab, plughost_settings) as (_, client):
        reply = await client.post("/plughost/api/pages/lab/problems", told)
        record = (await client.get("/plughost/api/extensions/%40tea%2Fleaf")).json
        boot = parts((await client.get("/lab")).text)[1]
        await client.post("/plughost/api/pages/lab/problems", {**told, "problems": []})
        after = parts((await client.get("/lab")).text)[1]
    assert reply.status == 204
    assert [each["name"] for each in record["pageProblems"]] == ["@tea/leaf:plugin"]
    assert (boot["federation"]["problems"], after["federation"]["problems"]) == (True, False)


async def test_commands_switch_them_for_good_and_on_servers_that_run(
    served, jupyter_folders, monkeypatch
):
    folder = jupyter_folders / "jupyter-data/labextensions/@tea/leaf"
    folder.mkdir(parents=True)
    (folder / "entry.js").touch()
    package = {"name": "@tea/leaf", "version": "1", "jupyterlab": {"_build": {"load": "entry.js"}}}
    (folder / "package.json").write_text(json.dumps(package))
    server = served()

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        run = [sys.executable, "-m", "plughost", "extensions", *arguments]
        root = jupyter_folders / "root"
        return subprocess.run(run, cwd=root, capture_output=True, text=True)

    off = command("disable", "@tea/leaf")
    assert (off.returncode, off.stderr) == (0, "")
    assert off.stdout.splitlines()[-1].endswith(") it is disabled.")
    file = jupyter_folders / "jupyter-config/plughost.toml"
    assert file.read_text() == '[extensions."@tea/leaf"]\nenabled = false\n'
    page = (await server.client.get("/lab")).text
    assert "Disabled since the server was started." in page
    listed = command("list").stdout
    assert re.search(r"^@tea/leaf +disabled +disabled +1 ", listed, re.MULTILINE)
    assert f"Disabled in {file}:2." in listed
    assert command("enable", "@tea/leaf").stdout.splitlines()[-1].endswith(") it is active.")
    shown = command("show", "@tea/leaf").stdout
    assert re.search(r"^loaded by +lab$", shown, re.MULTILINE)
    unknown = command("disable", "@tea/leef")
    assert unknown.returncode == 1
    assert "'@tea/leaf'" in unknown.stderr

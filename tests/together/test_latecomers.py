"""Which labextensions the page can start without, and when it does."""

import json
import re

import pytest

import plughost_lab
import plughost_settings
from plughost import Frontend, hookimpl

QUIET = "({id:'quiet:plugin',autoStart:!0,activate:()=>{}})"
PROVIDER = "({id:'provider:plugin',autoStart:!0,provides:e,activate:()=>1})"


@pytest.fixture(autouse=True)
def none_of_this_environment(monkeypatch):
    for folders in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):
        monkeypatch.setattr(f"jupyter_core.paths.{folders}", [])


@pytest.fixture
def install(jupyter_folders):
    """Put a labextension into Jupyter's data folder; `about` adds to its `jupyterlab`."""

    def put(name, code=QUIET, build=None, **about):
        folder = jupyter_folders / "jupyter-data" / "labextensions" / name
        (folder / "static" / "lib").mkdir(parents=True, exist_ok=True)
        (folder / "static" / "entry.js").write_text("void 0")
        (folder / "static" / "lib" / "chunk.js").write_text(code)
        built = {"load": "static/entry.js", "extension": "./extension", **(build or {})}
        package = {"name": name, "version": "1.0.0", "jupyterlab": {"_build": built, **about}}
        (folder / "package.json").write_text(json.dumps(package))
        return folder

    return put


class Sharing:
    """An extension whose frontend shares a package with the page."""

    def __init__(self, folder):
        provided = {"@acme/chart": {"version": "1.0.0", "file": "x.js"}}
        manifest = {"format": 1, "name": "chart", "version": "1", "module": "x.js"}
        folder.mkdir()
        (folder / "plughost.json").write_text(json.dumps({**manifest, "provides": provided}))
        self.folder = folder

    @hookimpl
    def plughost_frontends(self):
        return [Frontend(self.folder)]


@pytest.fixture
def late(start):
    """The names of the labextensions that a visit starts without; the layout is saved before."""

    async def names(path="/lab", layout=None, beside=(), **options):
        plugins = (plughost_lab, plughost_settings, *beside)
        async with start(*plugins, extensions={"lab": options}) as (_, client):
            if layout is not None:
                data = {"layout-restorer:data": layout}
                body = {"data": data, "metadata": {"id": "default"}}
                assert (await client.put("/lab/api/workspaces/default", body)).status == 204
            return late_in((await client.get(path)).text)

    return names


def late_in(html):
    boot = re.search(r'<script[^>]* id="plughost-boot">(.*?)</script>', html)
    containers = json.loads(boot[1])["federation"]["containers"]
    late = {each["package"] for each in containers if each.get("later")}
    preloaded = set(
        re.findall(r'<link rel="preload" as="script" href="[^"]*/extensions/(.+?)/', html)
    )
    assert not late & preloaded
    assert late | preloaded == {each["package"].partition("/")[0] for each in containers} - {"off"}
    return late


async def test_what_provides_nothing_can_come_later(install, late):
    install("quiet")
    install("provider", PROVIDER)
    assert await late() == {"quiet"}


@pytest.mark.parametrize(
    "about",
    [
        {"disabledExtensions": ["@jupyterlab/help-extension:about"]},
        {"themePath": "style/index.css"},
        {"build": {"mimeExtension": "./mime"}},
    ],
)
async def test_what_replaces_or_draws_what_is_shown_comes_first(install, late, about):
    install("first", **about)
    install("quiet")
    assert await late() == {"quiet"}


async def test_what_has_a_stock_packages_name_comes_first(install, late):
    install("@jupyterlab/help-extension")
    assert await late() == set()


async def test_nobody_is_late_whose_packages_somebody_may_need(install, late):
    install("quiet")
    install("provider", PROVIDER, sharedPackages={"@acme/chart": {"bundled": False}})
    assert await late() == set()


async def test_what_the_page_shares_itself_is_no_reason_to_wait(install, late, tmp_path):
    install("quiet")
    install("provider", PROVIDER, sharedPackages={"@acme/chart": {"bundled": False}, "x": False})
    assert await late(beside=[Sharing(tmp_path / "chart")]) == {"quiet"}


async def test_a_labextension_that_is_built_anew_is_looked_at_anew(install, start):
    install("changing")
    async with start(plughost_lab, plughost_settings) as (_, client):
        before = late_in((await client.get("/lab")).text)
        install("changing", PROVIDER, build={"load": "static/lib/chunk.js"})
        after = late_in((await client.get("/lab")).text)
    assert (before, after) == ({"changing"}, set())


def area(*widgets):
    return {"type": "tab-area", "widgets": list(widgets), "currentIndex": 0}


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"main": {"dock": area()}, "down": {"size": 0, "widgets": []}},
        {
            "main": {"dock": None},
            "left": {"current": "filebrowser"},
            "right": {"widgets": ["debugger-sidebar"]},
        },
        {"left": {"current": "@jupyterlab/toc:plugin"}, "right": {"current": "debugger-sidebar"}},
    ],
)
async def test_a_layout_without_documents_is_shown_without_them(install, late, layout):
    install("quiet")
    assert await late(layout=layout) == {"quiet"}


@pytest.mark.parametrize(
    "layout",
    [
        {"main": {"dock": area("notebook:a.ipynb")}},
        {"main": {"dock": {"type": "split-area", "children": [area(), area("terminal:1")]}}},
        {"down": {"size": 0.2, "widgets": ["logconsole:1"]}},
        {"left": {"current": "jp-git-sessions"}},
        {"right": {"current": "somebodys-panel"}},
        {"left": {"current": "filebrowser", "widgets": ["filebrowser", "jp-git-sessions"]}},
    ],
)
async def test_a_layout_in_which_others_may_have_a_part_waits_for_all(install, late, layout):
    install("quiet")
    assert await late(layout=layout) == set()


@pytest.mark.parametrize(
    "path",
    [
        "/lab/tree/a.ipynb",
        "/doc/tree/a.ipynb",
        "/lab/nowhere",
        "/lab?fromURL=http://127.0.0.1/a.ipynb",
        "/lab?clone=other",
        "/lab?reset",
    ],
)
async def test_an_address_that_opens_something_waits_for_all(install, late, path):
    install("quiet")
    assert await late(path) == set()


async def test_a_layout_that_makes_no_sense_is_none(install, late):
    install("quiet")
    odd = {"main": [], "left": 7, "right": {"current": [{}]}, "down": {"widgets": None}}
    for layout in ([1], odd, "text"):
        assert await late(layout=layout) == {"quiet"}


async def test_what_somebody_wants_to_wait_for_is_waited_for(install, late):
    install("quiet")
    install("welcome")
    assert await late(wait_for=["welcome"]) == {"quiet"}
    assert await late(wait_for=["*"]) == set()


async def test_where_its_scripts_are_linked_to_they_are_found_and_without_any_it_is_waited_for(
    install, late, tmp_path
):
    linked = install("linked", PROVIDER)
    (linked / "static").rename(tmp_path / "elsewhere")
    (linked / "static").symlink_to(tmp_path / "elsewhere")
    module = install("module", build={"load": "static/entry.mjs"})
    (module / "static" / "entry.mjs").write_text(PROVIDER)
    odd = install("odd", build={"load": "static/lib/entry"})
    (odd / "static" / "lib" / "chunk.js").rename(odd / "static" / "lib" / "entry")
    assert await late() == set()

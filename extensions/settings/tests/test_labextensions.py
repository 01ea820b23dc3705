"""Labextensions in Jupyter's data folders: their schemas, themes and licences."""

import json

import pytest

import plughost_settings

AT = "/lab/api/settings"
HERBS = {"title": "Herbs", "type": "object", "properties": {"dried": {"default": True}}}
HERBS_FILES = {
    "schemas/@tea/herbs/plugin.json": HERBS,
    "schemas/@tea/herbs/package.json.orig": {"version": "1.2.3"},
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two more data folders, the stronger first: both are stronger than the person's."""
    folders = [tmp_path / "data-1", tmp_path / "data-2"]
    monkeypatch.setenv("JUPYTER_PATH", ":".join(map(str, folders)))
    return folders


async def ids(client):
    return [each["id"] for each in (await client.get(f"{AT}?ids_only=true")).json["settings"]]


@pytest.mark.proves("GET /lab/api/settings")
async def test_settings_of_a_labextension_are_read_and_kept(
    start, weather, config, add_labextension
):
    add_labextension("@tea/herbs", HERBS_FILES)
    add_labextension("kettle", {"schemas/kettle/plugin.json": {"title": "Kettle"}})
    async with start(plughost_settings, weather) as (_, client):
        listed = await ids(client)
        one = (await client.get(f"{AT}/@tea/herbs:plugin")).json
        saved = await client.put(f"{AT}/@tea/herbs:plugin", {"raw": '{"dried": false}'})
        again = (await client.get(f"{AT}/@tea/herbs:plugin")).json
    assert listed == ["plain:zoom", "kettle:plugin", "@tea/weather:plugin", "@tea/herbs:plugin"]
    assert (one["schema"], one["version"]) == (HERBS, "1.2.3")
    assert (saved.status, again["settings"]) == (204, {"dried": False})


async def test_of_several_with_the_same_name_the_first_folder_counts(
    start, config, data, add_labextension
):
    for number, folder in enumerate([*data, None]):
        files = {"schemas/tea/plugin.json": {"title": f"Number {number}"}}
        add_labextension("tea", files, data=folder, folder=f"tea-{number}")
    async with start(plughost_settings) as (host, client):
        title = (await client.get(f"{AT}/tea:plugin")).json["schema"]["title"]
        found = host.service("plughost_settings.labextensions.Labextensions").all()
    assert title == "Number 0"
    assert [(each.name, each.folder) for each in found] == [
        ("tea", data[0] / "labextensions/tea-0")
    ]


async def test_an_enabled_frontend_goes_before_a_labextension(
    start, weather, config, add_labextension
):
    add_labextension("other", {"schemas/@tea/weather/plugin.json": {"title": "Other"}})
    async with start(plughost_settings, weather) as (_, client):
        title = (await client.get(f"{AT}/@tea/weather:plugin")).json["schema"]["title"]
    assert title == "Weather"


async def test_further_folders_can_be_set_as_jupyter_calls_them(
    start, config, tmp_path, data, add_labextension
):
    add_labextension("tea", {"schemas/tea/plugin.json": {"title": "Theirs"}}, data=data[0])
    add_labextension("tea", {"schemas/tea/plugin.json": {"title": "Ours"}}, data=tmp_path / "more")
    wanted = {"extra_labextensions_path": [str(tmp_path / "more/labextensions")]}
    async with start(plughost_settings, extensions={"settings": wanted}) as (_, client):
        title = (await client.get(f"{AT}/tea:plugin")).json["schema"]["title"]
    assert title == "Ours"


async def test_labextensions_come_and_go_while_the_server_runs(start, config, add_labextension):
    async with start(plughost_settings) as (_, client):
        before = await ids(client)
        folder = add_labextension("@tea/herbs", HERBS_FILES)
        added = await ids(client)
        folder.rename(folder.with_name("gone-for-good"))
        (folder.with_name("gone-for-good") / "package.json").unlink()
        after = await ids(client)
    assert (before, added, after) == ([], ["@tea/herbs:plugin"], [])


async def test_a_labextension_that_page_configuration_disables_keeps_its_settings(
    start, config, app_settings, add_labextension
):
    """As in JupyterLab: the page does not load its plugins, and asks for no settings of theirs."""
    disabled = {"disabledExtensions": {"@tea/herbs": True}}
    (app_settings / "page_config.json").write_text(json.dumps(disabled))
    add_labextension("@tea/herbs", HERBS_FILES)
    async with start(plughost_settings) as (_, client):
        assert await ids(client) == ["@tea/herbs:plugin"]


@pytest.mark.parametrize("package", ["{", "[]", '{"name": 1}', "\udcff", ""])
async def test_a_broken_labextension_leaves_the_others(
    start, config, add_labextension, caplog, package
):
    broken = add_labextension("broken", {"schemas/broken/plugin.json": {}})
    (broken / "package.json").write_text(package, errors="surrogateescape")
    add_labextension("@tea/herbs", HERBS_FILES)
    async with start(plughost_settings) as (_, client):
        assert await ids(client) == ["@tea/herbs:plugin"]
        await client.get(AT)
    told = [r.getMessage() for r in caplog.records if "broken' cannot be used" in r.getMessage()]
    assert len(told) == 1, "once, not at every request"


@pytest.mark.proves("GET /lab/api/themes/{package}/{file}")
async def test_a_theme_of_a_labextension_is_served_even_from_a_linked_source_tree(
    start, config, tmp_path, add_labextension
):
    files = {"themes/@tea/herbs/index.css": "body {}", "themes/@tea/herbs/fonts/a.woff2": "a"}
    source = add_labextension("@tea/herbs", files, data=tmp_path / "source")
    link = tmp_path / "jupyter-data/labextensions/@tea/herbs"
    link.parent.mkdir(parents=True)
    link.symlink_to(source, target_is_directory=True)
    async with start(plughost_settings) as (_, client):
        css = await client.get("/lab/api/themes/@tea/herbs/index.css")
        font = await client.get("/lab/api/themes/@tea/herbs/fonts/a.woff2")
        none = await client.get("/lab/api/themes/@tea/herbs/none.css")
        outside = await client.get("/lab/api/themes/@tea/herbs/..%2f..%2f..%2fpackage.json")
    assert (css.text, font.text, none.status, outside.status) == ("body {}", "a", 404, 403)


@pytest.mark.proves("GET /lab/api/licenses/")
async def test_licences_of_labextensions_are_listed_too(start, weather, config, add_labextension):
    leaf = {"name": "leaf", "versionInfo": "1.0", "licenseId": None}
    add_labextension("herbs", {"static/third-party-licenses.json": {"packages": [leaf]}})
    add_labextension("broken", {"static/third-party-licenses.json": "{"})
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get("/lab/api/licenses/")
        table = await client.get("/lab/api/licenses/?format=csv")
        text = await client.get("/lab/api/licenses/?format=markdown")
    assert reply.json == {"bundles": {"herbs": {"packages": [leaf]}}}
    assert table.text.splitlines()[1:] == ["leaf,1.0,,,herbs"]
    assert "### leaf 1.0\n\nunknown\n" in text.text

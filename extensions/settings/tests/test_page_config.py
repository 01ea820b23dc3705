"""What the settings extension writes into the lab's page."""

import json
import re

import pytest

import plughost_settings
from plughost import Config
from plughost_settings.options import Options


async def page_config(client):
    page = await client.get("/lab")
    boot = re.search(r'id="plughost-boot">(.*?)</script>', page.text)
    return json.loads(boot[1])["config"]


@pytest.mark.proves(
    "themesUrl", "translationsApiUrl", "licensesUrl", "settingsUrl", "workspacesApiUrl",
    "fullThemesUrl", "fullTranslationsApiUrl", "fullLicensesUrl", "fullSettingsUrl",
    "fullWorkspacesApiUrl", "listingsUrl", "fullListingsUrl", "appSettingsDir", "schemasDir",
    "themesDir", "userSettingsDir", "workspacesDir", "news", "extraLabextensionsPath",
)  # fmt: skip
async def test_the_page_knows_addresses_and_folders(start, weather, config, jupyter_folders):
    weather.write("themes/@tea/dark/index.css", "")
    async with start(plughost_settings, weather, base_url="/u/ada/") as (_, client):
        client.base += "/u/ada"
        values = await page_config(client)
        replies = [
            (await client.get(values[f"{name}Url"])).status
            for name in ("settings", "workspacesApi", "translationsApi", "licenses")
        ]
    urls = {
        "appUrl": "/lab",
        "settingsUrl": "/lab/api/settings",
        "workspacesApiUrl": "/lab/api/workspaces",
        "translationsApiUrl": "/lab/api/translations",
        "themesUrl": "/lab/api/themes",
        "licensesUrl": "/lab/api/licenses",
        "listingsUrl": "/lab/api/listings",
    }
    assert replies == [200, 200, 200, 200]
    assert values == {
        **urls,
        **{f"full{key[0].upper()}{key[1:]}": f"/u/ada{url}" for key, url in urls.items()},
        "customStyleUrl": "",
        "extraLabextensionsPath": [],
        "appSettingsDir": str(jupyter_folders / "app/settings"),
        "schemasDir": str(weather.folder / "schemas"),
        "themesDir": str(weather.folder / "themes"),
        "userSettingsDir": str(config / "lab/user-settings"),
        "workspacesDir": str(config / "lab/workspaces"),
        "news": {"disabled": True},
    }


@pytest.mark.proves("disabledExtensions", "deferredExtensions")
async def test_page_config_files_are_merged_and_the_persons_wins(
    start, weather, config, app_settings
):
    (app_settings / "page_config.json").write_text(
        json.dumps({"disabledExtensions": ["a:x", "b"], "appName": "Ours", "tools": {"t": True}})
    )
    labconfig = config / "labconfig"
    (labconfig / "page_config.d").mkdir(parents=True)
    (labconfig / "page_config.d/50.json").write_text(
        json.dumps({"disabledExtensions": {"c": True}, "deferredExtensions": {"d": True}})
    )
    (labconfig / "page_config.json").write_text(json.dumps({"disabledExtensions": {"b": False}}))
    async with start(plughost_settings, weather) as (_, client):
        values = await page_config(client)
    assert values["disabledExtensions"] == {"a:x": True, "b": False, "c": True}
    assert (values["deferredExtensions"], values["appName"], values["tools"]) == (
        {"d": True},
        "Ours",
        ["t"],
    )


async def test_the_persons_style_sheet_is_linked_when_asked_for(start, weather, config):
    wanted = {"settings": {"custom_css": True}}
    async with start(plughost_settings, weather, extensions=wanted) as (_, client):
        values = await page_config(client)
        reply = await client.get(values["customStyleUrl"])
    assert reply.status == 200


async def test_null_in_a_stronger_file_takes_a_value_away(start, weather, config, app_settings):
    (app_settings / "page_config.json").write_text(
        json.dumps({"appName": "Ours", "disabledExtensions": {"a": True, "b": True}, "x": {"y": 1}})
    )
    labconfig = config / "labconfig"
    labconfig.mkdir()
    (labconfig / "page_config.json").write_text(
        json.dumps({"appName": None, "disabledExtensions": {"a": None}, "x": None})
    )
    async with start(plughost_settings, weather) as (_, client):
        values = await page_config(client)
    assert ("appName" in values, "x" in values) == (False, False)
    assert values["disabledExtensions"] == {"b": True}


async def test_locked_extensions_are_a_list_of_those_that_are(start, weather, config, app_settings):
    (app_settings / "page_config.json").write_text(
        json.dumps({"lockedExtensions": {"@tea/rum:plugin": True, "@tea/milk": False}})
    )
    (config / "labconfig/page_config.d").mkdir(parents=True)
    (config / "labconfig/page_config.d/1.json").write_text('{"lockedExtensions": {"x": true}}')
    async with start(plughost_settings, weather) as (_, client):
        values = await page_config(client)
    assert values["lockedExtensions"] == ["@tea/rum:plugin", "x"]


async def test_json5_and_all_parts_count_in_their_order(start, weather, config, app_settings):
    (app_settings / "page_config.json5").write_text("{a: 1, b: 1, c: 1, d: 1} // by hand")
    labconfig = config / "labconfig"
    (labconfig / "page_config.d").mkdir(parents=True)
    (labconfig / "page_config.d/10.json").write_text('{"b": 2, "c": 2, "d": 2}')
    (labconfig / "page_config.d/20.json").write_text('{"c": 3, "d": 3}')
    (labconfig / "page_config.json").write_text('{"d": 4}')
    async with start(plughost_settings, weather) as (_, client):
        values = await page_config(client)
    assert [values[key] for key in "abcd"] == [1, 2, 3, 4]


async def test_files_are_read_again_when_they_change_and_broken_ones_are_left_out(
    start, weather, config, app_settings, caplog
):
    path = app_settings / "page_config.json"
    async with start(plughost_settings, weather) as (_, client):
        seen = []
        for text in ('{"x": 1}', "{", "[]", '{"x": 2}'):
            path.write_text(text)
            seen.append((await page_config(client)).get("x"))
        path.unlink()
        seen.append((await page_config(client)).get("x"))
    assert seen == [1, None, None, 2, None]
    assert "is not JSON5" in caplog.text
    assert "holds no JSON object" in caplog.text


async def test_environment_variables_move_the_folders(
    start, weather, config, tmp_path, monkeypatch
):
    monkeypatch.setenv("JUPYTERLAB_DIR", str(tmp_path / "lab"))
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", str(tmp_path / "desks"))
    async with start(plughost_settings, weather) as (_, client):
        values = await page_config(client)
    folders = {k: values[k] for k in ("appSettingsDir", "userSettingsDir", "workspacesDir")}
    assert folders == {
        "appSettingsDir": str(tmp_path / "lab/settings"),
        "userSettingsDir": str(tmp_path / "mine"),
        "workspacesDir": str(tmp_path / "desks"),
    }


def test_what_is_set_in_jupyters_files_counts(config, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (config / "jupyter_lab_config.py").write_text(
        "c.LabApp.custom_css = True\n"
        f"c.LabApp.user_settings_dir = {str(tmp_path / 'mine')!r}\n"
        f"c.LabServerApp.extra_labextensions_path = [{str(tmp_path / 'more')!r}]\n"
        "c.LabServerApp.blocked_extensions_uris = '/etc/blocked.json,/etc/more.json'\n"
    )
    loaded = Config.load()
    assert loaded.extension("settings", Options) == Options(
        custom_css=True,
        user_settings_dir=tmp_path / "mine",
        extra_labextensions_path=[tmp_path / "more"],
        blocked_extensions_uris="/etc/blocked.json,/etc/more.json",
    )
    assert loaded.warnings == ()

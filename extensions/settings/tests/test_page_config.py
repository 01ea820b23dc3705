"""What the settings extension writes into the lab's page."""

import json
import re

import pytest

import plughost_settings


async def page_config(client):
    page = await client.get("/lab")
    boot = re.search(r'id="plughost-boot">(.*?)</script>', page.text)
    return json.loads(boot[1])["config"]


@pytest.mark.proves(
    "themesUrl", "translationsApiUrl", "licensesUrl", "settingsUrl", "workspacesApiUrl",
    "fullThemesUrl", "fullTranslationsApiUrl", "fullLicensesUrl", "fullSettingsUrl",
    "fullWorkspacesApiUrl", "appSettingsDir", "userSettingsDir", "workspacesDir", "news",
)  # fmt: skip
async def test_the_page_knows_addresses_and_folders(start, weather, config, jupyter_folders):
    async with start(plughost_settings, weather, base_url="/u/ada/") as (_, client):
        client.base += "/u/ada"
        values = await page_config(client)
        replies = [
            (await client.get(values[f"{name}Url"])).status
            for name in ("settings", "workspacesApi", "translationsApi", "licenses")
        ]
    urls = {
        "settingsUrl": "/lab/api/settings",
        "workspacesApiUrl": "/lab/api/workspaces",
        "translationsApiUrl": "/lab/api/translations",
        "themesUrl": "/lab/api/themes",
        "licensesUrl": "/lab/api/licenses",
    }
    assert replies == [200, 200, 200, 200]
    assert values == {
        **urls,
        **{f"full{key[0].upper()}{key[1:]}": f"/u/ada{url}" for key, url in urls.items()},
        "customStyleUrl": "",
        "appSettingsDir": str(jupyter_folders / "app/settings"),
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

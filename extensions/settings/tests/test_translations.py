"""`/lab/api/translations`: languages and their catalogues, never an error."""

import json
import sys

import pytest

import plughost_settings

AT = "/lab/api/translations"
FACTS = {"domain": "jupyterlab", "language": "xx", "plural_forms": "nplurals=2;", "version": "1"}


@pytest.fixture
def pack(install):
    """A language pack as they come from PyPI, which nobody may import."""
    site = install(
        "jupyterlab-language-pack-xx-YY",
        "jupyterlab.languagepack",
        {"xx_YY": "language_pack_xx_YY"},
        summary="JupyterLab Elvish (Moria) Language Pack",
    )
    folder = site / "language_pack_xx_YY/locale/xx_YY/LC_MESSAGES"
    folder.mkdir(parents=True)
    (site / "language_pack_xx_YY/__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "jupyterlab.json").write_text(json.dumps({"": FACTS, "Open": ["Mellon"]}))
    return folder


@pytest.mark.proves("GET /lab/api/translations")
async def test_languages_are_named_and_english_is_among_them(start, config, pack):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}?1763860000000")
    assert reply.status == 200
    assert reply.json["message"] == ""
    languages = reply.json["data"]
    assert languages["en"] == {"displayName": "English", "nativeName": "English"}
    assert languages["xx_YY"]["displayName"] == "Elvish (Moria)"
    assert "language_pack_xx_YY" not in sys.modules


@pytest.mark.proves("GET /lab/api/translations/{locale}")
@pytest.mark.parametrize("locale", ["xx_YY", "xx-YY"])
async def test_a_language_is_served_by_domain(start, config, pack, install, locale):
    site = install("herbs", "jupyterlab.locale", {"herbs": "herbs"})
    own = site / "herbs/locale/xx_YY/LC_MESSAGES"
    own.mkdir(parents=True)
    (own / "herbs.json").write_text(json.dumps({"Leaf": ["Las"]}))
    (own / "jupyterlab.json").write_text(json.dumps({"Open": ["Edro"], "Close": ["Holo"]}))
    (pack / "broken.json").write_text("{")
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}/{locale}")
    assert reply.json == {
        "data": {
            "herbs": {"Leaf": ["Las"]},
            "jupyterlab": {"": FACTS, "Open": ["Mellon"], "Close": ["Holo"]},
            "broken": {},
        },
        "message": "",
    }


@pytest.mark.parametrize(
    ("name", "value", "translated"),
    [("LANG", "xx_YY.UTF-8", True), ("LC_MESSAGES", "xx_YY@rune", True), ("LC_ALL", "C", False)],
)
async def test_the_default_is_the_language_of_the_environment(
    start, config, pack, monkeypatch, name, value, translated
):
    for variable in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    monkeypatch.setenv(name, value)
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}/default")
    assert ("jupyterlab" in reply.json["data"], reply.json["message"]) == (translated, "")


@pytest.mark.parametrize("locale", ["default", "en", "en_GB"])
async def test_english_needs_no_catalogue(start, config, locale):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}/{locale}")
    assert (reply.status, reply.json) == (200, {"data": {}, "message": ""})


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("xx_YY", "pip install jupyterlab-language-pack-xx-YY"),
        ("..", "'..' is not the name of a locale"),
        ("%2e%2e%2f", "'../' is not the name of a locale"),
    ],
)
async def test_a_language_that_is_not_there_is_explained(start, config, locale, said):
    async with start(plughost_settings) as (_, client):
        reply = await client.get(f"{AT}/{locale}")
    assert (reply.status, reply.json["data"]) == (200, {})
    assert said in reply.json["message"]


SCHEMA = {
    "title": "Theme",
    "description": "Theme",
    "jupyter.lab.setting-icon-label": "Theme",
    "jupyter.lab.menus": {"main": [{"label": "Theme", "items": [{"label": "Theme"}], "id": "a"}]},
    "jupyter.lab.toolbars": {"Notebook": [{"label": "Theme", "command": "Theme"}]},
    "definitions": {"x": {"title": "Theme", "properties": {"y": {"description": "Theme"}}}},
    "properties": {
        "a": {"title": "Theme", "description": "Nowhere", "default": "Theme"},
        "title": {"properties": {"b": {"title": "Theme", "enum": ["Theme"]}}},
    },
}
FRENCH = {
    "schema\x04Theme": ["Thème"],
    "settings\x04Theme": ["Thème du réglage"],
    "menu\x04Theme": ["Thème du menu"],
    "toolbar\x04Theme": ["Thème de la barre"],
    "Theme": ["sans contexte"],
}
LANGUAGE = "lab/user-settings/@jupyterlab/translation-extension/plugin.jupyterlab-settings"
SETTINGS = "/lab/api/settings"


@pytest.fixture
def french(pack):
    """The pack with what stands in setting schemas."""
    (pack / "jupyterlab.json").write_text(json.dumps(FRENCH))
    return pack


@pytest.fixture
def speak(config):
    """Set the workbench's language, as its menu does."""

    def set_to(locale):
        path = config / LANGUAGE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"locale": locale}) + " // by hand")

    return set_to


async def schema_of(client, plugin):
    """A schema, the same in the list and alone."""
    alone = (await client.get(f"{SETTINGS}/{plugin}")).json["schema"]
    listed = (await client.get(SETTINGS)).json["settings"]
    assert [entry["schema"] for entry in listed if entry["id"] == plugin] == [alone]
    return alone


@pytest.mark.proves("GET /lab/api/settings", "GET /lab/api/settings/{id}")
async def test_schemas_come_in_the_language_that_is_set(start, weather, french, speak):
    weather.write("schemas/@tea/theme/plugin.json", SCHEMA)
    speak("xx_YY")
    async with start(plughost_settings, weather) as (_, client):
        schema = await schema_of(client, "@tea/theme:plugin")
    assert schema == {
        "title": "Thème",
        "description": "Thème",
        "jupyter.lab.setting-icon-label": "Thème du réglage",
        "jupyter.lab.menus": {
            "main": [{"label": "Thème du menu", "items": [{"label": "Thème du menu"}], "id": "a"}]
        },
        "jupyter.lab.toolbars": {"Notebook": [{"label": "Thème de la barre", "command": "Theme"}]},
        "definitions": {
            "x": {"title": "Theme", "properties": {"y": {"description": "Thème du réglage"}}}
        },
        "properties": {
            "a": {"title": "Thème du réglage", "description": "Nowhere", "default": "Theme"},
            "title": {"properties": {"b": {"title": "Thème du réglage", "enum": ["Theme"]}}},
        },
    }


async def test_a_schema_can_name_its_own_catalogue_and_further_texts(start, weather, french, speak):
    own = {"domain": "tea-herbs", "selectors": ["boxes/.*/name", "(", "(?i)x", 1, "(?P<own>y)"]}
    texts = {"title": "Leaf", "boxes": {"a": {"name": "Leaf"}}, "x": "Leaf", "y": "Leaf"}
    weather.write(
        "schemas/@tea/herbs/plugin.json", {**texts, "jupyter.lab.internationalization": own}
    )
    (french / "tea_herbs.json").write_text(json.dumps({"schema\x04Leaf": ["Feuille"]}))
    speak("xx-YY")
    async with start(plughost_settings, weather) as (_, client):
        schema = await schema_of(client, "@tea/herbs:plugin")
    assert schema["title"] == "Feuille"
    assert schema["boxes"] == {"a": {"name": "Feuille"}}
    assert schema["jupyter.lab.internationalization"] == own


async def test_the_language_changes_with_the_setting_and_the_pack(start, weather, french, speak):
    weather.write("schemas/@tea/theme/plugin.json", {"title": "Theme"})

    async def title():
        return (await schema_of(client, "@tea/theme:plugin"))["title"]

    async with start(plughost_settings, weather) as (_, client):
        titles = [await title()]
        speak("xx_YY")
        titles.append(await title())
        (french / "jupyterlab.json").write_text(json.dumps({"schema\x04Theme": ["Autre"]}))
        titles.append(await title())
        speak("zz_ZZ")
        titles.append(await title())
        speak(["xx_YY"])
        titles.append(await title())
    assert titles == ["Theme", "Thème", "Autre", "Theme", "Theme"]


async def test_an_administrator_sets_the_language_until_a_person_does(
    start, weather, french, speak, app_settings
):
    weather.write("schemas/@tea/theme/plugin.json", {"title": "Theme"})
    plugin = "@jupyterlab/translation-extension:plugin"
    (app_settings / "overrides.json").write_text(json.dumps({plugin: {"locale": "xx_YY"}}))
    async with start(plughost_settings, weather) as (_, client):
        theirs = (await schema_of(client, "@tea/theme:plugin"))["title"]
        speak("en")
        own = (await schema_of(client, "@tea/theme:plugin"))["title"]
    assert (theirs, own) == ("Thème", "Theme")


async def test_the_environments_language_is_the_default_for_schemas_too(
    start, weather, config, french, monkeypatch
):
    for variable in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    weather.write("schemas/@tea/theme/plugin.json", {"title": "Theme"})
    async with start(plughost_settings, weather) as (_, client):
        assert (await schema_of(client, "@tea/theme:plugin"))["title"] == "Thème"


async def test_what_is_saved_is_judged_by_the_schema_as_it_was_written(
    start, weather, french, speak
):
    weather.write("schemas/@tea/theme/plugin.json", {**SCHEMA, "additionalProperties": False})
    speak("xx_YY")
    async with start(plughost_settings, weather) as (_, client):
        good = await client.put(f"{SETTINGS}/@tea/theme:plugin", {"raw": '{"a": "Theme"}'})
        bad = await client.put(f"{SETTINGS}/@tea/theme:plugin", {"raw": '{"Theme": 1}'})
    assert (good.status, bad.status) == (204, 400)


async def test_a_pack_that_is_installed_meanwhile_is_there(start, config, install):
    async with start(plughost_settings) as (_, client):
        before = (await client.get(AT)).json["data"]
        site = install("late-pack", "jupyterlab.languagepack", {"vv_VV": "late_pack"})
        (site / "late_pack").mkdir()
        after = (await client.get(AT)).json["data"]
    assert ("vv_VV" in before, "vv_VV" in after) == (False, True)


async def test_a_distribution_without_metadata_hides_no_language(start, config, pack, tmp_path):
    (pack.parents[3] / "broken-1.0.dist-info").mkdir()
    async with start(plughost_settings) as (_, client):
        reply = await client.get(AT)
    assert (reply.status, "xx_YY" in reply.json["data"]) == (200, True)

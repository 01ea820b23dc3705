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

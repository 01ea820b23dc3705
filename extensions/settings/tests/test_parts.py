"""Themes, licences and the person's own style sheet."""

import pytest

import plughost_settings

LICENSES = {
    "packages": [
        {
            "name": "leaf",
            "versionInfo": "1.0",
            "licenseId": "MIT",
            "extractedText": "Do as you like,\nbut keep this.",
        }
    ]
}


@pytest.mark.proves("GET /lab/api/themes/{package}/{file}")
async def test_a_theme_is_served_with_what_it_refers_to(start, weather, config):
    weather.write("themes/@tea/dark/index.css", "body { background: url(leaf.svg) }")
    weather.write("themes/@tea/dark/leaf.svg", "<svg/>")
    async with start(plughost_settings, weather) as (_, client):
        css = await client.get("/lab/api/themes/@tea/dark/index.css")
        svg = await client.get("/lab/api/themes/@tea/dark/leaf.svg")
        again = await client.get(
            "/lab/api/themes/@tea/dark/index.css", headers={"If-None-Match": css.headers["ETag"]}
        )
        head = await client.request("HEAD", "/lab/api/themes/@tea/dark/index.css")
    assert (css.text, css.headers["Content-Type"]) == (
        "body { background: url(leaf.svg) }",
        "text/css",
    )
    assert (svg.status, again.status, head.status, head.body) == (200, 304, 200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "@tea/dark/none.css",
        "@tea/light/index.css",
        "@tea/dark/..%2f..%2f..%2fplughost.json",
        "%2e%2e/plughost.json",
        "@tea/dark/../../../plughost.json",
    ],
)
async def test_nothing_but_themes_is_served_as_a_theme(start, weather, config, path):
    weather.write("themes/@tea/dark/index.css", "")
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(f"/lab/api/themes/{path}")
    assert reply.status in (403, 404)
    assert "format" not in reply.text


@pytest.mark.proves("GET /lab/api/licenses/")
async def test_licences_are_listed_by_frontend(start, weather, config):
    weather.write("third-party-licenses.json", LICENSES)
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get("/lab/api/licenses/?1763860000000")
        short = await client.get("/lab/api/licenses/?full_text=0&bundles=@tea/.*")
        none = await client.get("/lab/api/licenses/?bundles=other")
        table = await client.get("/lab/api/licenses/?format=csv&download=1")
        text = await client.get("/lab/api/licenses/?format=markdown")
    assert reply.json == {"bundles": {"@tea/weather": LICENSES}}
    leaf = {"name": "leaf", "versionInfo": "1.0", "licenseId": "MIT"}
    assert short.json == {"bundles": {"@tea/weather": {"packages": [leaf]}}}
    assert none.json == {"bundles": {}}
    assert table.headers["Content-Disposition"] == "attachment; filename=plughost-licenses.csv"
    assert table.text.splitlines()[1:] == [
        'leaf,1.0,MIT,"Do as you like,',
        'but keep this.",@tea/weather',
    ]
    assert "### leaf 1.0\n\nMIT\n\n    Do as you like,\n    but keep this." in text.text


@pytest.mark.parametrize("query", ["format=pdf", "bundles=("])
async def test_licences_of_an_unknown_kind_are_refused(start, weather, config, query):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(f"/lab/api/licenses/?{query}")
    assert (reply.status, bool(reply.json["hint"])) == (400, True)


@pytest.mark.proves("GET /custom/custom.css")
async def test_the_persons_own_style_sheet_is_served(start, config):
    async with start(plughost_settings) as (_, client):
        before = await client.get("/custom/custom.css")
        (config / "custom").mkdir()
        (config / "custom/custom.css").write_text("body {}")
        after = await client.get("/custom/custom.css")
    assert (before.status, before.text) == (200, "")
    assert (after.text, after.headers["Content-Type"]) == ("body {}", "text/css; charset=UTF-8")

"""The weather and its neighbours, with real requests to a real host."""

import json

import pytest

import plughost_advice
import plughost_drizzle
import plughost_frost
import plughost_weather

FORECASTS = "plughost_weather.forecasts.Forecasts"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "forecasts.json").write_text(json.dumps({"Oslo": "Snow.", "Rome": "Sun."}))
    return folder


async def test_a_forecast_comes_with_the_warnings_of_others(start, root):
    async with start(plughost_weather, plughost_frost, root=root) as (_, client):
        oslo = await client.get("/weather/api/forecasts/Oslo")
        rome = await client.get("/weather/api/forecasts/Rome")
    assert oslo.json == {"forecast": "Snow.", "warnings": {"frost": ["Black ice on the bridges."]}}
    assert rome.json == {"forecast": "Sun.", "warnings": {"frost": []}}


async def test_an_unknown_place_is_not_found_and_the_known_ones_are_named(start, root):
    async with start(plughost_weather, root=root) as (_, client):
        reply = await client.get("/weather/api/forecasts/Atlantis")
    assert (reply.status, reply.json["message"], reply.json["hint"]) == (
        404,
        "There is no forecast for 'Atlantis'.",
        "Places: Oslo, Rome.",
    )


async def test_monitoring_needs_no_token_and_a_forecast_does(start, root):
    async with start(plughost_weather, root=root) as (_, client):
        health = await client.get("/weather/api/health", token=None)
        forecast = await client.get("/weather/api/forecasts/Oslo", token=None)
    assert (health.status, forecast.status) == (200, 403)


async def test_settings_come_from_the_extensions_own_table(start, root):
    (root / "other.json").write_text(json.dumps({"Lima": "Fog."}))
    async with start(
        plughost_weather, root=root, extensions={"weather": {"file": "other.json"}}
    ) as (host, client):
        await host.settle()
        reply = await client.get("/api/status")
    assert reply.json["forecasts"] == 1


async def test_without_its_file_it_fails_and_says_so(start):
    async with start(plughost_weather) as (host, client):
        await host.settle()
        record = (await client.get("/plughost/api/extensions/weather")).json
        reply = await client.get("/weather/api/forecasts/Oslo")
    assert (record["state"], record["phase"]) == ("failed", "start")
    assert "forecasts.json" in record["error"]
    assert (reply.status, reply.headers["Retry-After"]) == (503, "60")


async def test_advice_waits_for_the_forecasts_it_requires(start, root):
    async with start(plughost_advice, root=root) as (host, client):
        await host.settle()
        alone = (await client.get("/plughost/api/extensions/advice")).json
        await host.replace("weather", plughost_weather)
        reply = await client.get("/advice/api/Oslo")
        together = (await client.get("/plughost/api/extensions/advice")).json
    assert (alone["state"], alone["waitingFor"]) == ("waiting", [FORECASTS])
    assert (together["state"], together["requires"]) == ("active", [FORECASTS])
    assert reply.json == {"wear": "a hat"}


async def test_the_configuration_chooses_between_two_providers(start, root):
    chosen = {"services": {FORECASTS: "drizzle"}}
    async with start(plughost_drizzle, plughost_weather, plughost_advice, root=root, **chosen) as (
        host,
        client,
    ):
        await host.settle()
        forecast = await client.get("/weather/api/forecasts/Rome")
        wear = await client.get("/advice/api/Rome")
        provides = host.records["weather"].provides
    assert forecast.json["forecast"] == "Some rain in Rome."
    assert wear.json == {"wear": "a coat"}
    assert provides == {FORECASTS: "drizzle"}


async def test_disabling_stops_whoever_needs_it_and_enabling_brings_both_back(start, root):
    one = "/plughost/api/extensions/weather"
    async with start(plughost_weather, plughost_advice, root=root) as (host, client):
        await host.settle()
        off = (await client.patch(one, {"enabled": False})).json
        gone = await client.get("/weather/api/forecasts/Oslo")
        waiting = host.records["advice"].state.value
        await host.replace("weather", plughost_weather)
        back = await client.get("/advice/api/Oslo")
    assert (off["state"], gone.status, waiting) == ("disabled", 404, "waiting")
    assert back.status == 200

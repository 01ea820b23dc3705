"""What a page asks for at its start, collected in one call."""

import asyncio
import json

import pytest

import plughost_settings
from plughost import hookimpl

PATIENCE = 60.0
"""Seconds: what can be had is had, however busy the machine is."""
STARTUP = "plughost_settings.startup.StartupData"
LANGUAGE = "@jupyterlab/translation-extension/plugin.jupyterlab-settings"


class Kettle:
    """An extension that adds answers, not all of which can be had."""

    def __init__(self, answers):
        self.answers = answers

    @hookimpl
    def settings_startup(self):
        return self.answers


async def boiling():
    return {"°C": [100]}


async def broken():
    raise RuntimeError("no water")


async def slow():
    await asyncio.sleep(1000)


def not_a_coroutine():
    return 1


async def not_json():
    return object()


async def test_each_answer_is_what_its_request_is_answered_with(start, weather, config):
    path = config / "lab/user-settings/@tea/weather/plugin.jupyterlab-settings"
    path.parent.mkdir(parents=True)
    path.write_text('{"unit": "F"} // at home')
    workspace = {"data": {"x": [1]}, "metadata": {"id": "my work"}}
    async with start(plughost_settings, weather) as (host, client):
        await client.put("/lab/api/workspaces/my%20work", workspace)
        await client.patch("/api/config/jupyterlabapputilsextensionannouncements", {"a": 1})
        collected = await host.service(STARTUP).collect(workspace="my work", patience=PATIENCE)
        replies = {path: await client.get(f"{path}?1763860000000") for path in collected}
    assert sorted(collected) == [
        "/api/config/jupyterlabapputilsextensionannouncements",
        "/lab/api/settings",
        "/lab/api/translations",
        "/lab/api/translations/default",
        "/lab/api/workspaces",
        "/lab/api/workspaces/my%20work",
    ]
    assert {path: reply.status for path, reply in replies.items()} == dict.fromkeys(collected, 200)
    assert {path: reply.body for path, reply in replies.items()} == collected


async def test_another_apps_answers_have_its_addresses(start, weather, config):
    async with start(plughost_settings, weather) as (host, _):
        collected = await host.service(STARTUP).collect("/board", patience=PATIENCE)
    assert "/board/api/workspaces/default" in collected
    assert not any(path.startswith("/lab") for path in collected)


async def test_the_language_that_the_person_has_set_is_the_one_that_is_asked_for(start, config):
    path = config / "lab/user-settings" / LANGUAGE
    path.parent.mkdir(parents=True)
    path.write_text('{"locale": "xx_YY"}')
    async with start(plughost_settings) as (host, client):
        collected = await host.service(STARTUP).collect(patience=PATIENCE)
        reply = await client.get("/lab/api/translations/xx_YY")
    assert collected["/lab/api/translations/xx_YY"] == reply.body


async def test_hook_settings_startup(start, config):
    kettle = Kettle([("/kettle/api/water", boiling)])
    async with start(plughost_settings, kettle) as (host, _):
        collected = await host.service(STARTUP).collect(patience=PATIENCE)
        assert json.loads(collected["/kettle/api/water"]) == {"°C": [100]}
        assert not host.records["Kettle"].notes


@pytest.mark.parametrize(
    "answer",
    [
        ("/kettle/api/x", broken),
        ("/kettle/api/x", not_a_coroutine),
        ("/kettle/api/x", not_json),
        ("/kettle/api/x",),
        ("/kettle/api/x", None),
        (),
        (1, boiling),
    ],
)
async def test_an_answer_that_cannot_be_had_leaves_the_others(start, config, caplog, answer):
    kettle = Kettle([answer, ("/kettle/api/water", boiling)])
    async with start(plughost_settings, kettle) as (host, _):
        collected = await host.service(STARTUP).collect(patience=PATIENCE)
    assert "/kettle/api/water" in collected
    assert "/lab/api/settings" in collected
    assert "/kettle/api/x" not in collected
    assert "A page goes without" in caplog.text


async def test_a_slow_answer_is_not_waited_for(start, config):
    kettle = Kettle([("/kettle/api/x", slow), ("/kettle/api/water", boiling)])
    async with start(plughost_settings, kettle) as (host, _):
        collected = await asyncio.wait_for(host.service(STARTUP).collect(), 60)
    assert "/kettle/api/water" in collected
    assert "/kettle/api/x" not in collected


async def test_an_extension_cannot_answer_in_the_place_of_settings(start, weather, config):
    kettle = Kettle([("/lab/api/settings", boiling)])
    async with start(plughost_settings, weather, kettle) as (host, client):
        collected = await host.service(STARTUP).collect(patience=PATIENCE)
        reply = await client.get("/lab/api/settings")
    assert collected["/lab/api/settings"] == reply.body

"""Pages with an `appUrl` of their own: the same services below another address."""

import json
import re

import pytest

import plughost_settings
from plughost import JSONHandler, Page, PageConfig, Route, hookimpl

APPS = "plughost_settings.apps.Apps"
WEATHER = "@tea/weather:plugin"


class Board:
    """A stranger's page whose JupyterLab packages look for their services at `/board`."""

    url = "/board"

    @hookimpl
    def plughost_pages(self):
        return [Page("board", "/board", url="/board", title="Board")]

    @hookimpl
    def plughost_routes(self, host):
        return host.service(APPS).routes(self.url)

    @hookimpl
    def plughost_page_config(self, host):
        apps = host.service(APPS)
        return [PageConfig("board", lambda visit: apps.page_config(self.url))]


class Other:
    """A stranger's extension with an address that only looks like an app's."""

    class Answer(JSONHandler):
        def get(self):
            self.reply("other")

    @hookimpl
    def plughost_routes(self):
        return [Route(r"/other/api/settings", self.Answer), Route(r"/lab/api/plugins", self.Answer)]


async def page_config(client, path):
    boot = re.search(r'id="plughost-boot">(.*?)</script>', (await client.get(path)).text)
    return json.loads(boot[1])["config"]


async def test_an_app_finds_its_services_below_its_own_address(start, weather, config):
    weather.write("themes/@tea/dark/index.css", "body {}")
    async with start(plughost_settings, weather, Board(), base_url="/u/") as (_, client):
        client.base += "/u"
        values = await page_config(client, "/board")
        assert (values["appUrl"], values["fullAppUrl"]) == ("/board", "/u/board")
        replies = {
            path: (await client.get(values["appUrl"] + path)).status
            for path in (
                "/api/settings",
                f"/api/settings/{WEATHER}",
                "/api/workspaces",
                "/api/workspaces/default",
                "/api/translations",
                "/api/translations/default",
                "/api/licenses/",
                "/api/listings/@jupyterlab/extensionmanager-extension/listings.json",
            )
        }
        replies["theme"] = (await client.get(f"{values['themesUrl']}/@tea/dark/index.css")).status
    assert set(replies.values()) == {200}, replies


async def test_apps_share_the_persons_settings_and_each_has_its_own_workspaces(
    start, weather, config
):
    body = {"data": {"of": "board"}, "metadata": {"id": "default"}}
    async with start(plughost_settings, weather, Board()) as (_, client):
        await client.put(f"/board/api/settings/{WEATHER}", {"raw": '{"unit": "F"}'})
        await client.put("/board/api/workspaces/default", body)
        settings = (await client.get(f"/lab/api/settings/{WEATHER}")).json["settings"]
        lab = (await client.get("/lab/api/workspaces")).json["workspaces"]["ids"]
        board = (await client.get("/board/api/workspaces")).json["workspaces"]["ids"]
        folder = (await page_config(client, "/board"))["workspacesDir"]
    assert (settings, lab, board) == ({"unit": "F"}, [], ["default"])
    assert folder == str(config / "lab/workspaces/board")
    assert (config / "lab/workspaces/board/default-37a8.jupyterlab-workspace").is_file()


async def test_nobody_elses_address_is_taken(start, config):
    async with start(plughost_settings, Other()) as (_, client):
        replies = [await client.get(path) for path in ("/other/api/settings", "/lab/api/plugins")]
        unknown = await client.get("/board/api/settings")
    assert [reply.json for reply in replies] == ["other", "other"]
    assert unknown.status == 404


async def test_an_app_comes_when_the_settings_do_and_goes_with_them(start, config):
    async with start(Board()) as (host, client):
        waiting = (await client.get("/board/api/settings")).status
        await host.replace("settings", plughost_settings)
        there = (await client.get("/board/api/settings")).status
    assert (waiting, there) == (404, 200)


@pytest.mark.parametrize("url", ["board", "/board/", "", "/", "/../x", "/a//b", "/(.*)"])
async def test_an_address_that_cannot_be_an_apps_is_refused(start, config, url):
    board = Board()
    board.url = url
    async with start(plughost_settings, board) as (host, _):
        assert f"{url!r} cannot be the `appUrl` of a page." in str(host.records["Board"].error)


async def test_a_dot_in_an_address_is_a_dot(start, config):
    board = Board()
    board.url = "/board.v2/x"
    async with start(plughost_settings, board) as (_, client):
        right = await client.get("/board.v2/x/api/workspaces")
        wrong = await client.get("/board-v2/x/api/workspaces")
    assert (right.status, wrong.status) == (200, 404)

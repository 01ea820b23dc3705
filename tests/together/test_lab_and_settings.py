"""Extensions that do not know each other agree on where things are."""

from __future__ import annotations

import json
import re

import plughost_lab
import plughost_settings


def page_config(text):
    return json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', text)[1])


async def test_settings_answer_where_the_page_looks_for_them(start):
    async with start(plughost_lab, plughost_settings) as (_, client):
        values = page_config((await client.get("/lab")).text)
        replies = {
            path: (await client.get(values["appUrl"] + path)).status
            for path in ("/api/settings", "/api/workspaces", "/api/translations", "/api/licenses/")
        }
    assert set(replies.values()) == {200}, replies


async def test_the_page_links_the_persons_style_sheet_when_settings_offer_it(start):
    wanted = {"settings": {"custom_css": True}}
    async with start(plughost_lab, plughost_settings, extensions=wanted) as (_, client):
        html = (await client.get("/lab")).text
        href = re.search(r'<link rel="stylesheet" href="([^"]*custom.css)">', html)[1]
        reply = await client.get(href)
    assert (href, reply.status) == ("/custom/custom.css", 200)

"""The description of all routes, made from the route table."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from tornado.web import RequestHandler

import plughost_observe
from plughost import JSONHandler, Route, WebSocketHandler, hookimpl
from plughost_observe.path_templates import templates_of


class Cup(JSONHandler):
    """`/tea/api/cups/<number>`: one cup of tea.

    It is hot.
    """

    openapi: ClassVar = {
        "get": {
            "parameters": [{"name": "sugar", "in": "query", "schema": {"type": "integer"}}],
            "responses": {"200": {"description": "A cup."}},
        }
    }

    def get(self, number):
        self.reply({"cup": number})

    def put(self, number):
        """Fill it again."""
        self.reply(None, status=204)


class Steam(WebSocketHandler):
    """What rises from it."""


class Old(RequestHandler):
    """A page of times gone by."""

    def get(self):
        self.finish("tea")


class Tea:
    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/tea/api/cups/(?P<number>\d+)", Cup),
            Route(r"/tea/api/steam", Steam, public=True),
            Route(r"/tea(?:/old)?", Old),
        ]


async def described(start, *plugins, **settings):
    async with start(plughost_observe, *plugins, **settings) as (host, client):
        await host.settle()
        base = settings.get("base_url", "/").rstrip("/")
        reply = await client.get(f"{base}/plughost/api/openapi.json")
        routes = [route.pattern for route in host.routes]
    return reply.json, routes


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        (r"/", ["/"]),
        (r"/custom/custom\.css", ["/custom/custom.css"]),
        (r"/api/contents(?:/(?P<path>.*))?", ["/api/contents/{path}", "/api/contents"]),
        (r"/api/notebooks(?P<path>/.*)?", ["/api/notebooks/{path}", "/api/notebooks"]),
        (r"/lab/api/licenses/?", ["/lab/api/licenses/", "/lab/api/licenses"]),
        (r"/lab(?P<rest>(?:/tree/.*)?)", ["/lab{rest}"]),
        (r"/(?:a|b)/c", ["/a/c", "/b/c"]),
        (r"/(?P<file>favicon\.ico)", ["/favicon.ico"]),
        (r"/k/(?P<id>\w+)/(?P<do>stop|go)", ["/k/{id}/stop", "/k/{id}/go"]),
        (r"/x/[a-z]+", ["/x/{part1}"]),
        (r"/x/\w+/y", ["/x/{part1}/y"]),
        (r"/x(?!y)", ["/x"]),
    ],
)
def test_a_pattern_becomes_the_paths_it_stands_for(pattern, paths):
    assert [template.path for template in templates_of(pattern)] == paths


@pytest.mark.parametrize(
    ("group", "schema"),
    [
        (r"[^/]+", {"type": "string"}),
        (r"\d{4}", {"type": "string", "pattern": r"^(?:\d{4})$"}),
    ],
)
def test_a_group_becomes_a_parameter_with_its_values(group, schema):
    (template,) = templates_of(f"/x/(?P<which>{group})")
    assert (template.path, template.parameters) == ("/x/{which}", {"which": schema})


async def test_a_handler_is_described_by_what_it_does_and_says(start):
    description, _ = await described(start, Tea())
    cup = description["paths"]["/tea/api/cups/{number}"]
    assert description["openapi"] == "3.1.0"
    assert set(cup) == {"x-plughost-routes", "parameters", "get", "put"}
    assert (cup["get"]["summary"], cup["get"]["description"]) == ("One cup of tea.", "It is hot.")
    assert cup["put"]["summary"] == "Fill it again."
    assert cup["get"]["tags"] == ["Tea"]
    assert cup["get"]["parameters"][0]["name"] == "sugar"
    assert set(cup["get"]["responses"]) == {"2XX", "200", "3XX", "4XX", "5XX"}
    error = cup["get"]["responses"]["4XX"]["content"]["application/json"]["schema"]
    assert error == {"$ref": "#/components/schemas/Error"}
    assert "requestBody" in cup["put"]


async def test_who_may_ask_is_described(start):
    description, _ = await described(start, Tea())
    paths = description["paths"]
    schemes = description["components"]["securitySchemes"]
    assert set(schemes) == {"tokenHeader", "bearer", "tokenQuery", "cookie"}
    assert description["security"] == [{name: []} for name in schemes]
    assert paths["/tea/api/steam"]["get"]["security"] == []
    assert "security" not in paths["/tea/api/cups/{number}"]["get"]


async def test_websockets_and_handlers_of_tornado_are_described_as_they_answer(start):
    description, _ = await described(start, Tea())
    paths = description["paths"]
    assert "101" in paths["/tea/api/steam"]["get"]["responses"]
    assert "*/*" in paths["/tea"]["get"]["responses"]["4XX"]["content"]
    assert paths["/tea"]["get"]["summary"] == "A page of times gone by."


async def test_every_route_is_described_and_each_operation_has_a_name_of_its_own(start):
    description, routes = await described(start, Tea())
    paths = description["paths"]
    assert {p for item in paths.values() for p in item["x-plughost-routes"]} == set(routes)
    operations = [item[verb] for item in paths.values() for verb in item if verb in VERBS]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)


VERBS = {"get", "head", "post", "put", "patch", "delete"}


async def test_what_comes_and_goes_is_described_as_it_is(start):
    async with start(plughost_observe) as (host, client):
        before = (await client.get("/plughost/api/openapi.json")).json
        host.add("tea", Tea())
        after = (await client.get("/plughost/api/openapi.json")).json
    assert "/tea/api/steam" not in before["paths"]
    assert after["paths"]["/tea/api/steam"]["get"]["tags"] == ["tea"]


async def test_paths_are_below_the_base_url(start):
    description, _ = await described(start, Tea(), base_url="/user/ada/")
    assert description["servers"] == [{"url": "/user/ada"}]
    assert "/tea" in description["paths"]


@pytest.mark.proves("GET /api/spec.yaml")
async def test_the_description_is_also_where_jupyter_has_it(start):
    async with start(plughost_observe) as (_, client):
        ours = await client.get("/plughost/api/openapi.json")
        theirs = await client.get("/api/spec.yaml")
        refused = await client.get("/api/spec.yaml", token=None)
    assert theirs.headers["Content-Type"] == "text/x-yaml; charset=UTF-8"
    assert json.loads(theirs.body) == ours.json
    assert refused.status == 403

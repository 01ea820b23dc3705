"""Every route as OpenAPI 3.1 describes it, made from the route table as it is.

A handler's docstrings say what its methods are for. What they cannot say, such as query
arguments, a handler says in a class attribute, which is put over what is found out:

    class ForecastHandler(JSONHandler):
        openapi = {"get": {"parameters": [{"name": "days", "in": "query", …}]}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

from plughost import Handler, Host, JSONHandler, Route, __version__
from plughost_observe.path_templates import Template, templates_of

VERSION = "3.1.0"
CORE = "plughost"
VERBS = ("get", "head", "post", "put", "patch", "delete")
"""OPTIONS is answered by the host for every path of programs (CORS)."""

_ADDRESS = re.compile(r"^`[^`]*`(?:\s*(?:,|and|or)\s*`[^`]*`)*:\s*")
_API = re.compile(r"/api(?:/|$)")

_JSON: dict[str, Any] = {"application/json": {"schema": {}}}
_ANYTHING: dict[str, Any] = {"*/*": {"schema": {}}}
_ERROR: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Error"}}

COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Error": {
            "type": "object",
            "description": "What was wrong, and what to do next; some errors add facts.",
            "required": ["message", "reason"],
            "properties": {
                "message": {"type": "string", "description": "What was wrong, in a sentence."},
                "reason": {
                    "type": ["string", "null"],
                    "description": "A short word for programs, where there is one.",
                },
                "hint": {"type": "string", "description": "The next step for a person."},
            },
        }
    },
    "securitySchemes": {
        "tokenHeader": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: token …`, with the token that the server printed.",
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "The same token."},
        "tokenQuery": {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "The same token; a page takes it out of the address.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "username-127-0-0-1-8888",
            "description": "What a page sets for a browser that came with the token, or logged "
            "in; named after host and port. It counts for requests that our own pages cause.",
        },
    },
}


def describe(host: Host) -> dict[str, Any]:
    """An OpenAPI document of everything that a host answers."""
    owners = {id(route): name for name, offers in host.offers.items() for route in offers.routes}
    pages = {page.pattern: name for name, offers in host.offers.items() for page in offers.pages}
    paths: dict[str, dict[str, Any]] = {}
    known: dict[str, str] = {}
    ids: dict[str, int] = {}
    for route in host.routes:
        owner = owners.get(id(route)) or pages.get(route.pattern, CORE)
        for template in templates_of(route.pattern):
            # Names do not tell templates apart; the first route that fits answers.
            same = re.sub(r"\{\w+\}", "{}", template.path)
            path = known.setdefault(same, template.path)
            if path in paths:
                paths[path]["x-plughost-routes"].append(route.pattern)
            else:
                paths[path] = _path_item(route, template, owner, ids)
    return {
        "openapi": VERSION,
        "info": {
            "title": CORE,
            "version": __version__,
            "description": "Every route of this server, of the host and of each extension, as "
            "they are at this moment. A tag is the name of the extension that answers.",
        },
        "servers": [{"url": host.config.base_url.rstrip("/") or "/"}],
        "tags": [{"name": name} for name in dict.fromkeys([CORE, *host.offers])],
        "security": [{name: []} for name in COMPONENTS["securitySchemes"]],
        "paths": paths,
        "components": COMPONENTS,
    }


def _path_item(route: Route, template: Template, owner: str, ids: dict[str, int]) -> dict[str, Any]:
    item: dict[str, Any] = {"x-plughost-routes": [route.pattern]}
    if template.parameters:
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in template.parameters.items()
        ]
    for verb, method in _methods(route.handler):
        operation = _operation(route, verb, method, is_api=bool(_API.search(template.path)))
        name = f"{owner}_{route.handler.__name__}_{verb}".replace("-", "_")
        ids[name] = ids.get(name, 0) + 1
        if ids[name] > 1:
            name = f"{name}_{ids[name]}"
        item[verb] = {"operationId": name, "tags": [owner], **operation}
    return item


def _methods(handler: type[RequestHandler]) -> Iterator[tuple[str, Any]]:
    """The methods that a handler implements, by their names in lower case."""
    for verb in VERBS:
        method = getattr(handler, verb, None)
        if method is not None and method is not getattr(RequestHandler, verb):
            yield verb, method


def _operation(route: Route, verb: str, method: Any, *, is_api: bool) -> dict[str, Any]:
    handler = route.handler
    summary, rest = _told(handler, method)
    operation: dict[str, Any] = {"summary": summary}
    if rest:
        operation["description"] = rest
    if issubclass(handler, WebSocketHandler):
        operation["x-websocket"] = True
        operation["responses"] = {
            "101": {"description": "The WebSocket is open (RFC 6455)."},
            "3XX": {"description": "Elsewhere: a slash at the end is taken away, for one."},
        }
    else:
        operation["responses"] = _answers(handler, verb)
    operation["responses"] |= _failures(handler, is_api=is_api)
    if verb in ("post", "put", "patch"):
        content = _JSON if issubclass(handler, JSONHandler) else _ANYTHING
        operation["requestBody"] = {"content": content}
    if route.public:
        operation["security"] = []
    _merge(operation, (getattr(handler, "openapi", None) or {}).get(verb, {}))
    return operation


def _answers(handler: type[RequestHandler], verb: str) -> dict[str, Any]:
    content = _JSON if issubclass(handler, JSONHandler) else _ANYTHING
    answers: dict[str, Any] = {"2XX": {"description": "Done.", "content": content}}
    if verb == "head":
        answers["2XX"] = {"description": "Done."}
    elif issubclass(handler, JSONHandler) and verb != "get":
        answers["204"] = {"description": "Done; there is nothing to say."}
    if verb in ("get", "head") or not issubclass(handler, JSONHandler):
        answers["3XX"] = {"description": "Not modified, or elsewhere."}
    return answers


def _failures(handler: type[RequestHandler], *, is_api: bool) -> dict[str, Any]:
    if not issubclass(handler, Handler):
        content: dict[str, Any] = _ANYTHING
    elif is_api:
        content = {"application/json": _ERROR}
    else:
        # A page for a person; but a part of the path may say that a program asks, or an
        # upgrade to a WebSocket.
        content = {"text/html": {"schema": {"type": "string"}}, "application/json": _ERROR}
    return {
        "4XX": {"description": "The request cannot be answered as it is.", "content": content},
        "5XX": {"description": "The server cannot answer, or not yet.", "content": content},
    }


def _told(handler: type[RequestHandler], method: Any) -> tuple[str, str]:
    """The first sentence of what is written about a method, or its class, and the rest."""
    text = method.__doc__ or ""
    if not text or method.__module__.startswith("tornado."):
        text = str(vars(handler).get("__doc__") or "")
    first, _, rest = text.strip().partition("\n\n")
    summary = _ADDRESS.sub("", " ".join(first.split()))
    return summary[:1].upper() + summary[1:] or handler.__name__, rest.strip()


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            into[key] = {**into[key]}
            _merge(into[key], value)
        else:
            into[key] = value

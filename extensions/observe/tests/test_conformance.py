"""Every route answers as its description says, whatever it is sent: schemathesis tries."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from plughost.testing import TOKEN

EXAMPLES = 5
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

LEFT_OUT = {
    "POST /api/shutdown": "it ends the server",
    "POST /api/kernels": "each example would start a process",
    "POST /api/sessions": "each example would start a process",
    "POST /api/terminals": "each example would start a process",
}


def asked(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


@pytest.fixture
def url(served) -> Iterator[str]:
    """A server with every extension, all of them active."""
    server = served()
    base = server.client.base
    while asked(f"{base}/api/status")["loading"]:
        pass
    yield base
    assert server.process.poll() is None, "whatever it was sent, it still runs"


def tried(operation: Any, url: str) -> None:
    """Send examples that fit the description. Raises FailureGroup for an answer that does not."""

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=url,
            headers={"Authorization": f"token {TOKEN}"},
            checks=CHECKS,
            allow_redirects=False,
            timeout=60,
        )

    ask()


def test_every_operation_answers_as_it_is_described(url):
    schema = schemathesis.openapi.from_dict(asked(f"{url}/plughost/api/openapi.json"))
    found = {}
    asked_for = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.label in LEFT_OUT:
            continue
        asked_for += 1
        try:
            tried(operation, url)
        except FailureGroup as failures:
            found[operation.label] = [str(each) for each in failures.exceptions]
    assert found == {}
    assert asked_for > 60


async def test_every_route_of_a_whole_server_is_described(served):
    client = served().client
    while (await client.get("/api/status")).json["loading"]:
        pass
    description = (await client.get("/plughost/api/openapi.json")).json
    found = {
        f"{verb.upper()} {path}"
        for path, item in description["paths"].items()
        for verb in item
        if verb in {"get", "head", "post", "put", "patch", "delete"}
    }
    tags = {
        item[verb]["tags"][0]
        for item in description["paths"].values()
        for verb in item
        if "tags" in item[verb]
    }
    assert found >= {
        "GET /",
        "GET /lab",
        "GET /favicon.ico",
        "GET /api/status",
        "PUT /api/contents/{path}",
        "DELETE /api/kernels/{kernel_id}",
        "POST /api/kernels/{kernel_id}/interrupt",
        "GET /api/kernels/{kernel_id}/channels",
        "PATCH /api/sessions/{session_id}",
        "GET /terminals/websocket/{name}",
        "PUT /lab/api/settings/{plugin}",
        "HEAD /files/{path}",
    }
    assert tags >= {"plughost", "contents", "kernels", "lab", "observe", "settings", "terminals"}

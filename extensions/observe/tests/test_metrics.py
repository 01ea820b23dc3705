"""`GET /metrics`: what Prometheus reads."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

import plughost_observe
from plughost import JSONHandler, Route, Status, WebSocketHandler, hookimpl


class Cup(JSONHandler):
    def get(self, number):
        if number == "13":
            raise LookupError("no such cup")
        if number == "14":
            time.sleep(0.2)
        self.reply({"cup": number})


class Steam(WebSocketHandler):
    pass


class Tea:
    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/tea/api/cups/(?P<number>\d+)", Cup),
            Route(r"/tea/api/steam", Steam),
        ]

    @hookimpl
    def plughost_status(self):
        return [Status(lambda: {"kernels": 3, "brewing": True, "kind": "green"})]


def samples(text, parse=text_string_to_metric_families):
    """Every number, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found.get((name, *sorted(labels.items())))


@pytest.mark.proves("GET /metrics")
async def test_requests_are_counted_by_pattern_and_never_by_path(start):
    async with start(plughost_observe, Tea()) as (host, client):
        await host.settle()
        began = time.monotonic()
        for number in (1, 2, 3, 13):
            await client.get(f"/tea/api/cups/{number}")
        await client.get("/nowhere/api/1")
        await client.get("/nowhere/api/2")
        reply = await client.get("/metrics")
        took = time.monotonic() - began
    found = samples(reply.text)
    cups = {"method": "GET", "route": r"/tea/api/cups/(?P<number>\d+)", "extension": "Tea"}
    requests = "plughost_http_requests_total"
    seconds = "plughost_http_request_duration_seconds"
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert value(found, requests, **cups, status="2xx") == 3
    assert value(found, requests, **cups, status="5xx") == 1
    assert value(found, requests, method="GET", route="", extension="", status="4xx") == 2
    assert value(found, f"{seconds}_count", **cups) == 4
    assert value(found, f"{seconds}_bucket", **cups, le="+Inf") == 4
    assert 0 < value(found, f"{seconds}_sum", **cups) < took
    assert not any("cups/1" in part for key in found for part in map(str, key))


async def test_slow_requests_and_who_held_the_loop_are_seen(start, eventually):
    took = []
    async with start(plughost_observe, Tea()) as (host, client):
        await host.settle()
        started = time.monotonic()

        async def counted():
            began = time.monotonic()
            await client.get("/tea/api/cups/14")
            took.append(time.monotonic() - began)
            found = samples((await client.get("/metrics")).text)
            return value(found, "plughost_loop_held_seconds_total", owner="Tea") and found

        found = await eventually(counted)
        lasted = time.monotonic() - started
    cups = {"method": "GET", "route": r"/tea/api/cups/(?P<number>\d+)", "extension": "Tea"}
    bucket = "plughost_http_request_duration_seconds_bucket"
    within_a_second = len([seconds for seconds in took if seconds <= 1])
    assert value(found, bucket, **cups, le="0.1") == 0
    assert within_a_second <= value(found, bucket, **cups, le="1.0") <= len(took)
    assert value(found, bucket, **cups, le="+Inf") == len(took)
    assert 1 <= value(found, "plughost_loop_holds_total", owner="Tea") <= len(took)
    assert 0.1 < value(found, "plughost_loop_held_seconds_total", owner="Tea") < lasted
    assert value(found, "plughost_loop_lag_seconds_bucket", le="+Inf") is not None


async def test_kernels_sockets_extensions_and_the_process_are_measured(start):
    async with start(plughost_observe, Tea()) as (host, client):
        await host.settle()
        socket = await client.websocket("/tea/api/steam")
        found = samples((await client.get("/metrics")).text)
        socket.close()
    assert value(found, "plughost_status", fact="kernels") == 3
    assert value(found, "plughost_status", fact="brewing") is None
    assert value(found, "plughost_websockets", extension="Tea") == 1
    assert value(found, "plughost_extension_state", extension="Tea", state="active") == 1
    assert value(found, "plughost_extension_seconds", extension="observe", phase="start") > 0
    assert value(found, "process_resident_memory_bytes") > 10_000_000
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "process_open_fds") > 3


async def test_open_metrics_are_given_to_who_asks_for_them(start):
    async with start(plughost_observe) as (_, client):
        reply = await client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert value(samples(reply.text, open_metrics), "plughost_info", version="0.1.0") == 1


async def test_metrics_are_for_callers_unless_they_are_made_public(start):
    async with start(plughost_observe) as (_, client):
        refused = await client.get("/metrics", token=None)
    settings = {"observe": {"public_metrics": True}}
    async with start(plughost_observe, extensions=settings) as (_, client):
        public = await client.get("/metrics", token=None)
    assert (refused.status, public.status) == (403, 200)


async def test_methods_that_nobody_knows_do_not_make_endless_metrics(start):
    async with start(plughost_observe, Tea()) as (host, client):
        await host.settle()
        for method in ("BREW", "PROPFIND", "POUR"):
            await client.request(method, "/tea/api/cups/1")
        found = samples((await client.get("/metrics")).text)
    methods = {dict(key[1:])["method"] for key in found if key[0] == "plughost_http_requests_total"}
    assert methods <= {"GET", "other"}


def test_what_draws_the_metrics_is_not_imported_before_somebody_asks():
    code = "import sys, plughost_observe; print({'prometheus_client', 'psutil'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"

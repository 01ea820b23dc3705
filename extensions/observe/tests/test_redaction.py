"""Secrets get into no log: not into the file, the API, the WebSocket or the terminal."""

from __future__ import annotations

import json
import logging

import pytest

import plughost_observe
from plughost import Host, LogHandler, hookimpl
from plughost_observe.redaction import REDACTED, Redactor

SECRET = "canary-4711-of-the-test"


@pytest.mark.parametrize(
    "text",
    [
        f"GET /lab?token={SECRET}&x=1",
        f"302 /login?next=%2Flab%3Ftoken%3D{SECRET}",
        f"Referer: http://127.0.0.1:8888/lab?token={SECRET}",
        f"/api/kernels?_xsrf={SECRET}",
        f"X-XSRFToken: {SECRET}",
        f"Authorization: token {SECRET}",
        f"Authorization: Bearer {SECRET}\r\nHost: here",
        f"Cookie: _xsrf=1; username={SECRET}",
        f"Set-Cookie: username={SECRET}; Path=/",
        f"{{'Cookie': 'a=\"{SECRET}\"; b=1', 'Host': 'here'}}",
        f"{{'Authorization': 'token {SECRET}'}}",
        f"[('Authorization', 'Basic {SECRET}')]",
        f"[(b'cookie', b'a={SECRET}')]",
        f"HTTPServerRequest(protocol='http', method='GET', uri='/x?token={SECRET}')",
        f'{{"password": "{SECRET}"}}',
        f'{{"password": "in \\"{SECRET}\\" quotes"}}',
        f'b\'{{"new_password": "{SECRET}"}}\'',
        f'"{{\\"token\\": \\"{SECRET}\\"}}"',
        f"user=ada&password={SECRET}",
        f"environ({{'CLOUD_API_KEY': '{SECRET}'}})",
        f"MY_SECRET={SECRET}",
        f"postgres://ada:{SECRET}@db.example.org/tea",
        f"sent Bearer {SECRET}",
        "2|1:0|10:1764000000|23:username-127-0-0-1-8888|44:canary-4711-of-the-testMQ==|"
        + "a1" * 32,
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text):
    redacted = Redactor().text(text)
    assert SECRET not in redacted
    assert REDACTED in redacted
    assert Redactor().text(redacted) == redacted, "another host may look again"


@pytest.mark.parametrize(
    "text",
    [
        "Kernel 7c0c1c3e (python3) died: its process was ended by SIGKILL.",
        "The setting 'token_file' in plughost.toml names '/home/ada/token'.",
        "Unexpected token at line 3",
        "GET /api/contents/secrets/report.ipynb 3.1 ms",
        "302 /lab?reset&next=/lab",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Redactor().text(text) == text


@pytest.mark.parametrize("form", [SECRET, f"x{SECRET}x", "canary%2F4711"])
def test_a_known_secret_is_found_anywhere_also_in_a_url(form):
    redacted = Redactor([SECRET, "canary/4711"]).text(f"a word, {form}, and another")
    assert redacted in (f"a word, {REDACTED}, and another", f"a word, x{REDACTED}x, and another")


def test_a_very_long_message_is_cut_and_takes_no_secret_along():
    redacted = Redactor([SECRET]).text("x" * (32 * 1024 - 5) + SECRET + "y" * 10_000_000)
    assert len(redacted) < 33 * 1024
    assert "canary" not in redacted


class _Unprintable:
    def __str__(self):
        raise OSError("no text today")


async def test_what_cannot_be_put_into_text_is_told_without_it(start, lines):
    async with start(plughost_observe) as (host, client):
        await host.settle()
        logging.getLogger("x").warning("it is %s", _Unprintable())
        (line,) = await lines(client, "it is")
    assert line["message"] == "it is %s (OSError while its arguments were put in)"


async def test_each_host_in_a_process_keeps_the_secrets_of_all(start, lines):
    async with start(plughost_observe, token="first-host-4711") as (one, _):
        await one.settle()
        async with start(plughost_observe, token="second-host-4711") as (two, client):
            await two.settle()
            logging.getLogger("x").warning("the words first-host-4711 and second-host-4711")
            client.token = "second-host-4711"
            (line,) = await lines(client, "the words")
    assert line["message"] == f"the words {REDACTED} and {REDACTED}"


async def test_handlers_of_others_get_no_secret_either(start):
    class Keeping(logging.Handler):
        def __init__(self):
            super().__init__()
            self.kept = []

        def emit(self, record):
            if record.name == "x":
                self.kept.append(self.format(record))

    keeping = Keeping()

    class Late:
        @hookimpl
        def plughost_log_handlers(self):
            return [LogHandler(keeping)]

    async with start(plughost_observe, extensions={"mine": {"api_key": SECRET}}) as (host, _):
        await host.settle()
        host.add("late", Late())
        logging.getLogger("x").warning("first")
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger("x").exception("then %s", SECRET)
    assert keeping.kept[0] == "first"
    assert keeping.kept[1].startswith(f"then {REDACTED}\nTraceback")
    assert SECRET not in keeping.kept[1]
    assert f"ValueError: {REDACTED}" in keeping.kept[1]


def test_without_a_running_host_nothing_is_changed(jupyter_folders):
    before = [*logging.getLogger().handlers]
    filters = [[*handler.filters] for handler in before]
    host = Host({"observe": plughost_observe})
    assert host.records["observe"].error == ""
    assert [[*handler.filters] for handler in before] == filters
    for handler in [*logging.getLogger().handlers]:
        if handler not in before:
            logging.getLogger().removeHandler(handler)
            handler.close()


LEAKY = '''
"""Logs whatever it gets hold of, as a careless author would while looking for a fault."""

import logging, os
from plughost import JSONHandler, Route, hookimpl

log = logging.getLogger(__name__)


class Leak(JSONHandler):
    def post(self):
        request = self.request
        log.warning("uri %s", request.uri)
        log.warning("url %s", request.full_url())
        log.warning("request %r", request)
        log.warning("headers %s", request.headers)
        log.warning("headers as a dict %r", dict(request.headers))
        log.warning("headers as a list %r", list(request.headers.get_all()))
        log.warning("referer %s", request.headers.get("Referer"))
        log.warning("cookies %s", request.cookies)
        log.warning("body %s", request.body.decode())
        log.warning("body as bytes %r", request.body)
        log.warning("form %r", request.body_arguments)
        log.warning("environment %s", os.environ)
        log.warning("just the value %s", os.environ["TEA_API_KEY"])
        log.warning("the token %s", self.host.auth.token)
        log.debug("details %r", request)
        secret = request.headers["Authorization"]
        try:
            raise ValueError(f"Authorization: {secret}")
        except ValueError as error:
            raise LookupError(f"wrong: {request.uri}", secret) from error


@hookimpl
def plughost_routes():
    return [Route(r"/leaky/api", Leak, public=True), Route(r"/leaky/api/own", Leak)]
'''

CANARIES = {
    "url": "canary-in-the-url-1",
    "xsrf": "canary-as-xsrf-2",
    "header": "canary-in-a-header-3",
    "referer": "canary-in-the-referer-4",
    "cookie": "canary-in-a-cookie-5",
    "body": "canary-in-the-body-6",
    "environment": "canary-in-the-environment-7",
    "own": "canary-the-token-itself-8",
}


@pytest.mark.parametrize("flags", [(), ("--verbose",)], ids=["as it is", "verbose"])
async def test_no_canary_gets_out_anywhere(
    served, strangers, install, lines, jupyter_folders, flags
):
    install("leaky", LEAKY)
    server = served(
        *flags,
        env={
            "PYTHONPATH": str(strangers),
            "TEA_API_KEY": CANARIES["environment"],
            "PLUGHOST_TOKEN": CANARIES["own"],
            "PLUGHOST_EXTENSIONS__OBSERVE__AUDIT": "true",
        },
        token=None,
    )
    client = server.client
    client.token = CANARIES["own"]
    socket = await client.websocket("/plughost/api/logs/live?since=2000-01-01T00:00:00Z")
    headers = {
        "Authorization": f"token {CANARIES['header']}",
        "Referer": f"http://127.0.0.1/lab?token={CANARIES['referer']}",
        "Cookie": f"_xsrf={CANARIES['xsrf']}; username-127-0-0-1-8888={CANARIES['cookie']}",
        "X-XSRFToken": CANARIES["xsrf"],
    }
    query = f"token={CANARIES['url']}&_xsrf={CANARIES['xsrf']}"
    body = json.dumps({"user": "ada", "password": CANARIES["body"]})
    form = f"user=ada&password={CANARIES['body']}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post(f"/leaky/api?{query}", body, headers=headers)).status == 500
    assert (
        await client.post(f"/leaky/api?{query}", form, headers={**headers, **kind})
    ).status == 500
    assert (await client.post(f"/leaky/api/own?{query}", body, headers=headers)).status == 403
    assert (await client.post(f"/leaky/api/own?token={CANARIES['own']}", body)).status == 500
    await client.post(f"/plughost/api/elsewhere?{query}", body, headers=headers)
    report = {"csp-report": {"document-uri": f"http://127.0.0.1/lab?{query}"}}
    await client.post("/api/security/csp-report", report)
    logging_of_all = await lines(client, "csp-report")
    assert logging_of_all
    everything = (await client.get("/plughost/api/logs?limit=5000")).text
    live = []
    while not live or "csp-report" not in live[-1]:
        live.append(await socket.read_message())
    socket.close()
    server.stop()
    written = {
        path.name: path.read_text()
        for path in (jupyter_folders / "jupyter-data" / "plughost" / "logs").iterdir()
    }
    outputs = {
        **written,
        "API": everything,
        "WebSocket": "\n".join(live),
        "terminal": server.output.read_text(),
    }
    assert len(written) == 2, "the log and the audit log"
    assert all("leaky" in text for text in outputs.values())
    found = {
        (where, place)
        for where, text in outputs.items()
        for place, canary in CANARIES.items()
        if canary in text
    }
    assert found == set()

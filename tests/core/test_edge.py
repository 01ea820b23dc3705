"""The edge: bodies, sockets, proxies, TLS, and other programs around the host."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys

import pytest
import trustme
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.tcpclient import TCPClient
from tornado.web import RequestHandler

from plughost import Config, Host, JSONHandler, Route, WebSocketHandler, hookimpl
from plughost.testing import TOKEN
from plughost.web import MAX_BODY


class Length(JSONHandler):
    def post(self):
        self.reply({"length": len(self.request.body)})

    def get(self):
        self.reply({"from": self.request.remote_ip, "host": self.request.host})


class Exit(JSONHandler):
    def get(self, how):
        if how == "exit":
            sys.exit(3)
        raise asyncio.CancelledError

    async def post(self, how):
        await asyncio.sleep(0)
        self.get(how)


class RawExit(RequestHandler):
    def prepare(self):
        sys.exit(4)


class Mirror(WebSocketHandler):
    def on_message(self, message):
        if message == "exit":
            sys.exit(5)
        self.write_message(str(len(message)))


class Edge:
    @hookimpl
    def plughost_routes(self):
        return [
            Route(r"/length/api", Length),
            Route(r"/exit/api/(?P<how>\w+)", Exit),
            Route(r"/raw", RawExit),
            Route(r"/mirror", Mirror),
        ]


async def talk(client, text):
    """Send bytes as they are; returns all that the server answers until it hangs up."""
    host, port = client.base.removeprefix("http://").split(":")
    stream = await TCPClient().connect(host, int(port))
    await stream.write(text.encode())
    answer = b""
    try:
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            answer += await asyncio.wait_for(stream.read_bytes(65536, partial=True), 60)
    except StreamClosedError:
        pass
    stream.close()
    return answer.decode()


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent(start):
    async with start(Edge()) as (_, client):
        answer = await talk(
            client,
            f"POST /length/api HTTP/1.1\r\nHost: localhost\r\nAuthorization: token {TOKEN}\r\n"
            f"Content-Length: {MAX_BODY + 1}\r\n\r\n",
        )
        fine = await client.get("/length/api")
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 413 ")
    assert str(MAX_BODY + 1) in json.loads(body)["message"]
    assert "pieces" in json.loads(body)["hint"]
    assert fine.status == 200


async def test_a_refused_body_is_read_and_dropped(start):
    body = "x" * 20_000_000
    async with start(Edge()) as (_, client):
        refused = await client.post("/length/api", body, token="wrong")
        taken = await client.post("/length/api", body)
    assert (refused.status, taken.json) == (403, {"length": len(body)})


async def test_a_websocket_takes_messages_far_over_tornados_limit(start):
    async with start(Edge()) as (_, client):
        socket = await client.websocket("/mirror")
        await socket.write_message("x" * 30_000_000)
        answer = await socket.read_message()
        socket.close()
    assert answer == "30000000"


async def upgrade(client, path):
    """Ask for a WebSocket, and leave the answer to whoever reads the stream."""
    host, port = client.base.removeprefix("http://").split(":")
    stream = await TCPClient().connect(host, int(port))
    await stream.write(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: token {TOKEN}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return stream


async def test_a_client_that_has_gone_before_its_websocket_is_open_gets_none(start):
    begun, ready, seen = asyncio.Event(), asyncio.Event(), []

    class Slow(WebSocketHandler):
        async def prepare(self):
            await super().prepare()
            begun.set()
            await ready.wait()

        def on_connection_close(self):
            super().on_connection_close()
            ready.set()

        def open(self):
            seen.append("open")

        def on_finish(self):
            seen.append("finish")

    class Waits:
        @hookimpl
        def plughost_routes(self):
            return [Route(r"/slow", Slow), Route(r"/length/api", Length)]

    async with start(Waits()) as (_, client):
        stream = await upgrade(client, "/slow")
        await asyncio.wait_for(begun.wait(), 60)
        stream.close()
        await asyncio.wait_for(ready.wait(), 60)
        while not seen:
            await client.get("/length/api")
    assert seen == ["finish"]


async def test_a_websocket_is_pinged_and_closed_when_nobody_answers(start):
    async with start(Edge(), websocket_ping_interval=0.2) as (_, client):
        stream = await upgrade(client, "/mirror")
        await stream.read_until(b"\r\n\r\n")
        ping, close = b"\x89", b"\x88"  # RFC 6455, 5.5
        frames = await asyncio.wait_for(stream.read_until(close), 60)
        stream.close()
    assert frames.startswith(ping)


@pytest.mark.parametrize("path", ["/exit/api/exit", "/exit/api/cancel", "/raw"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_handler_cannot_end_the_process(start, path, method):
    async with start(Edge()) as (host, client):
        reply = await client.request(method, path)
        fine = await client.get("/length/api")
        record = host.records["Edge"].to_json()
    assert (reply.status, fine.status) == (500, 200)
    assert (record["state"], record["phase"]) == ("active", "request")
    assert record["error"]


async def test_a_websocket_cannot_end_the_process(start):
    async with start(Edge()) as (host, client):
        socket = await client.websocket("/mirror")
        await socket.write_message("exit")
        assert await socket.read_message() is None
        socket.close()
        fine = await client.get("/length/api")
        error = host.records["Edge"].error
    assert fine.status == 200
    assert "SystemExit" in error


@pytest.mark.parametrize(
    ("trusted", "headers", "seen"),
    [
        ([], {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "evil.example"}, "127.0.0.1"),
        (["10.0.0.0/8"], {"X-Forwarded-For": "192.0.2.7"}, "127.0.0.1"),
        (["127.0.0.1"], {"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7"),
        (["127.0.0.1"], {"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}, "192.0.2.7"),
        (["127.0.0.1", "10.0.0.0/8"], {"X-Forwarded-For": "192.0.2.7, 10.1.2.3"}, "192.0.2.7"),
        (["127.0.0.0/8"], {}, "127.0.0.1"),
    ],
)
async def test_only_a_trusted_proxy_is_believed(start, trusted, headers, seen):
    async with start(Edge(), trusted_proxies=trusted) as (_, client):
        reply = await client.get("/length/api", headers=headers)
    assert reply.json["from"] == seen
    assert reply.json["host"] == client.base.removeprefix("http://")


async def test_behind_a_trusted_proxy_the_outer_host_and_protocol_count(start):
    forwarded = {"X-Forwarded-Host": "lab.example", "X-Forwarded-Proto": "https"}
    async with start(Edge(), trusted_proxies=["127.0.0.1"], allow_host=["lab.example"]) as (
        _,
        client,
    ):
        outer = await client.get("/length/api", headers=forwarded)
        rebound = await client.get(
            "/length/api", headers={**forwarded, "X-Forwarded-Host": "evil.example"}
        )
        start_page = await client.get(
            "/length/api?token=" + TOKEN,
            headers={**forwarded, "Sec-Fetch-Mode": "navigate"},
            token=None,
        )
    assert outer.json["host"] == "lab.example"
    assert rebound.status == 403
    assert "username-lab-example=" in start_page.headers["Set-Cookie"]
    assert "Secure" in start_page.headers["Set-Cookie"]


async def test_a_host_lives_in_another_programs_server(jupyter_folders):
    """Two hosts in one process, in servers of somebody else's, one of them over TLS."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    replies = []
    for tls in (None, context):
        host = Host({"edge": Edge()}, Config(root=jupyter_folders, token=TOKEN))
        server = HTTPServer(host.application, ssl_options=tls)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        await host.load()
        url = f"{'https' if tls else 'http'}://127.0.0.1:{sockets[0].getsockname()[1]}"
        reply = await AsyncHTTPClient().fetch(
            f"{url}/length/api", headers={"Authorization": f"token {TOKEN}"}, ssl_options=trust
        )
        replies.append((reply.code, host.records["edge"].state.value))
        assert host.records["contents"].state == "active"
        await host.close()
        server.stop()
        await server.close_all_connections()
    assert replies == [(200, "active")] * 2


def unix_request(path, text):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(text.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode()


async def test_a_unix_socket_is_this_users_alone_and_removed_in_the_end(served, jupyter_folders):
    path = jupyter_folders / "s"
    server = served("--unix-socket", str(path))
    mode = path.stat().st_mode & 0o777
    answer = unix_request(path, "GET /api HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n")
    with pytest.raises(AssertionError, match="Another server answers at"):
        served("--unix-socket", str(path))
    assert server.stop() == 0
    assert server.url.startswith("http+unix://%2F")
    assert mode == 0o600
    assert '{"version":' in answer
    assert not path.exists()


async def test_a_certificate_serves_https(served, jupyter_folders):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = jupyter_folders / "cert.pem", jupyter_folders / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    server = served("--certfile", str(cert), "--keyfile", str(key))
    reply = await AsyncHTTPClient().fetch(
        server.url,
        ssl_options=trust,
        follow_redirects=False,
        raise_error=False,
        request_timeout=60,
    )
    assert server.url.startswith("https://")
    assert reply.code == 302
    assert "Secure" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--no-auth", "--ip", "0.0.0.0"], "listen on a loopback address"),
        (["--certfile", "/no/such/cert.pem"], "/no/such/cert.pem"),
        (["--unix-socket", "/no/such/folder/s"], "Cannot listen on the unix socket"),
    ],
)
async def test_what_cannot_be_served_is_said_and_nothing_starts(served, arguments, error):
    with pytest.raises(AssertionError, match=error):
        served(*arguments, token=None)


async def test_without_authentication_everybody_gets_in_and_that_is_said(served):
    server = served("--no-auth", token=None)
    reply = await server.client.get("/api/status", token=None)
    other_site = await server.client.post(
        "/api/shutdown", "", headers={"Origin": "https://evil.example"}, token=None
    )
    assert "token" not in server.url
    assert (reply.status, other_site.status) == (200, 403)
    assert "Anybody who can reach this server" in server.output.read_text()

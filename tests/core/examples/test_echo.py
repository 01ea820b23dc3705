"""A WebSocket, opened as a browser would open it."""

import pytest
from tornado.httpclient import HTTPClientError

import plughost_echo


async def test_what_is_sent_comes_back(start):
    async with start(plughost_echo) as (_, client):
        socket = await client.websocket("/echo/api/socket")
        await socket.write_message("hello")
        heard = await socket.read_message()
        socket.close()
    assert heard == "hello"


async def test_nobody_gets_in_without_the_token(start):
    async with start(plughost_echo) as (_, client):
        with pytest.raises(HTTPClientError) as refused:
            await client.websocket("/echo/api/socket", token=None)
    assert refused.value.code == 403

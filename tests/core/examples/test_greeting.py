"""The test of the greeting, as its author would write it."""

import plughost_greeting


async def test_a_greeting_has_the_name_in_it(start):
    async with start(plughost_greeting) as (_, client):
        reply = await client.get("/greeting/api/hello/Ada")
    assert (reply.status, reply.json) == (200, {"greeting": "Hello, Ada"})

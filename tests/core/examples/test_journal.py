"""What is logged while a host runs can be read over HTTP."""

import logging

import plughost_journal


async def test_a_warning_can_be_read_until_the_extension_goes(start):
    log = logging.getLogger("somebody")
    async with start(plughost_journal) as (host, client):
        log.warning("The disk is %s.", "full")
        log.info("All is well.")
        reply = await client.get("/journal/api/messages")
        journal = host.service(plughost_journal.Journal)
    log.warning("Nobody keeps this.")
    assert reply.json == ["The disk is full."]
    assert [*journal.messages] == ["The disk is full."]

"""Framing, numbering and the journal, without a kernel."""

import json
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plughost_kernels import framing
from plughost_kernels.errors import BadMessage
from plughost_kernels.journal import Journal
from plughost_kernels.messages import numbered

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine may take long for an example."""

HEADER = b'{"msg_id":"1","msg_type":"status","session":"s"}'
objects = st.dictionaries(st.text(), st.integers() | st.text()).map(
    lambda value: json.dumps(value).encode()
)
messages = st.tuples(objects, objects, objects, st.lists(st.binary(), max_size=3)).map(
    lambda drawn: [HEADER, drawn[0], drawn[1], drawn[2], *drawn[3]]
)


def test_the_binary_framing_of_a_message_without_buffers_is_as_documented():
    frame = framing.encode("iopub", [b"{1}", b"{}", b"{}", b"{content}"])
    words = struct.unpack("<7Q", frame[:56])
    assert words == (6, 56, 61, 64, 66, 68, 77)
    assert frame[56:] == b"iopub{1}{}{}{content}"


@unhurried
@given(messages, st.sampled_from(["shell", "iopub", "stdin", "control"]))
def test_a_message_survives_both_framings(parts, channel):
    assert framing.decode(framing.encode(channel, parts)) == (channel, parts)
    assert framing.decode_legacy(framing.encode_legacy(channel, parts)) == (channel, parts)


@unhurried
@given(st.binary(max_size=200) | st.binary(max_size=99).map(lambda b: struct.pack("<Q", 6) + b))
def test_whatever_is_no_frame_is_a_bad_message_and_nothing_worse(data):
    for decode in (framing.decode, framing.decode_legacy):
        try:
            _, parts = decode(data)
        except BadMessage:
            continue
        assert len(parts) >= 4


@unhurried
@given(messages)
def test_a_number_is_added_to_the_metadata_and_nothing_else_changes(parts):
    before = json.loads(parts[2])
    after = numbered(parts, "ab12", 7)
    assert json.loads(after[2]) == {"plughost": {"epoch": "ab12", "n": 7}, **before}
    assert [*after[:2], *after[3:]] == [*parts[:2], *parts[3:]]


def test_no_two_journals_share_an_epoch():
    assert len({Journal(10).epoch for _ in range(100)}) == 100

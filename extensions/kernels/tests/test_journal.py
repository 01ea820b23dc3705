"""The journal, without a kernel: numbers, what later readers are spared, what room there is."""

import json
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plughost_kernels import framing
from plughost_kernels.journal import Journal
from plughost_kernels.messages import read

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine may take long for an example."""

MIB = 1024 * 1024
_ids = count()


def message(kind, content, parent="r", channel="iopub", metadata=b"{}"):
    header = {"msg_id": f"m{next(_ids)}", "msg_type": kind, "session": "kernel"}
    about = {"msg_id": parent, "msg_type": "execute_request", "session": "s"}
    parts = [json.dumps(part).encode() for part in (header, about)]
    return read(channel, [*parts, metadata, json.dumps(content).encode()])


def stream(text, name="stdout", parent="r"):
    return message("stream", {"name": name, "text": text}, parent)


def display(text, parent="r"):
    return message("display_data", {"data": {"text/plain": text}, "metadata": {}}, parent)


def update(display_id, text):
    content = {"data": {"text/plain": text}, "transient": {"display_id": display_id}}
    return message("update_display_data", content)


def clear(parent="r", *, wait=False):
    return message("clear_output", {"wait": wait}, parent)


def status(state, parent="r"):
    return message("status", {"execution_state": state}, parent)


def filled(*messages, limit=MIB):
    journal = Journal(limit)
    for each in messages:
        journal.append(each)
    return journal


def everything(journal, position=1, session="s"):
    """What a reader gets: kind, content, number and, of what stands for several, the first."""
    got = []
    while position < journal.next:
        frame, position = journal.read(position, session)
        if frame is not None:
            _, parts = framing.decode(frame)
            header, _, metadata, content = (json.loads(part) for part in parts[:4])
            place = metadata["plughost"]
            assert place["epoch"] == journal.epoch
            got.append((header["msg_type"], content, place["n"], place.get("first", place["n"])))
    return got


def texts(got):
    return "".join(content["text"] for kind, content, *_ in got if kind == "stream")


def test_everything_gets_the_next_number_and_comes_as_it_was_sent():
    sent = [status("busy"), display("1"), display("2"), status("idle")]
    journal = filled(*sent)
    got = everything(journal)
    assert [number for *_, number, _ in got] == [1, 2, 3, 4]
    assert [content for _, content, *_ in got] == [json.loads(each.parts[3]) for each in sent]
    assert everything(journal, 3) == got[2:]
    assert everything(journal, 5) == []


def test_a_message_for_one_client_is_not_for_the_others():
    journal = filled(display("all"))
    journal.append(message("execute_reply", {"status": "ok"}, channel="shell"), "s")
    journal.append(message("execute_reply", {"status": "ok"}, channel="shell"), "other")
    assert [number for *_, number, _ in everything(journal)] == [1, 2]
    assert [number for *_, number, _ in everything(journal, session="third")] == [1]


def test_text_written_piece_by_piece_is_one_message_for_who_comes_later():
    journal = filled(status("busy"), *(stream(f"{i}\n") for i in range(1_000)), status("idle"))
    got = everything(journal)
    assert [kind for kind, *_ in got] == ["status", "stream", "status"]
    assert texts(got) == "".join(f"{i}\n" for i in range(1_000))
    assert got[1][2:] == (1_001, 2)


def test_text_is_one_message_only_where_it_belongs_together():
    journal = filled(
        stream("a"),
        stream("b", "stderr"),
        stream("c", "stderr", "another request"),
        display("between"),
        stream("d", "stderr", "another request"),
        message("stream", {"name": "stderr", "text": "e"}, "another request", metadata=b'{"x":1}'),
    )
    assert [content.get("text") for _, content, *_ in everything(journal)] == [
        "a",
        "b",
        "c",
        None,
        "d",
        "e",
    ]


def test_a_reader_in_the_midst_of_a_text_gets_the_rest_of_it():
    journal = filled(*(stream(f"{i};") for i in range(1, 11)))
    got = everything(journal, 4)
    assert (texts(got), got[0][2:]) == ("4;5;6;7;8;9;10;", (10, 4))


def test_text_without_end_comes_in_messages_of_a_moderate_size():
    piece = "x" * 999 + "\n"
    journal = filled(*(stream(piece) for _ in range(1_000)), limit=100 * MIB)
    got = everything(journal)
    assert texts(got) == piece * 1_000
    assert 5 < len(got) < 30


def test_a_progress_bar_costs_no_more_than_its_latest_state():
    journal = filled(*(stream(f"\r{i:6d} of 100000") for i in range(100_001)))
    assert journal.bytes < 100_000
    assert texts(everything(journal)) == "\r100000 of 100000"


def test_of_the_updates_of_a_display_only_the_latest_waits():
    journal = filled(
        display("first"),
        *(update("a", str(i)) for i in range(10_000)),
        update("b", "other"),
        display("last"),
    )
    got = everything(journal)
    assert [content["data"]["text/plain"] for _, content, *_ in got] == [
        "first",
        "9999",
        "other",
        "last",
    ]
    assert [number for *_, number, _ in got] == [1, 10_001, 10_002, 10_003]
    assert journal.bytes < 5_000


def test_cleared_outputs_do_not_wait():
    frames = [each for i in range(1_000) for each in (clear(wait=True), display(f"frame {i}"))]
    journal = filled(status("busy"), stream("begin"), *frames)
    assert [kind for kind, *_ in everything(journal)] == ["status", "clear_output", "display_data"]
    assert everything(journal)[-1][1]["data"]["text/plain"] == "frame 999"
    assert journal.bytes < 5_000


def test_outputs_stay_until_what_replaces_them_is_there():
    journal = filled(display("old"), clear(wait=True))
    assert [kind for kind, *_ in everything(journal)] == ["display_data", "clear_output"]
    journal.append(status("idle"))
    assert [kind for kind, *_ in everything(journal)] == [
        "display_data",
        "clear_output",
        "status",
    ]
    at_once = filled(display("old"), clear())
    assert [kind for kind, *_ in everything(at_once)] == ["clear_output"]


def test_only_outputs_of_the_same_request_are_cleared_and_none_that_a_widget_may_have_taken():
    comm = message("comm_msg", {"comm_id": "output widget", "data": {}})
    journal = filled(
        display("another cell's", "x"), display("the cell's"), comm, display("captured"), clear()
    )
    assert [kind for kind, *_ in everything(journal)] == [
        "display_data",
        "display_data",
        "comm_msg",
        "clear_output",
    ]


def test_without_room_the_oldest_output_goes_and_what_clients_wait_for_stays():
    journal = Journal(limit=MIB)
    for i in range(100):
        journal.append(status("busy", f"r{i}"))
        journal.append(display("x" * 50_000, f"r{i}"))
        journal.append(status("idle", f"r{i}"))
        assert journal.bytes <= MIB
    got = everything(journal)
    kept = [number for kind, _, number, _ in got if kind == "display_data"]
    assert kept == [number for number in range(2, 301, 3) if number > journal.lost]
    assert 10 < len(kept) < 21
    assert sum(kind == "status" for kind, *_ in got) == 200


def test_what_somebody_is_about_to_take_is_kept_for_longer():
    journal = Journal(limit=100_000)
    journal.hold(3)
    for _ in range(35):
        journal.append(display("x" * 10_000))
        assert journal.bytes <= 400_000
    assert [number for *_, number, _ in everything(journal)] == list(range(3, 36))
    journal.hold(journal.next)
    assert journal.bytes <= 100_000
    journal.hold(1)
    for _ in range(500):
        journal.append(display("x" * 10_000))
        assert journal.bytes <= 400_000


def test_a_full_journal_takes_messages_as_fast_as_an_empty_one():
    """Steps are counted, not seconds: what is void already is not gone through again."""

    class Counted(list):
        looks = 0

        def __getitem__(self, index):
            Counted.looks += 1
            return super().__getitem__(index)

    journal = Journal(limit=MIB)

    def comm(i):
        for each in (
            status("busy", f"r{i}"),
            message("comm_msg", {"data": i}, f"r{i}"),
            status("idle", f"r{i}"),
        ):
            journal.append(each)

    for i in range(3_000):
        comm(i)
    journal._entries = Counted(journal._entries)
    for i in range(100):
        comm(i)
    assert Counted.looks < 20 * 300


def test_no_flood_of_whatever_kind_exceeds_the_limit_and_the_newest_message_stays():
    journal = Journal(limit=100_000)
    for i in range(5_000):
        journal.append(status("busy", f"r{i}"))
        assert journal.bytes <= 100_000
    large = display("y" * 200_000)
    journal.append(large)
    assert everything(journal)[-1][1] == json.loads(large.parts[3])
    journal.append(status("idle"))
    assert journal.bytes <= 100_000


def test_content_that_cannot_be_read_is_passed_on_as_it_is():
    odd = [
        read("iopub", [*message(kind, {}).parts[:3], content])
        for kind in ("stream", "update_display_data", "clear_output", "status")
        for content in (b"\xff\xfe", b"[]", b'{"name":1,"text":2,"wait":"?","transient":7}')
    ]
    journal = filled(*odd)
    frames, position = [], 1
    while position < journal.next:
        frame, position = journal.read(position, "s")
        frames.append(framing.decode(frame)[1][3])
    assert frames == [each.parts[3] for each in odd]


def shown(text):
    """What a terminal shows."""
    lines, line, cursor = [], [], 0
    for character in text:
        if character == "\n":
            lines.append("".join(line))
            line, cursor = [], 0
        elif character == "\r":
            cursor = 0
        else:
            line[cursor : cursor + 1] = character
            cursor += 1
    return lines, "".join(line), cursor


@unhurried
@given(st.data())
def test_whoever_reads_at_whatever_pace_ends_with_the_same_text(data):
    journal = Journal(limit=MIB)
    paces = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    readers = [[1, ""] for _ in paces]

    def catch_up(reader):
        while reader[0] < journal.next:
            frame, reader[0] = journal.read(reader[0], "s")
            if frame is not None:
                reader[1] += json.loads(framing.decode(frame)[1][3])["text"]

    pieces = data.draw(st.lists(st.text(st.sampled_from("ab\r\n"), max_size=6), max_size=30))
    for index, piece in enumerate(pieces, 1):
        journal.append(stream(piece))
        for pace, reader in zip(paces, readers, strict=True):
            if index % pace == 0:
                catch_up(reader)
    for reader in readers:
        catch_up(reader)
        assert shown(reader[1]) == shown("".join(pieces))

"""Pages of a folder: sorted and searched where the files are."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plughost_contents.listing import _key, _natural_key

NAMES = ["B.txt", "a10.txt", "a9.txt", "Éclair.md", "n.ipynb", "_x.py", "zeta"]
FOLDERS = ["docs", "Data 2", "data 10"]
BY_NAME = ["data 10", "Data 2", "docs", "_x.py", "a10.txt", "a9.txt", "B.txt", "Éclair.md"]
BY_NAME += ["n.ipynb", "zeta"]


@pytest.fixture
def folder(root):
    """A folder of three folders and seven files, each a byte larger and a second older."""
    base = root / "work"
    base.mkdir()
    for name in FOLDERS:
        (base / name).mkdir()
    for number, name in enumerate(NAMES, start=1):
        (base / name).write_text("x" * number)
        os.utime(base / name, (1_000_000 - number, 1_000_000 - number))
    (base / ".hidden").touch()
    (base / "left.pyc").touch()
    return base


async def names(client, **query):
    reply = await client.get(f"/api/contents/work?{urlencode({'limit': 100, **query})}")
    assert reply.status == 200, reply.text
    return [model["name"] for model in reply.json["content"]]


async def test_a_page_says_how_many_there_are_and_where_the_next_one_begins(serve, folder):
    async with serve() as (_, client):
        page = (await client.get("/api/contents/work?limit=4")).json
        rest = await client.get(f"/api/contents/work?limit=100&cursor={quote(page['cursor'])}")
        whole = (await client.get("/api/contents/work")).json
    assert (page["total"], page["offset"], page["type"]) == (10, 0, "directory")
    assert page["watched"] is False  # nobody listens to events
    assert (rest.json["total"], rest.json["offset"], rest.json["cursor"]) == (10, 4, None)
    seen = page["content"] + rest.json["content"]
    assert sorted(seen, key=lambda m: m["name"]) == sorted(
        whole["content"], key=lambda m: m["name"]
    )
    assert "total" not in whole
    assert "cursor" not in whole


@pytest.mark.parametrize(
    ("query", "files"),
    [
        ({}, ["_x.py", "a10.txt", "a9.txt", "B.txt", "Éclair.md", "n.ipynb", "zeta"]),
        (
            {"sort": "-name"},
            ["zeta", "n.ipynb", "Éclair.md", "B.txt", "a9.txt", "a10.txt", "_x.py"],
        ),
        ({"natural": 1}, ["_x.py", "a9.txt", "a10.txt", "B.txt", "Éclair.md", "n.ipynb", "zeta"]),
        ({"sort": "size"}, NAMES),
        ({"sort": "-size"}, NAMES[::-1]),
        ({"sort": "-last_modified"}, NAMES),
        ({"sort": "last_modified"}, NAMES[::-1]),
        (
            {"first": "notebooks"},
            ["n.ipynb", "_x.py", "a10.txt", "a9.txt", "B.txt", "Éclair.md", "zeta"],
        ),
    ],
)
async def test_files_come_in_the_order_that_is_asked_for_and_folders_before(
    serve, folder, query, files
):
    async with serve() as (_, client):
        seen = await names(client, **query)
        pages = []
        for offset in range(0, 10, 3):
            pages += await names(client, limit=3, offset=offset, **query)
        by_cursor, cursor = [], None
        while cursor is not None or not by_cursor:
            more = {"cursor": cursor} if cursor else {}
            reply = await client.get(
                f"/api/contents/work?{urlencode({'limit': 3, **query, **more})}"
            )
            by_cursor += [model["name"] for model in reply.json["content"]]
            cursor = reply.json["cursor"]
    assert seen[3:] == files
    assert set(seen[:3]) == set(FOLDERS)
    assert seen == pages == by_cursor


async def test_numbers_in_folder_names_count_by_value_only_where_that_is_asked_for(serve, folder):
    async with serve() as (_, client):
        assert (await names(client))[:3] == ["data 10", "Data 2", "docs"]
        assert (await names(client, natural=1))[:3] == ["Data 2", "data 10", "docs"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter": "TXT"}, ["a10.txt", "a9.txt", "B.txt"]),
        ({"filter": "txt a"}, ["a10.txt", "a9.txt"]),
        ({"filter": "a?.t*"}, ["a9.txt"]),
        ({"filter": "a[19]*"}, []),
        ({"filter": "data"}, ["data 10", "Data 2"]),
        ({"filter": "éC"}, ["Éclair.md"]),
        ({"filter": "e\u0301c"}, ["Éclair.md"]),
        ({"filter": "nothing like it"}, []),
        ({"filter": "txt", "folders": "all"}, [*BY_NAME[:3], "a10.txt", "a9.txt", "B.txt"]),
        ({"filter": " "}, BY_NAME),
    ],
)
async def test_names_are_searched_on_the_server(serve, folder, query, found):
    async with serve() as (_, client):
        assert await names(client, **query) == found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"at": "n.ipynb"}, (8, ["n.ipynb", "zeta"])),
        ({"at": "docs"}, (0, ["data 10", "Data 2", "docs", "_x.py"])),
        ({"at": "n.ipynb", "sort": "size"}, (4, ["a10.txt", "a9.txt", "Éclair.md", "n.ipynb"])),
        ({"prefix": "É"}, (4, ["a10.txt", "a9.txt", "B.txt", "Éclair.md"])),
        ({"prefix": "A", "sort": "-size"}, (8, ["a10.txt", "B.txt"])),
        ({"at": "nobody"}, (10, [])),
        ({"prefix": "q"}, (10, [])),
        ({"offset": 99}, (99, [])),
    ],
)
async def test_a_page_can_begin_where_a_name_is(serve, folder, query, expected):
    async with serve() as (_, client):
        reply = (await client.get(f"/api/contents/work?{urlencode({'limit': 4, **query})}")).json
    assert (reply["offset"], [model["name"] for model in reply["content"]]) == expected


async def test_what_comes_and_goes_between_two_pages_moves_nothing_else(serve, folder):
    async with serve() as (_, client):
        page = (await client.get("/api/contents/work?limit=6")).json
        (folder / "a9.txt").unlink()  # the last one of that page
        (folder / "_first.py").touch()
        rest = await names(client, cursor=page["cursor"])
    assert page["content"][-1]["name"] == "a9.txt"
    assert rest == ["B.txt", "Éclair.md", "n.ipynb", "zeta"]


async def test_hidden_names_are_counted_only_where_they_are_shown(serve, folder):
    async with serve(allow_hidden_files=True) as (_, client):
        with_hidden = (await client.get("/api/contents/work?limit=1")).json["total"]
        without = (await client.get("/api/contents/work?limit=1&hidden=0")).json["total"]
    assert (with_hidden, without) == (11, 10)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit is '0'."),
        ("limit=10001", "limit is '10001'."),
        ("limit=many", "limit is 'many'."),
        ("limit=5&offset=-1", "offset is '-1'."),
        ("limit=5&sort=colour", "sort is 'colour'."),
        ("limit=5&first=files", "first is 'files'."),
        ("limit=5&offset=1&at=a", "There are 'offset' and 'at', which say different things."),
        ("offset=5", "There is 'offset' without `limit`."),
        ("limit=5&cursor=%ff", "The argument 'cursor' is not UTF-8."),
        ("limit=5&cursor=bm90aGluZw", "The `cursor` does not belong to this listing."),
        ("limit=5&cursor=é", "The `cursor` does not belong to this listing."),
        (
            "limit=5&cursor=W1tbW1tb" + "W1tb" * 2000,
            "The `cursor` does not belong to this listing.",
        ),
    ],
)
async def test_a_page_that_makes_no_sense_is_refused(serve, folder, query, said):
    async with serve() as (_, client):
        reply = await client.get(f"/api/contents/work?{quote(query, safe='=&%')}")
    assert (reply.status, reply.json["message"]) == (400, said)


async def test_the_cursor_of_another_order_is_refused(serve, folder):
    async with serve() as (_, client):
        cursor = (await client.get("/api/contents/work?limit=2")).json["cursor"]
        reply = await client.get(f"/api/contents/work?limit=2&sort=size&cursor={quote(cursor)}")
    assert reply.status == 400


async def test_a_made_up_cursor_is_refused(serve, folder):
    async with serve() as (_, client):
        cursor = (await client.get("/api/contents/work?limit=2")).json["cursor"]
        kind, (_, place) = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        made_up = base64.urlsafe_b64encode(json.dumps([kind, [-9, place]]).encode()).decode()
        reply = await client.get(f"/api/contents/work?limit=2&cursor={made_up}")
    assert (reply.status, reply.json["message"].startswith("The `cursor`")) == (400, True)


async def test_an_unchanged_page_is_not_sent_again(serve, folder):
    async with serve() as (_, client):
        first = await client.get("/api/contents/work?limit=3")
        tag = {"If-None-Match": first.headers["Etag"]}
        again = await client.get("/api/contents/work?limit=3", headers=tag)
        (folder / "a new folder").mkdir()
        changed = await client.get("/api/contents/work?limit=3", headers=tag)
    assert (again.status, again.body, changed.status) == (304, b"", 200)


async def test_others_are_answered_while_a_hundred_thousand_files_are_listed(serve, root):
    many = root / "many"
    many.mkdir()
    directory = os.open(many, os.O_RDONLY)
    for number in range(100_000):
        os.close(os.open(f"file_{number}.txt", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory))
    os.close(directory)
    async with serve() as (_, client):
        listing = asyncio.ensure_future(client.get("/api/contents/many?limit=200"))
        meanwhile = [await client.get("/api/contents?content=0")]
        before = not listing.done()
        page = (await listing).json
        last = (await client.get("/api/contents/many?limit=200&offset=99800&natural=1")).json
    assert (page["total"], len(page["content"])) == (100_000, 200)
    assert last["content"][-1]["name"] == "file_99999.txt"
    assert [reply.status for reply in meanwhile] == [200]
    assert before


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6))
def test_letter_case_and_the_width_of_numbers_never_decide(words):
    for word in words:
        assert _key(word.upper()) == _key(word.upper().lower().upper())
        assert _natural_key(f"{word}a007") == _natural_key(f"{word}A7")


def test_ascii_names_sort_as_browsers_sort_them():
    order = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0189aByZ"
    assert sorted(order, key=_key) == list(order)

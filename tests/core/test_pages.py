"""Pages and the frontends they load: import map, boot data, policy, compiled files."""

from __future__ import annotations

import gzip
import json
import os
import re

import pytest

from plughost import Frontend, Page, PageConfig, hookimpl
from plughost.bundles import bundle_folder
from plughost.static import WHOLE_BYTES


def write_frontend(folder, **manifest):
    """A compiled browser half, as a build would leave it."""
    folder.mkdir(parents=True)
    manifest = {
        "format": 1,
        "name": f"npm-{folder.name}",
        "version": "1.2.3",
        "module": "index-ABCDEFGH.js",
        **manifest,
    }
    (folder / "plughost.json").write_text(json.dumps(manifest))
    (folder / "index-ABCDEFGH.js").write_text("export default [];" * 100)
    (folder / "index-ABCDEFGH.js.gz").write_bytes(gzip.compress(b"export default [];" * 100))
    (folder / "shared").mkdir()
    (folder / "shared" / "react-BBBBBBBB.js").write_text("export const x = 1;")
    (folder / "plain.txt").write_text("plain")
    return folder


@pytest.fixture
def board(tmp_path):
    app = write_frontend(
        tmp_path / "app",
        app=True,
        pages=["board"],
        styles=["index-CCCCCCCC.css"],
        preload=["chunk-DDDDDDDD.js"],
        provides={"react": {"version": "18.2.0", "file": "shared/react-BBBBBBBB.js"}},
    )
    part = write_frontend(tmp_path / "part", pages=["board"])
    other = write_frontend(tmp_path / "other", pages=["elsewhere"])
    template = tmp_path / "board.html"
    template.write_text(
        '{% extends "page.html" %}{% block head %}<meta name="own" content="{{ config.a }}">'
        "{% endblock %}"
    )

    class Board:
        @hookimpl
        def plughost_pages(self):
            return [
                Page(
                    "board",
                    r"/board(?:/(?P<name>.+))?",
                    url="/board",
                    title="Board <1>",
                    template=template,
                    policy={"img-src": "'self' https://images.example"},
                )
            ]

        @hookimpl
        def plughost_frontends(self):
            return [Frontend(app), Frontend(part), Frontend(other)]

        @hookimpl
        def plughost_page_config(self):
            return [
                PageConfig("board", lambda visit: {"a": "</script>", "flags": {"x": 1}}),
                PageConfig("board", lambda visit: {"flags": {"y": visit.arguments["name"]}}),
                PageConfig("elsewhere", lambda visit: {"a": "not here"}),
            ]

    return Board()


def script(text, start):
    return json.loads(re.search(rf"<script {start}[^>]*>(.*?)</script>", text, re.DOTALL)[1])


async def test_a_page_carries_its_import_map_and_boot_data(start, board):
    async with start(board) as (_, client):
        text = (await client.get("/board/north")).text
    imports = script(text, 'type="importmap"')["imports"]
    assert imports["react"] == "/plughost/frontends/Board.1/shared/react-BBBBBBBB.js"
    boot = script(text, 'type="application/json" id="plughost-boot"')
    boot.pop("version")
    assert boot == {
        "page": "board",
        "baseUrl": "/",
        "app": {
            "extension": "Board.1",
            "package": "npm-app",
            "version": "1.2.3",
            "module": "/plughost/frontends/Board.1/index-ABCDEFGH.js",
        },
        "frontends": [
            {
                "extension": "Board.2",
                "package": "npm-part",
                "version": "1.2.3",
                "module": "/plughost/frontends/Board.2/index-ABCDEFGH.js",
            }
        ],
        "problems": False,
        "config": {"a": "</script>", "flags": {"x": 1, "y": "north"}},
    }
    assert "/plughost/frontends/Board.1/index-CCCCCCCC.css" in text
    assert "/plughost/frontends/Board.1/chunk-DDDDDDDD.js" in text
    assert "Board.3/index" not in text


async def test_what_has_been_built_since_is_served_to_the_next_visit(start, board, tmp_path):
    manifest = tmp_path / "part" / "plughost.json"
    before = manifest.read_text()
    async with start(board) as (_, client):
        await client.get("/board")
        manifest.write_text(before.replace("ABCDEFGH", "NEWERONE"))
        assert "part/index-NEWERONE.js" in (await client.get("/board")).text.replace(
            "Board.2", "part"
        )
        # Half written, gone, made for another plughost: what was there before is still named.
        for text in ("{", None, before.replace('"format"', '"engine": ">=7", "format"')):
            manifest.unlink() if text is None else manifest.write_text(text)
            assert "NEWERONE" in (await client.get("/board")).text
            manifest.touch()
        manifest.write_text(before)
        assert "NEWERONE" not in (await client.get("/board")).text


async def test_what_was_built_within_one_moment_of_the_clock_is_served_too(start, board, tmp_path):
    manifest = tmp_path / "part" / "plughost.json"
    read = manifest.stat()
    async with start(board) as (_, client):
        await client.get("/board")
        newer = tmp_path / "newer"
        newer.write_text(manifest.read_text().replace("ABCDEFGH", "NEWERONE"))
        os.utime(newer, ns=(read.st_atime_ns, read.st_mtime_ns))
        newer.rename(manifest)
        page = await client.get("/board")
    assert "index-NEWERONE.js" in page.text


async def test_what_an_extension_says_cannot_break_out_of_the_page(start, board):
    async with start(board) as (_, client):
        text = (await client.get("/board")).text
    assert "<title>Board &lt;1&gt;</title>" in text
    assert '<meta name="own" content="&lt;/script&gt;">' in text
    assert '"a":"\\u003c/script>"' in text


async def test_scripts_run_by_the_nonce_of_this_one_visit(start, board):
    async with start(board) as (_, client):
        first = await client.get("/board")
        second = await client.get("/board")
    policies = [r.headers["Content-Security-Policy"] for r in (first, second)]
    nonces = [re.search(r"script-src 'nonce-([^']+)'", p)[1] for p in policies]
    assert nonces[0] != nonces[1]
    assert f'type="importmap" nonce="{nonces[0]}"' in first.text
    assert "img-src 'self' https://images.example" in policies[0]
    assert "object-src 'none'" in policies[0]
    assert "frame-ancestors 'none'" in policies[0]
    assert first.headers["Cache-Control"] == "no-store"


@pytest.mark.proves("GET /")
async def test_the_start_page_leads_to_the_page_with_the_lowest_rank(start, board):
    class Front:
        @hookimpl
        def plughost_pages(self):
            return [Page("front", r"/front", url="/front", title="Front", rank=1)]

    async with start(board, Front()) as (_, client):
        lowest = await client.get("/?token=" + client.token, token=None)
    async with start(board, Front(), default_page="board") as (_, client):
        named = await client.get("/")
    assert (lowest.status, lowest.headers["Location"]) == (302, "/front")
    assert "username-" in lowest.headers["Set-Cookie"]
    assert named.headers["Location"] == "/board"


async def test_without_a_page_the_start_says_so_and_what_helps(start):
    async with start() as (_, client):
        page = await client.get("/")
    assert page.status == 404
    assert "no active extension brings a page" in page.text
    assert "plughost extensions list" in page.text
    assert "plughost build" in page.text


async def test_a_page_without_its_frontend_names_the_command_that_helps(start, tmp_path):
    class Bare:
        @hookimpl
        def plughost_pages(self):
            return [Page("bare", r"/bare", url="/bare", title="Bare")]

    async with start(Bare()) as (_, client):
        page = await client.get("/bare")
    assert page.status == 200
    assert "No enabled extension builds an app for the page" in page.text


async def test_a_frontend_made_for_another_plughost_is_left_out_and_named(start, tmp_path):
    class Newer:
        @hookimpl
        def plughost_frontends(self):
            return [
                Frontend(write_frontend(tmp_path / "new", engine=">=7")),
                Frontend(write_frontend(tmp_path / "odd", engine="seven")),
                Frontend(write_frontend(tmp_path / "fits", engine=">=0.1")),
            ]

    async with start(Newer()) as (host, _client):
        await host.settle()
        record = host.records["Newer"].to_json()
        served = [f.extension for f in host.frontends if f.owner.name == "Newer"]
    assert served == ["Newer.3"]
    assert record["state"] == "active"
    assert "'seven' of 'npm-odd' is not a range" in record["error"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip; q=0.0, identity", None),
        ("gzip;q=0.5", "gzip"),
        ("*", None),
        ("", None),
    ],
)
async def test_a_compressed_twin_is_sent_to_who_takes_it(start, board, accepted, encoding):
    async with start(board) as (_, client):
        for file in ("index-ABCDEFGH.js", "plain.txt"):
            reply = await client.get(
                f"/plughost/frontends/Board.1/{file}", headers={"Accept-Encoding": accepted}
            )
            expected = encoding if file.startswith("index") else None
            assert reply.headers.get("Content-Encoding") == expected


@pytest.mark.parametrize("file", ["index-ABCDEFGH.js", "plain.txt"])
async def test_files_come_whole_in_part_or_not_at_all(start, board, file, tmp_path):
    path = f"/plughost/frontends/Board.1/{file}"
    content = (tmp_path / "app" / file).read_bytes()
    async with start(board) as (_, client):
        whole = await client.get(path)
        etag = {"If-None-Match": whole.headers["Etag"]}
        unchanged = await client.get(path, headers=etag)
        part = await client.get(path, headers={"Range": "bytes=1-3"})
        beyond = await client.get(path, headers={"Range": "bytes=99999-"})
        head = await client.request("HEAD", path)
    assert (whole.status, whole.body) == (200, content)
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (part.status, part.body, beyond.status) == (206, content[1:4], 416)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(content)))
    assert whole.headers["Etag"] == part.headers["Etag"] == head.headers["Etag"]


async def test_a_file_that_is_written_anew_is_sent_anew(start, board, tmp_path):
    path = "/plughost/frontends/Board.1/plain.txt"
    async with start(board) as (_, client):
        old = await client.get(path)
        (tmp_path / "app" / "plain.txt").write_text("other")
        new = await client.get(path, headers={"If-None-Match": old.headers["Etag"]})
    assert (new.status, new.text) == (200, "other")


async def test_a_hashed_file_too_large_to_send_at_one_go_is_streamed(start, board, tmp_path):
    large = tmp_path / "app" / "large-AAAAAAAA.wasm"
    large.write_bytes(b"x" * (WHOLE_BYTES + 1))
    async with start(board) as (_, client):
        reply = await client.get("/plughost/frontends/Board.1/large-AAAAAAAA.wasm")
    assert (reply.status, len(reply.body)) == (200, WHOLE_BYTES + 1)
    assert "immutable" in reply.headers["Cache-Control"]


async def test_only_the_bundles_of_pages_are_served(start, board, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    for page in ("board", "elsewhere", "gone", "../outside"):
        folder = bundle_folder(page)
        folder.mkdir(parents=True)
        (folder / "index-ABCDEFGH.js").write_text("1")
    paths = ("board", "elsewhere", "gone", "..%2Foutside", "gone%2F..%2Fboard", "board%00")
    async with start(board) as (_, client):
        replies = [
            await client.get(f"/plughost/bundles/{page}/index-ABCDEFGH.js") for page in paths
        ]
    assert [reply.status for reply in replies] == [200, 200, 404, 404, 404, 404]


async def test_hashed_files_are_immutable_and_sent_compressed(start, board):
    path = "/plughost/frontends/Board.1/index-ABCDEFGH.js"
    async with start(board) as (_, client):
        packed = await client.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
        plain = await client.get(path)
        other = await client.get("/plughost/frontends/Board.1/plain.txt")
        head = await client.request("HEAD", path)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == b"export default [];" * 100
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"] == "text/javascript"
    assert "immutable" in plain.headers["Cache-Control"]
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert other.headers["Cache-Control"] == "no-cache"
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "Board.1/../../secret.txt",
        "Board.1/..%2f..%2fsecret.txt",
        "Board.1/%2e%2e/%2e%2e/secret.txt",
        "Board.1/nothing.js",
        "Board.1//etc/passwd-ABCDEFGH.js",
        "Board.1/../../secret-ABCDEFGH.js",
        "Board.1/..%2f..%2fsecret-ABCDEFGH.js",
        "Nobody/index-ABCDEFGH.js",
    ],
)
async def test_nothing_outside_a_frontends_folder_is_served(start, board, tmp_path, path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "secret-ABCDEFGH.js").write_text("secret")
    async with start(board) as (_, client):
        reply = await client.get(f"/plughost/frontends/{path}")
    assert reply.status in (403, 404)
    assert "secret" not in reply.text.replace("secret.txt", "").replace("secret-A", "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "is not a manifest"),
        ('{"format": 1}', "missing required field"),
        ('{"format": 9, "name": "n", "version": "1", "module": "m"}', "reads format 1"),
    ],
)
async def test_a_bad_manifest_is_named_and_the_server_half_runs(start, tmp_path, text, error):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "plughost.json").write_text(text)

    class Bad:
        @hookimpl
        def plughost_frontends(self):
            return [Frontend(tmp_path / "bad")]

    async with start(Bad()) as (_, client):
        record = (await client.get("/plughost/api/extensions/Bad")).json
    assert record["state"] == "active"
    assert error in record["error"]
    assert "plughost build" in record["nextStep"]


async def test_of_two_providers_of_a_shared_module_the_first_wins_aloud(start, tmp_path, caplog):
    shared = {"react": {"version": "18.2.0", "file": "shared/react-BBBBBBBB.js"}}
    folders = [write_frontend(tmp_path / n, pages=["two"], provides=shared) for n in ("a", "b")]

    class Two:
        @hookimpl
        def plughost_pages(self):
            return [Page("two", r"/two", url="/two", title="Two")]

        @hookimpl
        def plughost_frontends(self):
            return [Frontend(folder) for folder in folders]

    async with start(Two()) as (_, client):
        text = (await client.get("/two")).text
    assert script(text, 'type="importmap"')["imports"]["react"].startswith(
        "/plughost/frontends/Two.1/"
    )
    assert "Shared module 'react' comes from 'Two.1'" in caplog.text

"""Files as browsers load them: whole or in part, and never with this server's origin."""

import os

import pytest

POLICY = "frame-ancestors 'self'; report-uri {base}api/security/csp-report; sandbox allow-scripts"


@pytest.mark.proves("GET /files/{path}")
@pytest.mark.proves("HEAD /files/{path}")
async def test_a_file_is_sent_whole_in_a_sandbox(serve, root):
    data = os.urandom(2_500_000)
    (root / "sub").mkdir()
    (root / "sub" / "a b.png").write_bytes(data)
    async with serve() as (_, client):
        reply = await client.get("/files/sub/a%20b.png?_xsrf=2|x&1763860000000")
        head = await client.request("HEAD", "/files/sub/a%20b.png")
    assert (reply.status, reply.body) == (200, data)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "2500000")
    assert reply.headers["Content-Type"] == head.headers["Content-Type"] == "image/png"
    assert reply.headers["Content-Security-Policy"] == POLICY.format(base="/")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-cache"
    assert "Content-Disposition" not in reply.headers


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=5-4", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        (f"bytes={'1' * 5000}-", 200, b"0123456789", None),
    ],
)
async def test_a_part_is_sent_for_a_range(serve, root, asked, status, body, content_range):
    (root / "a.bin").write_bytes(b"0123456789")
    async with serve() as (_, client):
        reply = await client.get("/files/a.bin", headers={"Range": asked})
    assert (reply.status, reply.body) == (status, body)
    assert reply.headers.get("Content-Range") == content_range


async def test_an_unchanged_file_is_not_sent_again_and_a_changed_one_not_in_part(serve, root):
    (root / "a.txt").write_text("0123456789")
    async with serve() as (_, client):
        tag = (await client.get("/files/a.txt")).headers["Etag"]
        unchanged = await client.get("/files/a.txt", headers={"If-None-Match": tag})
        part = await client.get("/files/a.txt", headers={"Range": "bytes=0-1", "If-Range": tag})
        (root / "a.txt").write_text("another")
        changed = await client.get("/files/a.txt", headers={"Range": "bytes=0-1", "If-Range": tag})
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (part.status, part.body) == (206, b"01")
    assert (changed.status, changed.body) == (200, b"another")


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.html", b"<p>", "text/html; charset=UTF-8"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("a.ipynb", b"{}", "application/x-ipynb+json"),
        ("a.tar.gz", b"\x1f\x8b", "application/gzip"),
        ("README", "ä".encode() * 5000, "text/plain; charset=UTF-8"),
        ("data", b"a\0b", "application/octet-stream"),
        ("blob", b"\xff\xfe", "application/octet-stream"),
    ],
)
async def test_the_media_type_is_that_of_the_name_or_else_of_the_bytes(
    serve, root, name, content, media_type
):
    (root / name).write_bytes(content)
    async with serve() as (_, client):
        reply = await client.get(f"/files/{name}")
    assert reply.headers["Content-Type"] == media_type


async def test_downloads_and_notebooks_come_as_attachments(serve, root):
    (root / "ä b.txt").write_text("x")
    (root / "n.ipynb").write_text("{}")
    async with serve() as (_, client):
        asked = await client.get("/files/%C3%A4%20b.txt?download=1")
        notebook = await client.get("/files/n.ipynb")
    disposition = "attachment; filename*=UTF-8''"
    assert asked.headers["Content-Disposition"] == f"{disposition}%C3%A4%20b.txt"
    assert notebook.headers["Content-Disposition"] == f"{disposition}n.ipynb"


@pytest.mark.proves("GET /view/{path}")
async def test_a_view_is_a_page_around_the_sandboxed_file(start, root):
    import plughost_contents

    (root / "a&b.html").write_text("<script>1</script>")
    async with start(plughost_contents, base_url="/me/") as (_, client):
        page = await client.get("/me/view/a%26b.html")
        file = await client.get("/me/files/a%26b.html")
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    frame = '<iframe sandbox="allow-scripts" src="/me/files/a%26b.html" title="a&amp;b.html">'
    assert frame in page.text
    assert "default-src 'none'; frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert file.headers["Content-Security-Policy"] == POLICY.format(base="/me/")


@pytest.mark.parametrize("kind", ["files", "view"])
async def test_a_folder_and_what_is_missing_are_said_to_be_so(serve, root, kind):
    (root / "sub").mkdir()
    async with serve() as (_, client):
        folder = await client.get(f"/{kind}/sub")
        missing = await client.get(f"/{kind}/none.txt")
        stranger = await client.get(f"/{kind}/sub", token=None)
    assert (folder.status, missing.status, stranger.status) == (400, 404, 403)
    assert "is a folder" in folder.text
    assert missing.headers["Content-Type"] == "text/html; charset=UTF-8"

"""What notebooks can be converted to: found out without importing nbconvert into the server."""

import sys

import pytest

import plughost_nbconvert

BUILT_IN = {"html", "latex", "markdown", "notebook", "pdf", "python", "rst", "script", "slides"}


def imports(brewery):
    """How many processes have imported the stranger's exporters."""
    file = brewery / "imports"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.proves("GET /api/nbconvert")
async def test_every_format_that_can_be_asked_for_is_listed(serve, brewery):
    async with serve() as (_, client):
        reply = await client.get("/api/nbconvert")
    assert reply.status == 200
    assert set(reply.json) >= BUILT_IN
    assert reply.json["html"] == {"output_mimetype": "text/html"}
    assert reply.json["tea"] == {"output_mimetype": "text/tea"}
    assert "missing" not in reply.json, "it is named by its distribution, and is not there"


async def test_a_format_that_is_disabled_in_jupyters_configuration_is_not_offered(
    serve, drive, config
):
    (config / "jupyter_server_config.py").write_text("c.PDFExporter.enabled = False")
    async with serve() as (_, client):
        listed = await client.get("/api/nbconvert")
        asked = await client.get("/nbconvert/pdf/a.ipynb")
    assert "pdf" not in listed.json
    assert "html" in listed.json
    assert (asked.status, "is disabled" in asked.text) == (404, True)


async def test_exporters_are_imported_once_and_again_when_others_are_installed(serve, brewery):
    async with serve() as (_, client):
        first = await client.get("/api/nbconvert")
        await client.get("/api/nbconvert")
    async with serve() as (_, client):
        second = await client.get("/api/nbconvert")
    assert imports(brewery) == 1
    assert second.json == first.json
    (brewery / "brewery-1.0.dist-info").rename(brewery / "brewery-1.1.dist-info")
    metadata = brewery / "brewery-1.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    async with serve() as (_, client):
        await client.get("/api/nbconvert")
    assert imports(brewery) == 2


async def test_a_changed_configuration_counts_at_once(serve, config):
    async with serve() as (_, client):
        before = await client.get("/api/nbconvert")
        (config / "jupyter_nbconvert_config.json").write_text('{"RSTExporter": {"enabled": false}}')
        after = await client.get("/api/nbconvert")
    assert set(before.json) - set(after.json) == {"rst"}


async def test_a_kept_answer_that_cannot_be_read_is_asked_for_again(serve, jupyter_folders):
    async with serve() as (_, client):
        before = await client.get("/api/nbconvert")
    (kept,) = (jupyter_folders / "jupyter-runtime" / "plughost").glob("nbconvert-*.json")
    kept.write_text("{")
    async with serve() as (_, client):
        after = await client.get("/api/nbconvert")
    assert after.json == before.json


async def test_safe_mode_writes_nothing(start, drive, jupyter_folders):
    async with start(drive, plughost_nbconvert, safe=True) as (_, client):
        reply = await client.get("/api/nbconvert")
    assert "html" in reply.json
    assert [*(jupyter_folders / "jupyter-runtime").rglob("nbconvert-*")] == []


async def test_an_nbconvert_that_cannot_be_imported_is_an_error(serve, brewery):
    (brewery / "nbconvert").mkdir()
    (brewery / "nbconvert" / "__init__.py").write_text("import leaf_that_fell")
    async with serve() as (_, client):
        reply = await client.get("/api/nbconvert")
    assert reply.status == 500
    assert "leaf_that_fell" in reply.json["message"]
    assert "pip install" in reply.json["hint"]


@pytest.fixture
def without_nbconvert(monkeypatch):
    """As if it were not installed: this is how Python notes that a module cannot be found."""
    monkeypatch.setitem(sys.modules, "nbconvert", None)


async def test_without_nbconvert_there_are_no_formats_and_the_rest_says_so(
    serve, drive, without_nbconvert
):
    async with serve() as (_, client):
        listed = await client.get("/api/nbconvert")
        replies = [
            await client.get("/nbconvert/html/a.ipynb"),
            await client.post("/nbconvert/html", {"content": {}}),
        ]
    assert (listed.status, listed.json) == (200, {})
    assert [reply.status for reply in replies] == [501, 501]
    for reply in replies:
        assert "nbconvert is not installed." in reply.text
        assert "pip install plughost[nbconvert]" in reply.text

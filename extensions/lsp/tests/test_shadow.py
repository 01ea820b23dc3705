"""Files for servers that read files: what is in them, where they lie, and when they go."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import plughost_lsp
from plughost import Page, hookimpl


class Lab:
    """The page whose configuration is asked for; its own app is of no interest here."""

    @hookimpl
    def plughost_pages(self):
        return [Page("lab", r"/lab", url="/lab", title="Lab")]


def page_values(host):
    (config,) = host.offers["lsp"].page_config
    return config.values(None)


def virtual(host):
    """Where one visit's documents are to lie: as a URI and as a folder."""
    uri = page_values(host)["virtualDocumentsUri"]
    return uri, Path(unquote(urlsplit(uri).path))


@pytest.fixture
def on_disk(serve):
    return serve(server={"requires_documents_on_disk": True})


async def open_document(line, uri, text):
    document = {"uri": uri, "languageId": "fake", "version": 1, "text": text}
    await line.notify("textDocument/didOpen", {"textDocument": document})


async def read(line, path):
    """What a file holds in the eyes of the server, once it has all that was sent before."""
    return await line.ask("read-file", {"path": str(path)})


@pytest.mark.proves("rootUri")
@pytest.mark.proves("virtualDocumentsUri")
async def test_the_page_knows_the_root_and_a_folder_of_its_own(start, jupyter_folders):
    root = jupyter_folders / "a root"
    root.mkdir()
    (jupyter_folders / "link").symlink_to(root)
    async with start(plughost_lsp, Lab(), root=jupyter_folders / "link") as (host, _):
        one, other = page_values(host), page_values(host)
    assert one["rootUri"] == other["rootUri"] == root.as_uri()
    assert one["virtualDocumentsUri"].startswith("file:///")
    assert one["virtualDocumentsUri"] != other["virtualDocumentsUri"]


async def test_a_document_that_is_in_no_file_is_written_into_one_as_it_changes(on_disk, connect):
    async with on_disk as (host, client):
        uri, folder = virtual(host)
        line = await connect(client)
        assert not folder.parent.exists(), "nothing is made before it is needed"
        await line.ask("initialize", {"rootUri": uri})
        there = folder.is_dir()
        modes = stat.S_IMODE(folder.parent.stat().st_mode)
        document = f"{uri}/a%20b/nb.ipynb"
        path = folder / "a b" / "nb.ipynb"
        await open_document(line, document, "x = 1\ny = '𝄞'\r\nz")
        opened = await read(line, path)
        changes = [
            # Characters count in UTF-16 code units: 𝄞 is two of them.
            {"range": span((1, 5), (1, 7)), "text": "clef"},
            {"range": span((0, 0), (1, 0)), "text": ""},
            {"range": span((9, 0), (9, 9)), "text": "\nend"},
        ]
        identifier = {"textDocument": {"uri": document, "version": 2}}
        await line.notify("textDocument/didChange", {**identifier, "contentChanges": changes})
        changed = await read(line, path)
        whole = {**identifier, "contentChanges": [{"text": "all new"}]}
        await line.notify("textDocument/didChange", whole)
        replaced = await read(line, path)
        await line.notify("textDocument/didSave", {**identifier, "text": "saved"})
        saved = await read(line, path)
        await line.notify("textDocument/didClose", identifier)
        closed = await read(line, path)
    assert (there, modes) == (True, 0o700)
    assert (opened, changed) == ("x = 1\ny = '𝄞'\nz", "y = 'clef'\nz\nend")
    assert (replaced, saved, closed) == ("all new", "saved", None)


def span(start, end):
    return {
        name: {"line": line, "character": character}
        for name, (line, character) in {"start": start, "end": end}.items()
    }


async def test_the_files_go_with_their_client_and_the_folder_with_the_host(on_disk, connect, until):
    async with on_disk as (host, client):
        (uri, folder), (other_uri, other_folder) = virtual(host), virtual(host)
        line, other = await connect(client), await connect(client)
        await open_document(line, f"{uri}/nb.ipynb", "mine")
        await open_document(other, f"{other_uri}/nb.ipynb", "theirs")
        both = await read(line, folder / "nb.ipynb"), await read(other, other_folder / "nb.ipynb")
        line.socket.close()
        await until(lambda: not folder.exists())
        still = await read(other, other_folder / "nb.ipynb")
    assert (both, still) == (("mine", "theirs"), "theirs")
    assert not folder.parent.exists()


@pytest.mark.parametrize("inside", [False, True], ids=["elsewhere", "through the folder"])
async def test_no_client_has_a_file_written_elsewhere(on_disk, connect, tmp_path, inside):
    target = tmp_path / "root" / "victim.py"
    async with on_disk as (host, client):
        target.write_text("original")
        uri, folder = virtual(host)
        there = f"{uri}/.." + "/.." * len(folder.parts) + str(target) if inside else target.as_uri()
        line = await connect(client)
        await line.ask("initialize", {"rootUri": there + "-folder"})
        for document in (there, there.replace("/..", "/%2e%2e")):
            await open_document(line, document, "overwritten")
        await line.notify("textDocument/didClose", {"textDocument": {"uri": there}})
        seen = await read(line, target)
    assert seen == "original"
    assert sorted(path.name for path in target.parent.iterdir()) == ["victim.py"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {"textDocument": None},
        {"textDocument": {"uri": 7}},
        {"textDocument": {"uri": "{uri}/%00", "text": "x"}},
        {"textDocument": {"uri": "{uri}/" + "n" * 300, "text": "x"}},
        {"textDocument": {"uri": "file://[", "text": "x"}},
    ],
)
async def test_a_message_that_makes_no_sense_is_passed_on_all_the_same(
    on_disk, connect, params, diary
):
    async with on_disk as (host, client):
        uri, _ = virtual(host)
        line = await connect(client)
        if (
            params
            and isinstance(params["textDocument"], dict)
            and params["textDocument"]["uri"] != 7
        ):
            params["textDocument"]["uri"] = params["textDocument"]["uri"].replace("{uri}", uri)
        await line.notify("textDocument/didOpen", params)
        answer = await line.ask("echo", {"a": 1})
    assert answer == {"a": 1}
    assert "textDocument/didOpen" in diary.read_text()


async def test_a_server_that_needs_no_files_gets_none(serve, connect):
    async with serve() as (host, client):
        uri, folder = virtual(host)
        line = await connect(client)
        await open_document(line, f"{uri}/nb.ipynb", "mine")
        seen = await read(line, folder / "nb.ipynb")
        made = folder.parent.exists()
    assert (seen, made) == (None, False)

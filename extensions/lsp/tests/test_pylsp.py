"""A real language server, python-lsp-server, as JupyterLab's client speaks to it."""

from __future__ import annotations

import plughost_lsp
from plughost_lsp.servers import LanguageServers

CAPABILITIES = {
    "textDocument": {
        "synchronization": {"dynamicRegistration": True, "didSave": True},
        "publishDiagnostics": {},
        "completion": {},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    }
}


async def begin(line, root):
    await line.ask(
        "initialize",
        {
            "processId": None,
            "rootUri": root.as_uri(),
            "workspaceFolders": None,
            "initializationOptions": None,
            "capabilities": CAPABILITIES,
        },
    )
    await line.notify("initialized", {})
    await line.notify("workspace/didChangeConfiguration", {"settings": {}})


async def open_document(line, uri, text):
    document = {"uri": uri, "languageId": "python", "version": 0, "text": text}
    await line.notify("textDocument/didOpen", {"textDocument": document})


async def diagnostics(line, uri):
    while True:
        told = await line.hear("textDocument/publishDiagnostics")
        if told["uri"] == uri:
            return [each["message"] for each in told["diagnostics"]]


async def labels(line, uri, row, column):
    where = {"textDocument": {"uri": uri}, "position": {"line": row, "character": column}}
    found = await line.ask("textDocument/completion", where)
    return {item["label"] for item in found["items"]}


async def test_two_tabs_get_diagnostics_completion_and_hover_each_for_its_own_text(
    start, connect, tmp_path, until, lives
):
    root = tmp_path / "root"
    root.mkdir()
    (root / "neighbour.py").write_text("def wave(hand):\n    '''Say hello.'''\n")
    # Both tabs show the same notebook, and say different things of it.
    uri = (root / "nb.ipynb").as_uri()
    text = "import neighbour\nneighbour.wa\n"
    async with start(plughost_lsp) as (host, client):
        one, other = await connect(client, "pylsp"), await connect(client, "pylsp")
        for line in (one, other):
            await begin(line, root)
        await open_document(one, uri, text)
        await open_document(other, uri, "def broken(:\n")
        clean, broken = await diagnostics(one, uri), await diagnostics(other, uri)
        completed = await labels(one, uri, 1, 12)
        change = {"textDocument": {"uri": uri, "version": 1}, "contentChanges": [{"text": "1"}]}
        await other.notify("textDocument/didChange", change)
        # It may have more to say about the text before: this ends with the new one.
        while "syntax" in " ".join(await diagnostics(other, uri)).lower():
            pass
        hover = await one.ask(
            "textDocument/hover",
            {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 9}},
        )
        session = (await client.get("/lsp/status")).json["sessions"]["pylsp"]
        one.socket.close()
        other.socket.close()
        await until(lambda: not len(host.service(LanguageServers)))
    assert "wave(hand)" in completed, "a module beside the notebook"
    assert "syntax" in " ".join(broken).lower()
    assert "syntax" not in " ".join(clean).lower()
    assert hover["contents"]
    assert (session["status"], session["handler_count"]) == ("started", 2)
    assert session["spec"]["requires_documents_on_disk"] is False


async def test_a_check_that_is_switched_off_in_the_settings_is_off(start, connect, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    uri = (root / "long.py").as_uri()
    configuration = {"pylsp.plugins.pyflakes.enabled": False}
    settings = {"servers": {"pylsp": {"configuration": configuration}}}
    async with start(plughost_lsp, extensions={"lsp": settings}) as (_, client):
        line = await connect(client, "pylsp")
        await begin(line, root)
        await open_document(line, uri, "def broken(:\n")
        told = await diagnostics(line, uri)
    assert told == []

"""Which servers there are: well-known ones, those of packages, and those of settings."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import plughost_lsp


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """`programs(name="…")`: a PATH with these programs, each a shell script, and no others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(**scripts):
        for name, script in scripts.items():
            file = folder / name.replace("_", "-")
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
        return folder

    return install


@pytest.fixture
def package(tmp_path, monkeypatch):
    """`package("name", {"entry": "value"}, source)`: install a package that names servers."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def install(name, entries, source):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[jupyter_lsp_spec_v1]", *lines, ""]))
        (site / f"{name}.py").write_text(source)

    yield install
    for module in [name for name in sys.modules if name.startswith("stranger")]:
        del sys.modules[module]


async def status(client):
    return (await client.get("/lsp/status")).json


@pytest.mark.proves("GET /lsp/status")
async def test_the_reply_has_what_clients_read_and_not_how_a_server_is_started(serve):
    server = {"display_name": "Fake", "mime_types": ["text/x-fake"], "env": {"KEY": "secret"}}
    async with serve(server=server) as (_, client):
        told = await status(client)
    spec = {
        "argv": [""],
        "config_schema": {"title": "Fake", "type": "object", "properties": {}},
        "display_name": "Fake",
        "env": {},
        "languages": ["fake"],
        "mime_types": ["text/x-fake"],
        "requires_documents_on_disk": False,
        "version": 2,
    }
    session = {
        "handler_count": 0,
        "last_handler_message_at": None,
        "last_server_message_at": None,
        "spec": spec,
        "status": "not_started",
    }
    assert told == {
        "version": 2,
        "sessions": {"fake": session},
        "specs": {"fake": spec},
        "failures": {},
    }


async def test_without_servers_the_reply_is_empty(start):
    async with start(plughost_lsp, extensions={"lsp": {"autodetect": False}}) as (_, client):
        told = await status(client)
    assert told == {"version": 2, "sessions": {}, "specs": {}, "failures": {}}


async def test_a_well_known_server_on_the_path_is_found(start, programs, connect):
    programs(gopls="exit 7")
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
        closed = await (await connect(client, "gopls")).until_closed()
    assert told["sessions"]["gopls"]["spec"]["languages"] == ["go"]
    assert closed == (1011, "The language server 'gopls' has ended with exit code 7.")


async def test_a_server_of_this_environment_is_found_without_a_path(start, programs):
    programs()
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
    assert "pylsp" in told["sessions"]
    # It checks Python, completes nothing, and would be asked in turn with pylsp.
    assert "ruff" not in told["specs"]


async def test_one_that_is_not_installed_comes_with_how_to_install_it(
    start, programs, client_error
):
    programs()
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
        refused = await client_error(client.websocket("/lsp/ws/rust-analyzer"))
    assert "rust-analyzer" not in told["sessions"]
    install = {"rustup": "rustup component add rust-analyzer"}
    assert told["specs"]["rust-analyzer"]["install"] == install
    assert refused == (
        404,
        "The language server 'rust-analyzer' is not installed.",
        "To install it: rustup component add rust-analyzer",
    )


async def test_a_server_that_node_runs_counts_only_where_node_is(start, programs):
    folder = programs(bash_language_server="")
    async with start(plughost_lsp) as (_, client):
        without = await status(client)
    programs(node="")
    async with start(plughost_lsp) as (_, client):
        with_node = await status(client)
    assert [name for name in os.listdir(folder) if name != "node"] == ["bash-language-server"]
    assert "bash-language-server" not in without["sessions"]
    assert "bash-language-server" in with_node["sessions"]


@pytest.mark.parametrize(("answer", "found"), [("echo /library/languageserver", True), ("", False)])
async def test_r_counts_only_with_the_package_that_is_the_server(start, programs, answer, found):
    programs(Rscript=answer)
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
    assert ("r-languageserver" in told["sessions"]) is found
    assert told["specs"]["r-languageserver"]["requires_documents_on_disk"] is True


async def test_a_project_has_no_say_in_which_programs_are_started(start, tmp_path, monkeypatch):
    bin_folder = tmp_path / "root" / "node_modules" / ".bin"
    bin_folder.mkdir(parents=True)
    for name in ("gopls", "pylsp"):
        (bin_folder / name).write_text("#!/bin/sh\n")
        (bin_folder / name).chmod(0o755)
    monkeypatch.chdir(bin_folder)
    monkeypatch.setenv("PATH", ".")
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
    assert "gopls" not in told["sessions"]


async def test_a_known_server_can_be_changed_and_switched_off(start, programs):
    programs(gopls="", clangd="")
    servers = {"gopls": {"display_name": "Go"}, "clangd": {"enabled": False}}
    async with start(plughost_lsp, extensions={"lsp": {"servers": servers}}) as (_, client):
        told = await status(client)
    assert told["sessions"]["gopls"]["spec"]["display_name"] == "Go"
    assert told["sessions"]["gopls"]["spec"]["languages"] == ["go"]
    assert "clangd" not in told["specs"]


async def test_one_that_lacks_something_is_left_out_and_the_log_says_what(start, caplog):
    settings = {"autodetect": False, "servers": {"mine": {"argv": ["mine"]}}}
    async with start(plughost_lsp, extensions={"lsp": settings}) as (_, client):
        told = await status(client)
        await status(client)
    assert told["specs"] == {}
    assert caplog.text.count("The server 'mine' in [extensions.lsp.servers]: it needs languages.")


async def test_a_wrong_key_of_a_server_is_refused(start):
    settings = {"servers": {"mine": {"arguments": ["mine"]}}}
    async with start(plughost_lsp, extensions={"lsp": settings}) as (host, _):
        record = host.records["lsp"]
    assert (record.state, "`arguments`" in record.error) == ("failed", True)


async def test_what_jupyters_own_files_say_counts_below_ours(served, jupyter_folders, tmp_path):
    config = jupyter_folders / "jupyter-config"
    (config / "jupyter_server_config.py").write_text(
        "c.LanguageServerManager.autodetect = False\n"
        "c.LanguageServerManager.language_servers = {\n"
        "  'metals': {'argv': ['metals'], 'languages': ['scala'], 'version': 2,\n"
        "             'mime_types': ['text/x-scala'], 'install': {'coursier': 'cs install'}},\n"
        "  'gopls': {'argv': ['gopls'], 'languages': ['go']},\n"
        "  'clangd': {'argv': []},\n"
        "}\n"
    )
    ours = tmp_path / "ours.toml"
    ours.write_text("[extensions.lsp.servers.gopls]\nenabled = false\n")
    server = served("--config", str(ours))
    told = (await server.client.get("/lsp/status")).json
    spec = told["sessions"]["metals"]["spec"]
    assert set(told["specs"]) == {"metals"}
    assert (spec["languages"], spec["install"]) == (["scala"], {"coursier": "cs install"})
    assert spec["requires_documents_on_disk"] is True, "as jupyter-lsp has it"
    assert "LanguageServerManager" not in server.output.read_text(), "nothing is left unclaimed"


STRANGER = """
from pathlib import Path

def ask(manager):
    found = manager.find_node_module("stranger", "main.js")
    return {"by-node": {
        "argv": [manager.nodejs, found], "languages": ["stranger"], "version": 2,
        "display_name": "Strange", "urls": {"home": Path("/not/json")},
    }}

class Finder:
    def is_installed(self, manager):
        return False
    def __call__(self, manager):
        return {"absent": {"argv": ["absent"], "languages": ["a"], "install": {"pip": "it"}}}

absent = Finder()
plain = {"plain": {"argv": ["plain"], "languages": ["p"]}}
empty = {"empty": {"argv": [], "languages": ["p"]}}
wrong = {"wrong": {"argv": "wrong", "languages": ["p"]}}

def raising(manager):
    raise SystemExit("I want to go home")
"""


async def test_servers_of_installed_packages_are_found_and_broken_ones_left_out(
    start, programs, package, tmp_path, caplog
):
    folder = programs(node="")
    roots = tmp_path / "modules"
    main = roots / "node_modules" / "stranger" / "main.js"
    main.parent.mkdir(parents=True)
    main.touch()
    names = ("ask", "absent", "plain", "empty", "wrong", "raising", "missing")
    package("stranger", {name: f"stranger:{name}" for name in names}, STRANGER)
    settings = {"extra_node_roots": [str(roots)]}
    async with start(plughost_lsp, extensions={"lsp": settings}) as (host, client):
        told = await status(client)
        pool = await host.service("plughost_lsp.servers.LanguageServers").pool()
        specs = await pool.catalogue.specs()
    assert specs["by-node"].argv == [str(folder / "node"), str(main)]
    assert told["sessions"]["by-node"]["spec"]["urls"] == {"home": "/not/json"}
    assert told["specs"]["absent"]["install"] == {"pip": "it"}
    assert {"by-node", "plain"} <= set(told["sessions"])
    assert {"absent", "empty", "wrong"}.isdisjoint(told["sessions"])
    for name, why in {
        "raising": "SystemExit: I want to go home",
        "missing": "AttributeError: ",
        "wrong": "ValueError: 'wrong' is no specification of a server",
    }.items():
        told = f"The entry point '{name}' (stranger:{name}) names no language server: {why}"
        assert told in caplog.text


async def test_jupyter_lsps_own_finders_are_not_imported_but_its_schemas_read(
    start, programs, package, tmp_path
):
    programs()
    package("other", {"pylsp": "jupyter_lsp.specs:pylsp"}, "")
    config = tmp_path / "site" / "jupyter_lsp" / "specs" / "config"
    config.mkdir(parents=True)
    (tmp_path / "site" / "jupyter_lsp" / "__init__.py").write_text("raise SystemExit")
    schema = {"title": "Settings", "properties": {"pylsp.x": {"type": "boolean"}}}
    (config / "pylsp.schema.json").write_text(json.dumps(schema))
    async with start(plughost_lsp) as (_, client):
        told = await status(client)
    assert told["sessions"]["pylsp"]["spec"]["config_schema"] == schema
    assert "jupyter_lsp" not in sys.modules


def test_the_readme_names_every_known_server():
    from plughost_lsp.known import KNOWN

    text = (Path(plughost_lsp.__file__).parents[1] / "README.md").read_text()
    assert [known.name for known in KNOWN if f"`{known.name}`" not in text] == []

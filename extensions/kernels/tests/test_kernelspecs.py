"""Kernelspecs over REST."""

import json
import logging

import pytest

import plughost_kernels


@pytest.mark.proves("GET /api/kernelspecs", "GET /api/kernelspecs/{name}")
async def test_kernelspecs_are_listed_with_the_urls_of_their_logos(start, install_kernel):
    folder = install_kernel("echo", ["echo"], metadata={"a": 1})
    (folder / "logo-64x64.png").write_bytes(b"a picture")
    async with start(plughost_kernels, base_url="/deep/") as (_, client):
        everything = await client.get("/deep/api/kernelspecs?1763860000000")
        one = await client.get("/deep/api/kernelspecs/echo")
        upper = await client.get("/deep/api/kernelspecs/Echo")
    assert everything.json["default"] == "python3"
    assert everything.json["kernelspecs"]["python3"]["spec"]["language"] == "python"
    assert one.json == everything.json["kernelspecs"]["echo"] == upper.json
    assert one.json == {
        "name": "echo",
        "spec": {
            "argv": ["echo"],
            "display_name": "Echo",
            "env": {},
            "interrupt_mode": "signal",
            "kernel_protocol_version": "",
            "language": "test",
            "metadata": {"a": 1},
        },
        "resources": {"logo-64x64": "/deep/kernelspecs/echo/logo-64x64.png"},
    }


async def test_a_kernelspec_that_is_installed_later_is_found(start, install_kernel):
    async with start(plughost_kernels) as (_, client):
        before = await client.get("/api/kernelspecs")
        install_kernel("late", ["late"])
        after = await client.get("/api/kernelspecs")
        install_kernel("late", ["late"], display_name="Renamed")
        changed = await client.get("/api/kernelspecs/late")
    assert "late" not in before.json["kernelspecs"]
    assert after.json["kernelspecs"]["late"]["spec"]["display_name"] == "Late"
    assert changed.json["spec"]["display_name"] == "Renamed"


async def test_a_broken_kernelspec_hides_no_other_and_is_named(start, install_kernel, caplog):
    folder = install_kernel("broken", [])
    (folder / "kernel.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        async with start(plughost_kernels) as (_, client):
            reply = await client.get("/api/kernelspecs")
    assert "python3" in reply.json["kernelspecs"]
    assert "broken" not in reply.json["kernelspecs"]
    assert "broken" in caplog.text


async def test_an_unknown_kernelspec_is_not_found_and_the_known_ones_are_named(start):
    async with start(plughost_kernels) as (_, client):
        reply = await client.get("/api/kernelspecs/fortran")
    assert (reply.status, reply.json["message"]) == (404, "There is no kernel named 'fortran'.")
    assert "python3" in reply.json["hint"]


async def test_where_no_kernel_is_installed_it_is_said_how_to_get_one(start):
    nothing = {"allowed_kernelspecs": ["nothing"], "ensure_native_kernel": False}
    async with start(plughost_kernels, extensions={"kernels": nothing}) as (_, client):
        reply = await client.get("/api/kernelspecs/python3")
    assert reply.json["hint"] == "Installed: none. `pip install ipykernel` brings one for Python."


@pytest.mark.proves("GET /kernelspecs/{name}/{file}", "HEAD /kernelspecs/{name}/{file}")
async def test_a_logo_is_served_and_may_be_kept_by_the_browser(start, install_kernel):
    folder = install_kernel("echo", ["echo"])
    (folder / "logo-64x64.png").write_bytes(b"a picture")
    (folder / "logo-svg.svg").write_text("<svg/>")
    async with start(plughost_kernels) as (_, client):
        png = await client.get("/kernelspecs/echo/logo-64x64.png")
        svg = await client.get("/kernelspecs/echo/logo-svg.svg")
        head = await client.request("HEAD", "/kernelspecs/echo/logo-64x64.png")
        stranger = await client.get("/kernelspecs/echo/logo-svg.svg", token=None)
    assert (png.status, png.body, png.headers["Content-Type"]) == (200, b"a picture", "image/png")
    assert png.headers["Cache-Control"] == "max-age=2592000"
    assert (svg.body, svg.headers["Content-Type"]) == (b"<svg/>", "image/svg+xml")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "9")
    assert stranger.status == 403


@pytest.mark.parametrize(
    "file",
    ["missing.png", "..%2F..%2Fsecret", "..%2Fecho", "link", "up%2Fsecret", "a%00b", "a" * 300],
)
async def test_only_files_of_the_kernelspec_are_served(start, install_kernel, file):
    folder = install_kernel("echo", ["echo"])
    (folder.parent.parent / "secret").write_text("a secret")
    (folder / "link").symlink_to(folder.parent.parent / "secret")
    (folder / "up").symlink_to(folder.parent.parent)
    async with start(plughost_kernels) as (_, client):
        reply = await client.get(f"/kernelspecs/echo/{file}")
    assert reply.status == 404


async def test_what_jupyters_own_files_say_counts(served, jupyter_folders):
    config = {"MappingKernelManager": {"default_kernel_name": "elsewhere"}}
    file = jupyter_folders / "jupyter-config" / "jupyter_server_config.json"
    file.write_text(json.dumps(config))
    server = served()
    await server.client.get("/api/kernelspecs")
    settings = (await server.client.get("/plughost/api/config")).json["settings"]
    told = {entry["key"]: entry for entry in settings}["extensions.kernels.default_kernel"]
    assert told["value"] == "elsewhere"
    assert told["source"] == f"{file} (MappingKernelManager.default_kernel_name)"

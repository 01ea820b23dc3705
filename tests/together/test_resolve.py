"""A path that a kernel printed leads to the file that the kernel meant."""

from __future__ import annotations

import pytest

import plughost_contents
import plughost_kernels


@pytest.mark.proves("GET /api/resolvePath")
async def test_a_kernels_path_is_meant_from_the_folder_in_which_it_runs(start, tmp_path):
    outside = tmp_path / "library.py"
    outside.touch()
    async with start(plughost_contents, plughost_kernels) as (host, client):
        root = host.config.root
        (root / "notes").mkdir()
        (root / "notes" / "a.py").touch()
        (root / "b.py").touch()
        body = {"name": "python3", "path": "notes/x.ipynb"}
        kernel = (await client.post("/api/kernels", body)).json["id"]

        async def resolved(path, kernel=kernel):
            reply = await client.get(f"/api/resolvePath?path={path}&kernel={kernel}")
            assert reply.status == 200
            return [(each["scope"], each["path"]) for each in reply.json["resolved"]]

        inside = await resolved("./a.py")
        above = await resolved("b.py")
        full = await resolved(outside)
        gone = await resolved("a.py", "11111111-1111-1111-1111-111111111111")
        nothing = await resolved("c.py")
    assert inside == [("server", "notes/a.py"), ("kernel", str(root / "notes" / "a.py"))]
    assert above == [("server", "b.py")]
    assert full == [("kernel", str(outside))]
    assert gone == nothing == []

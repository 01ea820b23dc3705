"""Sessions over REST."""

import asyncio
import uuid
from pathlib import Path

import pytest

import plughost_kernels
from plughost_kernels.errors import ServerStops, SessionNotFound
from plughost_kernels.kernels import Kernels
from plughost_kernels.models import KernelChoice, SessionChange
from plughost_kernels.sessions import Sessions

WHO = "import os; print(os.getcwd(), os.environ['JPY_SESSION_NAME'])"


def new(path, **rest):
    return {"path": path, "type": "notebook", "name": "", "kernel": {"name": "python3"}, **rest}


@pytest.mark.proves(
    "GET /api/sessions",
    "POST /api/sessions",
    "GET /api/sessions/{id}",
    "PATCH /api/sessions/{id}",
    "DELETE /api/sessions/{id}",
)
async def test_a_new_notebook_gets_a_session_as_jupyterlab_asks_for_it(start, connect, tmp_path):
    folder = tmp_path / "root" / "sub"
    folder.mkdir(parents=True)
    async with start(plughost_kernels) as (_, client):
        draft = f"sub/{uuid.uuid4()}"
        opened = await client.post("/api/sessions?1763860000000", new(draft))
        session = opened.json
        url = f"/api/sessions/{session['id']}"
        moved = await client.patch(url, {"id": session["id"], "path": "sub/Untitled.ipynb"})
        named = await client.patch(url, {"id": session["id"], "name": "Untitled.ipynb"})
        listed = await client.get("/api/sessions")
        one = await client.get(url)
        line = await connect(client, session["kernel"]["id"])
        first = await line.print(WHO)
        await client.post(f"/api/kernels/{session['kernel']['id']}/restart")
        restarted = await line.print(WHO)
        ended = await client.delete(url)
        rest = [await client.get(path) for path in ("/api/sessions", "/api/kernels", url)]
    assert (opened.status, opened.headers["Location"]) == (201, url)
    kernel = session.pop("kernel")
    assert kernel["name"] == "python3"
    assert session == {
        "id": session["id"],
        "path": draft,
        "name": "",
        "type": "notebook",
        "notebook": {"path": draft, "name": ""},
    }
    assert (moved.status, moved.json["path"]) == (200, "sub/Untitled.ipynb")
    assert (named.json["name"], named.json["path"]) == ("Untitled.ipynb", "sub/Untitled.ipynb")
    assert [one.json["id"]] == [entry["id"] for entry in listed.json]
    assert one.json["kernel"]["id"] == kernel["id"]
    assert first == f"{folder} {folder.parent / draft}\n"
    assert restarted == f"{folder} {folder / 'Untitled.ipynb'}\n"
    assert (ended.status, ended.body) == (204, b"")
    assert (rest[0].json, rest[1].json, rest[2].status) == ([], [], 404)


async def test_a_kernel_whose_folder_was_moved_is_restarted_where_its_document_is(
    start, connect, tmp_path
):
    old, moved = tmp_path / "root" / "old" / "deep", tmp_path / "root" / "new"
    old.mkdir(parents=True)
    async with start(plughost_kernels) as (_, client):
        session = (await client.post("/api/sessions", new("old/deep/a.ipynb"))).json
        kernel_id = session["kernel"]["id"]
        line = await connect(client, kernel_id)
        old.rename(moved)
        await client.patch(f"/api/sessions/{session['id']}", {"path": "new/a.ipynb"})
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        in_moved = await line.print(WHO)
        moved.rename(old.parent / "elsewhere")
        again = await client.post(f"/api/kernels/{kernel_id}/restart")
        above = await line.print(WHO)
    assert (restarted.status, again.status) == (200, 200)
    assert in_moved == f"{moved} {moved / 'a.ipynb'}\n"
    assert above == f"{old.parent} {moved / 'a.ipynb'}\n"


async def test_a_path_has_one_session(start):
    async with start(plughost_kernels) as (_, client):
        first = await client.post("/api/sessions", new("a.ipynb"))
        second = await client.post("/api/sessions", new("a.ipynb"))
        both = [client.post("/api/sessions", new("b.ipynb")) for _ in range(2)]
        third, fourth = await asyncio.gather(*both)
        kernels = await client.get("/api/kernels")
    assert (second.status, second.json["id"]) == (201, first.json["id"])
    assert third.json["id"] == fourth.json["id"]
    assert len(kernels.json) == 2


async def test_a_session_can_use_a_kernel_that_runs_and_change_to_another(start):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        session = await client.post(
            "/api/sessions", new("c", type="console", kernel={"id": kernel_id})
        )
        url = f"/api/sessions/{session.json['id']}"
        shared = await client.post("/api/sessions", new("d", kernel={"id": kernel_id}))
        changed = await client.patch(url, {"kernel": {"name": "python3"}})
        while_shared = [kernel["id"] for kernel in (await client.get("/api/kernels")).json]
        other = f"/api/sessions/{shared.json['id']}"
        last = await client.patch(other, {"kernel": {"id": changed.json["kernel"]["id"]}})
        afterwards = [kernel["id"] for kernel in (await client.get("/api/kernels")).json]
    assert session.json["kernel"]["id"] == shared.json["kernel"]["id"] == kernel_id
    assert "notebook" not in session.json
    new_id = changed.json["kernel"]["id"]
    assert while_shared == [kernel_id, new_id]
    assert last.json["kernel"]["id"] == new_id
    assert afterwards == [new_id]


async def test_a_session_whose_kernel_is_gone_is_gone(start):
    async with start(plughost_kernels) as (_, client):
        sessions = [(await client.post("/api/sessions", new(p))).json for p in ("a", "b")]
        for session in sessions:
            await client.delete(f"/api/kernels/{session['kernel']['id']}")
        deleted = await client.delete(f"/api/sessions/{sessions[0]['id']}")
        read = await client.get(f"/api/sessions/{sessions[1]['id']}")
        listed = await client.get("/api/sessions")
    assert (deleted.status, read.status, listed.json) == (410, 404, [])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (new("a", kernel={"name": "fortran"}), 501, "no kernel named 'fortran'"),
        (new("a", kernel={"id": "nobody"}), 404, "no running kernel 'nobody'"),
        (new("a\0b"), 400, r"The path 'a\x00b' has a zero byte in it."),
        (new("x" * 200_000), 400, "The path of a session is too long"),
        ({"type": "notebook"}, 400, "`path`"),
        ({"path": "a"}, 400, "`type`"),
        ("{", 400, "cannot be used"),
        ("", 400, "cannot be used"),
    ],
)
async def test_a_session_that_cannot_be_opened_is_explained(start, body, status, words):
    async with start(plughost_kernels) as (_, client):
        reply = await client.post("/api/sessions", body)
        listed = await client.get("/api/sessions")
    assert (reply.status, listed.json) == (status, [])
    assert words in reply.json["message"]
    if status == 501:
        assert reply.json["short_message"] == "There is no kernel named 'fortran'."
        assert "python3" in reply.json["message"]


async def test_a_change_that_cannot_be_made_leaves_the_session_as_it_was(start):
    async with start(plughost_kernels) as (_, client):
        session = (await client.post("/api/sessions", new("a"))).json
        url = f"/api/sessions/{session['id']}"
        replies = [
            await client.patch(url, {"path": "b", "kernel": {"id": "nobody"}}),
            await client.patch(url, {"path": "b", "kernel": {"name": "fortran"}}),
            await client.patch(url, {"path": 3}),
            await client.patch(url, {"path": "b\0"}),
            await client.patch(url, {"path": "b" * 200_000}),
        ]
        unknown = await client.patch("/api/sessions/nobody", {"path": "b"})
        deleted = await client.delete("/api/sessions/nobody")
        after = (await client.get(url)).json
    assert [reply.status for reply in replies] == [400, 501, 400, 400, 400]
    assert (unknown.status, deleted.status) == (404, 404)
    assert session["id"] in unknown.json["hint"]
    assert (after["path"], after["kernel"]["id"]) == ("a", session["kernel"]["id"])


async def test_a_path_outside_the_root_does_not_lead_a_kernel_there(start, connect, tmp_path):
    async with start(plughost_kernels) as (_, client):
        session = (await client.post("/api/sessions", new("../../etc/x"))).json
        line = await connect(client, session["kernel"]["id"])
        folder = (await line.print("import os; print(os.getcwd())")).strip()
    assert Path(folder) == tmp_path / "root"


async def test_a_path_that_no_file_can_have_leads_a_kernel_to_the_nearest_folder(start):
    path = f"{'x' * 5000}/{uuid.uuid4()}"
    async with start(plughost_kernels) as (_, client):
        opened = await client.post("/api/sessions", new(path))
        listed = await client.get("/api/sessions")
    assert (opened.status, [one["path"] for one in listed.json]) == (201, [path])


async def test_of_two_changes_at_once_no_kernel_is_left_without_a_session(start):
    async with start(plughost_kernels) as (_, client):
        session = (await client.post("/api/sessions", new("a"))).json
        url = f"/api/sessions/{session['id']}"
        changes = [client.patch(url, {"kernel": {"name": "python3"}}) for _ in range(2)]
        renaming = client.patch(url, {"path": "b"})
        replies = await asyncio.gather(*changes, renaming)
        after = (await client.get(url)).json
        kernels = (await client.get("/api/kernels")).json
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [kernel["id"] for kernel in kernels] == [after["kernel"]["id"]]
    assert (after["path"], after["kernel"]["id"] != session["kernel"]["id"]) == ("b", True)


async def test_a_session_that_is_closed_while_it_gets_another_kernel_stays_closed(start):
    async with start(plughost_kernels) as (host, client):
        session = (await client.post("/api/sessions", new("a"))).json
        sessions = host.service(Sessions)
        change = SessionChange(path="b", kernel=KernelChoice(name="python3"))
        changing = asyncio.ensure_future(sessions.change(session["id"], change))
        await asyncio.sleep(0)  # it has begun
        await sessions.close(session["id"])  # not by a request: that might come too late
        with pytest.raises(SessionNotFound):
            await changing
        left = [(await client.get(path)).json for path in ("/api/sessions", "/api/kernels")]
    assert left == [[], []]


async def test_a_session_that_is_opened_again_gets_a_kernel_for_its_dead_one(
    start, launch, connect
):
    never = {"extensions": {"kernels": {"watch_interval": 0.05, "restart_limit": 0}}}
    async with start(plughost_kernels, **never) as (_, client):
        dying = await launch(client)
        session = (await client.post("/api/sessions", new("a", kernel={"id": dying}))).json
        line = await connect(client, dying)
        line.execute("os._exit(3)")
        await line.until(lambda m: m.content.get("execution_state") == "dead")
        named = (await client.post("/api/sessions", new("a", kernel={"id": dying}))).json
        again = (await client.post("/api/sessions", new("a"))).json
        kernels = [one["id"] for one in (await client.get("/api/kernels")).json]
    assert named["kernel"]["execution_state"] == "dead"  # who names it wants this one
    assert (again["id"], again["kernel"]["name"]) == (session["id"], "python3")
    assert kernels == [again["kernel"]["id"]] != [dying]


async def test_a_session_whose_kernel_was_left_is_not_said_to_be_over(start):
    async with start(plughost_kernels) as (host, client):
        session = (await client.post("/api/sessions", new("a"))).json
        sessions = host.service(Sessions)
        host.stop(keep=True)
    with pytest.raises(ServerStops):
        await sessions.close(session["id"])
    async with start(plughost_kernels) as (_, client):
        assert [one["id"] for one in (await client.get("/api/sessions")).json] == [session["id"]]
        assert (await client.delete(f"/api/sessions/{session['id']}")).status == 204


UNHURRIED = """
import time
shut_down = kernel.handlers["shutdown_request"]
def slowly(request):
    while not os.path.exists("go"):
        time.sleep(0.02)
    shut_down(request)
kernel.handlers["shutdown_request"] = slowly
"""


async def test_a_kernel_that_is_being_shut_down_gets_no_session_any_more(start, launch, root):
    patient = {"extensions": {"kernels": {"shutdown_wait": 120}}}
    async with start(plughost_kernels, **patient) as (host, client):
        session = (await client.post("/api/sessions", new("a"))).json
        slow = await launch(client, UNHURRIED)
        ending = asyncio.ensure_future(host.service(Kernels).shutdown(slow))
        await asyncio.sleep(0)  # it has begun
        opened = await client.post("/api/sessions", new("b", kernel={"id": slow}))
        changed = await client.patch(f"/api/sessions/{session['id']}", {"kernel": {"id": slow}})
        (root / "go").touch()
        await ending
        listed = (await client.get("/api/sessions")).json
        await client.delete(f"/api/sessions/{session['id']}")
    assert (opened.status, changed.status) == (404, 400)
    assert "has just been shut down" in changed.json["message"]
    assert [one["kernel"]["id"] for one in listed] == [session["kernel"]["id"]]

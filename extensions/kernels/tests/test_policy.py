"""What an administrator forbids, and what the lab's page is told of kernels."""

import pytest

import plughost_kernels
from plughost import Page, hookimpl
from plughost_kernels.activity import UNTRACKED


class Lab:
    """The page whose configuration is asked for; its own app is of no interest here."""

    @hookimpl
    def plughost_pages(self):
        return [Page("lab", r"/lab", url="/lab", title="Lab")]


@pytest.mark.proves("notebookStartsKernel")
@pytest.mark.proves("untracked_message_types")
@pytest.mark.parametrize("starts", [True, False])
async def test_the_page_knows_what_is_no_work_and_whether_notebooks_start_kernels(start, starts):
    settings = {"kernels": {} if starts else {"notebook_starts_kernel": False}}
    async with start(plughost_kernels, Lab(), extensions=settings) as (host, _):
        (config,) = host.offers["kernels"].page_config
        values = config.values(None)
    assert values == {
        "notebookStartsKernel": starts,
        "untracked_message_types": sorted(UNTRACKED),
    }


async def test_only_allowed_types_of_messages_reach_a_kernel(start, connect, caplog):
    allowed = ["kernel_info_request", "complete_request"]
    settings = {"kernels": {"allowed_message_types": allowed}}
    async with start(plughost_kernels, extensions=settings) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id)
        line.execute("print('never')")
        answer = await line.answer(
            line.send("complete_request", {"code": "impor", "cursor_pos": 5})
        )
        model = (await client.get(f"/api/kernels/{kernel_id}")).json
    assert "complete_reply" in [message.kind for message in answer]
    assert (model["running"], model["queued"]) == (None, 0)
    assert "Ignoring a 'execute_request'" in caplog.text


@pytest.mark.parametrize("legacy", [False, True])
async def test_tracebacks_are_shown_to_nobody_where_they_are_not_allowed(start, connect, legacy):
    settings = {"kernels": {"allow_tracebacks": False, "traceback_replacement_message": "Ask Ada."}}
    async with start(plughost_kernels, extensions=settings) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        line = await connect(client, kernel_id, legacy=legacy)
        failed = await line.run("secret = 'password'\nraise ValueError(secret)")
        fine = await line.run("6 * 7")
    told = {m.kind: m.content for m in failed if m.kind in ("error", "execute_reply")}
    assert set(told) == {"error", "execute_reply"}
    for content in told.values():
        assert (content["ename"], content["evalue"], content["traceback"]) == (
            "ExecutionError",
            "Execution error",
            ["Ask Ada."],
        )
    assert told["execute_reply"]["status"] == "error"
    results = [m.content["data"]["text/plain"] for m in fine if m.kind == "execute_result"]
    assert results == ["42"]


async def test_a_death_shows_no_traceback_either(start, connect, launch, caplog):
    settings = {"allow_tracebacks": False, "watch_interval": 0.05, "restart_limit": 0}
    async with start(plughost_kernels, extensions={"kernels": settings}) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        line.execute("import sys\nsys.stderr.write('password: tea\\n')\nos._exit(3)")
        told = (await line.until(lambda m: m.content.get("execution_state") == "dead"))[-1]
        model = await client.get(f"/api/kernels/{kernel_id}")
    assert (told.content["reason"], told.content["stderr"]) == (
        "its process ended with exit code 3",
        [],
    )
    assert "tea" not in model.body.decode()
    assert "traceback" not in model.json
    assert "password: tea" in caplog.text, "the log is the administrator's"

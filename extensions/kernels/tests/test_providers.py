"""Kernels from several places at once, one of which may be dead, slow or wrong."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time

import pytest
from jupyter_client.kernelspec import KernelSpec, NoSuchKernel

import plughost_kernels
from plughost import hookimpl
from plughost_kernels.errors import BadProvider, ProviderExists, ProviderNotFound
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.providers import KernelProvider

PYTHON = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
PATIENT = {"provider_patience": 60.0}
"""A busy machine may be slow to answer; who is meant to hang is another matter."""
NOW = {"provider_keep": 0, **PATIENT}
"""Every request asks the providers."""
KEPT = {"provider_keep": 600.0, **PATIENT}
"""They are asked once."""


class Cluster:
    """A KernelSpecManager as a stranger would write it, to be killed and revived by tests."""

    def __init__(self, folder="", **specs):
        self.folder = str(folder)
        self.specs = specs or {"py": {"argv": PYTHON, "language": "python"}}
        self.error = None
        self.asked = 0
        self.wanted = 0
        self.open = threading.Event()
        self.open.set()

    def _reach(self):
        self.open.wait(120)
        if self.error is not None:
            raise self.error

    def get_all_specs(self):
        self.asked += 1
        self._reach()
        return {n: {"resource_dir": self.folder, "spec": s} for n, s in self.specs.items()}

    def get_kernel_spec(self, name):
        self.wanted += 1
        self._reach()
        if name not in self.specs:
            raise NoSuchKernel(name)
        return KernelSpec(resource_dir=self.folder, **self.specs[name])


class Offering:
    """An extension that offers providers."""

    def __init__(self, *providers):
        self.providers = providers

    @hookimpl(optionalhook=True)
    def kernels_providers(self):
        return self.providers


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "logo-64x64.png").write_bytes(b"a picture")
    return Cluster(folder)


@pytest.fixture
def serve(start):
    """`serve(name=manager, …, **settings)` starts a host with providers of these names."""

    def started(settings=NOW, **managers):
        offered = [KernelProvider(n, lambda m=m: m) for n, m in managers.items()]
        return start(plughost_kernels, Offering(*offered), extensions={"kernels": settings})

    return started


async def names(client):
    """What is offered, without what else this machine happens to have."""
    offered = (await client.get("/api/kernelspecs")).json["kernelspecs"]
    return sorted(name for name in offered if ":" in name or name == "python3")


async def problems(client):
    return (await client.get("/api/kernelspecs")).json.get("problems")


@pytest.mark.parametrize("name", ["cluster:py", "cluster%3Apy", "Cluster:PY"])
async def test_a_providers_kernelspec_has_its_name_before_a_colon_and_its_logo(
    serve, cluster, name
):
    async with serve(cluster=cluster) as (_, client):
        everything = (await client.get("/api/kernelspecs")).json
        one = await client.get(f"/api/kernelspecs/{name}")
        logo = await client.get(one.json["resources"]["logo-64x64"])
        unquoted = await client.request("HEAD", "/kernelspecs/cluster:py/logo-64x64.png")
    assert {"cluster:py", "python3"} <= set(everything["kernelspecs"])
    assert "problems" not in everything
    assert one.json == everything["kernelspecs"]["cluster:py"]
    assert one.json["spec"]["argv"] == PYTHON
    assert one.json["spec"]["interrupt_mode"] == "signal"
    assert one.json["resources"] == {"logo-64x64": "/kernelspecs/cluster%3Apy/logo-64x64.png"}
    assert (logo.body, logo.headers["Content-Type"], unquoted.status) == (
        b"a picture",
        "image/png",
        200,
    )


async def test_a_providers_kernel_runs_and_is_restarted_under_its_full_name(
    serve, cluster, connect
):
    async with serve(cluster=cluster) as (_, client):
        made = await client.post("/api/kernels", {"name": "CLUSTER:py"})
        line = await connect(client, made.json["id"])
        first = await line.print("x = 1; print(x)")
        restarted = await client.post(f"/api/kernels/{made.json['id']}/restart")
        second = await line.print("print('x' in dir())")
        body = {"path": "a.ipynb", "type": "notebook", "kernel": {"name": "cluster:py"}}
        session = await client.post("/api/sessions", body)
    assert (made.status, made.json["name"], first) == (201, "cluster:py", "1\n")
    assert (restarted.status, restarted.json["name"], second) == (200, "cluster:py", "False\n")
    assert (session.status, session.json["kernel"]["name"]) == (201, "cluster:py")


async def test_a_session_whose_kernel_is_long_in_coming_holds_up_no_other(
    serve, cluster, eventually
):
    def body(path, kernel):
        return {"path": path, "type": "notebook", "kernel": {"name": kernel}}

    async with serve(KEPT, cluster=cluster) as (_, client):
        await client.get("/api/kernelspecs")
        cluster.open.clear()
        long = asyncio.ensure_future(client.post("/api/sessions", body("a", "cluster:py")))

        async def under_way():
            return cluster.wanted > 0

        await eventually(under_way)
        other = await client.post("/api/sessions", body("b", "python3"))
        waits = not long.done()
        cluster.open.set()
        sessions = [other.status, (await long).status]
    assert (waits, sessions) == (True, [201, 201])


async def test_a_providers_kernel_can_be_the_default(serve, cluster):
    async with serve({"default_kernel": "cluster:py", **PATIENT}, cluster=cluster) as (_, client):
        default = (await client.get("/api/kernelspecs")).json["default"]
        kernel = await client.post("/api/kernels")
    assert (default, kernel.json["name"]) == ("cluster:py", "cluster:py")


async def test_a_default_that_is_not_there_leaves_this_machines_first(serve, cluster):
    async with serve({"default_kernel": "gone:py", **PATIENT}, a=cluster) as (_, client):
        offer = (await client.get("/api/kernelspecs")).json
    assert offer["default"] == min(name for name in offer["kernelspecs"] if ":" not in name)


async def test_a_dead_provider_has_an_error_of_its_own_and_others_go_on(serve, cluster, caplog):
    dead = Cluster()
    dead.error = ConnectionError("no route to the cluster")
    async with serve(dead=dead, cluster=cluster) as (_, client):
        listed = await names(client)
        told = await problems(client)
        refused = await client.post("/api/kernels", {"name": "dead:py"})
        body = {"path": "a", "type": "console", "kernel": {"name": "dead:py"}}
        in_session = await client.post("/api/sessions", body)
        started = [(await client.post("/api/kernels", {"name": n})).status for n in listed]
        await problems(client)
        dead.error = None
        revived = await names(client), await problems(client)
        again = await client.post("/api/kernels", {"name": "dead:py"})
        dead.error = SystemExit("it wants to end us")
        after = await names(client), await problems(client)
        unreachable = await client.post("/api/kernels", {"name": "dead:py"})
        kernels = [kernel["name"] for kernel in (await client.get("/api/kernels")).json]
    said = "The provider 'dead' failed: ConnectionError: no route to the cluster"
    assert (listed, started) == (["cluster:py", "python3"], [201, 201])
    assert told["dead"]["message"] == said
    assert set(told) == {"dead"}
    assert set(told["dead"]) == {"message", "hint"}
    assert caplog.text.count(said) >= 1
    assert [refused.status, in_session.status] == [502, 502]
    assert refused.json["message"] == f"The kernel 'dead:py' is not available now. {said}"
    assert revived == (["cluster:py", "dead:py", "python3"], None)
    assert again.status == 201
    assert after[0] == ["cluster:py", "dead:py", "python3"], "what it said last is still shown"
    assert after[1]["dead"]["message"] == (
        "The provider 'dead' failed: SystemExit: it wants to end us"
    )
    assert unreachable.status == 502
    assert "it wants to end us" in unreachable.json["message"]
    assert kernels == ["cluster:py", "python3", "dead:py"]


async def test_a_hanging_provider_costs_the_first_page_its_patience_and_later_ones_nothing(
    serve, cluster, eventually
):
    slow = Cluster()
    slow.open.clear()
    seconds = []
    async with serve({"provider_patience": 2.0}, slow=slow, cluster=cluster) as (_, client):
        for _ in range(4):
            began = time.monotonic()
            listed = await names(client)
            seconds.append(time.monotonic() - began)
        told = await problems(client)
        refused = await client.post("/api/kernels", {"name": "slow:py"})
        other = await client.post("/api/kernels", {"name": "cluster:py"})
        asked = slow.asked
        slow.open.set()

        async def has_answered():
            return "slow:py" in await names(client)

        await eventually(has_answered)
        later = await problems(client)
        started = await client.post("/api/kernels", {"name": "slow:py"})
    assert listed == ["cluster:py", "python3"]
    # A busy machine may take long for one of them, but who waits for the provider does so always.
    assert min(seconds[1:]) < 2 <= seconds[0]
    assert told["slow"]["message"] == "The provider 'slow' has not answered within 2 s."
    assert (refused.status, other.status, asked) == (504, 201, 1)
    assert "'slow' has not answered" in refused.json["message"]
    assert (later, started.status) == (None, 201)


async def test_a_provider_that_hangs_when_a_kernel_is_wanted_costs_that_start_only(
    serve, cluster, eventually
):
    async with serve({**KEPT, "provider_patience": 2.0}, cluster=cluster) as (_, client):

        async def known():
            return "cluster:py" in await names(client)

        await eventually(known)
        cluster.open.clear()
        refused = await client.post("/api/kernels", {"name": "cluster:py"})
        left = (await client.get("/api/kernels")).json
        cluster.open.set()
        started = await client.post("/api/kernels", {"name": "cluster:py"})
    assert (refused.status, left, started.status) == (504, [], 201)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "it returned None instead of a dict of kernelspecs"),
        (["py"], "it returned a list instead of a dict of kernelspecs"),
    ],
)
async def test_rubbish_is_a_problem_and_no_empty_list(serve, answer, said):
    odd = Cluster()
    odd.get_all_specs = lambda: answer
    async with serve(odd=odd) as (_, client):
        told = await problems(client)
    assert told["odd"]["message"] == f"The provider 'odd' failed: TypeError: {said}"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"resource_dir": "", "spec": None},
        {"resource_dir": "", "spec": {"argv": "python"}},
        {"resource_dir": "", "spec": {"display_name": None}},
        {"resource_dir": "", "spec": {"metadata": {"a": object()}}},
        {"resource_dir": 5, "spec": {}},
    ],
)
async def test_a_broken_kernelspec_costs_only_itself(serve, cluster, entry):
    whole = cluster.get_all_specs()
    cluster.get_all_specs = lambda: {**whole, "bad": entry, "a/b": whole["py"], 3: whole["py"]}
    async with serve(cluster=cluster) as (_, client):
        listed, told = await names(client), await problems(client)
        status = (await client.post("/api/kernels", {"name": "cluster:py"})).status
        refused = await client.post("/api/kernels", {"name": "cluster:bad"})
        unknown = await client.post("/api/kernels", {"name": "cluster:nope"})
    assert (listed, status) == (["cluster:py", "python3"], 201)
    assert (refused.status, unknown.status) == (502, 404)
    assert all(f"{name!r}: it" in told["cluster"]["message"] for name in ("a/b", "3"))
    assert "'bad': " in told["cluster"]["message"]


async def test_coroutines_are_awaited(serve, cluster):
    plain = cluster.get_all_specs, cluster.get_kernel_spec

    async def get_all_specs():
        await asyncio.sleep(0)
        return plain[0]()

    async def get_kernel_spec(name):
        await asyncio.sleep(0)
        return plain[1](name)

    cluster.get_all_specs, cluster.get_kernel_spec = get_all_specs, get_kernel_spec
    async with serve(cluster=cluster) as (_, client):
        assert (await client.post("/api/kernels", {"name": "cluster:py"})).status == 201


async def test_requests_at_once_share_an_answer_and_it_is_kept_for_a_while(serve, cluster):
    async with serve(KEPT, cluster=cluster) as (_, client):
        await asyncio.gather(*(client.get("/api/kernelspecs") for _ in range(5)))
        await client.get("/api/kernelspecs")
    assert cluster.asked == 1


async def test_an_unknown_kernel_is_not_found_and_all_known_ones_are_named(serve, cluster):
    async with serve(cluster=cluster) as (_, client):
        replies = [
            await client.post("/api/kernels", {"name": name})
            for name in ("cluster:nope", "nobody:py", "nope")
        ]
        body = {"path": "a", "type": "console", "kernel": {"name": "cluster:nope"}}
        session = await client.post("/api/sessions", body)
    assert [reply.status for reply in replies] == [404, 404, 404]
    hints = [reply.json["hint"] for reply in replies]
    assert all("cluster:py, " in hint and "python3" in hint for hint in hints)
    assert session.status == 501


async def test_a_provider_comes_and_goes_with_its_extension(serve, cluster, connect):
    path = "/plughost/api/extensions/Offering"
    async with serve(cluster=cluster) as (_, client):
        kernel = await client.post("/api/kernels", {"name": "cluster:py"})
        await client.patch(path, {"enabled": False})
        without = await names(client)
        refused = await client.post("/api/kernels", {"name": "cluster:py"})
        restarted = await client.post(f"/api/kernels/{kernel.json['id']}/restart")
        line = await connect(client, kernel.json["id"])
        printed = await line.print("print(1)")
        await client.patch(path, {"enabled": True})
        with_it = await names(client)
    assert (without, with_it) == (["python3"], ["cluster:py", "python3"])
    assert (refused.status, restarted.status, printed) == (404, 200, "1\n"), "what runs goes on"


async def test_a_provider_is_added_and_removed_at_run_time(start, cluster):
    async with start(plughost_kernels) as (host, client):
        await host.settle()
        specs = host.service(Kernelspecs)
        specs.add(KernelProvider("cluster", lambda: cluster))
        added = await names(client)
        with pytest.raises(ProviderExists, match="called 'cluster'"):
            specs.add(KernelProvider("cluster", Cluster))
        for name in ("", "a:b", "Cluster", "local"):
            with pytest.raises(BadProvider):
                specs.add(KernelProvider(name, Cluster))
        specs.remove("cluster")
        removed = await names(client)
        with pytest.raises(ProviderNotFound):
            specs.remove("cluster")
    assert (added, removed) == (["cluster:py", "python3"], ["python3"])


async def test_a_second_provider_of_a_name_and_what_is_none_are_not_used(start, cluster):
    offered = (
        KernelProvider("twice", lambda: cluster),
        KernelProvider("twice", lambda: Cluster(other={})),
        KernelProvider("A b", Cluster),
        "rubbish",
    )
    async with start(plughost_kernels, Offering(*offered)) as (_, client):
        listed, told = await names(client), await problems(client)
    assert listed == ["python3", "twice:py"]
    assert set(told) == {"A b", "rubbish", "twice"}
    assert "A second kernel provider is called 'twice'" in told["twice"]["message"]


async def test_a_folder_named_in_the_settings_is_a_provider(start, tmp_path):
    folder = tmp_path / "shared"
    settings = {"providers": {"shared": str(folder)}, **NOW}
    async with start(plughost_kernels, extensions={"kernels": settings}) as (_, client):
        missing = await problems(client)
        (folder / "py").mkdir(parents=True)
        spec = {"argv": PYTHON, "display_name": "Shared", "language": "python"}
        (folder / "py" / "kernel.json").write_text(json.dumps(spec))
        found = await names(client), await problems(client)
        status = (await client.post("/api/kernels", {"name": "shared:py"})).status
    assert f"there is no folder {str(folder)!r}" in missing["shared"]["message"]
    assert (found, status) == ((["python3", "shared:py"], None), 201)


async def test_a_later_server_adopts_a_providers_kernel_and_restarts_it(serve, cluster, connect):
    async with serve(cluster=cluster) as (host, client):
        kernel_id = (await client.post("/api/kernels", {"name": "cluster:py"})).json["id"]
        await (await connect(client, kernel_id)).print("x = 1; print(x)")
        host.stop(keep=True)
    cluster.error = ConnectionError("still booting")
    async with serve(cluster=cluster) as (_, client):
        adopted = (await client.get(f"/api/kernels/{kernel_id}")).json
        refused = await client.post(f"/api/kernels/{kernel_id}/restart")
        line = await connect(client, kernel_id)
        alive = await line.print("print(x)")
        cluster.error = None
        restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        fresh = await line.print("print('x' in dir())")
    assert adopted["name"] == "cluster:py"
    assert (refused.status, alive) == (502, "1\n")
    assert "still booting" in refused.json["message"]
    assert (restarted.status, fresh) == (200, "False\n")


@pytest.mark.parametrize(("provisioner", "status"), [("local-provisioner", 201), ("nobody-s", 500)])
async def test_a_kernelspec_says_who_starts_its_kernels(serve, connect, provisioner, status):
    metadata = {"kernel_provisioner": {"provisioner_name": provisioner}}
    cluster = Cluster(py={"argv": PYTHON, "language": "python", "metadata": metadata})
    async with serve(cluster=cluster) as (_, client):
        made = await client.post("/api/kernels", {"name": "cluster:py"})
        kernels = (await client.get("/api/kernels")).json
        if made.status == 201:
            line = await connect(client, made.json["id"])
            assert await line.print("print(1)") == "1\n"
    assert (made.status, len(kernels)) == (status, 1 if status == 201 else 0)
    assert status == 201 or f"'{provisioner}' has not been registered" in made.json["message"]

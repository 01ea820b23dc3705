"""Which processes there are: the host, and one for each kernel."""

import psutil


async def test_three_notebooks_are_one_host_process_and_three_kernels(
    served, connect, jupyter_folders, pid_of, eventually
):
    server = served()
    client = server.client
    host = psutil.Process(server.process.pid)

    async def has(pids):
        async def so():
            return {child.pid for child in host.children(recursive=True)} == pids

        await eventually(so)

    await has(set())
    for name in ("a", "b", "c"):
        body = {"path": f"{name}.ipynb", "type": "notebook", "name": name}
        session = await client.post("/api/sessions", {**body, "kernel": {"name": "python3"}})
        line = await connect(client, session.json["kernel"]["id"])
        await line.run("x = 1")
    kernels = [one["id"] for one in (await client.get("/api/kernels")).json]
    pids = {pid_of(kernel_id) for kernel_id in kernels}
    await has(pids)
    told = (await client.get("/api/status")).json["kernels"]
    assert (len(kernels), told) == (3, 3)
    assert all("ipykernel_launcher" in psutil.Process(pid).cmdline() for pid in pids)

    for session in (await client.get("/api/sessions")).json:
        assert (await client.delete(f"/api/sessions/{session['id']}")).status == 204
    await has(set())

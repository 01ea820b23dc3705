"""Which processes there are: the host, and one for each kernel."""

import psutil


async def test_three_notebooks_are_one_host_process_and_three_kernels(
    served, connect, jupyter_folders, pid_of
):
    server = served()
    client = server.client
    host = psutil.Process(server.process.pid)
    before = host.children(recursive=True)
    for name in ("a", "b", "c"):
        body = {"path": f"{name}.ipynb", "type": "notebook", "name": name}
        session = await client.post("/api/sessions", {**body, "kernel": {"name": "python3"}})
        line = await connect(client, session.json["kernel"]["id"])
        await line.run("x = 1")
    kernels = [one["id"] for one in (await client.get("/api/kernels")).json]
    pids = {pid_of(kernel_id) for kernel_id in kernels}
    children = host.children(recursive=True)
    told = (await client.get("/api/status")).json["kernels"]
    assert before == []
    assert (len(kernels), told) == (3, 3)
    assert {child.pid for child in children} == pids
    assert all("ipykernel_launcher" in child.cmdline() for child in children)

    for session in (await client.get("/api/sessions")).json:
        assert (await client.delete(f"/api/sessions/{session['id']}")).status == 204
    assert host.children(recursive=True) == []

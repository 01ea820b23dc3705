"""A whole server, as a person starts it, with all that is installed here."""


async def test_everything_that_is_installed_runs(served):
    server = served()
    while (await server.client.get("/api/status")).json["loading"]:
        pass
    records = (await server.client.get("/plughost/api/extensions")).json
    running = {record["name"] for record in records if record["state"] == "active"}
    assert running >= {"contents", "kernels"}
    assert server.stop() == 0

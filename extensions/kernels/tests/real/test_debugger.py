"""The debugger's messages, as JupyterLab sends them: the Debug Adapter Protocol on control."""

from __future__ import annotations

import itertools

import pytest

import plughost_kernels

CODE = "x = 20\ny = x + 1\nprint(y * 2)\n"


class Debugger:
    """A client that debugs. It keeps what else arrives while it waits for replies."""

    def __init__(self, line):
        self.line = line
        self.heard = []
        self._numbers = itertools.count(1)

    async def until(self, wanted):
        """The first message that is wanted, of those heard since the last one or yet to come."""
        while True:
            while self.heard:
                message = self.heard.pop(0)
                if wanted(message):
                    return message
            self.heard.append(await self.line.receive())

    async def ask(self, command, **arguments):
        """Send a request of the protocol; its reply's body."""
        request = {"type": "request", "seq": next(self._numbers), "command": command}
        content = {**request, "arguments": arguments}
        asked = self.line.send("debug_request", content, channel="control")
        while True:
            message = await self.line.receive()
            self.heard.append(message)
            if message.kind == "debug_reply" and message.parent["msg_id"] == asked:
                assert message.channel == "control"
                assert message.content["success"], message.content
                return message.content.get("body")


def event(name):
    return lambda m: m.kind == "debug_event" and m.content["event"] == name


def is_idle_after(msg_id):
    return lambda m: m.content.get("execution_state") == "idle" and m.parent.get("msg_id") == msg_id


@pytest.mark.parametrize("name", ["python3", "xpython"])
async def test_a_cell_stops_at_a_breakpoint_shows_its_variables_and_goes_on(start, connect, name):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels", {"name": name})).json["id"]
        url = f"/api/kernels/{kernel_id}"
        line = await connect(client, kernel_id)
        onlooker = await connect(client, kernel_id, legacy=True)
        debugger = Debugger(line)
        told = await debugger.ask(
            "initialize",
            clientID="jupyterlab",
            clientName="JupyterLab",
            adapterID=name,
            pathFormat="path",
            linesStartAt1=True,
            columnsStartAt1=True,
            supportsVariableType=True,
            supportsVariablePaging=True,
            supportsRunInTerminalRequest=True,
            locale="en",
        )
        await debugger.ask("attach")
        source = {"path": (await debugger.ask("dumpCell", code=CODE))["sourcePath"]}
        set_at = await debugger.ask(
            "setBreakpoints", source=source, breakpoints=[{"line": 2}], sourceModified=False
        )
        await debugger.ask("configurationDone")

        cell = line.execute(CODE)
        stopped = await debugger.until(event("stopped"))
        thread = stopped.content["body"]["threadId"]
        frames = (await debugger.ask("stackTrace", threadId=thread))["stackFrames"]
        scopes = (await debugger.ask("scopes", frameId=frames[0]["id"]))["scopes"]
        variables = await debugger.ask(
            "variables", variablesReference=scopes[0]["variablesReference"]
        )
        while_stopped = (await client.get(url)).json["execution_state"]
        seen_by_onlooker = (await onlooker.until(event("stopped")))[-1]

        await debugger.ask("continue", threadId=thread)
        printed = ""
        while "42" not in printed:
            printed += (await debugger.until(lambda m: m.kind == "stream")).content["text"]
        await onlooker.until(is_idle_after(cell))
        afterwards = (await client.get(url)).json["execution_state"]
        await debugger.ask("disconnect", restart=False, terminateDebuggee=False)
        assert await line.print("print('still here')") == "still here\n"
    assert told["supportsConditionalBreakpoints"]
    assert [one["verified"] for one in set_at["breakpoints"]] == [True]
    assert (frames[0]["line"], frames[0]["source"]["path"]) == (2, source["path"])
    values = {one["name"]: one["value"] for one in variables["variables"]}
    assert values["x"] == "20"
    assert "y" not in values
    assert (while_stopped, afterwards) == ("busy", "idle")
    assert (stopped.channel, seen_by_onlooker.content) == ("iopub", stopped.content)

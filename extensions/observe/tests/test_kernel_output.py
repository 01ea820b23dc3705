"""What kernels write besides their cells' output, and how they die, is in the log."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

from plughost_observe.kernel_output import KernelOutput

KERNEL = """
import os, sys
os.write(1, b"the water boils\\nhalf a line")
os.write(2, b"it boils over, with my_password=canary-of-the-kernel\\n")
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


def install_kernel(folder):
    spec = folder / "jupyter-data" / "kernels" / "kettle"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", KERNEL, "-f", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Kettle", "language": "python"})
    )


async def run(client, kernel, code):
    """Have a kernel run some code; returns without waiting for an answer."""
    socket = await client.websocket(f"/api/kernels/{kernel}/channels?session_id=s")
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": "s",
        "username": "ada",
        "version": "5.3",
        "date": "2026-11-01T12:00:00Z",
    }
    content = {"code": code, "silent": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell"}))
    return socket


async def test_what_a_kernel_writes_and_its_death_are_lines_with_its_id(
    served, lines, jupyter_folders, monkeypatch
):
    monkeypatch.setenv("IPYTHONDIR", str(jupyter_folders / "ipython"))
    install_kernel(jupyter_folders)
    server = served(env={"PLUGHOST_EXTENSIONS__KERNELS__RESTART_LIMIT": "0"})
    client = server.client
    while (await client.get("/api/status")).json["loading"]:
        pass
    kernel = (await client.post("/api/kernels", {"name": "kettle"})).json["id"]
    (out,) = await lines(client, "the water boils", query=f"kernel={kernel}")
    (err,) = await lines(client, "it boils over", query=f"kernel={kernel}")
    socket = await run(client, kernel, "import os; os.kill(os.getpid(), 9)")
    (death,) = await lines(client, "died", query=f"kernel={kernel}")
    (rest,) = await lines(client, "half a line", query=f"kernel={kernel}")
    socket.close()
    assert (out["logger"], out["level"], out["extension"]) == (
        "plughost.kernels.stdout",
        "INFO",
        "kernels",
    )
    assert err["logger"] == "plughost.kernels.stderr"
    assert err["message"] == "it boils over, with my_password=[redacted]"
    assert "SIGKILL" in death["message"]
    assert (death["level"], death["extension"]) == ("WARNING", "kernels")
    assert rest["message"].startswith("half a line")
    assert "it boils over" in server.output.read_text()


class Running:
    """Kernels that write to files, without any kernel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: list[str] = []
        self.output = KernelOutput(lambda: self.ids, folder)

    def write(self, kernel: str, data: bytes, suffix: str = ".out") -> None:
        with (self.folder / f"{kernel}{suffix}").open("ab") as file:
            file.write(data)


def written(caplog, kernel):
    return [r.getMessage() for r in caplog.records if r.__dict__.get("kernel") == kernel]


async def test_what_an_adopted_kernel_wrote_before_is_not_told_again(tmp_path, caplog, eventually):
    caplog.set_level("INFO")
    running = Running(tmp_path)
    running.ids = ["old"]
    running.write("old", b"long ago\n")
    await running.output.start()

    async def followed():
        running.write("old", b"now\n")
        return "now" in written(caplog, "old")

    await eventually(followed)
    await running.output.stop()
    assert "long ago" not in written(caplog, "old")


async def test_a_kernel_that_writes_without_end_does_not_fill_the_log(tmp_path, caplog, eventually):
    caplog.set_level("INFO")
    running = Running(tmp_path)
    await running.output.start()
    running.write("loud", b"x" * 99 + b"\n")
    running.write("loud", (b"y" * 99 + b"\n") * 100_000)
    running.ids = ["loud"]

    async def told():
        return written(caplog, "loud")

    await eventually(told)
    await running.output.stop()
    messages = written(caplog, "loud")
    assert "bytes are left out here" in messages[0]
    assert sum(map(len, messages)) < 300_000


async def test_a_file_that_has_been_shortened_is_followed_from_there_on(
    tmp_path, caplog, eventually
):
    caplog.set_level("INFO")
    running = Running(tmp_path)
    running.write("long", b"one\ntwo\nthree\n")
    running.ids = ["long"]
    await running.output.start()
    (tmp_path / "long.out").write_bytes(b"three\n")

    async def told(text):
        return any(text in line for line in written(caplog, "long"))

    await eventually(lambda: told("may be left out"))
    running.write("long", b"four\n")
    await eventually(lambda: told("four"))
    await running.output.stop()
    assert len(written(caplog, "long")) == 2


async def test_what_was_written_last_is_told_when_the_files_are_gone(tmp_path, caplog, eventually):
    caplog.set_level("INFO")
    running = Running(tmp_path)
    running.write("brief", b"hello\n")
    running.ids = ["brief"]
    await running.output.start()
    running.ids = []
    running.write("brief", b"farewell")
    (tmp_path / "brief.out").unlink()

    async def told():
        return "farewell" in written(caplog, "brief")

    await eventually(told)
    await running.output.stop()

"""Lines, records and files that are made to break the logs, and do not."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

import plughost_observe
from plughost_observe.doctor.privacy import Privacy
from plughost_observe.log_file import LineFile
from plughost_observe.logs import Logs
from plughost_observe.redaction import Redactor


class Unsayable:
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [("file %s", ["\udcff.ipynb"]), ("bad %d", ["x"]), (Unsayable(), []), ("%s", [Unsayable()])],
)
async def test_an_odd_line_ends_no_log(start, lines, message, arguments):
    async with start(plughost_observe) as (host, client):
        await host.settle()
        # Not through the root logger: whoever listens there besides may mind such lines.
        handler = host.service(Logs).handler
        for kernel in (Unsayable(), ""):
            facts = {"name": "odd", "levelno": 30, "levelname": "WARNING", "kernel": kernel}
            record = {**facts, "msg": message, "args": tuple(arguments)}
            with contextlib.redirect_stderr(io.StringIO()):
                handler.handle(logging.makeLogRecord(record))
        logging.getLogger("plughost.test").warning("and after")
        await lines(client, "and after")
        kept = (await client.get("/plughost/api/logs?level=warning")).json
        states = {record.state.value for record in host.records.values()}
    assert len([line for line in kept if line["logger"] == "odd"]) == 1
    assert states == {"active"}


async def test_an_odd_deed_ends_no_audit(start, jupyter_folders):
    tables = {"observe": {"audit": True}}
    async with start(plughost_observe, extensions=tables) as (host, client):
        await host.settle()
        audit = logging.getLogger("plughost.audit")
        audit.info("bad %d", "x")
        audit.info("\udcff")
        audit.info("fine")
        await client.post("/plughost/api/extensions/nobody", "")
    files = [*(jupyter_folders / "jupyter-data").rglob("audit*.jsonl")]
    text = files[0].read_text()
    assert '"action":"fine"' in text
    assert "extension_replace" in text


@pytest.mark.parametrize("text", ["eyJ" * 10_900, "a" * 32_768, "-" * 32_768])
def test_no_text_takes_long_to_look_through(text):
    """Each was quadratic: 8 times as much took 64 times as long, and would take minutes here."""
    Redactor().text(text)
    Privacy((), {}).text(text * 4)


def test_a_log_is_no_link_to_somewhere_else(tmp_path):
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"link\.jsonl"):
        LineFile(tmp_path / "link.jsonl").open()


STOPPED = """
import os, signal, sys, time
from pathlib import Path
from plughost_observe import logs
from plughost_observe.log_file import LineFile

class Stopping(LineFile):
    def write(self, line):
        time.sleep(0.2)  # by now somebody waits for the end
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.05)
        super().write(line)

logs.END_SECONDS = 1.0
path = Path(sys.argv[1])
file = Stopping(path)
file.open()
writer = logs.Writer(file)
writer.start()
writer.put(b"the last words")
writer.close()
print(path.read_text())
"""


@pytest.mark.skipif(os.name != "posix", reason="no process is stopped there")
def test_a_process_that_was_stopped_while_it_ended_still_writes_what_waits(tmp_path):
    command = [sys.executable, "-c", STOPPED, str(tmp_path / "log.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    os.waitpid(process.pid, os.WUNTRACED)
    time.sleep(1.2)
    process.send_signal(signal.SIGCONT)
    printed, _ = process.communicate()
    assert printed.strip() == "the last words"

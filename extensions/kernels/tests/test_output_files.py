"""What a kernel writes outside of its cells does not fill the disk."""

import os

import pytest

import plughost_kernels
from plughost_kernels.output_files import KEPT, appending, shorten

MIB = 1024**2
WRITE = """
for number in range(200_000):
    os.write(2, b"line %d\\n" % number)
"""


@pytest.fixture
def files(jupyter_folders):
    """`files(kernel_id)`: its stdout and stderr file."""
    folder = jupyter_folders / "jupyter-runtime" / "plughost" / "kernels"
    return lambda kernel_id: (folder / f"{kernel_id}.out", folder / f"{kernel_id}.err")


async def test_of_what_a_kernel_writes_the_last_lines_are_kept(
    start, launch, connect, files, eventually
):
    settings = {"extensions": {"kernels": {"watch_interval": 0.05, "output_bytes": MIB}}}
    async with start(plughost_kernels, **settings) as (_, client):
        kernel_id = await launch(client)
        line = await connect(client, kernel_id)
        await line.run(WRITE)
        stdout, stderr = files(kernel_id)

        async def shortened():
            return stderr.stat().st_size <= MIB

        await eventually(shortened)
        await line.run("os.write(2, b'afterwards\\n')")
        first, second, *_, last = stderr.read_text().splitlines()
        line.execute("os.write(2, b'farewell\\n'); os._exit(7)")
        told = await line.until(lambda m: m.content.get("execution_state") == "restarting")
    assert "bytes that stood here were too much" in first
    assert second.startswith("line ")
    assert last == "afterwards"
    assert told[-1].content["stderr"][-2:] == ["afterwards", "farewell"]
    assert not stdout.exists() or stdout.stat().st_size == 0


def test_of_a_line_without_end_the_end_is_kept(tmp_path):
    file = tmp_path / "kernel.err"
    with appending(file) as writer:
        writer.write(b"\r".join(b"%d %%" % number for number in range(100_000)))
    assert shorten(file, 2 * KEPT)
    first, last = file.read_bytes().split(b"\n")
    assert b"too much" in first
    assert last.endswith(b"\r99998 %\r99999 %")
    assert len(last) == KEPT


def test_who_writes_goes_on_at_the_new_end(tmp_path):
    file = tmp_path / "kernel.err"
    with appending(file) as writer:
        writer.write(b"old\n" * KEPT)
        assert shorten(file, 2 * KEPT)
        writer.write(b"new\n")
    text = file.read_text()
    assert os.stat(file).st_size < 2 * KEPT
    assert text.endswith("old\nold\nnew\n")
    assert "\0" not in text


def test_what_is_short_or_gone_is_left_alone(tmp_path):
    file = tmp_path / "kernel.err"
    assert not shorten(file, 10)
    file.write_bytes(b"0123456789")
    assert not shorten(file, 10)
    assert file.read_bytes() == b"0123456789"

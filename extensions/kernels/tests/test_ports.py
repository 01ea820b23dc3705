"""The ports of kernels: nobody else has them, and they are given back."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import plughost_kernels
from plughost_kernels import ports

HERE = "127.0.0.1"


@pytest.fixture
def ranges(tmp_path):
    """`ranges(text)` is a file that says where the ephemeral range begins."""

    def write(text):
        (tmp_path / "range").write_text(text)
        return tmp_path / "range"

    return write


@pytest.fixture
def choose():
    """`ports.choose`, whose ports are given back after the test."""
    chosen = []

    def choosing(*arguments):
        chosen.append(ports.choose(*arguments))
        return chosen[-1]

    yield choosing
    for some in chosen:
        ports.back(some)


def test_ports_come_from_below_the_ephemeral_range(choose, ranges):
    for text, end in (("20000\t60999\n", 20_000), ("nonsense", ports.EPHEMERAL)):
        chosen = choose(HERE, 5, ranges(text))
        assert len(set(chosen)) == 5
        assert all(ports.LOWEST <= port < end for port in chosen)


@pytest.mark.parametrize("begin", ["1024", str(ports.LOWEST), str(ports.LOWEST + 2), "70000"])
def test_where_there_are_too_few_below_it_others_will_do(choose, ranges, begin):
    chosen = choose(HERE, 5, ranges(f"{begin} 65535"))
    assert len(set(chosen)) == 5
    assert all(ports.LOWEST <= port <= ports.HIGHEST for port in chosen)


@pytest.mark.parametrize("begin", ["1024", "32768"])
def test_when_there_are_none_the_error_says_where_they_were_looked_for(ranges, begin):
    before = {*ports.given}
    with pytest.raises(OSError, match=r"no 5 free ports from 10000 to 65535 on 192\.0\.2\.1"):
        ports.choose("192.0.2.1", 5, ranges(f"{begin} 60999"))  # nobody has this address
    assert ports.given == before


def test_launches_at_the_same_time_do_not_get_the_same_ports(ranges):
    few = ranges(f"{ports.LOWEST + 60} 60999")
    for _ in range(20):
        begin = threading.Barrier(4)

        def launched(begin=begin):
            begin.wait()
            return ports.choose(HERE, 5, few)

        with ThreadPoolExecutor(4) as pool:
            chosen = [each.result() for each in [pool.submit(launched) for _ in range(4)]]
        everything = [port for some in chosen for port in some]
        for some in chosen:
            ports.back(some)
        assert len(set(everything)) == 20


def test_ports_that_somebody_has_cannot_be_taken(choose):
    mine = choose(HERE, 5)
    assert not ports.take(HERE, mine)
    ports.back(mine)
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # somebody has it already
            other.bind((HERE, mine[0]))
            other.listen()
        before = {*ports.given}
        assert not ports.take(HERE, mine)
        assert ports.given == before
    assert ports.take(HERE, mine)
    assert not ports.take(HERE, mine)


@contextlib.contextmanager
def listening(port):
    """Somebody listens on a port as a kernel does."""
    with socket.socket() as kernels:
        kernels.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kernels.bind((HERE, port))
        kernels.listen()
        yield


def test_no_other_server_gets_ports_on_which_a_kernel_is_about_to_listen(choose, ranges):
    few = ranges(f"{ports.LOWEST + 40} 60999")
    mine = choose(HERE, 5, few)
    program = (
        "from pathlib import Path; from plughost_kernels import ports;"
        f"print(*ports.choose({HERE!r}, 40, Path({str(few)!r})))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    theirs = {int(port) for port in run.stdout.split()}
    assert len(theirs) == 40
    assert not theirs & {*mine}
    for port in mine:
        with listening(port):
            ports.release([port])
            with pytest.raises(OSError, match="in use"), listening(port):
                pass


async def test_what_was_held_for_a_kernel_is_let_go_when_it_has_answered(start, connect, tmp_path):
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        file = tmp_path / "jupyter-runtime" / f"kernel-{kernel_id}.json"
        its = {value for key, value in json.loads(file.read_text()).items() if "_port" in key}
        await connect(client, kernel_id)
        assert its <= ports.given
        assert not its & ports._held.keys()


async def test_a_kernel_that_shares_no_ports_lives_at_its_second_start(
    start, launch, connect, root
):
    alone = """
import socket
with open("starts", "a") as file:
    file.write("x")
with socket.socket() as probe:
    probe.bind((kernel.facts["ip"], kernel.facts["shell_port"]))
"""
    settings = {"extensions": {"kernels": {"watch_interval": 0.05}}}
    async with start(plughost_kernels, **settings) as (_, client):
        kernel_id = await launch(client, alone)
        line = await connect(client, kernel_id)
        assert await line.print("request.print('alive')") == "alive"
    assert (root / "starts").read_text() == "xx"


async def test_a_kernel_gives_its_ports_back_when_it_ends(start, tmp_path):
    before = {*ports.given}
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels")).json["id"]
        file = tmp_path / "jupyter-runtime" / f"kernel-{kernel_id}.json"
        told = {value for key, value in json.loads(file.read_text()).items() if "_port" in key}
        during = ports.given - before
        await client.post(f"/api/kernels/{kernel_id}/restart")
        assert ports.given - before == during == told
        await client.delete(f"/api/kernels/{kernel_id}")
        assert ports.given == before
    assert len(told) == 5


async def test_a_kernel_that_cannot_be_launched_keeps_no_ports(start, install_kernel):
    install_kernel("lost", ["/nowhere/program", "{connection_file}"])
    before = {*ports.given}
    async with start(plughost_kernels) as (_, client):
        reply = await client.post("/api/kernels", {"name": "lost"})
        assert ports.given == before
    assert reply.status == 500


async def test_a_kernel_that_cannot_be_restarted_keeps_no_ports_until_it_can(
    start, connect, install_kernel, tmp_path
):
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ipykernel_launcher "$@"\n')
    program.chmod(0o700)
    install_kernel("moving", [str(program), "-f", "{connection_file}"])
    before = {*ports.given}
    async with start(plughost_kernels) as (_, client):
        kernel_id = (await client.post("/api/kernels", {"name": "moving"})).json["id"]
        during = ports.given - before
        away = program.rename(tmp_path / "away")
        failed = await client.post(f"/api/kernels/{kernel_id}/restart")
        assert ports.given == before
        away.rename(program)
        # Meanwhile somebody gets one of those it had.
        with socket.socket() as other:
            with contextlib.suppress(OSError):  # somebody has it already
                other.bind((HERE, min(during)))
                other.listen()
            restarted = await client.post(f"/api/kernels/{kernel_id}/restart")
        after = ports.given - before
        line = await connect(client, kernel_id)
        assert await line.print("print('back')") == "back\n"
        await client.delete(f"/api/kernels/{kernel_id}")
        assert ports.given == before
    assert (failed.status, restarted.status) == (500, 200)
    assert len(after) == 5
    assert min(during) not in after

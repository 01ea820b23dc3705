"""What a host pays for kernels before anybody wants one."""

import subprocess
import sys

HEAVY = ("IPython", "ipykernel", "jupyter_client", "psutil", "zmq")
PROGRAM = f"""
import asyncio, sys, tempfile
from pathlib import Path
import plughost_kernels
from plughost import Config, Host

async def main():
    host = Host({{"kernels": plughost_kernels}}, Config(root=Path(tempfile.gettempdir())))
    host.listen([])
    await host.until(lambda: host.records["kernels"].settled)
    print(host.records["kernels"].state.value, [m for m in {HEAVY} if m in sys.modules])
    await host.close()

asyncio.run(main())
"""


def test_a_host_that_runs_no_kernel_imports_nothing_for_kernels(jupyter_folders):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert run.stdout == "active []\n"

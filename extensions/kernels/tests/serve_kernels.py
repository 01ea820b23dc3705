"""A host with only the kernels extension in a process of its own, to be ended by its pid.

`python serve_kernels.py ROOT` prints the port it listens on.
"""

import asyncio
import logging
import sys
from pathlib import Path

from tornado.netutil import bind_sockets

import plughost_kernels
from plughost import Config, Host
from plughost.testing import TOKEN


async def main() -> None:
    # Who asks while it starts is kept waiting, on a busy machine for long.
    config = Config(root=Path(sys.argv[1]), token=TOKEN, hold=60)
    host = Host({"kernels": plughost_kernels}, config)
    sockets = bind_sockets(0, "127.0.0.1")
    host.listen(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


logging.basicConfig(level=logging.INFO, stream=sys.stderr)
asyncio.run(main())

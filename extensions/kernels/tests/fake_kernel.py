"""A kernel that does what a test tells it to, faults above all: plain sockets and JSON.

`python fake_kernel.py CONNECTION_FILE [CODE]` runs CODE before any socket is bound. What it
is asked to execute is Python, too, and finds the `kernel`, and `request`, its own request.
Source: "Messaging in Jupyter", the wire protocol, in jupyter_client's documentation.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"
KINDS = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER, "iopub": zmq.PUB}


class FakeKernel:
    """One kernel: `run()` answers until it is told to stop.

    `handlers` has a function of the request for each kind of request; a test replaces them.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.key = facts["key"].encode()
        self.session = os.urandom(8).hex()
        self.info: dict[str, Any] = {"status": "ok", "protocol_version": "5.3"}
        self.handlers: dict[str, Callable[[Request], None]] = {
            "kernel_info_request": lambda request: request.reply(self.info),
            "execute_request": self._execute,
            "shutdown_request": self._shut_down,
        }
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        self.names: dict[str, Any] = {"kernel": self, "os": os, "json": json}
        self.going = True
        self._at_work = False
        self._context = zmq.Context()
        self._numbers = itertools.count(1)

    def bind(self, *channels: str) -> None:
        """Listen on these channels, or on all."""
        for channel in channels or KINDS:
            socket = self.sockets[channel] = self._context.socket(KINDS[channel])
            socket.linger = 1000
            socket.sndhwm = socket.rcvhwm = 0
            if channel == "stdin":
                # Whom a kernel asks may not have connected there yet.
                socket.router_mandatory = True
            address = f"tcp://{self.facts['ip']}:{self.facts[f'{channel}_port']}"
            # ZeroMQ closes a socket in the background: it may still have the address.
            patient(partial(socket.bind, address))

    def unbind(self, *channels: str) -> None:
        """Listen no longer on these channels, or on any."""
        for channel in channels or [*self.sockets]:
            self.sockets.pop(channel).close()

    def run(self) -> None:
        while self.going:
            waiting = [s for name, s in self.sockets.items() if name in ("shell", "control")]
            ready, _, _ = zmq.select(waiting, [], [], 0.05)
            for channel, socket in [*self.sockets.items()]:
                if socket in ready and not socket.closed:
                    self._answer(channel, socket.recv_multipart())

    def interrupt(self, *_: object) -> None:
        """Interrupt what it executes, if anything: who ends a kernel interrupts it first."""
        if self._at_work:
            raise KeyboardInterrupt

    def frames(self, kind: str, content: Any, parent: Any = None, **header: Any) -> list[bytes]:
        """A message as it should be: delimiter, signature, header, parent, metadata, content."""
        whole = {
            "msg_id": f"{self.session}-{next(self._numbers)}",
            "msg_type": kind,
            "session": self.session,
            "username": "kernel",
            "version": "5.3",
            "date": "2026-11-01T12:00:00Z",
            **header,
        }
        return self.signed([json.dumps(part).encode() for part in (whole, parent, {}, content)])

    def signed(self, parts: list[bytes]) -> list[bytes]:
        """Any parts with the delimiter and the signature before them."""
        made = hmac.new(self.key, digestmod=hashlib.sha256)
        for part in parts[:4]:
            made.update(part)
        return [DELIMITER, made.hexdigest().encode(), *parts]

    def publish(self, kind: str, content: Any, parent: Any = None, **header: Any) -> None:
        """Send a well-formed message on iopub."""
        self.raw("iopub", [kind.encode(), *self.frames(kind, content, parent, **header)])

    def raw(self, channel: str, frames: list[bytes]) -> None:
        """Send frames as they are; on a ROUTER the first one is whom they are for."""
        patient(lambda: self.sockets[channel].send_multipart(frames))

    def status(self, state: str, parent: Any = None) -> None:
        self.publish("status", {"execution_state": state}, parent)

    def _answer(self, channel: str, frames: list[bytes]) -> None:
        start = frames.index(DELIMITER)
        header, content = json.loads(frames[start + 2]), json.loads(frames[start + 5])
        request = Request(self, channel, frames[:start], header, content)
        handler = self.handlers.get(header["msg_type"])
        if handler is None:
            return
        self.status("busy", header)
        handler(request)
        if "iopub" in self.sockets:
            self.status("idle", header)

    def _execute(self, request: Request) -> None:
        try:
            self._at_work = True
            exec(request.content["code"], {**self.names, "request": request})
            self._at_work = False
            request.reply({"status": "ok", "execution_count": 1})
        except (Exception, KeyboardInterrupt) as error:
            self._at_work = False
            failure = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
            traceback.print_exc()
            request.publish("error", failure)
            request.reply({"status": "error", **failure})

    def _shut_down(self, request: Request) -> None:
        request.reply({"status": "ok", "restart": request.content.get("restart", False)})
        self.going = False


class Request:
    """What somebody wants of the kernel, and the ways to answer."""

    def __init__(
        self,
        kernel: FakeKernel,
        channel: str,
        asker: list[bytes],
        header: dict[str, Any],
        content: dict[str, Any],
    ) -> None:
        self.kernel = kernel
        self.channel = channel
        self.asker = asker
        self.header = header
        self.content = content

    def reply(self, content: Any, parent: Any = None, **header: Any) -> None:
        kind = self.header["msg_type"].replace("_request", "_reply")
        frames = self.kernel.frames(kind, content, parent or self.header, **header)
        self.raw(frames)

    def raw(self, frames: list[bytes]) -> None:
        """Send frames as they are to whoever asked, on the channel of the request."""
        if self.channel in self.kernel.sockets:
            self.kernel.raw(self.channel, [*self.asker, *frames])

    def publish(self, kind: str, content: Any, **header: Any) -> None:
        """Send a well-formed message on iopub that this request has caused."""
        self.kernel.publish(kind, content, self.header, **header)

    def print(self, text: Any) -> None:
        self.publish("stream", {"name": "stdout", "text": text})


def patient(attempt: Callable[[], object], seconds: float = 30) -> None:
    """Try until it succeeds; raises ZMQError when it has not for so long."""
    end = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except zmq.ZMQError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def main(connection_file: str, code: str = "") -> None:
    kernel = FakeKernel(json.loads(Path(connection_file).read_text()))
    signal.signal(signal.SIGINT, kernel.interrupt)
    exec(code, kernel.names)
    if not kernel.sockets:
        kernel.bind()
    kernel.run()


if __name__ == "__main__":
    main(*sys.argv[1:])

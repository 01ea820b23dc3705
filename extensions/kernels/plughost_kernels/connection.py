"""The server's one connection to one kernel, shared by all of its clients.

One subscriber for iopub and one DEALER each for shell, control and stdin, read without
pause and without a receive limit: with a limit a full queue would make the kernel drop
messages. The three DEALERs carry one explicit identity: a kernel sends `input_request` on
stdin to the identity that asked on shell. Each server has one of its own, since many a kernel
does not let one change hands; the next server listens under those of earlier ones, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import zmq

from plughost_kernels import adaptation
from plughost_kernels.errors import BadMessage
from plughost_kernels.messages import Message, for_kernel, from_kernel

if TYPE_CHECKING:
    from jupyter_client.session import Session

CHANNELS = ("shell", "control", "stdin")
TURN_SECONDS = 0.005
"""How long one kernel's messages are read before others have their turn."""
RECONNECT_MILLISECONDS = 20
HANDSHAKE_MILLISECONDS = 2_000
"""After so long a peer that accepts a connection and says nothing is tried again; ZeroMQ's own
patience of 30 seconds is as long as people wait for a kernel."""
COMPLAINTS = 20
"""How many messages a second the log names that are ignored."""

log = logging.getLogger("plughost.kernels")


class Connection:
    """Sockets to one kernel, from `open()` to `close()`.

    Every well-formed message goes to `receive`, except what our own questions cause;
    everything that the kernel publishes, that included, goes to `observe`. `pause` is
    called when nothing more is there to be read, or it is others' turn. `heard` says that
    something has been published since `open()`, so that nothing is lost from now on.
    """

    def __init__(
        self,
        kernel_id: str,
        receive: Callable[[Message], None],
        observe: Callable[[Message], None],
        pause: Callable[[], None],
    ) -> None:
        self.answered = asyncio.Event()
        self.heard = asyncio.Event()
        self._published = asyncio.Event()
        self._questions: set[str] = set()
        self._major = adaptation.CLIENTS
        self._ignored = 0
        self._complaining = 0.0
        self._kernel_id = kernel_id
        self._receive = receive
        self._observe = observe
        self._pause = pause
        self._session: Session | None = None
        self._sockets: dict[str, _Socket] = {}
        self._dial: Callable[[str], _Socket]

    def open(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        session: Session,
        urls: dict[str, str],
        identities: Sequence[str],
    ) -> None:
        """Connect to the kernel's channels, whether or not it is listening yet.

        `session` holds the kernel's key; `urls` has a ZeroMQ address for each channel. We
        send under the last of the `identities`, and listen under all of them: the others
        are those of earlier servers, whose requests the kernel may be at work on.
        """
        self.heard.clear()
        self._session = session.clone()
        # Of its own, so that what our questions cause can be told from all the rest.
        self._session.session = secrets.token_hex(16)
        *earlier, own = identities
        self._dial = partial(self._connect, context, urls, identity=own)
        # First those on which somebody waits for us: a kernel may ask at once.
        for channel in ("iopub", "stdin", "control", "shell"):
            self._sockets[channel] = self._dial(channel)
            for identity in earlier if channel != "iopub" else ():
                name = f"{channel} of {identity}"
                self._sockets[name] = self._connect(context, urls, channel, identity)

    def _connect(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        urls: dict[str, str],
        channel: str,
        identity: str,
    ) -> _Socket:
        socket = context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
        try:
            socket.linger = 0
            socket.rcvhwm = 0
            socket.sndhwm = 0
            socket.reconnect_ivl = RECONNECT_MILLISECONDS
            socket.handshake_ivl = HANDSHAKE_MILLISECONDS
            if channel == "iopub":
                socket.subscribe(b"")
            else:
                socket.setsockopt(zmq.IDENTITY, identity.encode())
            socket.connect(urls[channel])
        except BaseException:
            socket.close()  # else the context could never end
            raise
        return _Socket(socket, partial(self._take, channel), self._pause)

    def leave_earlier(self) -> None:
        """Listen no more under the identities of earlier servers."""
        for name in self._sockets.keys() - {*CHANNELS, "iopub"}:
            self._sockets.pop(name).close()

    def renew(self) -> None:
        """Ask nobody what a process that has ended was asked too late; what it said is read.

        ZeroMQ would give it to the next one, before the output of that can be heard.
        """
        for channel in CHANNELS:
            if channel in self._sockets:
                self._sockets[channel].read_all()
                self._sockets[channel].close()
                self._sockets[channel] = self._dial(channel)

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.close()
        self._sockets.clear()

    def send(self, channel: str, parts: Sequence[bytes]) -> None:
        """Sign a message and send it; into the void once the kernel is gone."""
        if self._session is not None and channel in self._sockets:
            if self._major != adaptation.CLIENTS:
                parts = adaptation.for_kernel(parts, self._major)
            frames = for_kernel(parts, self._session.sign)
            try:
                self._sockets[channel].send(frames)
            except zmq.Again:
                # It has met a stranger on its port, and ZeroMQ does not try again.
                self._sockets[channel].close()
                self._sockets[channel] = self._dial(channel)
                self._sockets[channel].send(frames)

    async def greet(self, seconds: float) -> bool:
        """Ask for `kernel_info` until the kernel has answered and its iopub is heard.

        A subscription takes a moment to reach the kernel, and what it publishes before
        that is lost; so an answer alone does not prove that output will arrive. Nor does
        what is still on its way from the process before a restart. False when `seconds`
        have passed; `answered` says whether it was for want of an answer.
        """
        self.answered.clear()
        self._published.clear()
        self._questions.clear()
        deadline = time.monotonic() + seconds
        while not (self.answered.is_set() and self._published.is_set()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._ask()
            # An answer without output: the subscription is under way, ask again soon.
            soon = self.answered.is_set()
            missing = self._published if soon else self.answered
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(missing.wait(), min(left, 0.02 if soon else 0.5))
        return True

    def _ask(self) -> None:
        if self._session is not None:
            question = self._session.msg("kernel_info_request")
            self._questions.add(question["header"]["msg_id"])
            self.send("shell", self._session.serialize(question)[2:])

    def _take(self, channel: str, frames: list[bytes]) -> None:
        assert self._session is not None, "sockets exist only after open()"
        try:
            message = from_kernel(channel, frames, self._session)
            if self._major != adaptation.CLIENTS:
                message = adaptation.for_clients(message)
        except BadMessage as error:
            self._ignore(channel, error)
            return
        is_answer = message.parent.msg_id in self._questions
        if channel == "iopub":
            self.heard.set()
            if is_answer or self.answered.is_set():
                self._published.set()
            self._observe(message)
        if message.parent.session == self._session.session:
            if channel == "shell" and is_answer:
                self._major = adaptation.major(message)
                self.answered.set()
        else:
            self._receive(message)

    def _ignore(self, channel: str, error: BadMessage) -> None:
        """Name what cannot be used in the log; of a flood of it, some in each second."""
        now = time.monotonic()
        if now >= self._complaining + 1:
            if self._ignored > COMPLAINTS:
                log.warning(
                    "Ignored %d more messages from kernel %s.",
                    self._ignored - COMPLAINTS,
                    self._kernel_id,
                    extra={"kernel": self._kernel_id},
                )
            self._complaining, self._ignored = now, 0
        self._ignored += 1
        if self._ignored <= COMPLAINTS:
            log.warning(
                "Ignoring a message from kernel %s on %s: %s",
                self._kernel_id,
                channel,
                error.message,
                extra={"kernel": self._kernel_id},
            )


class _Socket:
    """One ZeroMQ socket on the event loop: each message it receives goes to `take`.

    `pause` is called after each turn.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        take: Callable[[list[bytes]], None],
        pause: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._take = take
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.get(zmq.FD))
        self._loop.add_reader(self._descriptor, self._read)
        self._loop.call_soon(self._read)

    def send(self, frames: list[bytes]) -> None:
        self._socket.send_multipart(frames, zmq.NOBLOCK)
        # The descriptor tells of changes only, and sending may have swallowed one.
        if int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            self._loop.call_soon(self._read)

    def close(self) -> None:
        if not self._socket.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.close()

    def read_all(self) -> None:
        """Read everything there is at once, however much."""
        self._read(math.inf)

    def _read(self, seconds: float = TURN_SECONDS) -> None:
        """Read everything there is: the descriptor will not tell of it again."""
        end = time.monotonic() + seconds
        read = False
        while not self._socket.closed:
            try:
                frames = self._receive()
            except zmq.Again:
                break
            read = True
            try:
                self._take(frames)
            except Exception:
                # The rest has to be read all the same: nothing will tell of it again.
                log.exception("Cannot handle a message from a kernel.")
            if time.monotonic() > end:
                self._loop.call_soon(self._read)
                break
        if read:
            self._pause()

    def _receive(self) -> list[bytes]:
        """One message; `recv_multipart` takes half as long again."""
        frame = self._socket.recv(zmq.NOBLOCK, copy=False)
        frames = [frame.bytes]
        while frame.more:
            frame = self._socket.recv(zmq.NOBLOCK, copy=False)
            frames.append(frame.bytes)
        return frames

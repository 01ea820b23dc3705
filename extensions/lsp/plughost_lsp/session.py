"""One client and the server process of its own: what they say to each other, and its end.

Language servers are made for one client: `initialize` is sent once, and the ids of requests
are the client's. So a process is never shared; it starts with its client and ends with it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from string import Template
from typing import Protocol

from plughost_lsp import framing, messages
from plughost_lsp.errors import NotStarted
from plughost_lsp.messages import BadMessage
from plughost_lsp.process import LINES, Process
from plughost_lsp.shadow import FOLLOWED, Shadow
from plughost_lsp.specs import Spec

NORMAL, INTERNAL_ERROR = 1000, 1011
"""Close codes (RFC 6455, 7.4.1)."""
COMPLAINTS = 20
"""What is wrong with a server's messages is logged so often, then no more."""
SHOWN = 80
KILLED_SECONDS = 1.0

log = logging.getLogger("plughost.lsp")


class Status(Enum):
    """As jupyter-lsp has them."""

    NOT_STARTED = "not_started"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Client(Protocol):
    """A WebSocket."""

    async def send(self, body: bytes) -> None:
        """Send one message; done when it is on its way. Raises ConnectionError once closed."""

    def close(self, code: int, reason: str) -> None:
        """Close it (RFC 6455, 7.1)."""


class Witness(Protocol):
    """Somebody who keeps what is to be known of a server when its processes are gone."""

    def server_spoke(self, now: datetime) -> None: ...

    def client_spoke(self, now: datetime) -> None: ...

    def died(self, returncode: int | None, stderr: list[str]) -> None:
        """It ended by itself, or did not start (None)."""


@dataclass(frozen=True)
class Launch:
    """How processes are run: where, with which variables, and within which bounds."""

    folder: Path
    environment: Mapping[str, str]
    max_message_bytes: int
    shutdown_wait: float


class Session:
    """A client's line to its process; `run` is its whole life."""

    def __init__(
        self, spec: Spec, client: Client, launch: Launch, witness: Witness, shadow: Shadow | None
    ) -> None:
        self.status = Status.STARTING
        self._spec = spec
        self._client = client
        self._launch = launch
        self._witness = witness
        self._shadow = shadow
        self._process: Process | None = None
        self._ready = asyncio.Event()  # started, or known not to
        self._left = asyncio.Event()
        self._shut_down = asyncio.Event()  # it has answered our request
        self._told_to_exit = False
        self._complaints = 0
        self._stderr: deque[str] = deque(maxlen=LINES)

    async def run(self) -> None:
        """Start the process, pass on what it says, end it when the client is gone."""
        try:
            process = self._process = await self._start()
        except NotStarted as error:
            self.status = Status.STOPPED
            self._witness.died(None, [error.message])
            log.error("%s %s", error.message, error.hint)
            self._client.close(INTERNAL_ERROR, error.message)
            return
        finally:
            self._ready.set()
        self.status = Status.STARTED
        passing_on = asyncio.create_task(self._pass_on(process))
        leaving = asyncio.create_task(self._left.wait())
        try:
            await asyncio.wait({passing_on, leaving}, return_when=asyncio.FIRST_COMPLETED)
            self.status = Status.STOPPING
            # Its output has ended: by itself it has at most a moment to live.
            await self._end(process)
            if not self._left.is_set():
                self._tell_of_the_end(process.returncode)
        finally:
            leaving.cancel()
            passing_on.cancel()
            process.close()
            if self._shadow is not None:
                await asyncio.to_thread(self._shadow.clear)
            self.status = Status.STOPPED

    async def tell(self, body: bytes) -> None:
        """The client says something; returns when the server has taken enough of it."""
        await self._ready.wait()
        if self._process is None or self._left.is_set():
            return
        try:
            head = messages.head(body)
        except BadMessage as mistake:
            log.warning("A client of %r: %s", self._spec.name, mistake)
            await self._send(messages.error(mistake))
            return
        self._witness.client_spoke(datetime.now(timezone.utc))
        self._told_to_exit = self._told_to_exit or head.method == "exit"
        if self._shadow is not None and head.method in FOLLOWED:
            await asyncio.to_thread(self._shadow.follow, head.method, body)
        if self._spec.configuration and head.method == messages.CONFIGURATION:
            body = messages.with_configuration(body, self._spec.configuration)
        await self._process.write(body)

    def leave(self) -> None:
        """The client is gone; the process follows."""
        self._left.set()

    async def _start(self) -> Process:
        argv = self._spec.argv
        try:
            return await Process.start(
                argv,
                self._launch.folder,
                {**self._launch.environment, **_filled_in(self._spec.env, self._launch)},
                limit=self._launch.max_message_bytes,
                on_stderr=self._hear,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise NotStarted(self._spec.name, argv[0], why or str(error)) from error

    def _hear(self, line: str) -> None:
        self._stderr.append(line)
        log.debug("The language server %r: %s", self._spec.name, line)

    async def _pass_on(self, process: Process) -> None:
        """One message after the other: the next is read when this one is on its way."""
        async for piece in process.messages():
            if isinstance(piece, framing.Oversized):
                text = f"A message of {piece} bytes is left out: it is over max_message_bytes."
                await self._send(messages.complaint(f"{self._spec.name}: {text}"))
                self._complain(text)
            elif isinstance(piece, framing.Garbage):
                self._complain(f"It prints what is no message: {bytes(piece[:SHOWN])!r}")
            else:
                await self._pass_on_one(piece)

    async def _pass_on_one(self, body: bytes) -> None:
        try:
            head = messages.head(body)
        except BadMessage as mistake:
            self._complain(f"{mistake} ({body[:SHOWN]!r})")
            return
        self._witness.server_spoke(datetime.now(timezone.utc))
        if head.id == messages.SHUTDOWN_ID and head.method is None:
            self._shut_down.set()
        else:
            await self._send(body)

    async def _send(self, body: bytes) -> None:
        """To the client, unless it is gone: what its server says then is read and forgotten."""
        if self._left.is_set():
            return
        try:
            await self._client.send(body)
        except ConnectionError as error:
            log.debug("A client of %r is gone: %s", self._spec.name, error)

    async def _end(self, process: Process) -> None:
        """Ask it to end (LSP 3.17, "Shutdown Request" and "Exit Notification"), then make it.

        One that has closed its output, or was told to exit, is only waited for.
        """
        wait = self._launch.shutdown_wait
        until = asyncio.get_running_loop().time() + wait / 2
        if self._left.is_set() and not self._told_to_exit:
            process.write_soon(messages.request(messages.SHUTDOWN_ID, "shutdown"))
            _, waiting = await asyncio.wait(
                {
                    asyncio.ensure_future(self._shut_down.wait()),
                    asyncio.ensure_future(process.exited.wait()),
                },
                timeout=wait / 3,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in waiting:
                task.cancel()
            process.write_soon(messages.notification("exit"))
        if await process.gone(until - asyncio.get_running_loop().time()):
            return
        process.signal(signal.SIGTERM)
        if not await process.gone(wait / 2):
            log.warning("The language server %r does not end; it is killed.", self._spec.name)
            process.signal(signal.SIGKILL)
            await process.gone(KILLED_SECONDS)

    def _tell_of_the_end(self, returncode: int | None) -> None:
        if self._told_to_exit:
            self._client.close(NORMAL, "The language server has ended, as it was asked to.")
            return
        how = _how_it_ended(returncode)
        lines = [*self._stderr]
        self._witness.died(returncode, lines)
        log.error("The language server %r %s", self._spec.name, "\n  ".join([f"{how}.", *lines]))
        last = f": {lines[-1]}" if lines else "."
        self._client.close(INTERNAL_ERROR, f"The language server {self._spec.name!r} {how}{last}")

    def _complain(self, text: str) -> None:
        self._complaints += 1
        if self._complaints <= COMPLAINTS:
            more = " (No more of these are logged.)" if self._complaints == COMPLAINTS else ""
            log.warning("The language server %r: %s%s", self._spec.name, text, more)


def _filled_in(variables: Mapping[str, str], launch: Launch) -> dict[str, str]:
    """With `${NAME}` replaced where the environment has it, as jupyter-lsp does."""
    return {
        name: Template(value).safe_substitute(launch.environment)
        for name, value in variables.items()
    }


def _how_it_ended(returncode: int | None) -> str:
    if returncode is None:
        return "has closed its output"
    if returncode < 0:
        names = {each.value: each.name for each in signal.Signals}
        return f"was ended by {names.get(-returncode, f'signal {-returncode}')}"
    return f"has ended with exit code {returncode}"

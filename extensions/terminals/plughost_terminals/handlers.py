"""Terminals over HTTP, and over a WebSocket as terminado's clients speak it."""

from __future__ import annotations

import contextlib
import json
import logging
from asyncio import Future
from typing import Annotated, Any

import msgspec
from tornado.websocket import WebSocketClosedError

from plughost import JSONHandler, WebSocketHandler
from plughost_terminals.terminals import TerminalNotFound, Terminals

log = logging.getLogger("plughost.terminals")


class CreateRequest(msgspec.Struct):
    """What `POST /api/terminals` takes; all of it may be left away."""

    name: str | None = None
    cwd: str | None = None


class TerminalsHandler(JSONHandler):
    """`/api/terminals`: list the terminals, open one."""

    def initialize(self, terminals: Terminals) -> None:
        self.terminals = terminals

    def get(self) -> None:
        self.reply(self.terminals.list())

    async def post(self) -> None:
        wanted = self.body(CreateRequest, default=CreateRequest())
        # 200, not 201: Jupyter's clients check for exactly that.
        self.reply(await self.terminals.create(wanted.name, wanted.cwd))


class TerminalHandler(JSONHandler):
    """`/api/terminals/<name>`: one terminal: read it, or close it."""

    def initialize(self, terminals: Terminals) -> None:
        self.terminals = terminals

    def get(self, name: str) -> None:
        self.reply(self.terminals.get(name))

    async def delete(self, name: str) -> None:
        await self.terminals.close(name)
        self.reply(None, status=204)


Cells = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class Stdin(msgspec.Struct, array_like=True, tag="stdin"):
    """`["stdin", text]`: somebody types."""

    text: str


class SetSize(msgspec.Struct, array_like=True, tag="set_size"):
    """`["set_size", rows, columns, height, width]`: a client's window; the last two in pixels."""

    rows: Cells
    columns: Cells


_messages = msgspec.json.Decoder(Stdin | SetSize)

BEHIND = 1024 * 1024
"""Characters on their way to a client from which on it counts as behind."""
ENDED = 1000
"""WebSocket close code for a purpose fulfilled (RFC 6455, 7.4.1): clients do not come back."""


class TerminalSocket(WebSocketHandler):
    """`/terminals/websocket/<name>`: what is typed in, what is printed out.

    To the client: `["setup", {}]` first, `["stdout", text]`, `["disconnect", 1]` at the end.
    """

    def initialize(self, terminals: Terminals) -> None:
        self.terminals = terminals
        self.size: tuple[int | None, int | None] = (None, None)
        self._unsent = 0

    async def prepare(self) -> None:
        await super().prepare()
        self.name = self.path_kwargs["name"]
        self.terminals.get(self.name)  # before the upgrade, so that the 404 is seen

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self._send("setup", {})
        printed = self.terminals.attach(self.name, self)
        if printed:
            self.on_pty_read(printed)

    @property
    def behind(self) -> bool:
        return self._unsent > BEHIND

    async def on_message(self, message: str | bytes) -> None:
        try:
            wanted = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.warning("A client of terminal %r sent what is no message: %s", self.name, error)
            return
        try:
            if isinstance(wanted, Stdin):
                await self.terminals.write(self.name, wanted.text)
            else:
                self.size = (wanted.rows, wanted.columns)
                self.terminals.resize(self.name)
        except (TerminalNotFound, OSError) as error:  # it ended while the message came
            log.debug("Terminal %r has ended: %s", self.name, error)

    def on_close(self) -> None:
        self.terminals.detach(self.name, self)

    def on_pty_read(self, text: str) -> None:
        self._send("stdout", text)

    def on_pty_died(self) -> None:
        self._send("disconnect", 1)
        self.close(ENDED)

    def _send(self, kind: str, value: Any) -> None:
        message = json.dumps([kind, value])
        try:
            sent = self.write_message(message)
        except WebSocketClosedError:
            log.debug("A client of terminal %r is gone.", self.name)
            return
        self._unsent += len(message)
        sent.add_done_callback(lambda done: self._sent(done, len(message)))

    def _sent(self, done: Future[None], size: int) -> None:
        was_behind = self.behind
        self._unsent -= size
        if not done.cancelled() and done.exception() is not None:
            log.debug("A client of terminal %r is gone.", self.name)
        elif was_behind and not self.behind:
            with contextlib.suppress(TerminalNotFound):
                self.terminals.caught_up(self.name)

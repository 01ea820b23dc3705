"""Who gets which message of a kernel, and how far each client has come.

Messages wait in the journal, not in a queue for each client: a client is a position in
it. One that reads slowly is written to as fast as it reads, and what waits for it is
coalesced meanwhile; one that went away and comes back with its session goes on where it
stopped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from tornado.iostream import StreamClosedError

from plughost_kernels import framing
from plughost_kernels.bounded import remember
from plughost_kernels.journal import Journal
from plughost_kernels.messages import NUMBER_KEY, Message, composed

WINDOW = 1024 * 1024
"""Bytes on their way to one client before it has to take some of them."""
BATCH = 256 * 1024
"""Bytes of messages that are written at once."""
TEXT_SECONDS = 0.01
"""How long text may wait for more of it, so that what is written in one go comes as one."""
PATIENCE = 5.0
"""Seconds in which a client has to take something, to be taken for one that reads."""
REMEMBERED_SESSIONS = 64
REMEMBERED_REQUESTS = 10_000
REPLACED = 4001
STOPPING = 1012
FAILED = 1011
"""Close codes; JupyterLab connects again after any but 1000 and 1001."""

log = logging.getLogger("plughost.kernels")


class Client(Protocol):
    """One WebSocket. `session` is the `session_id` it connected with."""

    session: str

    def send_frames(self, frames: Sequence[bytes]) -> asyncio.Future[None]:
        """Send messages, given in the binary framing; done when they are on their way.

        It fails with StreamClosedError once the WebSocket is closed.
        """

    def close(self, code: int, reason: str) -> None:
        """Close the WebSocket (RFC 6455, 7.1)."""


class Delivery:
    """The clients of one kernel, its journal, and the routing of replies."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._readers: dict[str, _Reader] = {}
        self._left: dict[str, int] = {}
        self._asked: dict[str, str] = {}
        self._is_urgent = False
        self._flushed = 0.0
        self._flushing: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._readers)

    def attach(self, client: Client, since: tuple[str, int] | None = None) -> None:
        """Write to a client from now on.

        It starts where its session left off, or with what comes next; after the message
        `since` (epoch, number) if it has seen one, which is with the first of this journal
        if that is not of this one.
        """
        old = self._readers.pop(client.session, None)
        if old is not None:
            log.warning("Session %r connects again; closing its old WebSocket.", client.session)
            self._left[client.session] = old.acknowledged
            old.close()
            old.client.close(REPLACED, "The same session has connected again.")
        position = self._left.pop(client.session, self.journal.next)
        if since is not None:
            epoch, number = since
            seen = number if epoch == self.journal.epoch else 0
            position = min(seen + 1, self.journal.next)
        reader = _Reader(client, self.journal, position, self._hold)
        self._readers[client.session] = reader
        reader.pump()

    def detach(self, client: Client) -> None:
        """The client is gone; remember how far its session has come."""
        reader = self._readers.get(client.session)
        if reader is None or reader.client is not client:
            return
        del self._readers[client.session]
        reader.close()
        remember(self._left, client.session, reader.acknowledged, REMEMBERED_SESSIONS)
        self._hold()

    def close(self) -> None:
        """The server stops: close all WebSockets."""
        self.flush()
        for reader in self._readers.values():
            reader.client.close(STOPPING, "The server is stopping.")

    def asked(self, msg_id: str, session: str) -> None:
        """A client has sent a request; what answers it goes to that client."""
        remember(self._asked, msg_id, session, REMEMBERED_REQUESTS)

    def forget_requests(self) -> None:
        """The kernel that was asked is gone; nothing will be answered."""
        self._asked.clear()

    def __contains__(self, session: object) -> bool:
        """Whether a client with this session is connected."""
        return session in self._readers

    @property
    def sessions(self) -> Sequence[str]:
        """Of the clients that are connected."""
        return [*self._readers]

    def deliver(self, message: Message) -> str | None:
        """Number and keep a message for whom it concerns, until `pause()` or `flush()`.

        Returns that client's session, None where it is for everyone.
        """
        self._is_urgent = self._is_urgent or message.header.msg_type != "stream"
        to = self._recipient(message)
        self.journal.append(message, to)
        return to

    def pause(self) -> None:
        """Nothing more has come for now: `flush()`, unless it is text that may go on.

        Text that follows other text waits for a moment, and is one message with what
        comes in it; everything else goes at once, and takes the text along.
        """
        if self._flushing is not None and not self._is_urgent:
            return
        loop = asyncio.get_running_loop()
        left = self._flushed + TEXT_SECONDS - loop.time()
        if self._is_urgent or left <= 0:
            self.flush()
        else:
            self._flushing = loop.call_later(left, self.flush)

    def flush(self) -> None:
        """Write to the clients what was delivered."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        self._is_urgent = False
        self._flushed = asyncio.get_running_loop().time()
        for reader in [*self._readers.values()]:
            try:
                reader.pump()
            except Exception:
                # Nobody else is to suffer from it; the client may come back.
                log.exception("Cannot write to session %r.", reader.client.session)
                reader.close()
                reader.client.close(FAILED, "The server could not write a message.")
        self._hold()

    def _hold(self) -> None:
        """Keep in the journal what the slowest client that reads still lacks."""
        lacking = (r.acknowledged for r in self._readers.values() if r.is_reading())
        self.journal.hold(min(lacking, default=self.journal.next))

    def give(self, message: Message, session: str) -> None:
        """Give a message to one client."""
        self.journal.append(message, session)
        self.flush()

    def tell_each(
        self, compose: Callable[[str], Message], sessions: Sequence[str] | None = None
    ) -> None:
        """Give sessions a message of their own each, in order with the rest.

        If none are named: all of them, connected or not.
        """
        for session in sessions or [*self._readers, *self._left]:
            self.journal.append(compose(session), session)
        self.flush()

    def _recipient(self, message: Message) -> str | None:
        if message.channel == "iopub":
            return None
        asked = message.parent.msg_id
        session = self._asked.get(asked)
        if session is None:
            # Asked before this server was there; clients mostly use one id for both.
            # A question that says nothing of its asker is for everybody, a reply for nobody.
            return message.parent.session or (None if message.channel == "stdin" else "")
        if message.channel != "stdin":
            del self._asked[asked]
        return session


class _Reader:
    """One client's position in the journal: what was written, what has surely left."""

    def __init__(
        self, client: Client, journal: Journal, position: int, on_progress: Callable[[], None]
    ) -> None:
        self.client = client
        self._on_progress = on_progress
        self.acknowledged = position
        self._journal = journal
        self._position = position
        self._told_of_loss = 0
        self._progressed = 0.0
        self._in_flight = 0
        self._open = True

    def close(self) -> None:
        self._open = False

    def is_reading(self) -> bool:
        """Whether the client takes what it is written."""
        return not self._in_flight or time.monotonic() - self._progressed < PATIENCE

    def pump(self) -> None:
        """Write what the client lacks, until it has enough to chew on."""
        journal = self._journal
        written = 0
        while self._open and self._position < journal.next and self._in_flight < WINDOW:
            if written >= WINDOW:
                # However fast it reads: others have their turn now.
                asyncio.get_running_loop().call_soon(self.pump)
                return
            frames: list[bytes] = []
            size = 0
            while size < BATCH and self._position < journal.next:
                frame, position = journal.read(self._position, self.client.session)
                if frame is not None:
                    if self._position <= journal.lost and self._told_of_loss < journal.lost:
                        frames.append(self._loss(frame))
                    frames.append(frame)
                    size += len(frame)
                self._position = position
            if frames:
                self._write(frames, size)
                written += size
            elif not self._in_flight:
                self.acknowledged = self._position

    def _loss(self, next_frame: bytes) -> bytes:
        """What says that output is missing, in the output of the request that goes on after it."""
        lost = self._told_of_loss = self._journal.lost
        limit = self._journal.limit
        log.warning(
            "Session %r reads too slowly, or was away too long: output numbered %d to %d is not "
            "kept any more. Raise journal_bytes in [extensions.kernels] of plughost.toml.",
            self.client.session,
            self._position,
            lost,
        )
        text = (
            f"\n[Output is missing here: there was more than {limit:,} bytes of it while this "
            "client read too slowly, or was away. journal_bytes in [extensions.kernels] of "
            "plughost.toml is the limit.]\n"
        )
        message = composed(
            "stream",
            {"name": "stderr", "text": text},
            session=self.client.session,
            parent=framing.decode(next_frame)[1][1],
        )
        # It has no number of its own: it is for this client only, and stands for no message.
        place = {
            "epoch": self._journal.epoch,
            "n": self._position - 1,
            "lost": [self._position, lost],
        }
        metadata = msgspec.json.encode({NUMBER_KEY: place})
        parts = [*message.parts[:2], metadata, message.parts[3]]
        return framing.encode("iopub", parts)

    def _write(self, frames: list[bytes], size: int) -> None:
        position = self._position
        sent = self.client.send_frames(frames)
        if sent.done():
            self._note_sent(sent, position)
            return
        if not self._in_flight:
            self._progressed = time.monotonic()
        self._in_flight += size

        def written(done: asyncio.Future[None]) -> None:
            self._in_flight -= size
            self._progressed = time.monotonic()
            self._note_sent(done, position)
            self.pump()
            self._on_progress()

        sent.add_done_callback(written)

    def _note_sent(self, sent: asyncio.Future[None], position: int) -> None:
        error = None if sent.cancelled() else sent.exception()
        if sent.cancelled() or error is not None:
            self._open = False  # closed under our hands; detach() follows
            if error is not None and not isinstance(error, StreamClosedError):
                log.error("Cannot write to a client.", exc_info=error)
        else:
            self.acknowledged = max(self.acknowledged, position)

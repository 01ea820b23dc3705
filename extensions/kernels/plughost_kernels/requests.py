"""What a kernel has been asked, what of it runs, and what it waits for.

So that anybody can be told at once, without a question to a kernel that is busy.
"""

from __future__ import annotations

import itertools
import time
from datetime import datetime, timezone
from typing import NamedTuple

from plughost_kernels.bounded import remember
from plughost_kernels.messages import Message
from plughost_kernels.models import InputModel, RequestModel

REMEMBERED = 10_000
"""Requests that wait; nobody queues more by hand."""
PASSED_OVER = 300.0
"""Seconds after which a kernel that does nothing is not going to begin with a request."""


class _Waiting(NamedTuple):
    """A request, and when it was sent, on the monotonic clock."""

    request: RequestModel
    asked: float


class _Running(NamedTuple):
    """A request that the kernel has begun with, and in which subshell (JEP 91), if any."""

    request: RequestModel
    subshell: str


class Requests:
    """The requests on a kernel's shell channel, from when they are sent to their end."""

    def __init__(self) -> None:
        self.question: Message | None = None
        self.asked_of: str | None = None
        """The session of the client that the question is for; None: it is for all."""
        self.questioned: set[str] = set()
        """Sessions of the clients that were given the question, and may answer it."""
        self._unheard = False
        self._waiting: dict[str, _Waiting] = {}
        self._running: dict[str, _Running] = {}

    def queued(self) -> int:
        """How many requests the kernel is not at work on, and may still begin with.

        Some kernels, xeus-python for one, say that they are busy with whatever has come. At
        work they are on one of them, and on one for each subshell.
        """
        at_once = len({running.subshell for running in self._running.values()})
        return len(self._running) - at_once + self._not_begun()

    def _not_begun(self) -> int:
        horizon = time.monotonic() - PASSED_OVER
        while self._waiting and not self._running:
            oldest = next(iter(self._waiting))
            if self._waiting[oldest].asked > horizon:
                break
            del self._waiting[oldest]
        return len(self._waiting)

    @property
    def running(self) -> RequestModel | None:
        """What it is at work on; with subshells the oldest of several."""
        oldest = next(iter(self._running.values()), None)
        return oldest.request if oldest else None

    @property
    def input(self) -> InputModel | None:
        """What it has asked and nobody has answered yet."""
        question = self.question.question() if self.question else None
        if self.question is None or question is None:
            return None
        return InputModel(
            msg_id=self.question.parent.msg_id, prompt=question.prompt, password=question.password
        )

    def asked(self, message: Message, session: str) -> None:
        """A client has sent a message on shell."""
        header = message.header
        request = RequestModel(
            msg_id=header.msg_id,
            msg_type=header.msg_type,
            session=session,
            cell_id=message.cell_id(),
        )
        waiting = _Waiting(request, time.monotonic())
        remember(self._waiting, header.msg_id, waiting, REMEMBERED)

    def questions(self, message: Message, session: str | None) -> None:
        """The kernel asks for input, and the client `session` was told; None: every one."""
        self._unheard = False
        self.question = message
        self.asked_of = session
        self.questioned = {session} if session else set()

    def ask_also(self, session: str) -> bool:
        """Let a client answer that was not asked; whether it was not."""
        if session in self.questioned:
            return False
        self.questioned.add(session)
        return True

    def assume_question(self) -> None:
        """It may have asked something through an earlier server, and wait for the answer."""
        self._unheard = True

    def may_answer(self, answer: Message, session: str) -> bool:
        """Whether a client has a question to answer, and this is not the answer to another."""
        if self.question is None:
            return self._unheard
        about = ("", self.question.header.msg_id, self.question.parent.msg_id)
        asked = self.asked_of is None or session in self.questioned
        return asked and answer.parent.msg_id in about

    def answered(self) -> None:
        """A client has answered the question."""
        self._unheard = False
        self.question = None

    def note(self, message: Message) -> None:
        """Learn from a message of the kernel: what it begins with, and what it is done with."""
        parent = message.parent
        if message.channel == "iopub":
            state = message.execution_state()
            if state == "busy":
                self._begins(message)
            elif state == "idle":
                self._unheard = False
                self._waiting.pop(parent.msg_id, None)
                self._running.pop(parent.msg_id, None)
                if self.question and self.question.parent.msg_id == parent.msg_id:
                    self.question = None
        elif message.channel == "shell":
            # It may say nothing but this, or this first.
            self._forget_passed_over(parent.msg_id)
            self._waiting.pop(parent.msg_id, None)

    def forget(self) -> None:
        """The process that was asked is gone."""
        self._waiting.clear()
        self._running.clear()
        self._unheard = False
        self.question = None

    def _begins(self, message: Message) -> None:
        parent = message.parent
        if parent.msg_id in self._waiting:
            self._forget_passed_over(parent.msg_id)
            request = self._waiting.pop(parent.msg_id).request
        elif parent.msg_type == "execute_request" and parent.msg_id not in self._running:
            # Of a client that is connected elsewhere, or was to an earlier server.
            request = RequestModel(
                msg_id=parent.msg_id, msg_type=parent.msg_type, session=parent.session
            )
        else:
            return  # what comes on control is done beside the work
        request.since = datetime.now(timezone.utc)
        self._running[parent.msg_id] = _Running(request, str(parent.subshell_id or ""))

    def _forget_passed_over(self, before: str) -> None:
        """A kernel that begins with a request is done with those before it.

        It may say nothing of them, as of messages of comms, or of types that it does not know.
        Code is another matter: it may wait for a subshell.
        """
        if before not in self._waiting:
            return
        past = itertools.takewhile(lambda msg_id: msg_id != before, self._waiting)
        for msg_id in [*past]:
            if self._waiting[msg_id].request.msg_type != "execute_request":
                del self._waiting[msg_id]

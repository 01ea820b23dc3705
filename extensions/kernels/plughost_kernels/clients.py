"""The clients of one kernel: what they send to it, and what it sends to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from plughost_kernels import messages
from plughost_kernels.audit import audit
from plughost_kernels.connection import CHANNELS
from plughost_kernels.death import Death
from plughost_kernels.delivery import Client, Delivery
from plughost_kernels.errors import BadMessage
from plughost_kernels.journal import Journal
from plughost_kernels.messages import Message, composed
from plughost_kernels.policy import Policy
from plughost_kernels.requests import Requests
from plughost_kernels.settings import KernelSettings

AUDITED = ("execute_request", "debug_request", "shutdown_request", "interrupt_request")
"""Messages from clients that an audit names."""

log = logging.getLogger("plughost.kernels")


class Clients:
    """Stands between a kernel's connection and the WebSockets of its clients."""

    def __init__(self, kernel_id: str, settings: KernelSettings) -> None:
        self.requests = Requests()
        self.delivery = Delivery(Journal(settings.journal_bytes))
        self._policy = Policy(settings)
        self._kernel_id = kernel_id
        self._about = {"kernel": kernel_id}

    def __len__(self) -> int:
        return len(self.delivery)

    def attach(self, client: Client, since: tuple[str, int] | None = None) -> None:
        """Write to a client from now on (`Delivery.attach`).

        A question that the kernel has asked somebody who is not there any more goes to it.
        """
        self.delivery.attach(client, since)
        self._hand_on([client.session])

    def detach(self, client: Client) -> None:
        """A client is gone; what the kernel has asked it goes to the others."""
        self.delivery.detach(client)
        if self.requests.asked_of is not None:
            self._hand_on(self.delivery.sessions)

    def _hand_on(self, sessions: Sequence[str]) -> None:
        """Ask these, too, unless the one is there that the kernel has asked."""
        question = self.requests.question
        if question is not None and self.requests.asked_of not in self.delivery:
            for session in filter(self.requests.ask_also, sessions):
                self.delivery.give(question, session)

    def sends(self, client: Client, channel: str, parts: Sequence[bytes]) -> bool:
        """A client sends a message; whether it is to reach the kernel. Raises BadMessage."""
        message = messages.read(channel, parts)
        if not self._is_wanted(message, client):
            return False
        if message.header.msg_type in AUDITED:
            audit.debug(message.header.msg_type, extra=self._about)
        if channel == "stdin":
            self.requests.answered()
        else:
            self.delivery.asked(message.header.msg_id, client.session)
            if channel == "shell":
                self.requests.asked(message, client.session)
        return True

    def close(self) -> None:
        """The server stops: close all WebSockets."""
        self.delivery.close()

    def receive(self, message: Message) -> None:
        """Deliver a kernel's message; the clients get it at the next `pause()`."""
        self.requests.note(message)
        to = self.delivery.deliver(self._policy.shown(message))
        if message.header.msg_type == "input_request":
            self.requests.questions(message, to)

    def pause(self) -> None:
        """Nothing more has come for now."""
        self.delivery.pause()

    def told(self, why: Death) -> Death:
        """How the kernel has died, as clients may know it."""
        return self._policy.told(why)

    def tell(self, state: str, why: Death, client: Client | None = None) -> None:
        """Tell one client, or every one, of a state that the kernel cannot tell itself, and why.

        What clients may not know of it is left out already (`told`).
        The header carries the client's own session: JupyterLab takes another one for a
        restarted kernel and drops what it was about to handle.
        """
        content = {"execution_state": state, "reason": why.reason, "stderr": why.stderr}
        sessions = None if client is None else [client.session]
        self.delivery.tell_each(
            lambda session: composed("status", content, session=session), sessions
        )

    def tell_idle(self, speaker: str) -> None:
        """Tell everyone in the kernel's name, `speaker` being its session, that it is ready."""
        self.receive(composed("status", {"execution_state": "idle"}, session=speaker))
        self.pause()

    def aborts(self, client: Client, channel: str, parts: Sequence[bytes]) -> bool:
        """Whether a message is code to run; the client is told that it will not.

        As a kernel says it of what waits when it is interrupted.
        """
        try:
            request = messages.read(channel, parts)
        except BadMessage:
            return False
        if request.header.msg_type != "execute_request":
            return False
        for to, kind, content in (
            ("shell", "execute_reply", {"status": "aborted"}),
            ("iopub", "status", {"execution_state": "idle"}),
        ):
            answer = composed(kind, content, session=client.session, parent=parts[0], channel=to)
            self.delivery.give(answer, client.session)
        return True

    def forget_requests(self) -> None:
        """The process that was asked is gone; nothing will be answered."""
        self.delivery.forget_requests()
        self.requests.forget()

    def _is_wanted(self, message: Message, client: Client) -> bool:
        """Whether a message is to reach the kernel; if not, the log says why."""
        kind = message.header.msg_type
        if message.channel not in CHANNELS:
            why = f"there is no channel {message.channel[:40]!r}"
        elif not self._policy.allows(message):
            why = "allowed_message_types does not name it"
        elif message.channel == "stdin" and not self.requests.may_answer(message, client.session):
            # The kernel would take it for the answer to its next question.
            why = "the kernel has not asked this client for anything"
        else:
            return True
        log.warning(
            "Ignoring a %r from session %r for kernel %s: %s.",
            kind,
            client.session,
            self._kernel_id,
            why,
            extra=self._about,
        )
        return False

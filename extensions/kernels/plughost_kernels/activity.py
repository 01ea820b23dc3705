"""What a kernel is doing, as far as its messages tell.

Housekeeping, such as a client's `kernel_info_request` at connect, says nothing about
people working; such messages are untracked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plughost_kernels.messages import Message

UNTRACKED = frozenset(
    {
        "comm_info_request",
        "comm_info_reply",
        "kernel_info_request",
        "kernel_info_reply",
        "shutdown_request",
        "shutdown_reply",
        "interrupt_request",
        "interrupt_reply",
        "debug_request",
        "debug_reply",
        "debug_event",
        "stream",
        "display_data",
        "update_display_data",
        "execute_input",
        "execute_result",
        "error",
        "status",
        "clear_output",
        "input_request",
        "input_reply",
    }
)
"""Message types that are not activity, neither by themselves nor as parents."""


OWN_STATES = ("starting", "busy", "idle")
"""What a kernel says of itself."""


class Activity:
    """The execution state and the time of the last activity of one kernel.

    `state` is one of `starting`, `idle`, `busy`, `restarting` and `dead`. `on_activity` is
    called whenever there is some.
    """

    def __init__(self, on_activity: Callable[[], None]) -> None:
        self._on_activity = on_activity
        self.state = "starting"
        self.last = datetime.now(timezone.utc)
        self._assumed = False

    def assume_busy(self) -> None:
        """It does not answer; take it for busy until it does, or says otherwise."""
        self.state = "busy"
        self._assumed = True

    def note_answer(self) -> None:
        """It has answered a question of ours, so it is up, and was free to."""
        if self._assumed or self.state == "starting":
            self.state = "idle"
            self._assumed = False

    def note(self, message: Message) -> None:
        """Learn from a message that the kernel has published."""
        tracked = message.parent.msg_type not in UNTRACKED and message.parent.msg_type != ""
        if tracked or message.header.msg_type not in UNTRACKED or self.state == "busy":
            self.last = datetime.now(timezone.utc)
            self._on_activity()
        state = message.execution_state()
        if state not in OWN_STATES:
            return  # whether it is dead is not for the kernel to say
        if tracked:
            self.state = state
            self._assumed = False
        elif self.state == "starting" and state != "starting":
            # Whatever it is busy with, it is up: what it answers is our own question.
            self.state = "idle"

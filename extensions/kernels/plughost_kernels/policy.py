"""What an administrator forbids: kinds of messages, and the sight of tracebacks."""

from __future__ import annotations

import msgspec

from plughost_kernels.death import Death
from plughost_kernels.messages import UNREADABLE, Message, read, with_content
from plughost_kernels.settings import KernelSettings


class Policy:
    """Judges messages by the settings; all is allowed where they say nothing."""

    def __init__(self, settings: KernelSettings) -> None:
        self._kinds = frozenset(settings.allowed_message_types)
        self._allow_tracebacks = settings.allow_tracebacks
        self._replacement = settings.traceback_replacement_message

    def allows(self, message: Message) -> bool:
        """Whether a client may send this to a kernel."""
        return not self._kinds or message.header.msg_type in self._kinds

    def told(self, why: Death) -> Death:
        """How a kernel has died, as clients may know it: its stderr may have a traceback."""
        return why if self._allow_tracebacks else Death(why.how)

    def shown(self, message: Message) -> Message:
        """A kernel's message as clients may see it."""
        if self._allow_tracebacks or message.header.msg_type not in ("error", "execute_reply"):
            return message
        try:
            content = msgspec.json.decode(message.parts[3], type=dict)
        except UNREADABLE:
            content = {}  # who knows what it has
        if message.header.msg_type == "execute_reply" and content.get("status") == "ok":
            return message
        hidden = {
            "ename": "ExecutionError",
            "evalue": "Execution error",
            "traceback": [self._replacement],
        }
        return read(message.channel, with_content(message.parts, {**content, **hidden}))

"""What is done to kernels, as events that Jupyter's clients know."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from plughost import HostError, ServiceNotFound

if TYPE_CHECKING:
    from plughost import Host

EVENT_BUS = "plughost_events.events.EventBus"

SCHEMA: dict[str, Any] = {
    "$id": "https://events.jupyter.org/jupyter_server/kernel_actions/v1",
    "version": "1",
    "title": "What is done to kernels",
    "type": "object",
    "properties": {
        "action": {"enum": ["start", "interrupt", "restart", "shutdown"]},
        "status": {"enum": ["success", "error"]},
        "kernel_id": {"type": "string"},
        "kernel_name": {"type": "string"},
        "status_code": {"type": "number"},
        "msg": {"type": "string"},
    },
    "required": ["action", "msg"],
}

_DONE = {
    "start": "started",
    "interrupt": "interrupted",
    "restart": "restarted",
    "shutdown": "shut down",
}


class KernelEvents:
    """Tells the event bus, where there is one, what has become of each action."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @contextlib.contextmanager
    def telling(self, action: str, kernel_id: str, kernel_name: str) -> Iterator[None]:
        """Tell of an action when it has been done, or has failed with a HostError."""
        about = {"action": action, "kernel_id": kernel_id, "kernel_name": kernel_name}
        try:
            yield
        except HostError as error:
            failed = {"status": "error", "status_code": error.status, "msg": error.message}
            self._emit({**about, **failed})
            raise
        message = f"Kernel {kernel_id} has been {_DONE[action]}."
        self._emit({**about, "status": "success", "msg": message})

    def _emit(self, event: dict[str, Any]) -> None:
        with contextlib.suppress(ServiceNotFound):
            self._host.service(EVENT_BUS).tell(SCHEMA["$id"], event)

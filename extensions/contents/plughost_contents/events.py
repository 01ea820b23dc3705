"""What happens to files, as events: what clients do, and what other programs do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from plughost import ServiceNotFound

if TYPE_CHECKING:
    from plughost import Host

EVENT_BUS = "plughost_events.events.EventBus"

ACTIONS: dict[str, Any] = {
    "$id": "https://events.jupyter.org/jupyter_server/contents_service/v1",
    "version": "1",
    "title": "What clients do with files and folders",
    "type": "object",
    "properties": {
        "action": {"enum": ["get", "create", "save", "upload", "rename", "copy", "delete"]},
        "path": {"type": "string"},
        "source_path": {"type": "string"},
    },
    "required": ["action", "path"],
}
"""Jupyter's schema; clients and extensions know its id."""

CHANGES: dict[str, Any] = {
    "$id": "https://events.plughost.dev/contents_changes/v1",
    "version": "1",
    "title": "What other programs do to files and folders that a client has read lately",
    "type": "object",
    "properties": {
        "action": {"enum": ["created", "changed", "deleted"]},
        "path": {"type": "string"},
        "type": {"enum": ["directory", "file", "notebook"]},
        "last_modified": {"type": "string", "format": "date-time"},
    },
    "required": ["action", "path"],
}


class ContentsEvents:
    """Tells the event bus, where there is one."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def are_heard(self) -> bool:
        """Whether somebody listens now."""
        try:
            return bool(self._host.service(EVENT_BUS).listening)
        except ServiceNotFound:
            return False

    def tell(self, action: str, path: str, *, source: str | None = None) -> None:
        """A client has done something; of a copy and a renaming `source` is where it was."""
        source_path = {} if source is None else {"source_path": source}
        self._emit(ACTIONS, {"action": action, "path": path, **source_path})

    def tell_change(self, action: str, path: str, **facts: str) -> None:
        """Another program has done something."""
        self._emit(CHANGES, {"action": action, "path": path, **facts})

    def _emit(self, schema: dict[str, Any], event: dict[str, Any]) -> None:
        with contextlib.suppress(ServiceNotFound):
            self._host.service(EVENT_BUS).tell(schema["$id"], event)

"""The description of all routes, kept until they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from plughost import Host


class Description:
    """What `openapi.py` says of a host's routes, made when somebody asks for it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._routes: object = None
        self._json = b""

    def json(self) -> bytes:
        """The description as JSON, which is YAML as well."""
        from plughost_observe.openapi import describe  # few ask, and a start need not wait for it

        if self._routes is not self._host.routes:
            self._routes = self._host.routes
            self._json = msgspec.json.format(msgspec.json.encode(describe(self._host)))
        return self._json

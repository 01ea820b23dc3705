"""Addresses of the classic notebook, which people have in bookmarks and links."""

from __future__ import annotations

from plughost import Handler
from plughost_lab.visit import LAB

PATTERN = r"/(?:tree|notebooks|edit)(?:/.*)?"


class Moved(Handler):
    """`/tree`, `/tree/<path>`, `/notebooks/<path>`, `/edit/<path>`: the same in the lab."""

    def get(self) -> None:
        base = self.host.config.base_url.rstrip("/")
        # As it was sent, percent signs and all: nothing is decoded that has to be encoded again.
        path = self.request.path.removeprefix(base).lstrip("/").partition("/")[2].strip("/")
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{base}{LAB}{f'/tree/{path}' if path else ''}{query}")

    head = get

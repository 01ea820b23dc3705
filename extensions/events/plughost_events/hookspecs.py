"""What other extensions say about their events."""

# A hook specification has no body on purpose.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plughost import hookspec

if TYPE_CHECKING:
    from plughost import Host


@hookspec
def events_schemas() -> list[dict[str, Any]]:
    """The kinds of events an extension emits, each a JSON schema with `$id` and `version`.

    Mark the implementation with `hookimpl(optionalhook=True)`: it is fine when nobody asks.

        @hookimpl(optionalhook=True)
        def events_schemas():
            return [{"$id": "https://example.org/tea/v1", "version": "1", "type": "object"}]
    """


@hookspec
def events_listening(host: Host, listening: bool) -> list[None]:
    """Somebody has begun to listen, or nobody does any more; returns an empty list.

    For those whose events cost work: it is wasted while nobody listens.
    """

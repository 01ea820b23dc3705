"""What other extensions add to the answers that a page carries from the start."""

# A hook specification has no body on purpose.
# mypy: disable-error-code="empty-body"

from collections.abc import Awaitable, Callable
from typing import Any

from plughost import Host, hookspec


@hookspec
def settings_startup(host: Host) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """What every page asks for at its start: pairs of a path below the base URL and a
    coroutine function that returns the value of the JSON that a GET of it is answered with.

    Mark the implementation with `hookimpl(optionalhook=True)`: it is fine when nobody asks.

        @hookimpl(optionalhook=True)
        def settings_startup(host):
            pool = host.service(TerminalPool)
            return [("/api/terminals", pool.list)]
    """

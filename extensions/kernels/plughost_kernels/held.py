"""What clients send to a kernel that cannot take it, or cannot be heard, for now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from plughost_kernels.delivery import Client

_Kept = tuple[Client, str, Sequence[bytes]]


class Held:
    """Keeps messages, in the order in which they came, from `begin()` to `end()`.

    All of them, as ZeroMQ does for a kernel that is busy: one that is left out would take from
    the next what it builds on.
    """

    def __init__(self) -> None:
        self._waiting: list[_Kept] | None = None
        self._channels: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self._waiting or ())

    @property
    def begun(self) -> bool:
        return self._waiting is not None

    def begin(self, *channels: str) -> None:
        """Keep from now on what is sent on these channels, and nothing else."""
        self._channels = channels
        if self._waiting is None:
            self._waiting = []

    def keeps(self, client: Client, channel: str, parts: Sequence[bytes]) -> bool:
        """Keep a message, unless it need not wait; whether it was kept."""
        if self._waiting is None or channel not in self._channels:
            return False
        self._waiting.append((client, channel, parts))
        return True

    def drop(self, over: Callable[[Client, str, Sequence[bytes]], bool] | None = None) -> None:
        """Forget what was kept so far, or of that what is `over`."""
        if self._waiting is not None:
            self._waiting = [kept for kept in self._waiting if over and not over(*kept)]

    def end(self) -> Sequence[_Kept]:
        """Keep nothing any more; what was kept."""
        kept, self._waiting = self._waiting or [], None
        return kept

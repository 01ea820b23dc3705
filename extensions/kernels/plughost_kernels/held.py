"""What clients send to a kernel that cannot take it, or cannot be heard, for now."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from plughost_kernels.delivery import Client

MOST = 1000
"""So many messages, the latest, are kept."""


class Held:
    """Keeps messages, in the order in which they came, from `begin()` to `end()`."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Client, str, Sequence[bytes]]] | None = None
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
            self._waiting = deque(maxlen=MOST)

    def keeps(self, client: Client, channel: str, parts: Sequence[bytes]) -> bool:
        """Keep a message, unless it need not wait; whether it was kept."""
        if self._waiting is None or channel not in self._channels:
            return False
        self._waiting.append((client, channel, parts))
        return True

    def end(self) -> Sequence[tuple[Client, str, Sequence[bytes]]]:
        """Keep nothing any more; what was kept."""
        kept, self._waiting = self._waiting or (), None
        return [*kept]

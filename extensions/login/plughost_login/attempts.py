"""Attempts to log in: each failure from an address makes the next one wait longer."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from plughost import HostError

FREE = 3
"""Failures that cost no wait: people mistype."""
LONGEST = 600.0
"""Seconds that an address waits at most."""
FORGET = 3600.0
"""Seconds after its last failure in which an address is forgotten."""
ADDRESSES = 1000
"""Addresses that are remembered; more than that and the oldest is forgotten."""
MINUTE = 60.0


class TooManyAttempts(HostError):
    """Nobody looks at the password before `seconds` have passed."""

    status = 429

    def __init__(self, seconds: float, *, everybody: bool) -> None:
        self.seconds = math.ceil(seconds)
        whose = "from many places" if everybody else "from your address"
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(
            f"There were too many wrong passwords {whose}. Wait {self.seconds} {unit}.",
            hint="The URL that `plughost serve` printed works meanwhile.",
        )


@dataclass
class _Failures:
    count: int
    last: float


class Attempts:
    """Who may try: by address, and everybody together.

    An attempt counts as failed from its beginning until `succeeded`, so that nobody gets
    more of them by making many at once. `clock` is in seconds and never goes back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self.clock = clock
        # The one that failed last stands last.
        self._by_address: OrderedDict[str, _Failures] = OrderedDict()
        self._recent: deque[float] = deque(maxlen=per_minute)

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._by_address)

    def begin(self, address: str | None) -> int:
        """Count an attempt; returns how many from this address now count as failed.

        Raises TooManyAttempts, and counts nothing, while the address or everybody has to wait.
        """
        wait = self.wait(address)
        if wait is not None:
            raise wait
        now = self.clock()
        self._forget(now)
        network = _network(address)
        failures = self._by_address.pop(network, None) or _Failures(0, now)
        failures.count += 1
        failures.last = now
        self._by_address[network] = failures
        if len(self._by_address) > ADDRESSES:
            self._by_address.popitem(last=False)
        self._recent.append(now)
        return failures.count

    def succeeded(self, address: str | None) -> None:
        """The attempt was right: nothing is held against the address any more."""
        self._by_address.pop(_network(address), None)
        if self._recent:
            self._recent.pop()

    def wait(self, address: str | None) -> TooManyAttempts | None:
        """What to tell an address that has to wait; None when it may try."""
        now = self.clock()
        failures = self._by_address.get(_network(address))
        if failures is not None and failures.count >= FREE:
            seconds = min(2.0 ** min(failures.count - FREE, 60), LONGEST)
            if failures.last + seconds > now:
                return TooManyAttempts(failures.last + seconds - now, everybody=False)
        if len(self._recent) == self._per_minute and self._recent[0] + MINUTE > now:
            return TooManyAttempts(self._recent[0] + MINUTE - now, everybody=True)
        return None

    def _forget(self, now: float) -> None:
        while self._by_address:
            network, failures = next(iter(self._by_address.items()))
            if failures.last + FORGET > now:
                return
            del self._by_address[network]


def _network(address: str | None) -> str:
    """What one customer of a provider has: an IPv4 address, or 2**64 of IPv6 (RFC 6177)."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:  # a unix socket, or what a trusted proxy says
        return (address or "")[:64]
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), 64), strict=False))

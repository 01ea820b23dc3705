"""Ports for kernels, which nobody else is given between their choice and their use.

A kernel is told its ports before it listens on them, and loses them for a moment with each
restart. The system gives ports of its ephemeral range to whoever asks for any, and to every
outgoing connection; so ours come from below it while there are any. There other servers look
for some, too: we hold those that we have chosen until their kernel listens on them.
Source: RFC 6335, section 6, and `ip_local_port_range` in the Linux kernel's documentation.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

LOWEST = 10_000
"""Below this are the ports that well-known services have."""
HIGHEST = 65_535
EPHEMERAL = 49152
"""Where the ephemeral range begins if the system does not say otherwise (RFC 6335)."""
RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")

given: set[int] = set()
"""The ports that kernels of this process have, or are about to have."""
_held: dict[int, socket.socket] = {}
_lock = threading.Lock()


def choose(ip: str, count: int, range_file: Path = RANGE_FILE) -> list[int]:
    """`count` ports on which nobody listens at `ip`. Raises OSError when there are none.

    They are not given again in this process until they are given `back()`, and no other
    program gets them before `release()`. The first number in `range_file` is where the
    ephemeral range begins.
    """
    ephemeral = max(LOWEST, _ephemeral(range_file))
    chosen: list[int] = []
    for candidates in (range(LOWEST, ephemeral), range(ephemeral, HIGHEST + 1)):
        shuffled = random.sample(candidates, len(candidates))
        with _lock:  # kernels are launched in several threads at once
            for port in shuffled:
                if len(chosen) == count:
                    return chosen
                if port not in given and _hold(ip, port):
                    given.add(port)
                    chosen.append(port)
    back(chosen)
    raise OSError(f"There are no {count} free ports from {LOWEST} to {HIGHEST} on {ip}.")


def take(ip: str, ports: Iterable[int]) -> bool:
    """Take these ports; False, and nothing is taken, when somebody has one of them."""
    wanted = set(ports)
    with _lock:
        free = all(port not in given and _is_free(ip, port) for port in wanted)
        if free:
            given.update(wanted)
    return free


def note(ports: Iterable[int]) -> None:
    """A kernel that somebody else has started has these ports."""
    with _lock:
        given.update(ports)


def release(ports: Iterable[int]) -> None:
    """Hold these ports no longer: who was to have them listens on them."""
    with _lock:
        for port in ports:
            if port in _held:
                _held.pop(port).close()


def back(ports: Iterable[int]) -> None:
    """Nobody needs these ports any more."""
    release(ports)
    with _lock:
        given.difference_update(ports)


def _ephemeral(file: Path) -> int:
    try:
        return min(int(file.read_text(encoding="ascii").split()[0]), HIGHEST + 1)
    except (OSError, ValueError, IndexError):
        return EPHEMERAL


def _hold(ip: str, port: int) -> bool:
    """Bind a port for ourselves alone; False when somebody has it.

    Afterwards only those can bind it that share it, as ZeroMQ does, and not who looks for one
    here. Where a system allows no sharing after the fact, nothing is held.
    """
    holder = socket.socket(_family(ip))
    try:
        holder.bind((ip, port))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:
        holder.close()
        return False
    if _is_free(ip, port):
        _held[port] = holder
    else:
        holder.close()
    return True


def _family(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def _is_free(ip: str, port: int) -> bool:
    with socket.socket(_family(ip)) as probe:
        # As ZeroMQ does, so that a port whose last connections linger is not refused.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError:
            return False
    return True

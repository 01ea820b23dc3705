"""Ports for kernels, which nobody else is given between their choice and their use.

A kernel is told its ports before it listens on them, and loses them for a moment with each
restart. The system gives ports of its ephemeral range to whoever asks for any, and to every
outgoing connection; so ours come from below it. Source: RFC 6335, section 6, and
`ip_local_port_range` in the Linux kernel's documentation.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

LOWEST = 10_000
"""Below this are the ports that well-known services have."""
EPHEMERAL = 49152
"""Where the ephemeral range begins if the system does not say otherwise (RFC 6335)."""

_given: set[int] = set()


def choose(ip: str, count: int) -> list[int]:
    """`count` ports on which nobody listens at `ip`. Raises OSError when there are none.

    They are not given again in this process until they are given `back()`.
    """
    highest = _ephemeral() - 1
    candidates = range(LOWEST, highest) if highest > LOWEST else range(EPHEMERAL, 65536)
    chosen: list[int] = []
    for port in random.sample(candidates, len(candidates)):
        if port not in _given and _is_free(ip, port):
            _given.add(port)
            chosen.append(port)
            if len(chosen) == count:
                return chosen
    back(chosen)
    raise OSError(f"There are no {count} free ports between {LOWEST} and {highest} on {ip}.")


def are_free(ip: str, ports: Iterable[int]) -> bool:
    """Whether nobody listens on any of these ports."""
    return all(_is_free(ip, port) for port in ports)


def back(ports: Iterable[int]) -> None:
    """Nobody needs these ports any more."""
    _given.difference_update(ports)


def _ephemeral(file: Path = Path("/proc/sys/net/ipv4/ip_local_port_range")) -> int:
    try:
        return int(file.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL


def _is_free(ip: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family) as probe:
        # As ZeroMQ does, so that a port whose last connections linger is not refused.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError:
            return False
    return True

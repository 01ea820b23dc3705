"""Kernels that speak another major version of the messaging protocol than clients do.

jupyter_client knows how to translate; it is imported where a kernel says that it needs it.
Source: "Messaging in Jupyter", the changelog, and `jupyter_client.adapter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from plughost_kernels.messages import UNREADABLE, Message, read

CLIENTS = 5
"""The major version that clients speak."""


class _KernelInfo(msgspec.Struct):
    protocol_version: str | list[int] = ""


def major(info: Message) -> int:
    """The major version that a `kernel_info_reply` names; what clients speak if none."""
    try:
        version = msgspec.json.decode(info.parts[3], type=_KernelInfo).protocol_version
        return int(version.split(".")[0] if isinstance(version, str) else version[0])
    except (*UNREADABLE, ValueError, IndexError):
        return CLIENTS


def for_clients(message: Message) -> Message:
    """A kernel's message in the version that clients speak; unchanged where nobody knows how."""
    return read(message.channel, _translated(message.parts, CLIENTS))


def for_kernel(parts: Sequence[bytes], version: int) -> Sequence[bytes]:
    """A client's message in a kernel's major version; unchanged where nobody knows how."""
    return _translated(parts, version)


def _translated(parts: Sequence[bytes], version: int) -> Sequence[bytes]:
    from jupyter_client.adapter import adapt

    try:
        names = ("header", "parent_header", "metadata", "content")
        json_parts = (msgspec.json.decode(part) for part in parts[:4])
        message: dict[str, Any] = dict(zip(names, json_parts, strict=True))
        for name in ("msg_id", "msg_type"):
            message[name] = message["header"][name]
        translated = adapt(message, version)
        return [*(msgspec.json.encode(translated[name]) for name in names), *parts[4:]]
    except Exception:  # whatever comes of what a kernel or a client has made up
        return parts

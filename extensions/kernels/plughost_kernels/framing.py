"""The two ways in which a message travels over a WebSocket.

`v1.kernel.websocket.jupyter.org` is binary: a table of offsets, the channel's name and the
parts back to back, integers unsigned, 64 bits, little-endian. Without a sub-protocol the
legacy framing is spoken: JSON text, or, with buffers, a table of 32-bit big-endian offsets,
that JSON and the buffers. Source: "WebSocket kernel wire protocols" in jupyter_server's
documentation. JSON parts are embedded as they are, never parsed and written again.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from plughost_kernels.errors import BadMessage

PROTOCOL = "v1.kernel.websocket.jupyter.org"
"""The one sub-protocol that JupyterLab offers; it takes any other for a dead kernel."""


def encode(channel: str, parts: Sequence[bytes]) -> bytes:
    """A message in the binary framing."""
    name = channel.encode()
    offsets = [8 * (len(parts) + 3)]
    for part in (name, *parts):
        offsets.append(offsets[-1] + len(part))
    table = struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets)
    return b"".join([table, name, *parts])


def decode(frame: bytes) -> tuple[str, list[bytes]]:
    """The channel and the parts of a binary frame; of `shell` when the channel is empty.

    Raises BadMessage.
    """
    try:
        (count,) = struct.unpack_from("<Q", frame)
        if not 6 <= count <= len(frame) // 8:
            raise BadMessage(f"It claims to have {count} offsets.")
        offsets = struct.unpack_from(f"<{count}Q", frame, 8)
        channel = frame[offsets[0] : offsets[1]].decode()
    except (struct.error, UnicodeDecodeError):
        raise BadMessage("Its table of offsets or its channel cannot be read.") from None
    if list(offsets) != sorted(offsets) or offsets[-1] > len(frame):
        raise BadMessage("Its offsets do not ascend within the message.")
    bounds = pairwise(offsets[1:])
    return channel or "shell", [frame[start:end] for start, end in bounds]


def websocket_head(size: int, is_text: bool) -> bytes:
    """What comes before a whole, unmasked WebSocket message of `size` bytes (RFC 6455, 5.2)."""
    kind = 0x81 if is_text else 0x82
    if size < 126:
        return struct.pack("!BB", kind, size)
    if size < 1 << 16:
        return struct.pack("!BBH", kind, 126, size)
    return struct.pack("!BBQ", kind, 127, size)


class _Legacy(msgspec.Struct):
    header: msgspec.Raw
    channel: str | None = None
    parent_header: msgspec.Raw = msgspec.Raw(b"{}")
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    content: msgspec.Raw = msgspec.Raw(b"{}")


_legacy = msgspec.json.Decoder(_Legacy)


def encode_legacy(channel: str, parts: Sequence[bytes]) -> str | bytes:
    """A message in the legacy framing: text, or bytes when it has buffers."""
    header, parent, metadata, content, *buffers = parts
    text = b'{"channel":"%s","header":%s,"parent_header":%s,"metadata":%s,"content":%s' % (
        channel.encode(),
        header,
        parent,
        metadata,
        content,
    )
    # Clients find these two at the top as well as in the header.
    ids = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    for name in ("msg_id", "msg_type"):
        text += b',"%s":%s' % (name.encode(), ids[name])
    if not buffers:
        # JSON is UTF-8; a kernel that sends something else must not cut its clients off.
        return (text + b',"buffers":[]}').decode(errors="replace")
    pieces = [text + b"}", *buffers]
    offsets = [4 * (len(pieces) + 1)]
    for piece in pieces[:-1]:
        offsets.append(offsets[-1] + len(piece))
    return struct.pack(f"!{len(pieces) + 1}I", len(pieces), *offsets) + b"".join(pieces)


def decode_legacy(frame: str | bytes) -> tuple[str, list[bytes]]:
    """The channel and the parts of a legacy message; of `shell` when it names no channel.

    Raises BadMessage.
    """
    text: str | bytes = frame
    buffers: list[bytes] = []
    try:
        if isinstance(frame, bytes):
            (count,) = struct.unpack_from("!I", frame)
            if not 1 <= count <= len(frame) // 4:
                raise BadMessage(f"It claims to have {count} parts.")
            offsets = [*struct.unpack_from(f"!{count}I", frame, 4), len(frame)]
            if offsets != sorted(offsets):
                raise BadMessage("Its offsets do not ascend within the message.")
            bounds = pairwise(offsets)
            text, *buffers = (frame[start:end] for start, end in bounds)
        message = _legacy.decode(text)
    except (struct.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"It cannot be read: {error}") from None
    json_parts = (message.header, message.parent_header, message.metadata, message.content)
    return message.channel or "shell", [*(bytes(part) for part in json_parts), *buffers]

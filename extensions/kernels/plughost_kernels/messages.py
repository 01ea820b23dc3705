"""Messages as they travel: read from ZeroMQ, signed for it, numbered for clients.

The header is parsed once; metadata, content and buffers pass through as the bytes they
are. Source: "Messaging in Jupyter", the wire protocol, in jupyter_client's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING

import msgspec

from plughost_kernels.errors import BadMessage

if TYPE_CHECKING:
    from jupyter_client.session import Session

DELIMITER = b"<IDS|MSG>"
NUMBER_KEY = "plughost"
"""The key in a message's metadata under which its `epoch` and number `n` travel."""


class Header(msgspec.Struct):
    """What we read of a header; the rest stays in its bytes. Parents may be empty."""

    msg_id: str = ""
    msg_type: str = ""
    session: str = ""


class _Status(msgspec.Struct):
    execution_state: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one channel. `parts`: header, parent, metadata, content, buffers."""

    channel: str
    header: Header
    parent: Header
    parts: Sequence[bytes]

    def execution_state(self) -> str | None:
        """What a `status` message says; None for any other message."""
        if self.header.msg_type != "status":
            return None
        try:
            return _status.decode(self.parts[3]).execution_state
        except msgspec.DecodeError:
            return None


_header = msgspec.json.Decoder(Header)
_parent = msgspec.json.Decoder(Header | None)  # ipykernel's iopub_welcome has a null parent
_status = msgspec.json.Decoder(_Status)


def from_kernel(channel: str, frames: list[bytes], session: Session) -> Message:
    """Read what a kernel sent: `[identities…, delimiter, signature, parts…]`.

    Raises BadMessage for something malformed or not signed with the kernel's key.
    """
    try:
        start = frames.index(DELIMITER) + 1
        signature, parts = frames[start], frames[start + 1 :]
    except (ValueError, IndexError):
        raise BadMessage("It has no delimiter or no signature.") from None
    if session.auth is not None and not compare_digest(signature, session.sign(parts[:4])):
        raise BadMessage("Its signature is wrong.")
    return read(channel, parts)


def read(channel: str, parts: Sequence[bytes]) -> Message:
    """Parse the two headers of a message. Raises BadMessage."""
    if len(parts) < 4:
        raise BadMessage(f"It has {len(parts)} parts; a message has at least 4.")
    try:
        header, parent = _header.decode(parts[0]), _parent.decode(parts[1]) or Header()
    except msgspec.DecodeError as error:
        raise BadMessage(f"Its header cannot be read: {error}") from None
    if not header.msg_id or not header.msg_type:
        raise BadMessage("Its header lacks 'msg_id' or 'msg_type'.")
    if not parts[2].lstrip().startswith(b"{"):
        raise BadMessage("Its metadata is not an object.")
    return Message(channel, header, parent, parts)


def for_kernel(parts: Sequence[bytes], sign: Callable[[list[bytes]], bytes]) -> list[bytes]:
    """The ZeroMQ frames of a message for a kernel, signed."""
    return [DELIMITER, sign(list(parts[:4])), *parts]


def numbered(parts: Sequence[bytes], epoch: str, number: int) -> list[bytes]:
    """The parts with the message's number in the metadata, which is extended, not parsed."""
    rest = parts[2].lstrip()[1:]
    separator = b"" if rest.lstrip().startswith(b"}") else b","
    mark = b'{"%s":{"epoch":"%s","n":%d}' % (NUMBER_KEY.encode(), epoch.encode(), number)
    return [parts[0], parts[1], mark + separator + rest, *parts[3:]]

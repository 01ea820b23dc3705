"""Messages as they travel: read from ZeroMQ, signed for it, numbered for clients.

The header is parsed once; metadata, content and buffers pass through as the bytes they
are. Of the content only what somebody asks for is parsed, and what cannot be parsed is as
if it were not there: that is for the client to judge. Source: "Messaging in Jupyter", the
wire protocol, in jupyter_client's documentation.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from plughost_kernels.errors import BadMessage

if TYPE_CHECKING:
    from jupyter_client.session import Session

DELIMITER = b"<IDS|MSG>"
NUMBER_KEY = "plughost"
"""The key in a message's metadata under which its `epoch` and number `n` travel."""


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON that others have made may raise."""

_KEY = NUMBER_KEY.encode()
_T = TypeVar("_T")


class Header(msgspec.Struct):
    """What we read of a header; the rest stays in its bytes. Parents may be empty.

    `subshell_id` (JEP 91) is a string, or nothing: IRkernel makes `{}` of a client's null.
    """

    msg_id: str = ""
    msg_type: str = ""
    session: str = ""
    subshell_id: object = None


class _Status(msgspec.Struct):
    execution_state: str


class Stream(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a `stream` message: text for stdout or stderr, and nothing else."""

    name: str
    text: str


class Question(msgspec.Struct):
    """The content of an `input_request`."""

    prompt: str = ""
    password: bool = False


class _Transient(msgspec.Struct):
    display_id: str | None = None


class _Display(msgspec.Struct):
    transient: _Transient | None = None


class _Clear(msgspec.Struct):
    wait: bool = False


class _CellMetadata(msgspec.Struct, rename="camel"):
    cell_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one channel. `parts`: header, parent, metadata, content, buffers."""

    channel: str
    header: Header
    parent: Header
    parts: Sequence[bytes]

    def execution_state(self) -> str | None:
        """What a `status` message says; None for any other message."""
        status = self._content("status", _status)
        return None if status is None else status.execution_state

    def stream(self) -> Stream | None:
        """The text of a `stream` message; None for any other message."""
        return self._content("stream", _stream)

    def display_id(self) -> str | None:
        """Which display an `update_display_data` is for; None for any other message."""
        display = self._content("update_display_data", _display)
        return display.transient.display_id if display and display.transient else None

    def waits(self) -> bool | None:
        """Whether a `clear_output` waits for the next output; None for any other message."""
        clear = self._content("clear_output", _clear)
        return None if clear is None else clear.wait

    def question(self) -> Question | None:
        """What an `input_request` asks; None for any other message."""
        return self._content("input_request", _question)

    def cell_id(self) -> str | None:
        """The cell whose code an `execute_request` has, as JupyterLab says in the metadata."""
        if self.header.msg_type != "execute_request":
            return None
        return (_parsed(_cell, self.parts[2]) or _CellMetadata()).cell_id

    def _content(self, msg_type: str, decoder: msgspec.json.Decoder[_T]) -> _T | None:
        return _parsed(decoder, self.parts[3]) if self.header.msg_type == msg_type else None


def _parsed(decoder: msgspec.json.Decoder[_T], part: bytes) -> _T | None:
    try:
        return decoder.decode(part)
    except UNREADABLE:
        return None


_header = msgspec.json.Decoder(Header)
_parent = msgspec.json.Decoder(Header | None)  # ipykernel's iopub_welcome has a null parent
_object = msgspec.json.Decoder(dict[str, Any])
_status = msgspec.json.Decoder(_Status)
_stream = msgspec.json.Decoder(Stream)
_display = msgspec.json.Decoder(_Display)
_clear = msgspec.json.Decoder(_Clear)
_question = msgspec.json.Decoder(Question)
_cell = msgspec.json.Decoder(_CellMetadata)


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
    try:
        return read(channel, parts)
    except BadMessage:
        mended = _mended(parts)
        if mended == parts:
            raise
        return read(channel, mended)


def _mended(parts: list[bytes]) -> list[bytes]:
    """What real kernels get wrong, as clients expect it.

    xeus-python welcomes a subscriber with the metadata null, and the header of a comm that
    IRkernel opens has `{}` for its session and its user.
    """
    if len(parts) < 4:
        return parts
    header, parent, metadata, *rest = parts
    if metadata.strip() == b"null":
        metadata = b"{}"
    names = _parsed(_object, header)
    for name in ("session", "username"):
        if names is not None and not isinstance(names.get(name, ""), str):
            names[name] = ""
            header = msgspec.json.encode(names)
    return [header, parent, metadata, *rest]


def read(channel: str, parts: Sequence[bytes]) -> Message:
    """Parse the two headers of a message. Raises BadMessage."""
    if len(parts) < 4:
        raise BadMessage(f"It has {len(parts)} parts; a message has at least 4.")
    try:
        header, parent = _header.decode(parts[0]), _parent.decode(parts[1]) or Header()
        if not parts[0].isascii():
            parts[0].decode()  # what is not read above is not looked at, either
    except UNREADABLE as error:
        raise BadMessage(f"Its header cannot be read: {error}") from None
    if not header.msg_id or not header.msg_type:
        raise BadMessage("Its header lacks 'msg_id' or 'msg_type'.")
    if not parts[2].lstrip().startswith(b"{"):
        raise BadMessage("Its metadata is not an object.")
    return Message(channel, header, parent, parts)


def for_kernel(parts: Sequence[bytes], sign: Callable[[list[bytes]], bytes]) -> list[bytes]:
    """The ZeroMQ frames of a message for a kernel, signed."""
    return [DELIMITER, sign(list(parts[:4])), *parts]


def numbered(parts: Sequence[bytes], epoch: str, number: int, first: int = 0) -> list[bytes]:
    """The parts with the message's number in the metadata, which is extended, not parsed.

    One that stands for several has the number of the last, and the `first` with it.
    """
    rest = parts[2].lstrip()[1:]
    separator = b"" if rest.lstrip().startswith(b"}") else b","
    several = b',"first":%d' % first if 0 < first < number else b""
    mark = b'{"%s":{"epoch":"%s","n":%d%s}' % (_KEY, epoch.encode(), number, several)
    return [parts[0], parts[1], mark + separator + rest, *parts[3:]]


def with_content(parts: Sequence[bytes], content: Mapping[str, Any]) -> list[bytes]:
    """A message's parts with another content, and no buffers."""
    return [*parts[:3], msgspec.json.encode(content)]


def composed(
    msg_type: str,
    content: Mapping[str, Any],
    *,
    session: str,
    parent: bytes = b"{}",
    channel: str = "iopub",
) -> Message:
    """A message of our own, said to belong to a client's `session`.

    `parent` is the header of the request that it belongs to.
    """
    parts = [new_header(msg_type, session), parent, b"{}", msgspec.json.encode(content)]
    return read(channel, parts)


def new_header(msg_type: str, session: str) -> bytes:
    """The header of a message of our own."""
    return msgspec.json.encode(
        {
            "msg_id": secrets.token_hex(16),
            "msg_type": msg_type,
            "session": session,
            "username": "plughost",
            "date": datetime.now(timezone.utc),
            "version": "5.3",
        }
    )

"""JSON-RPC as language servers speak it (LSP 3.17): what we read of messages, and what we say.

Messages pass through unchanged; of most we read only what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
"""Error codes of JSON-RPC 2.0, section 5.1."""

SHUTDOWN_ID = "plughost-shutdown"
CONFIGURATION = "workspace/didChangeConfiguration"


class Head(msgspec.Struct):
    """What a message is: a request has both, a notification no id, a response no method."""

    id: int | float | str | None = None
    method: str | None = None


class BadMessage(ValueError):
    """Not a JSON-RPC message; `code` is what JSON-RPC calls the mistake."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


_heads = msgspec.json.Decoder(Head)
_encoder = msgspec.json.Encoder()


def head(body: bytes) -> Head:
    """Read what a message is. Raises BadMessage; batches are none, as in LSP."""
    try:
        body.decode()  # what the decoder passes over it does not check
        return _heads.decode(body)
    except msgspec.ValidationError as error:
        raise BadMessage(INVALID_REQUEST, f"This is no JSON-RPC message: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(PARSE_ERROR, f"This is not JSON: {error}") from None


def request(id_: str, method: str) -> bytes:
    """A request without parameters."""
    return _encoder.encode({"jsonrpc": "2.0", "id": id_, "method": method})


def notification(method: str, params: Any = msgspec.UNSET) -> bytes:
    message = {"jsonrpc": "2.0", "method": method}
    return _encoder.encode(message if params is msgspec.UNSET else {**message, "params": params})


def error(mistake: BadMessage) -> bytes:
    """The answer to what cannot be read: nobody knows its id."""
    told = {"code": mistake.code, "message": str(mistake)}
    return _encoder.encode({"jsonrpc": "2.0", "id": None, "error": told})


def complaint(text: str) -> bytes:
    """What clients write into their logs: `window/logMessage` of type 1, an error."""
    return notification("window/logMessage", {"type": 1, "message": text})


def with_configuration(body: bytes, defaults: Mapping[str, Any]) -> bytes:
    """A `workspace/didChangeConfiguration` with what the client does not set itself.

    The names of `defaults` are dotted, and become nested objects as servers expect them.
    """
    message = msgspec.json.decode(body)
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    settings = params.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    message["params"] = {**params, "settings": _merged(_nested(defaults), settings)}
    return _encoder.encode(message)


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, value in dotted.items():
        tree: Any = value
        for part in reversed(name.split(".")):
            tree = {part: tree}
        root = _merged(root, tree)
    return root


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, objects merged by key; elsewhere what is above wins."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            value = _merged(under, value)
        merged[key] = value
    return merged

"""The shapes on the wire of the contents API (Jupyter's REST API, `/api/contents`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

STEP = 2**20
"""Characters to encode in one go."""

_HERE = b"\0"
"""Where the content goes; nothing else in a JSON text can be that."""

Type = Literal["directory", "file", "notebook"]
Format = Literal["text", "base64", "json"]


class Model(msgspec.Struct):
    """One file, notebook or folder; every key is always there.

    `content` is text, base64, a notebook, or the models of what is in a folder, as
    `format` says; both are None when the content was not asked for. `size` is in bytes,
    `hash` that of the bytes as they are stored. `message` says what is not valid in a
    notebook. A page of a folder has the number of its first entry, `offset`, how many entries
    there are in all, and the `cursor` of the next page, None where there is none; `watched`
    says that changes to it are told as events.
    """

    name: str
    path: str
    type: Type
    writable: bool
    created: datetime
    last_modified: datetime
    mimetype: str | None = None
    content: Any = None
    format: Format | None = None
    size: int | None = None
    hash: str | None = None
    hash_algorithm: str | None = None
    message: str | msgspec.UnsetType = msgspec.UNSET
    offset: int | msgspec.UnsetType = msgspec.UNSET
    total: int | msgspec.UnsetType = msgspec.UNSET
    cursor: str | msgspec.UnsetType | None = msgspec.UNSET
    watched: bool | msgspec.UnsetType = msgspec.UNSET


class CheckpointModel(msgspec.Struct):
    """A kept state of a file."""

    id: str
    last_modified: datetime


class CreateRequest(msgspec.Struct):
    """What `POST` makes in a folder: something new, or a copy of `copy_from`."""

    type: Type | None = None
    ext: str = ""
    copy_from: str | None = None


class SaveRequest(msgspec.Struct):
    """What `PUT` saves. The content is looked at off the loop: it can be large.

    With `chunk` it is a piece of an upload: 1, 2, … and -1 for the last.
    """

    type: Type | None = None
    format: Format | None = None
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chunk: int | None = None
    copy_from: str | None = None


class RenameRequest(msgspec.Struct):
    """Where `PATCH` moves something."""

    path: str


def as_json(model: Model) -> bytes:
    """The model as JSON, made in steps that leave the interpreter to others in between.

    msgspec alone would hold it for as long as all of the content takes.
    """
    content = model.content
    if isinstance(content, msgspec.Raw):
        pieces = [bytes(content)]
    elif isinstance(content, list):
        pieces = [b"[%b]" % b",".join([msgspec.json.encode(one) for one in content])]
    elif isinstance(content, str) and len(content) > STEP:
        steps = range(0, len(content), STEP)
        texts = [msgspec.json.encode(content[start : start + STEP])[1:-1] for start in steps]
        pieces = [b'"', *texts, b'"']
    else:
        return msgspec.json.encode(model)
    facts = msgspec.structs.replace(model, content=msgspec.Raw(_HERE))
    head, tail = msgspec.json.encode(facts).split(_HERE)
    # Joined once: a copy of 20 MB is nothing to be had for nothing.
    return b"".join([head, *pieces, tail])

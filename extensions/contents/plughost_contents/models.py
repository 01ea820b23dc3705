"""The shapes on the wire of the contents API (Jupyter's REST API, `/api/contents`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

Type = Literal["directory", "file", "notebook"]
Format = Literal["text", "base64", "json"]


class Model(msgspec.Struct):
    """One file, notebook or folder; every key is always there.

    `content` is text, base64, a notebook, or the models of what is in a folder, as
    `format` says; both are None when the content was not asked for. `size` is in bytes,
    `hash` that of the bytes as they are stored. `message` says what is not valid in a
    notebook.
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

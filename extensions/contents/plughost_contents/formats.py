"""How bytes become what clients read, and back: kinds, media types, text and base64."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import functools
import mimetypes
import re
from typing import Literal, cast

import msgspec

from plughost import BadRequest
from plughost_contents import paths
from plughost_contents.errors import WrongFormat, WrongKind
from plughost_contents.models import Format, Model, Type
from plughost_contents.provider import Entry

NOTEBOOK_TYPE = "application/x-ipynb+json"

_UNLISTED = re.compile(
    "|".join(
        fnmatch.translate(glob) for glob in ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~")
    )
)


def listed(name: str, *, hidden: bool) -> bool:
    """Whether a name in a folder is shown: not what programs leave behind."""
    if name.startswith(".") and not hidden:
        return False
    return paths.addressable(name) and not _UNLISTED.match(name)


def model_of(path: str, entry: Entry, kind: str | None = None) -> Model:
    """The model of a path without its content.

    `kind` is what the client takes it for: any word but `directory` and `notebook` means
    a file, as it does for Jupyter's own server. Raises WrongKind for a folder taken for
    a file or the other way round.
    """
    if entry.folder and kind not in (None, "directory"):
        raise WrongKind(path, "folder", hint="Ask for it with type=directory.")
    if not entry.folder and kind == "directory":
        raise WrongKind(path, "file", hint="Ask for it with type=file.")
    model = Model(
        name=entry.name,
        path=path,
        type=_type(entry, kind),
        writable=entry.writable,
        created=entry.created,
        last_modified=entry.modified,
    )
    if not entry.folder:
        model.size = entry.size
        if model.type == "file":
            model.mimetype = media_type(entry.name)
    return model


def _type(entry: Entry, kind: str | None) -> Type:
    if entry.folder:
        return "directory"
    if kind is None:
        return "notebook" if entry.name.endswith(".ipynb") else "file"
    return "notebook" if kind == "notebook" else "file"


def media_type(name: str) -> str | None:
    """The media type that a file's name suggests."""
    return _media_type(".".join(["", *name.split(".")[1:][-2:]]))


@functools.lru_cache(maxsize=1024)  # a folder has many files and few extensions
def _media_type(extension: str) -> str | None:
    if extension.endswith(".ipynb"):
        return NOTEBOOK_TYPE
    return mimetypes.guess_type(f"file{extension}")[0]


def encoded(model: Model, data: bytes, wanted: Literal["text", "base64"] | None) -> None:
    """Put a file's bytes into its model: as text where they are text, else as base64.

    Raises WrongFormat for bytes that are wanted as text and are none.
    """
    if wanted != "base64":
        try:
            model.content, model.format = data.decode("utf-8"), "text"
        except UnicodeDecodeError as error:
            if wanted == "text":
                raise WrongFormat(
                    f"{model.path!r} is not UTF-8 text: {error.reason} at byte {error.start}.",
                    hint="Ask for it with format=base64.",
                ) from None
    if model.format is None:
        model.content, model.format = base64.b64encode(data).decode("ascii"), "base64"
    if model.mimetype is None:
        model.mimetype = "text/plain" if model.format == "text" else "application/octet-stream"


def decoded(content: msgspec.Raw | msgspec.UnsetType, format: Format | None) -> bytes:  # noqa: A002
    """The bytes that a client wants to be saved. Raises BadRequest, WrongFormat."""
    if format not in ("text", "base64"):
        raise BadRequest(
            f"A file's content comes as 'text' or 'base64', not as {format!r}.",
            hint="Say in `format` which of the two it is.",
            reason="bad format",
        )
    try:
        text = msgspec.json.decode(cast(msgspec.Raw, content), type=str)
    except msgspec.DecodeError as error:
        raise WrongFormat(
            f"The content is not a string: {error}", hint="Send text, or bytes as base64."
        ) from None
    if format == "text":
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongFormat(
            f"The content is not base64: {error}.", hint="See RFC 4648, section 4."
        ) from None

"""How bytes become what clients read, and back: kinds, media types, text and base64."""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
import mimetypes
from typing import Literal, cast

import msgspec

from plughost import BadRequest
from plughost_contents.errors import WrongFormat, WrongKind
from plughost_contents.models import Format, Model, Type
from plughost_contents.provider import Entry

NOTEBOOK_TYPE = "application/x-ipynb+json"

STEP = 3 * 2**18
"""Bytes to encode or decode in one go; base64 takes three at a time."""


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
            model.content, model.format = _text(data), "text"
        except UnicodeDecodeError as error:
            if wanted == "text":
                raise WrongFormat(
                    f"{model.path!r} is not UTF-8 text: {error.reason} at byte {error.start}.",
                    hint="Ask for it with format=base64.",
                ) from None
    if model.format is None:
        model.content, model.format = _base64(data), "base64"
    if model.mimetype is None:
        model.mimetype = "text/plain" if model.format == "text" else "application/octet-stream"


def _text(data: bytes) -> str:
    """The text, decoded in steps that leave the interpreter to others in between."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = []
    for start in range(0, len(data), STEP):
        try:
            pieces.append(decoder.decode(data[start : start + STEP]))
        except UnicodeDecodeError:
            data.decode("utf-8")  # says at which byte of all
            raise
    pieces.append(decoder.decode(b"", final=True))
    return "".join(pieces)


def _base64(data: bytes) -> str:
    pieces = [base64.b64encode(data[start : start + STEP]) for start in range(0, len(data), STEP)]
    return b"".join(pieces).decode("ascii")


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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

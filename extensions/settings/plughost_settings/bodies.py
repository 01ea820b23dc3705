"""Bodies of requests, of a sane size."""

from __future__ import annotations

from typing import TypeVar

from plughost import JSONHandler, TooLarge

T = TypeVar("T")

MIB = 1024 * 1024


def body(handler: JSONHandler, kind: type[T], *, most: int = 16 * MIB) -> T:
    """The body as a `kind`. Raises BadRequest, and TooLarge for more than `most` bytes.

    Decoding takes the event loop's time: 16 MiB are 0.1 s.
    """
    size = len(handler.request.body)
    if size > most:
        raise TooLarge(
            f"The request's body has {size} bytes; {most} are taken here.", hint="Send less."
        )
    return handler.body(kind)

"""Whether another site has caused a request that only reads.

A conversion keeps a processor busy for seconds or minutes, and no site should be able to ask
for one with an image or a frame. The core judges requests that change something; this is
the same for those that cost something.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from plughost import Forbidden


def require_own_page(request: HTTPServerRequest, allows: Callable[[str], bool]) -> None:
    """Refuse a request that a page of another site has caused, or may have.

    `allows` says of an origin whether its pages may call this server. Browsers say where a
    request comes from in `Sec-Fetch-Site` (Fetch Metadata), over plain HTTP to another machine
    only in `Origin` and `Referer`. Raises Forbidden.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin") or _origin(request.headers.get("Referer", ""))
    own = site in ("same-origin", "none")
    if site is None:
        own = urlsplit(origin).netloc.lower() == request.host.lower() or _has_xsrf(request)
    if not own and not (origin and allows(origin)) and not _is_program(request):
        raise Forbidden(
            f"A conversion is not started for a page from {origin or site or 'nowhere'!r}.",
            hint="Open it from a page of this server, or type its address. A program sends the "
            "token in the header `Authorization: token …`.",
        )


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # not a URL at all, such as "http://["
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _has_xsrf(request: HTTPServerRequest) -> bool:
    """A client that can read its cookies is none of another site's pages."""
    cookie = request.cookies.get("_xsrf")
    sent = request.query_arguments.get("_xsrf", [b""])[-1].decode("utf-8", "replace")
    return cookie is not None and cookie.value in (sent, request.headers.get("X-XSRFToken"))


def _is_program(request: HTTPServerRequest) -> bool:
    """Whether somebody has put a header there that no page sends elsewhere unasked."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    return scheme.lower() in ("token", "bearer")

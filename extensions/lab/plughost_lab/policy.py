"""The page's Content-Security-Policy (CSP level 3), and what of other servers it lets in."""

import re

SELF = {
    # JupyterLab compiles setting schemas with `new Function`, its JavaScript renderer is
    # `eval`, and rich outputs bring inline scripts: a nonce would stop them.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    # A picture that is attached to a cell has its address replaced only once it is in the page.
    "img-src": "'self' data: blob: attachment:",
    "font-src": "'self' data:",
    # Sound and films come as files or within outputs.
    "media-src": "'self' data: blob:",
    "frame-src": "'self' blob: data:",
    "connect-src": "'self'",
}
"""By directive: what comes from this server, or is part of a document."""

SOURCE = re.compile(
    r"https?:(//(\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*)(:([0-9]+|\*))?(/[^\s;,'\"]*)?)?",
    re.IGNORECASE,
)
"""A scheme or a host with its scheme, CSP level 3 section 2.3.1."""


def check(sources: tuple[str, ...]) -> None:
    """Raises ValueError for what is no source of content, and would end up in a header."""
    for source in sources:
        if not SOURCE.fullmatch(source):
            raise ValueError(
                f"external_content has {source!r}, which is neither an origin such as "
                "'https://cdn.bokeh.org' or 'https://*.githubusercontent.com' nor 'https:' "
                "for every one."
            )


def page_policy(external: tuple[str, ...]) -> dict[str, str]:
    """The directives of the lab's page; `external` are other sources that it loads from."""
    allowed = {directive: " ".join((ours, *external)) for directive, ours in SELF.items()}
    # PDF files are objects of data that the page has.
    return {**allowed, "object-src": "blob:"}

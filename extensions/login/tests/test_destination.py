"""Where people land once they are in: below the base URL, whatever `next` says."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost_login.destination import destination

SERVER = "https://server.example:8888"


@pytest.mark.parametrize(
    ("url", "base_url", "expected"),
    [
        ("/lab", "/", "/lab"),
        ("/lab/tree/a%20b.ipynb?x=//y#z", "/", "/lab/tree/a%20b.ipynb?x=//y#z"),
        ("/lab/tree/ä", "/", "/lab/tree/%C3%A4"),
        ("/user/ada/lab", "/user/ada/", "/user/ada/lab"),
        ("/user/ada", "/user/ada/", "/user/ada"),
        ("/user/ada?x", "/user/ada/", "/user/ada?x"),
        ("/%2Fevil.example", "/", "/%2Fevil.example"),
    ],
)
def test_a_path_below_the_base_url_is_kept(url, base_url, expected):
    assert destination(url, base_url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lab",
        "?x",
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "https:evil.example",
        "https:///evil.example",
        "https://server.example:8888/user/ada/",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/user/ada/\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\r\nSet-Cookie: a=b",
        "/user/ada/\x00",
        "%2F%2Fevil.example",
        "%5C%5Cevil.example",
        "/user/eve/",
        "/user/adalbert",
        "/user/ada/../eve/",
        "/user/ada/%2e%2e/eve/",
        "/user/ada/%2E./eve/",
        "/user/ada/..",
    ],
)
def test_whatever_could_lead_elsewhere_leads_to_the_base_url(url):
    assert destination(url, "/user/ada/") == "/user/ada/"


# What browsers do to a URL before they resolve it (URL standard, 4.4).
def as_a_browser_resolves(url):
    seen = url.strip("".join(map(chr, range(33))))
    for dropped in "\t\r\n":
        seen = seen.replace(dropped, "")
    seen = seen.replace("\\", "/").replace("%2e", ".").replace("%2E", ".")
    return urlsplit(urljoin(SERVER + "/user/ada/login", seen))


PIECES = [
    *["/", "//", "\\", "..", ".", "%2e", "%2F", "%5C", "?", "#", ":", "@", "\t", "\n", " ", "ä"],
    *["user", "ada", "eve", "/user/ada/", "https:", "evil.example"],
]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_no_browser_leaves_the_base_url(url):
    found = as_a_browser_resolves(destination(url, "/user/ada/"))
    assert f"{found.scheme}://{found.netloc}" == SERVER
    assert f"{found.path}/".startswith("/user/ada/")

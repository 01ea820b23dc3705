"""Forms as a browser sends them, and Jupyter's file with a password in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from plughost.testing import Client, Reply

PASSWORD = "mypassword"
# As jupyter_server 2.21 wrote them for PASSWORD; the sha1 is the one in its documentation.
ARGON2 = (
    "argon2:$argon2id$v=19$m=10240,t=10,p=8$I1RW9zLG2U23bANKaXZwog"
    "$m5mb1RK5+nVa0oSjBVthaBRqCtccAi3xvCJE9f8m8wA"
)
SHA1 = "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a"
SHA256 = "sha256:aa30cf54fd70:86d115280b1f4302f52bceff8d243da3cbe953d0bcaec5ff4401274bbb5e5b53"

Send = Callable[..., Awaitable[Reply]]


class Clock:
    """Stands still until somebody sets it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def send() -> Send:
    """`send(client, path, headers={}, **fields)`: a form of our own page, without the token."""

    async def sending(
        client: Client, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> Reply:
        own = {"Origin": client.base} if headers is None else headers
        form = {"Content-Type": "application/x-www-form-urlencoded", **own}
        return await client.post(path, urlencode(fields), headers=form, token=None)

    return sending


@pytest.fixture
def jupyter_file(jupyter_folders: Path) -> Path:
    """Jupyter's file for the password, in a folder that the test has for itself."""
    return jupyter_folders / "jupyter-config" / "jupyter_server_config.json"


@pytest.fixture
def write(jupyter_file: Path) -> Callable[[Any], None]:
    """Put something into Jupyter's file."""
    return lambda config: jupyter_file.write_text(json.dumps(config)) and None


def cookies(reply: Reply) -> str:
    """What a browser sends back of the cookies it was given."""
    return "; ".join(c.partition(";")[0] for c in reply.headers.get_list("Set-Cookie"))

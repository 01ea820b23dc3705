"""What the tests of contents share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import plughost_contents


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root folder of the host, still empty."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def serve(start: Any, root: Path) -> Any:
    """`serve(**settings)`: a host with contents and these settings; deletes for good."""

    def serving(**settings: Any) -> AbstractAsyncContextManager[Any]:
        settings = {"delete_to_trash": False, **settings}
        return start(plughost_contents, extensions={"contents": settings})

    return serving


@pytest.fixture(scope="session", autouse=True)
def _own_trash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """send2trash looks for the trash when it is imported: never the developer's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        yield

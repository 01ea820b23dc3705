"""Extensions that misbehave, as distributions a process can find on its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Distribution = Callable[[str, str], None]


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder for `PYTHONPATH`, empty until `distribution` puts something there."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    return folder


@pytest.fixture
def distribution(strangers: Path) -> Distribution:
    """Write an installed distribution: `distribution(name, source of its one module)`."""

    def install(name: str, source: str) -> None:
        (strangers / f"{name}.py").write_text(source)
        info = strangers / f"{name}-1.0.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        info.joinpath("entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")

    return install

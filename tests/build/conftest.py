"""Machines and sources for the tests of `plughost build`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from .machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder)


MakeSource = Callable[..., Path]


@pytest.fixture
def make_source(tmp_path: Path) -> MakeSource:
    """Write an extension's browser half: `make_source("weather", plughost={...}, **files)`."""

    def make(
        name: str = "weather",
        *,
        plughost: Mapping[str, Any] | None = None,
        package_json: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Path:
        folder = folder or tmp_path / name
        package = f"plughost_{name}"
        content = {
            "name": f"plughost-{name}",
            "version": "0.1.0",
            "plughost": {"package": package, **(plughost or {})},
            **(package_json or {}),
        }
        written = {
            "package.json": json.dumps(content, indent=2),
            "tsconfig.json": json.dumps(
                {
                    "compilerOptions": {"strict": True, "noEmit": True, "types": []},
                    "include": ["src"],
                }
            ),
            "src/index.ts": "const plugins: object[] = [];\nexport default plugins;\n",
            f"{package}/__init__.py": '"""Nothing."""\n',
            **(files or {}),
        }
        for path, text in written.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return folder

    return make


Hold = Callable[[Path], None]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """`hold(path)` makes a file that whoever reads it waits for, as long as the test lasts.

    So a step is under way for as long as a test needs, however slow the machine is. The
    compiler only ends itself at Ctrl-C, which it does not while it waits for a file.
    """
    held = []

    def make(path: Path) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        # Somebody who might write, and never does until the end: that is what readers wait for.
        held.append(os.open(path, os.O_RDWR))

    yield make
    for descriptor in held:
        os.close(descriptor)

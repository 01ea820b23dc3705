"""What installed labextensions cost: the lab's page with twenty of them, and with none."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pages import Figures, page
from servers import KINDS, Kind, running

SOURCE = Path(__file__).parents[1] / "tests" / "outsider"
NAME = "outsider"
COUNT = 20


async def labextensions(kind: Kind) -> Figures:
    """How many times as long the launcher takes with twenty labextensions, and what they load."""
    with running(kind) as server:
        bare = await page(server)
    with running(replace(kind, install=copies)) as server:
        full = await page(server)
    figures: Figures = {}
    for visit in ("cold", "warm"):
        seconds, requests = f"{visit}: launcher visible (s)", f"{visit}: requests"
        figures |= {
            f"20 labextensions, {visit}: launcher (× of none)": full[seconds] / bare[seconds],
            f"20 labextensions, {visit}: requests more": full[requests] - bare[requests],
        }
    return figures


@contextlib.contextmanager
def kind(name: str) -> Iterator[Kind]:
    """Which server is to be started, with and without."""
    yield KINDS[name]()


def copies(folder: Path) -> None:
    """Twenty labextensions in a data folder of Jupyter's, each with a name of its own.

    They are the one that `plughost build --jupyterlab` makes of the outsider: a panel in React
    with a command, a style sheet and a package of npm's.
    """
    build = [sys.executable, "-m", "plughost_build", "--jupyterlab", "--no-check", str(SOURCE)]
    subprocess.run(build, check=True, capture_output=True)
    made = SOURCE / "plughost_outsider" / "labextension"
    for number in range(COUNT):
        copy = folder / "labextensions" / f"plughost-{NAME}{number}"
        shutil.copytree(made, copy)
        for file in [copy / "package.json", *copy.glob("static/*.js")]:
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(NAME, f"{NAME}{number}"), encoding="utf-8")

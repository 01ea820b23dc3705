"""A stranger's extension as a labextension: from its wheel, in JupyterLab as its makers ship it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import TOKEN, Kind, Running, jupyterlab, running

from .conftest import KEEP_THE_SCOPE, Visit

ROOT = Path(__file__).parents[2]
NAME = "plughost-outsider"
STOCK = json.loads((ROOT / "build_tools/plughost_build/node/jupyterlab.json").read_text())


@pytest.fixture(scope="module")
def kind(outsider_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    """The peer of the benchmarks, which finds what pip installed from the outsider's wheel."""
    prefix = tmp_path_factory.mktemp("prefix")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", prefix, outsider_wheel], check=True)
    return replace(jupyterlab(), settings={"JUPYTER_PATH": str(prefix / "share" / "jupyter")})


@pytest.fixture(scope="module")
def stock(kind: Kind) -> Iterator[Running]:
    with running(kind) as server:
        yield server


OpenLab = Callable[[], Awaitable[Visit]]


@pytest.fixture
def open_lab(visit: Callable[[str], Awaitable[Visit]], stock: Running) -> OpenLab:
    """The workbench, with an answer to what only the outsider's server half would know."""

    async def open_page() -> Visit:
        lab = await visit("about:blank")
        answer = json.dumps({"greeting": "Hello from outside", "python": "3", "pid": 1})
        await lab.page.route("**/outsider/api/*", lambda route: route.fulfill(body=answer))
        await lab.page.add_init_script(KEEP_THE_SCOPE)
        await lab.page.goto(f"{stock.base}/lab?token={TOKEN}")
        await lab.page.locator(".jp-Launcher").wait_for()
        return lab

    return open_page


async def test_its_panel_opens_with_the_pages_one_react_and_lumino(open_lab: OpenLab) -> None:
    lab = await open_lab()
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    panel = lab.page.locator(".outsider-greeting")
    await panel.wait_for()
    assert "Hello from outside" in await panel.inner_text()
    assert await panel.get_attribute("data-same-react") == "true"
    assert await panel.get_attribute("data-same-lumino") == "true"
    # Its CommonJS dependency renders, and a hook of the page's React hears it.
    await panel.get_by_role("button").click()
    await panel.get_by_text("Copied").wait_for()
    assert lab.console_errors == []


async def test_it_loads_three_files_and_its_style_is_there_when_it_starts(
    open_lab: OpenLab,
) -> None:
    lab = await open_lab()
    mine = [url.rsplit("/", 1)[1] for url in lab.requests if f"/lab/extensions/{NAME}/" in url]
    kinds = sorted((name[:5], name.rpartition(".")[2]) for name in mine)
    assert kinds == [("index", "css"), ("index", "js"), ("remot", "js")]
    await lab.page.wait_for_function(
        "path => [...document.styleSheets].some(sheet => sheet.href?.includes(path))",
        arg=f"/{NAME}/static/",
    )
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    panel = lab.page.locator(".outsider-panel")
    await panel.wait_for()
    assert await panel.evaluate("panel => getComputedStyle(panel).overflow") == "auto"


async def test_jupyterlab_shares_what_we_rely_on(open_lab: OpenLab) -> None:
    lab = await open_lab()
    scope: dict[str, Any] = await lab.page.evaluate("JSON.parse(JSON.stringify(shareScope))")
    wanted = {*STOCK["singletons"], *STOCK["others"]}
    assert wanted - set(scope) == set()


def test_the_list_of_what_it_shares_is_jupyterlabs_own(kind: Kind) -> None:
    (file,) = (
        Path(kind.command[0])
        .parents[1]
        .glob("lib/python*/site-packages/jupyterlab/staging/package.json")
    )
    staging = json.loads(file.read_text())
    # Nothing imports these, so they do not get into its page.
    absent = {"@jupyterlab/core-meta", "@jupyterlab/metapackage", "@jupyterlab/nbconvert-css"}
    single = set(staging["jupyterlab"]["singletonPackages"])
    ranges = {
        name: each.replace("~", "^")
        for name, each in staging["resolutions"].items()
        if name not in absent
    }
    assert {
        "version": staging["version"],
        "singletons": {name: each for name, each in ranges.items() if name in single},
        "others": {name: each for name, each in ranges.items() if name not in single},
    } == STOCK


def test_jupyterlabs_own_list_calls_it_fit(kind: Kind, stock: Running) -> None:
    command = [kind.command[0], "-m", "jupyter", "labextension", "list"]
    run = subprocess.run(
        command, env=stock.process.environ(), capture_output=True, text=True, check=True
    )
    (line,) = [line for line in (run.stdout + run.stderr).splitlines() if NAME in line]
    plain = line.replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert plain.split() == [NAME, "v0.1.0", "enabled", "OK", "(python,", f"{NAME})"]

"""A stranger's extension, built on its own and installed from its wheel, in the running lab."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .lab import command


@pytest.fixture
def installed(outsider_wheel, tmp_path):
    """A folder for `PYTHONPATH` that holds the outsider as pip installs it."""
    folder = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", folder, outsider_wheel], check=True)
    return folder


async def open_panel(page):
    await page.locator(".jp-Launcher").wait_for()
    await page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    panel = page.locator(".outsider-greeting")
    await panel.wait_for()
    return panel


async def test_its_panel_shows_what_its_route_answered(served, visit, installed):
    server = served(env={"PYTHONPATH": str(installed)})
    lab = await visit(server.url)
    panel = await open_panel(lab.page)
    assert "Hello from outside" in await panel.inner_text()
    assert await panel.get_attribute("data-pid") == str(server.process.pid)
    await lab.screenshot("outsider")
    assert lab.console_errors == []
    assert await lab.policy_violations() == []


async def test_it_shares_the_pages_one_react_and_one_lumino(served, visit, installed):
    server = served(env={"PYTHONPATH": str(installed)})
    lab = await visit(server.url)
    panel = await open_panel(lab.page)
    assert await panel.get_attribute("data-same-react") == "true"
    assert await panel.get_attribute("data-same-lumino") == "true"
    # Its CommonJS dependency renders, and a hook of the page's React hears it.
    copy = panel.get_by_role("button")
    await copy.click()
    await panel.get_by_text("Copied").wait_for()
    loaded = {url.rsplit("/", 1)[1] for url in lab.requests if "/frontends/outsider/" in url}
    assert not [name for name in loaded if "react" in name.lower()]


async def test_its_command_is_in_the_palette(served, visit, installed):
    server = served(env={"PYTHONPATH": str(installed)})
    lab = await visit(server.url)
    await lab.page.locator(".jp-Launcher").wait_for()
    await command(lab.page, "Outsider Greeting")
    await lab.page.locator(".outsider-greeting").wait_for()


async def test_a_server_half_that_fails_leaves_the_lab_running_and_is_named(
    served, visit, installed
):
    (installed / "plughost_outsider" / "__init__.py").write_text("raise OSError('no licence')")
    server = served(env={"PYTHONPATH": str(installed)})
    lab = await visit(server.url)
    await lab.page.locator(".jp-Launcher").wait_for()
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").click()
    await lab.page.locator(".outsider-error").wait_for()
    record = (await server.client.get("/plughost/api/extensions/outsider")).json
    assert (record["state"], record["phase"]) == ("failed", "import")
    assert "no licence" in record["error"]


async def test_a_slow_server_half_does_not_delay_the_lab(served, visit, installed):
    source = installed / "plughost_outsider" / "__init__.py"
    go = installed / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n"
    source.write_text(wait + source.read_text().split("annotations", 1)[1])
    server = served(env={"PYTHONPATH": str(installed)})
    lab = await visit(server.url)
    await lab.page.locator(".jp-Launcher").wait_for()
    loading = (await server.client.get("/plughost/api/extensions/outsider")).json
    assert loading["state"] == "loading"
    go.touch()
    await lab.page.locator(".jp-LauncherCard", has_text="Outsider Greeting").wait_for()

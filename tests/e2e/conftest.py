"""A headless Chromium, and a page that notes everything a user would be annoyed by."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    async_playwright,
    expect,
)

from plughost.testing import CHROMIUM_FLAGS, chromium

OUTPUT = Path(__file__).parents[1] / "output"
CLOSE_SECONDS = 15
LONG = 60_000  # a busy machine takes its time, to start a kernel most of all

expect.set_options(timeout=LONG)
REPORT_VIOLATIONS = """
window.policyViolations = [];
document.addEventListener('securitypolicyviolation', event =>
  window.policyViolations.push(`${event.violatedDirective}: ${event.blockedURI}`)
);
"""

KEEP_THE_SCOPE = """
window._JUPYTERLAB = new Proxy({}, {
  set(containers, name, container) {
    const init = scope => container.init((window.shareScope = scope));
    containers[name] = Object.create(container, { init: { value: init } });
    return true;
  }
});
"""
"""Whatever container comes first shows us the share scope that it is given."""


@dataclass
class Visit:
    """One page, with what it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)

    @property
    def origins(self) -> set[str]:
        urls = [urlsplit(url) for url in self.requests]
        return {f"{url.scheme}://{url.netloc}" for url in urls if url.scheme.startswith("http")}

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            # Of what did not load, the text does not tell the address.
            self.console_errors.append(f"{message.text} ({message.location['url']})")

    async def policy_violations(self) -> list[str]:
        return await self.page.evaluate("window.policyViolations")

    async def screenshot(self, name: str) -> None:
        OUTPUT.mkdir(exist_ok=True)
        await self.page.screenshot(path=OUTPUT / f"{name}.png")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=CHROMIUM_FLAGS, timeout=LONG
        )
        yield browser
        await close(browser)


@pytest.fixture
async def visit(
    browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[str], Awaitable[Visit]]]:
    """Open a URL in a fresh profile: `visit(url)`. How each page ended is in tests/output."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(LONG)
    await context.add_init_script(REPORT_VIOLATIONS)
    visits: list[Visit] = []

    async def open_page(url: str) -> Visit:
        page = await context.new_page()
        visit = Visit(page)
        visits.append(visit)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on("console", visit.hear)
        page.on("pageerror", lambda error: visit.console_errors.append(error.stack or str(error)))
        await page.goto(url)
        return visit

    yield open_page
    for number, visit in enumerate(v for v in visits if not v.page.is_closed()):
        # A help for whoever reads a failure; a page that cannot be drawn any more is none itself.
        with contextlib.suppress(Error):
            await visit.screenshot(f"{request.node.name}-{number}")
    await close(context)


async def close(thing: Browser | BrowserContext) -> None:
    """Close it, but not wait for ever: now and then Chromium does not answer, and is killed."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(thing.close(), CLOSE_SECONDS)

"""The lab's page in a browser, until its launcher is there."""

from __future__ import annotations

from playwright.async_api import Page, async_playwright
from servers import TOKEN, Running

from plughost.testing import CHROMIUM_FLAGS, chromium

Figures = dict[str, float]

LAUNCHER_VISIBLE = """
(function look() {
  const card = document.querySelector('.jp-LauncherCard');
  if (card?.checkVisibility()) window.launcherVisible = performance.now();
  else requestAnimationFrame(look);
})();
"""
"""Notes in the page itself when it is there, in ms since the navigation began.

Asking from outside comes late by whatever lies between two questions, half a second in the end.
"""


async def page(server: Running) -> Figures:
    """The lab's page until its launcher is visible: seconds, requests and bytes, cold and warm.

    Requests and bytes are counted until nothing more has come for a second.
    """
    figures: Figures = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_init_script(LAUNCHER_VISIBLE)
        for visit in ("cold", "warm"):
            tab = await context.new_page()
            await tab.wait_for_timeout(1000)  # the browser's own pages have loaded
            figures |= {f"{visit}: {k}": v for k, v in (await _launcher(tab, server)).items()}
            await tab.close()
        await browser.close()
    return figures


async def _launcher(tab: Page, server: Running) -> Figures:
    requests: list[str] = []
    transferred = 0

    def count(event: dict[str, float]) -> None:
        nonlocal transferred
        transferred += int(event["encodedDataLength"])

    tab.on("request", lambda request: requests.append(request.url))
    session = await tab.context.new_cdp_session(tab)
    await session.send("Network.enable")
    session.on("Network.loadingFinished", count)
    await tab.goto(f"{server.base}/lab?token={TOKEN}", wait_until="commit")
    visible = await tab.wait_for_function("window.launcherVisible")
    known = -1
    while known < len(requests):
        known = len(requests)
        await tab.wait_for_timeout(1000)
    await session.send("HeapProfiler.enable")
    await session.send("HeapProfiler.collectGarbage")
    heap = await session.send("Runtime.getHeapUsage")
    return {
        "launcher visible (s)": await visible.json_value() / 1000,
        "requests": len([r for r in requests if r.startswith("http")]),
        "transferred (MB)": transferred / 1e6,
        "heap (MB)": heap["usedSize"] / 1e6,
        "DOM nodes": await tab.evaluate("document.querySelectorAll('*').length"),
    }

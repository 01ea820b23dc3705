"""The lab's page in a real browser: what its markup and its own script do there."""

from playwright.async_api import async_playwright

import plughost_lab
from plughost.testing import CHROMIUM_FLAGS, chromium


async def test_the_token_leaves_the_address_and_nothing_is_stopped_by_the_policy(start, app):
    complaints = []
    async with start(plughost_lab, app) as (_, client), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        page = await browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(f"{client.base}/lab/tree/a%20b.txt?token={client.token}&reset")
        address = page.url
        read = "JSON.parse(document.getElementById('jupyter-config-data').textContent)"
        tree_path = await page.evaluate(f"{read}.treePath")
        again = await page.goto(f"{client.base}/lab")
        await page.evaluate("new Function('return 1')()")
        await browser.close()
    assert address == f"{client.base}/lab/tree/a%20b.txt?reset="
    assert tree_path == "a b.txt"
    assert again.status == 200, "the page has set the cookie that lets its browser in"
    assert [text for text in complaints if "Content Security Policy" in text] == []

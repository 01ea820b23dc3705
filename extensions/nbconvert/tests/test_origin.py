"""What comes out never runs with this server's origin, and no other site can ask for it."""

import asyncio
import contextlib

import pytest
from playwright.async_api import async_playwright

import plughost_nbconvert
from plughost import Handler, Observer, Route, hookimpl
from plughost.testing import CHROMIUM_FLAGS, chromium

from .conftest import notebook, output

THIEF = """\
<p id="found">waiting</p>
<script>
const tried = async what => {
  try {
    return String(await what());
  } catch (error) {
    return error.name;
  }
};
(async () => {
  const found = {
    origin: await tried(() => self.origin),
    cookie: await tried(() => document.cookie),
    storage: await tried(() => localStorage.length),
    address: await tried(() => location.search),
    read: await tried(() => fetch('/api/status', { credentials: 'include' }).then(r => r.status)),
    write: await tried(() =>
      fetch('/api/probe', { method: 'POST', credentials: 'include' }).then(r => r.status)),
    form: await tried(() => {
      const form = document.createElement('form');
      form.method = 'post';
      form.action = '/api/probe';
      document.body.append(form);
      form.submit();
    }),
    popup: await tried(() => window.open('/api/status'))
  };
  document.getElementById('found').textContent = JSON.stringify(found);
})();
</script>
"""


class Probe:
    """Notes who gets through with something that only our own pages may do."""

    def __init__(self):
        self.reached = []

    @hookimpl
    def plughost_routes(self):
        return [Route("/api/probe", Reached, probe=self)]


class Reached(Handler):
    def initialize(self, probe):
        self.probe = probe

    def post(self):
        self.probe.reached.append(self.request.headers.get("Origin"))


class Elsewhere:
    """Another site, with a page that shows what it is given."""

    def __init__(self, page):
        self.page = page

    @hookimpl
    def plughost_routes(self):
        return [Route("/page", Page, public=True, page=self.page)]


class Page(Handler):
    def initialize(self, page):
        self.page = page

    def get(self):
        self.set_header("Content-Type", "text/html")
        self.finish(self.page)


@pytest.fixture
async def browser():
    """A Chromium in which there is nothing but this machine."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = await launched.new_context()
        context.set_default_timeout(60_000)
        await context.route(
            lambda url: "//127.0.0.1:" not in url and "//localhost:" not in url,
            lambda route: route.abort(),
        )
        yield context
        with contextlib.suppress(asyncio.TimeoutError):  # now and then Chromium does not answer
            await asyncio.wait_for(launched.close(), 15)


async def test_a_script_in_a_notebook_has_no_origin_no_cookie_and_no_api(serve, drive, browser):
    drive["a.ipynb"] = notebook(output(text_html=THIEF))
    probe = Probe()
    async with serve(probe) as (_, client):
        page = await browser.new_page()
        opened = await page.goto(f"{client.base}/nbconvert/html/a.ipynb?token={client.token}")
        found = page.locator("#found:not(:text('waiting'))")
        thief = await found.evaluate("element => JSON.parse(element.textContent)")
        cookies = await browser.cookies()
        again = await browser.request.get(f"{client.base}/api/status")
    assert opened.status == 200
    assert [cookie["name"][:9] for cookie in cookies] == ["username-"], "there is one to steal"
    assert again.status == 200, "and it is good for something"
    assert thief == {
        "origin": "null",
        "cookie": "SecurityError",
        "storage": "SecurityError",
        "address": "",
        "read": "TypeError",
        "write": "TypeError",
        "form": "undefined",
        "popup": "null",
    }
    assert probe.reached == []


async def test_a_page_of_ours_opens_a_conversion_in_a_new_tab(serve, drive, browser):
    """As JupyterLab does (`NbConvertManager.exportAs`)."""
    own = Elsewhere("<link rel=icon href='data:,'>")
    async with serve(own) as (_, client):
        page = await browser.new_page()
        await page.goto(f"{client.base}/api/status?token={client.token}")
        await page.goto(f"{client.base}/page")
        async with browser.expect_page() as opening:
            await page.evaluate("window.open('/nbconvert/html/a.ipynb', '_blank', 'noopener')")
        tab = await opening.value
        await tab.wait_for_load_state()
        title = await tab.title()
        async with page.expect_download() as downloading:
            await page.evaluate("location = '/nbconvert/html/a.ipynb?download=true'")
        download = await downloading.value
    assert title == "a"
    assert download.suggested_filename == "a.html"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_another_site_cannot_have_a_notebook_converted(serve, start, drive, browser, host):
    """Neither one that a browser sends our cookie to, another port of this host, nor another."""
    answers = {}

    class Watch:
        @hookimpl
        def plughost_observers(self):
            return [Observer(lambda answered: answers.update({answered.path: answered.status}))]

    drive["typed.ipynb"] = notebook("x = 1")
    async with serve(Watch()) as (_, client):
        url = f"{client.base}/nbconvert/html"
        other = Elsewhere(
            "<link rel=icon href='data:,'>"
            f"<img src='{url}/image.ipynb'><iframe src='{url}/frame.ipynb'></iframe>"
            f"<script src='{url}/script.ipynb'></script><a href='{url}/link.ipynb'>Tea</a>"
        )
        async with start(other) as (_, elsewhere):
            page = await browser.new_page()
            await page.goto(f"{client.base}/api/status?token={client.token}")
            foreign = elsewhere.base.replace("127.0.0.1", host)
            await page.goto(f"{foreign}/page", wait_until="networkidle")
            async with page.expect_navigation():
                await page.click("a")
            await page.goto(f"{url}/typed.ipynb")
    asked = ("image", "frame", "script", "link")
    refused = dict.fromkeys((f"/nbconvert/html/{name}.ipynb" for name in asked), 403)
    typed = {"/nbconvert/html/typed.ipynb": 200}
    found = {path: status for path, status in answers.items() if path.startswith("/nbconvert")}
    assert found == refused | typed, "a person may type the address"


OWN = "http://{host}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Referer": f"{OWN}/lab"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "https://friend.example/page"}, 200),
        # What follows is sent by browsers over plain HTTP, and by programs.
        ({"Referer": f"{OWN}/lab"}, 200),
        ({"Referer": "http://evil.example/lab"}, 403),
        ({"Referer": "http://["}, 403),
        ({"Origin": "null"}, 403),
        ({"Referer": "https://friend.example/page"}, 200),
        ({}, 403),
        ({"Authorization": "Bearer of-the-hub"}, 200),
        ({"Authorization": "Basic cmVtZW1iZXJlZA=="}, 403),
        ({"X-XSRFToken": "drawn"}, 200),
        ({"X-XSRFToken": "guessed"}, 403),
    ],
)
async def test_who_comes_with_a_cookie_must_come_from_our_own_pages(start, drive, headers, status):
    friends = ["https://friend.example"]
    async with start(drive, plughost_nbconvert, allow_origin=friends) as (_, client):
        entered = await client.get(f"/nbconvert/tea/none?token={client.token}", token=None)
        cookie = entered.headers["Set-Cookie"].partition(";")[0]
        host = client.base.removeprefix("http://")
        sent = {name: value.format(host=host) for name, value in headers.items()}
        reply = await client.get(
            "/nbconvert/markdown/a.ipynb",
            token=None,
            headers={**sent, "Cookie": f"{cookie}; _xsrf=drawn"},
        )
    assert entered.headers["Location"] == "/nbconvert/tea/none", "the token is not in the address"
    assert reply.status == status

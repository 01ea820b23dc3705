"""The pages in a browser: with the keyboard, in light and dark, in a narrow window."""

import asyncio
import contextlib

import pytest
from playwright.async_api import async_playwright, expect

import plughost_login
from plughost import Handler, Route, hookimpl
from plughost.testing import CHROMIUM_FLAGS, chromium

from .conftest import ARGON2, PASSWORD

expect.set_options(timeout=60_000)  # a busy machine takes its time


class Room:
    """A page of somebody's, with something to read."""

    @hookimpl
    def plughost_routes(self):
        return [Route("/room", Inside)]


class Inside(Handler):
    def get(self):
        self.finish("<!DOCTYPE html><link rel=icon href='data:,'><title>Room</title><h1>Hello</h1>")


@pytest.fixture
async def visit():
    """`visit(url, **context)`: a page in a fresh profile that fails when anything complains."""
    complaints = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)

        async def visiting(url, **options):
            context = await browser.new_context(**options)
            context.set_default_timeout(60_000)
            page = await context.new_page()
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(url)
            return page

        yield visiting
        with contextlib.suppress(asyncio.TimeoutError):  # now and then Chromium does not answer
            await asyncio.wait_for(browser.close(), 15)
    expected = ("401 (Unauthorized)", "429 (Too Many Requests)")
    assert [each for each in complaints if not any(e in each for e in expected)] == []


@pytest.fixture
def picture(tmp_path):
    """`picture(page, name)`: for people to look at; pytest keeps those of the last runs."""

    async def drawing(page, name):
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

    return drawing


async def test_a_person_gets_to_the_page_they_asked_for_and_out_again(start, visit):
    async with start(plughost_login, Room(), hashed_password=ARGON2) as (host, client):
        await host.settle()
        page = await visit(f"{client.base}/room?x=1")
        await expect(page).to_have_title("Log in")
        await expect(page.get_by_label("Password or token")).to_be_focused()
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("That is not the password")
        await expect(page.get_by_label("Password or token")).to_be_focused()
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Log in")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading")).to_have_text("Hello")
        assert page.url == f"{client.base}/room?x=1"
        await page.goto(f"{client.base}/logout")
        await expect(page.get_by_role("heading")).to_have_text("You are logged out")
        await page.goto(f"{client.base}/room")
        await expect(page).to_have_title("Log in")
        await page.goto(f"{client.base}/logout")
        await page.get_by_role("link", name="Log in again").click()
        await expect(page).to_have_title("Log in")


async def test_a_new_password_is_set_without_a_script(start, visit, jupyter_file):
    async with start(plughost_login, Room()) as (host, client):
        await host.settle()
        page = await visit(f"{client.base}/room", java_script_enabled=False)
        await page.get_by_text("Set a password").click()
        await page.locator("#token").fill(host.auth.token)
        await page.get_by_label("New password").fill("correct horse")
        await page.get_by_role("button", name="Set the password and log in").click()
        await expect(page.get_by_role("heading")).to_have_text("Hello")
        await page.goto(f"{client.base}/logout")
        await page.goto(f"{client.base}/login?next=/room")
        await page.get_by_label("Password or token").fill("correct horse")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading")).to_have_text("Hello")
    assert jupyter_file.exists()


async def test_another_site_cannot_log_anybody_in_or_out(start, visit, picture, tmp_path):
    async with start(plughost_login, Room(), hashed_password=ARGON2) as (host, client):
        await host.settle()
        page = await visit(f"{client.base}/login?next=/room")
        await page.get_by_label("Password or token").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading")).to_have_text("Hello")
        foreign = tmp_path / "foreign.html"
        foreign.write_text(
            f'<link rel=icon href="data:,"><a href="{client.base}/logout">Win a prize</a>'
        )
        await page.goto(foreign.as_uri())
        await page.get_by_text("Win a prize").click()
        await expect(page.get_by_role("heading")).to_have_text("Do you want to log out?")
        await picture(page, "ask")
        await page.goto(f"{client.base}/room")
        await expect(page.get_by_role("heading")).to_have_text("Hello")
        await page.goto(foreign.as_uri())
        await page.get_by_text("Win a prize").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading")).to_have_text("You are logged out")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
async def test_it_is_readable_in_light_and_dark_and_fits_a_narrow_window(
    start, visit, picture, scheme, width
):
    async with start(plughost_login) as (_, client):
        page = await visit(
            f"{client.base}/login?next=/lab",
            color_scheme=scheme,
            viewport={"width": width, "height": 800},
        )
        await picture(page, "token")
        for _ in range(3):
            await page.get_by_label("Token", exact=True).first.fill("wrong")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_text("Set a password").click()
        await picture(page, "wrong")
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0
        for selector in ("h1", "label", ".hint", ".server", ".error p", "button", "summary"):
            contrast = await page.locator(selector).first.evaluate(CONTRAST)
            assert contrast >= 4.5, f"{selector}: {contrast}"
        await page.goto(f"{client.base}/logout")
        await picture(page, "logout")


# WCAG 2.2, 1.4.3: the ratio of an element's colour to what lies behind it.
CONTRAST = """element => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = channels(colour).map(c => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = element;
  while (behind && channels(getComputedStyle(behind).backgroundColor)[3] === 0) {
    behind = behind.parentElement;
  }
  const one = luminance(getComputedStyle(element).color);
  const other = luminance(getComputedStyle(behind ?? document.body).backgroundColor);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""

"""What a document names of another server: kept out and told, or let in by a setting."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, Route, expect

from .lab import IS_A_PICTURE, menu, row

PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' width='30' height='20'/>"
TEXT = (
    "# Of others\n\n![One](https://pictures.example/1.svg) ![Two](https://badges.example/2.svg)\n"
)


async def preview(visit: Any, server: Any, workspace: str, asked: list[str]) -> Page:
    """The document in a fresh workspace, as people read it.

    The other servers, of which none is asked in truth, note in `asked` what they would be.
    """
    path = f"/lab/workspaces/{workspace}"
    page: Page = (await visit(f"{server.client.base}{path}?token={server.client.token}")).page

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(body=PICTURE, content_type="image/svg+xml")

    await page.route("https://*.example/**", answer)
    await page.locator(".jp-LauncherCard").first.wait_for()
    await row(page, "others.md").click(button="right")
    for label in ("Open With", "Markdown Preview"):
        await page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()
    await page.get_by_role("heading", name="Of others").wait_for()
    return page


async def test_content_of_other_servers_is_named_and_let_in_by_a_setting(
    served, visit, jupyter_folders
):
    root = jupyter_folders / "root"
    root.mkdir(exist_ok=True)
    (root / "others.md").write_text(TEXT)
    asked: list[str] = []
    page = await preview(visit, served(), "strict", asked)
    told = page.locator(".Toastify__toast")
    await expect(told).to_contain_text("and other servers was not loaded")
    await told.get_by_text("How to Allow It").click()
    lines = page.locator(".jp-Dialog pre")
    await expect(lines).to_have_text(
        '[extensions.lab]\nexternal_content = ["https://badges.example", '
        '"https://pictures.example"]\n'
    )
    setting = await lines.inner_text()
    await page.locator(".jp-Dialog").get_by_role("button", name="Close").click()
    assert asked == []

    # Help of other sites is for a tab of the browser.
    async with page.context.expect_page() as opened:
        await menu(page, "Help", "Markdown Reference")
    await (await opened.value).close()
    await expect(page.locator(".jp-Help")).to_have_count(0)

    (root.parent / "allowed.toml").write_text(setting)
    server = served("--config", str(root.parent / "allowed.toml"))
    page = await preview(visit, server, "open", asked)
    for name in ("One", "Two"):
        assert await page.get_by_role("img", name=name).evaluate(IS_A_PICTURE) == 30
    await expect(told).to_have_count(0)
    assert sorted(asked) == ["https://badges.example/2.svg", "https://pictures.example/1.svg"]

"""The lab's start: what it asks for, what is there first, and that nothing is missing after it."""

from __future__ import annotations

import nbformat
from playwright.async_api import expect

from .lab import WITHOUT_POLLS, all_is_active, layout_is_saved

STATES = "Object.fromEntries(window.plughost.records.toJSON().map(r => [r.name, r.state]))"

WATCH = """
window.hurry = true;
new MutationObserver(() => {
  if (!window.activeAtNotebook && document.querySelector('.jp-NotebookPanel')) {
    window.activeAtNotebook = STATES;
  }
  const card = document.querySelector('.jp-LauncherCard[data-category=Notebook]');
  if (window.hurry && card) {
    window.hurry = false;
    window.activeAtLauncher = STATES;
    for (const type of ['pointerdown', 'mousedown', 'mouseup', 'click'])
      card.dispatchEvent(new MouseEvent(type, { bubbles: true }));
  }
}).observe(document, { childList: true, subtree: true });
""".replace("STATES", STATES)
"""Clicks the first card as soon as it is there; notes who is active then, and with the notebook."""


ASKED = {
    "/api/contents",
    "/api/me",
    "/lab/api/themes/@jupyterlab/theme-light-extension/index.css",
}
"""What the page does not bring along; a saved workspace is written, too."""


def waiting(states):
    return sorted(name for name, state in states.items() if state not in ("active", "disabled"))


async def test_a_start_asks_for_what_the_page_does_not_bring_along(served, visit):
    server = served()
    for url in (server.url, f"{server.client.base}/lab"):
        lab = await visit("about:blank")
        await lab.page.add_init_script(WITHOUT_POLLS)
        await lab.page.goto(url)
        await lab.page.locator(".jp-LauncherCard").first.wait_for()
        await all_is_active(lab.page)
        asked = [r.partition("?")[0].removeprefix(server.client.base) for r in lab.requests]
        api = [path for path in asked if "/api/" in path and "/workspaces/" not in path]
        assert set(api) <= ASKED
        assert lab.console_errors == []
        await lab.page.close()  # JupyterLab gives a second open page a workspace of its own


async def test_whoever_is_quick_finds_everything(served, visit, jupyter_folders):
    server = served()
    lab = await visit(f"{server.client.base}/login")
    await lab.page.context.add_init_script(WATCH)
    await lab.page.goto(server.url)
    page = lab.page
    await page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    assert "@jupyterlab/completer-extension:manager" in waiting(
        await page.evaluate("window.activeAtLauncher")
    )
    assert waiting(await page.evaluate("window.activeAtNotebook")) == []
    await page.locator(".jp-Notebook .jp-cell-toolbar").first.wait_for()
    await page.locator("#jp-main-statusbar").get_by_text("Cell 1/1").wait_for()
    assert lab.console_errors == []


async def test_a_layout_comes_back_whoever_has_to_restore_it(served, visit, jupyter_folders):
    root = jupyter_folders / "root"
    root.mkdir()
    (root / "table.csv").write_text("a,b\n1,2\n")
    nbformat.write(nbformat.v4.new_notebook(), root / "notes.ipynb")
    server = served(env={"PLUGHOST_EXTENSIONS__LAB__EXPOSE_APP_IN_BROWSER": "true"})
    lab = await visit(server.url)
    page = lab.page
    for name in ("table.csv", "notes.ipynb"):
        await page.locator(".jp-DirListing-item", has_text=name).dblclick()
    await page.locator(".jp-CSVViewer").wait_for(state="attached")
    await page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    await layout_is_saved(server, "table.csv", "notes.ipynb")

    await page.reload()
    await page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    await page.locator(".jp-CSVViewer").wait_for(state="attached")
    assert "/workspaces/" not in page.url, "the window has kept its workspace"
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tabLabel")
    await expect(tabs).to_have_count(2)
    assert sorted(await tabs.all_inner_texts()) == ["notes.ipynb", "table.csv"]

    # Whoever asks for its widgets when all is over is not refused, and gets them.
    restored = await page.evaluate(
        """async () => {
          const [{ ILayoutRestorer }, { WidgetTracker }, { IStateDB }] = await Promise.all([
            import('@jupyterlab/application'),
            import('@jupyterlab/apputils'),
            import('@jupyterlab/statedb')
          ]);
          const app = window.jupyterapp;
          const restorer = await app.resolveRequiredService(ILayoutRestorer);
          const state = await app.resolveRequiredService(IStateDB);
          await state.save('late:one', { data: { name: 'one' } });
          const opened = [];
          app.commands.addCommand('late:open', { execute: args => opened.push(args.name) });
          await restorer.restore(new WidgetTracker({ namespace: 'late' }), {
            command: 'late:open',
            args: () => ({}),
            name: widget => widget.id
          });
          return opened;
        }"""
    )
    assert restored == ["one"]

    second = await visit(f"{server.client.base}/lab")
    await second.page.wait_for_url("**/lab/workspaces/auto-*")
    await second.page.locator(".jp-LauncherCard").first.wait_for()
    first = (await server.client.get("/lab/api/workspaces/default")).json
    assert first["metadata"]["id"] == "default"
    assert lab.console_errors == second.console_errors == []

"""The lab's page with a notebook of 5,000 cells and 20 MB: opening it, typing in it, scrolling.

What a person does comes in through the browser's own input (CDP), and the page notes when it
can be seen; a page that is busy keeps the input waiting, and that is what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics

from contents import notebook as big_notebook
from playwright.async_api import CDPSession, Error, Page, async_playwright
from servers import TOKEN, Running

from plughost.testing import CHROMIUM_FLAGS, chromium

Figures = dict[str, float]

KEY = "q"  # no cell has one
TYPED = "0123456789"
SCREENS = 40
LATER = 60
PATIENCE_SECONDS = 240

WATCH = """
window.seen = {blocks: [], typed: null};
new PerformanceObserver(list => {
  for (const { startTime, duration } of list.getEntries()) {
    seen.blocks.push([startTime, duration]);
  }
}).observe({ type: 'longtask', buffered: true });
seen.first = () => document.querySelector('.jp-Notebook .jp-Cell .cm-content');
(function look() {
  if (seen.first()?.textContent.includes('KEY')) {
    seen.typed = performance.now();
  } else {
    requestAnimationFrame(look);
  }
})();
""".replace("KEY", KEY)
"""Long tasks, and when the key stands in the first cell: just before that frame is painted."""

FIRST = """
(() => {
  const editor = seen.first();
  const { x, y, height } = editor?.getBoundingClientRect() ?? {};
  return editor?.textContent && height > 0 && [x + 20, y + 10];
})()
"""
"""Where to click into the first cell; before the notebook has come, there is an empty one."""

LATENCY = """
seen.latencies = [];
const editor = seen.first();
editor.addEventListener('keydown', ({ timeStamp }) => {
  const observer = new MutationObserver(() => {
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
      seen.latencies.push(performance.now() - timeStamp);
    }));
  });
  observer.observe(editor, { childList: true, characterData: true, subtree: true });
}, true);
"""
"""From each key to the end of the frame in which it is painted."""

FRAMES = """
seen.frames = [];
seen.blank = 0;
const { left, top, width, height } = document.querySelector('.jp-Notebook').getBoundingClientRect();
(function frame() {
  seen.frames.push(performance.now());
  const at = document.elementFromPoint(left + width / 2, top + height / 2);
  seen.blank += !at?.closest('.jp-Cell')?.querySelector('.cm-content');
  seen.request = requestAnimationFrame(frame);
})();
"""
"""When frames are made, and how many of them have no drawn cell in the middle of the notebook."""

JUMP = """
() => new Promise(resolve => {
  const began = performance.now();
  let still = 0;
  (function frame() {
    const cells = document.querySelectorAll('.jp-Notebook .jp-Cell');
    const cell = cells[cells.length - 1];
    cell.scrollIntoView();
    const drawn = cell.dataset.windowedListIndex === 'LAST' && cell.querySelector('.cm-content');
    still = drawn ? still + 1 : 0;
    if (still === 3 || performance.now() - began > 60_000) {
      resolve(performance.now() - began);
    } else {
      requestAnimationFrame(frame);
    }
  })();
})
"""
"""Milliseconds until the last cell is drawn and stays so for three frames; a minute at most."""


async def open_notebook(server: Running) -> Figures:
    """From navigation to a keystroke that can be seen; then what the page has come to."""
    notebook = big_notebook()
    (server.root / "big.ipynb").write_text(json.dumps(notebook, ensure_ascii=False))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        page = await context.new_page()
        await page.add_init_script(WATCH)
        session = await context.new_cdp_session(page)
        await session.send("Performance.enable")
        await page.goto(f"{server.base}/lab/tree/big.ipynb?token={TOKEN}", wait_until="commit")
        figures = await _keystroke(page)
        figures |= await _typing(page, "at first")
        figures |= await _later(page, session)
        figures |= await _typing(page, "later")
        figures |= await _scrolling(page)
        figures |= await _jump(page, len(notebook["cells"]) - 1)
        await browser.close()
    return figures


async def _keystroke(page: Page) -> Figures:
    typed = None
    while typed is None:
        x, y = await (await page.wait_for_function(FIRST)).json_value()
        await page.mouse.click(x, y)
        await page.keyboard.press(KEY)
        # A key that came while the page was still being built may have gone elsewhere.
        with contextlib.suppress(Error):
            await page.wait_for_function("seen.typed !== null", timeout=2_000)
        typed = await page.evaluate("seen.typed")
    blocks = [block for start, block in await page.evaluate("seen.blocks") if start < typed]
    return {
        "notebook: keystroke (s)": typed / 1000,
        "notebook: longest block (ms)": max(blocks, default=0),
        "notebook: blocked (s)": sum(blocks) / 1000,
    }


async def _later(page: Page, session: CDPSession) -> Figures:
    """What the page has come to when it has been left alone for a while."""
    before = await page.evaluate("seen.blocks.length")
    await asyncio.sleep(LATER)
    blocks = (await page.evaluate("seen.blocks"))[before:]
    await session.send("HeapProfiler.collectGarbage")
    answer = await session.send("Performance.getMetrics")
    metrics = {metric["name"]: metric["value"] for metric in answer["metrics"]}
    return {
        "notebook: blocked later (s)": sum(block for _, block in blocks) / 1000,
        "notebook: JS heap (MB)": metrics["JSHeapUsedSize"] / 1e6,
        "notebook: DOM nodes": metrics["Nodes"],
    }


async def _typing(page: Page, when: str) -> Figures:
    await page.evaluate(LATENCY)
    for key in TYPED:
        await page.keyboard.press(key)
        await asyncio.sleep(0.2)
    await page.wait_for_function(f"seen.latencies.length >= {len(TYPED)}")
    latencies = await page.evaluate("seen.latencies")
    return {
        f"notebook: a key {when}, median (ms)": statistics.median(latencies),
        f"notebook: a key {when}, longest (ms)": max(latencies),
    }


async def _scrolling(page: Page) -> Figures:
    """Through so many screens with the wheel, ten steps a second."""
    await page.mouse.move(800, 400)
    blocks = await page.evaluate("seen.blocks.length")
    await page.evaluate(FRAMES)
    for _ in range(SCREENS):
        await page.mouse.wheel(0, 700)
        await asyncio.sleep(0.1)
    await page.evaluate("cancelAnimationFrame(seen.request)")
    frames, blank, all_blocks = await page.evaluate("[seen.frames, seen.blank, seen.blocks]")
    gaps = [after - before for before, after in itertools.pairwise(frames)]
    return {
        "notebook: scroll, longest (ms)": max(gaps),
        "notebook: scroll, blocked (ms)": sum(block for _, block in all_blocks[blocks:]),
        "notebook: scroll, blank (%)": 100 * blank / len(frames),
    }


async def _jump(page: Page, last: int) -> Figures:
    took = await page.evaluate(JUMP.replace("LAST", str(last)))
    return {"notebook: to the last cell (ms)": took}

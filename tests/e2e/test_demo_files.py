"""Files of many kinds, as the lab shows them: those of the demo, and some that are made here."""

from __future__ import annotations

import io
import shutil
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Locator, expect

from .lab import IS_A_PICTURE, VISIBLE, Notebook, is_painted, menu, open_file, row, seconds, tab

DEMO = Path(__file__).parents[1] / "data" / "demo"

Look = Callable[[Locator], Awaitable[None]]
"""Looks at what a file's tab shows."""


def text(selector: str, *parts: str) -> Look:
    async def look(shown: Locator) -> None:
        for part in parts:
            await expect(shown.locator(selector).filter(has_text=part).first).to_be_visible()

    return look


def picture(width: int, selector: str = "img") -> Look:
    async def look(shown: Locator) -> None:
        assert await shown.locator(selector).first.evaluate(IS_A_PICTURE) == width

    return look


async def pdf(shown: Locator) -> None:
    """The browser's own viewer: a frame within the frame of the tab."""
    await shown.frame_locator("iframe").locator("object").wait_for()
    for _ in range(300):
        frames = [frame.url for frame in shown.page.frames]
        if any(url.startswith("chrome-extension:") for url in frames):
            return
        await shown.page.wait_for_timeout(100)
    raise AssertionError(f"no viewer among the frames {frames}")


async def sound(shown: Locator) -> None:
    assert await seconds(shown.locator("audio").first) == 0.125


async def html(shown: Locator) -> None:
    """Its script runs only where it is trusted."""
    body = shown.frame_locator("iframe").locator("body")
    await expect(body).to_have_text("A page")
    await shown.get_by_text("Trust HTML").click()
    await expect(body).to_have_text("A page, and its script")


async def table(shown: Locator) -> None:
    """A grid is painted; each delimiter paints another one."""
    canvas = shown.locator(".lm-DataGrid canvas").first
    await is_painted(canvas)
    for delimiter in (";", ","):
        before = await canvas.evaluate("canvas => canvas.toDataURL()")
        await shown.locator(".jp-CSVDelimiter select").select_option(delimiter)
        await shown.page.wait_for_function(
            "([canvas, before]) => canvas.toDataURL() !== before",
            arg=[await canvas.element_handle(), before],
        )


async def grid(shown: Locator) -> None:
    await is_painted(shown.locator(".lm-DataGrid canvas").first)


def a_pdf() -> bytes:
    """One empty page."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
    ]
    file = b"%PDF-1.4\n"
    table = b"0000000000 65535 f \n"
    for number, each in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(file)
        file += b"%d 0 obj%sendobj\n" % (number, each)
    start = len(file)
    size = len(objects) + 1
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, start)
    return file + b"xref\n0 %d\n%s" % (size, table) + trailer


def a_sound() -> bytes:
    """An eighth of a second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(bytes(1000))
    return file.getvalue()


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><path d="M9 9h90v60"/></svg>'
HTML = "<p>A page</p><script>document.querySelector('p').append(', and its script')</script>"
MADE = {
    "drawing.svg": SVG.encode(),
    "page.html": HTML.encode(),
    "paper.pdf": a_pdf(),
    "silence.wav": a_sound(),
    "table.tsv": b"a\tb\n1\t2\n",
}

EDITOR = ".jp-FileEditor .cm-content"
DATA: dict[str, Look] = {
    "1024px-Hubble_Interacting_Galaxy_AM_0500-620_(2008-04-24).jpg": picture(1024),
    "Museums_in_DC.geojson": text(EDITOR, "FeatureCollection"),
    "README.md": text(EDITOR, "Data used in demonstrations"),
    "bar.vl.json": text(".vega-embed canvas"),
    "drawing.svg": picture(120),
    "iris.csv": table,
    "japan_meterological_agency_201707211555.json": text(
        ".jp-RenderedJSON", "root", "FeatureCollection"
    ),
    "page.html": html,
    "paper.pdf": pdf,
    "silence.wav": sound,
    "table.tsv": grid,
    "zika_assembled_genomes.fasta": text(EDITOR, "Micronesia"),
}
"""What the viewer that comes first shows of each file."""

NOTEBOOKS: dict[str, Look] = {
    "Cpp.ipynb": picture(400, ".jp-MarkdownCell img"),
    "Data.ipynb": text(".jp-OutputArea table.dataframe", "setosa"),
    "Fasta.ipynb": text(".jp-CodeCell", "class Fasta"),
    "Julia.ipynb": text(".jp-OutputArea", "10×10 Array"),
    "Lorenz.ipynb": text("mjx-container"),
    "R.ipynb": text(".jp-OutputArea table", "Sepal.Length"),
}

FOLDERS = {"data": DATA, "notebooks": NOTEBOOKS}


async def test_every_file_and_notebook_of_the_demo_shows_what_it_is(served, visit, jupyter_folders):
    root = jupyter_folders / "root"
    shutil.copytree(DEMO, root)
    for name, data in MADE.items():
        (root / "data" / name).write_bytes(data)
    names = {folder: [each.name for each in (root / folder).iterdir()] for folder in FOLDERS}
    assert {folder: sorted(looks) for folder, looks in FOLDERS.items()} == {
        folder: sorted(set(each) - {"images"}) for folder, each in names.items()
    }
    server = served()
    lab = await visit(f"{server.client.base}/lab/tree/data?token={server.client.token}")
    page = lab.page
    await page.locator(".jp-Launcher").wait_for()
    for name, look in DATA.items():
        await look(await open_file(page, name))
        await lab.screenshot(f"demo-{name}")
    await page.locator(".jp-BreadCrumbs-home").click()
    await row(page, "notebooks").dblclick()
    for name, look in NOTEBOOKS.items():
        shown = await open_file(page, name)
        if name == "Cpp.ipynb":  # in a language that has no kernel here
            await page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
        await look(shown)
        await lab.screenshot(f"demo-{name}")
    await runs_r(Notebook(page))
    await lab.screenshot("demo-R.ipynb-run")
    await tab(page, "Data.ipynb").click()
    await runs_python(Notebook(page))
    assert lab.origins == {server.client.base}
    assert await lab.policy_violations() == []
    # One that is there before the page is.
    paper = await visit(f"{server.client.base}/lab/workspaces/paper/tree/data/paper.pdf")
    await pdf(paper.page.locator(VISIBLE).last)
    assert await paper.policy_violations() == []
    assert paper.console_errors == []
    # The HTML viewer says so itself until the file is trusted.
    said = [error for error in lab.console_errors if "allow-scripts" not in error]
    assert said == []


async def runs_r(notebook: Notebook) -> None:
    await notebook.is_ready()
    fresh = await outputs_to_come(notebook)
    await notebook.cells.first.locator(".cm-content").click()
    for _ in range(3):
        await notebook.page.keyboard.press("Shift+Enter")
    await expect(fresh.locator("table").filter(has_text="Sepal.Length")).to_be_visible()
    assert await fresh.locator("img").first.evaluate(IS_A_PICTURE) > 100


async def runs_python(notebook: Notebook) -> None:
    await notebook.is_ready()
    fresh = await outputs_to_come(notebook)
    await menu(notebook.page, "Run", "Run All Cells")
    await expect(fresh.locator("table.dataframe")).to_be_visible()
    await expect(fresh.filter(has_text="FeatureCollection").first).to_be_visible()
    await expect(notebook.panel.locator("[data-mime-type*=stderr]")).to_have_count(0)


async def outputs_to_come(notebook: Notebook) -> Locator:
    """Those that are not there yet."""
    await notebook.page.evaluate(
        "document.querySelectorAll('.jp-OutputArea-output').forEach(e => e.dataset.stored = 'yes')"
    )
    return notebook.panel.locator(".jp-OutputArea-output:not([data-stored])")

"""Notebooks in other formats: what is sent, under which name, and what is said when it is not."""

import base64
import io
import json
import zipfile

import pytest

from .conftest import notebook, output, text

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
POLICY = "frame-ancestors 'self'; report-uri /api/security/csp-report; sandbox allow-scripts"


@pytest.mark.proves("GET /nbconvert/{format}/{path}")
@pytest.mark.parametrize(
    ("into", "media_type", "name", "excerpt"),
    [
        ("html", "text/html; charset=utf-8", "a b.html", "<!DOCTYPE html>"),
        ("slides", "text/html; charset=utf-8", "a b.slides.html", "Reveal.initialize"),
        ("markdown", "text/markdown; charset=utf-8", "a b.md", "# Tea\n"),
        ("script", "text/x-python; charset=utf-8", "a b.py", "x = 1\n"),
        ("python", "text/x-python; charset=utf-8", "a b.py", "# # Tea"),
        ("notebook", "application/json; charset=utf-8", "a b.ipynb", '"nbformat": 4'),
        ("ipynb", "application/json; charset=utf-8", "a b.ipynb", '"nbformat": 4'),
        ("tea", "text/tea; charset=utf-8", "a b.tea", "a b March 9, 2026 2 cells"),
        ("paper", "application/pdf", "a b.pdf", "%PDF"),
    ],
)
async def test_a_notebook_is_converted(serve, drive, brewery, into, media_type, name, excerpt):
    drive["sub/a b.ipynb"] = notebook(text("# Tea"), "x = 1")
    async with serve() as (_, client):
        shown = await client.get(f"/nbconvert/{into}/sub/a%20b.ipynb")
        saved = await client.get(f"/nbconvert/{into}/sub/a%20b.ipynb?download=true")
    assert (shown.status, saved.status) == (200, 200)
    assert excerpt in shown.text
    assert shown.headers["Content-Type"] == media_type
    assert "Content-Disposition" not in shown.headers
    encoded = name.replace(" ", "%20")
    assert saved.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{encoded}"
    for reply in (shown, saved):
        assert reply.headers["Content-Security-Policy"] == POLICY
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Last-Modified"] == "Mon, 09 Mar 2026 00:00:00 GMT"
        assert reply.headers["Content-Length"] == str(len(reply.body))


async def test_latex_is_made_without_other_programs_as_long_as_there_is_only_code(serve, drive):
    drive["a.ipynb"] = notebook("x = 1")
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/latex/a.ipynb?download=true")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/latex; charset=utf-8")
    assert reply.text.rstrip().endswith(r"\end{document}")
    assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.tex"


async def test_several_files_come_as_one_archive(serve, drive):
    attached = text("![tea](attachment:leaf.png)") | {
        "attachments": {"leaf.png": {"image/png": PIXEL}}
    }
    drive["ä.ipynb"] = notebook(attached, output(**{"image_png": PIXEL}))
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/markdown/%C3%A4.ipynb")
    assert reply.headers["Content-Type"] == "application/zip"
    assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%A4.zip"
    assert reply.headers["Content-Security-Policy"] == POLICY
    with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
        page = archive.read("ä.md").decode()
        assert sorted(archive.namelist()) == ["leaf.png", "output_1_0.png", "ä.md"]
        assert archive.read("leaf.png") == archive.read("output_1_0.png")
    assert "![tea](leaf.png)" in page
    assert "![png](output_1_0.png)" in page


@pytest.mark.parametrize(
    ("sanitize", "kept"),
    [("", True), ("?sanitize_html=false", True), ("?sanitize_html=true", False)],
)
async def test_scripts_are_taken_out_of_html_for_who_asks(serve, drive, sanitize, kept):
    drive["a.ipynb"] = notebook(output(text_html="<b>bold</b><script>brew()</script>"))
    async with serve() as (_, client):
        reply = await client.get(f"/nbconvert/html/a.ipynb{sanitize}")
    assert "<b>bold</b>" in reply.text
    assert ("<script>brew()</script>" in reply.text) is kept


async def test_a_notebook_of_an_older_format_or_with_parts_missing_is_converted(serve, drive):
    drive["old.ipynb"] = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "code", "language": "python", "input": "x = 3", "outputs": []}
                ],
            }
        ],
    }
    drive["bare.ipynb"] = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "cells": [{"cell_type": "code", "source": ["x =", " 4"]}],
    }
    drive["half.ipynb"] = notebook("x = '\ud83d'")
    async with serve() as (_, client):
        replies = [
            await client.get(f"/nbconvert/html/{name}.ipynb") for name in ("old", "bare", "half")
        ]
    assert [reply.status for reply in replies] == [200, 200, 200]


async def test_what_a_notebook_says_of_its_language_forges_neither_headers_nor_paths(serve, drive):
    language = {
        "name": "tea",
        "mimetype": "text/tea\r\nSet-Cookie: a=b",
        "file_extension": "./../../evil",
    }
    drive["a.ipynb"] = notebook("x = 1") | {"metadata": {"language_info": language}}
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/script/a.ipynb?download=true")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''evil"
    assert "Set-Cookie" not in reply.headers


@pytest.mark.proves("POST /nbconvert/{format}")
async def test_a_notebook_in_the_request_is_converted(serve):
    content = notebook(text("# Tea"), output(**{"image_png": PIXEL}))
    async with serve() as (_, client):
        named = await client.post("/nbconvert/html", {"content": content, "name": "sub/tea.ipynb"})
        nameless = await client.post("/nbconvert/markdown", {"content": content})
    assert (named.status, named.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>tea</title>" in named.text
    assert named.headers["Content-Security-Policy"] == POLICY
    assert named.headers["X-Content-Type-Options"] == "nosniff"
    assert named.headers["Cache-Control"] == "no-store"
    assert nameless.headers["Content-Disposition"] == "attachment; filename*=UTF-8''notebook.zip"


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"content": 1}', '{"content": {}}', '{"content": {}, "name": 1}']
)
async def test_a_request_without_a_notebook_is_refused(serve, body):
    async with serve() as (_, client):
        reply = await client.post("/nbconvert/html", body)
    assert reply.status == 400
    assert "notebook" in reply.text


async def test_what_is_missing_or_no_notebook_is_said_to_be_so(serve, drive):
    drive["a.txt"] = b"tea"
    drive["text.ipynb"] = b"tea"
    drive["list.ipynb"] = b"[]"
    drive["bad.ipynb"] = notebook() | {"cells": [{"cell_type": "tea", "metadata": {}}]}
    async with serve() as (_, client):
        missing = await client.get("/nbconvert/html/none.ipynb")
        replies = [
            await client.get(f"/nbconvert/html/{path}")
            for path in ("a.txt", "text.ipynb", "list.ipynb", "bad.ipynb")
        ]
        stranger = await client.get("/nbconvert/html/a.ipynb", token=None)
    assert (missing.status, stranger.status) == (404, 403)
    assert [reply.status for reply in replies] == [400] * 4
    assert "not a notebook" in replies[0].text
    assert "is not a notebook" in replies[1].text


async def test_an_unknown_format_is_answered_with_the_known_ones(serve, drive, brewery):
    async with serve() as (_, client):
        replies = [
            await client.get("/nbconvert/teapot/a.ipynb"),
            # nbconvert would import whatever it is given with a dot in it.
            await client.get("/nbconvert/brewery.Tea/a.ipynb"),
            await client.post("/nbconvert/teapot", {"content": notebook()}),
        ]
    for reply in replies:
        assert reply.status == 404
        assert "html" in reply.text
        assert "markdown" in reply.text


@pytest.mark.parametrize(
    ("into", "programs"),
    [("latex", ["pandoc"]), ("rst", ["pandoc"]), ("pdf", ["pandoc", "xelatex"])],
)
async def test_a_program_that_is_not_installed_is_named(
    serve, drive, tmp_path, monkeypatch, into, programs
):
    monkeypatch.setenv("PATH", str(tmp_path))
    drive["a.ipynb"] = notebook(text("# Tea"))
    async with serve() as (_, client):
        reply = await client.get(f"/nbconvert/{into}/a.ipynb")
    assert reply.status == 500
    assert f"This format needs {' and '.join(programs)}, which cannot be found." in reply.text
    assert "https://pandoc.org/installing.html" in reply.text


async def test_what_goes_wrong_in_an_exporter_is_told_and_the_next_conversion_works(
    serve, drive, brewery
):
    async with serve() as (_, client):
        failed = await client.get("/nbconvert/fail/a.ipynb")
        left = await client.get("/nbconvert/leaving/a.ipynb")
        after = await client.get("/nbconvert/tea/a.ipynb")
    assert (failed.status, left.status, after.status) == (500, 500, 200)
    assert "The conversion failed: LookupError: no leaf" in failed.text
    assert "SystemExit" in left.text


async def test_nothing_in_a_notebook_is_executed_whatever_the_configuration_says(
    serve, drive, config, tmp_path
):
    (config / "jupyter_nbconvert_config.py").write_text(
        "from nbconvert.preprocessors import ExecutePreprocessor\n"
        "class Mine(ExecutePreprocessor):\n    pass\n"
        "c.ExecutePreprocessor.enabled = True\n"
        "c.HTMLExporter.preprocessors = "
        "['nbconvert.preprocessors.ExecutePreprocessor', Mine]\n"
    )
    drive["a.ipynb"] = notebook(f"open({str(tmp_path / 'executed')!r}, 'w')")
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/html/a.ipynb")
    assert (reply.status, "executed" in reply.text) == (200, True)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "file",
    ["jupyter_config", "jupyter_server_config", "jupyter_lab_config", "jupyter_nbconvert_config"],
)
async def test_jupyters_configuration_files_count(serve, drive, config, file):
    async with serve() as (_, client):
        before = await client.get("/nbconvert/html/a.ipynb")
        (config / f"{file}.json").write_text(json.dumps({"HTMLExporter": {"exclude_input": True}}))
        after = await client.get("/nbconvert/html/a.ipynb")
    assert "x = 1" not in after.text
    assert len(after.text) < len(before.text)
    assert ">one" in after.text.replace("\n", "")


async def test_a_configuration_file_that_cannot_be_used_is_named(serve, drive, config):
    (config / "jupyter_nbconvert_config.py").write_text("c.HTMLExporter.exclude_input = tea")
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/html/a.ipynb")
    assert reply.status == 500
    assert "'tea' is not defined" in reply.text.replace("&#39;", "'")


async def test_a_template_is_found_in_jupyters_folders_and_not_in_the_root(
    serve, drive, config, jupyter_folders
):
    """Whoever opens a stranger's folder must not run its templates."""
    root = jupyter_folders / "root"
    for folder in (root / "lab", root / "brew"):
        folder.mkdir(parents=True)
        (folder / "index.html.j2").write_text("from the root")
        (folder / "conf.json").write_text('{"mimetypes": {"text/html": true}}')
    shared = jupyter_folders / "jupyter-data" / "nbconvert" / "templates" / "brew"
    shared.mkdir(parents=True)
    (shared / "index.html.j2").write_text("{{ nb.cells | length }} from Jupyter's folder")
    (shared / "conf.json").write_text('{"mimetypes": {"text/html": true}}')
    async with serve() as (_, client):
        usual = await client.get("/nbconvert/html/a.ipynb")
        settings = config / "jupyter_nbconvert_config.py"
        settings.write_text("c.HTMLExporter.template_name = 'brew'")
        chosen = await client.get("/nbconvert/html/a.ipynb")
        settings.write_text(
            "c.HTMLExporter.template_name = 'brew'\nc.HTMLExporter.extra_template_basedirs = ['.']"
        )
        allowed = await client.get("/nbconvert/html/a.ipynb")
    assert "from the root" not in usual.text
    assert chosen.text == "2 from Jupyter's folder"
    assert allowed.text == "from the root", "relative paths in the configuration are the root's"


async def test_what_a_template_or_latex_could_print_holds_no_secret(
    serve, drive, config, monkeypatch
):
    monkeypatch.setenv("JUPYTER_TOKEN", "TOP-SECRET")
    (config / "jupyter_nbconvert_config.py").write_text(
        "import os\nraise OSError(f'token: {os.environ.get(\"JUPYTER_TOKEN\")}')"
    )
    async with serve() as (_, client):
        reply = await client.get("/nbconvert/html/a.ipynb")
    assert "token: None" in reply.text


async def test_notebooks_on_disk_are_converted_with_the_images_beside_them(served, jupyter_folders):
    (jupyter_folders / "jupyter-config" / "jupyter_nbconvert_config.py").write_text(
        "c.HTMLExporter.embed_images = True"
    )
    folder = jupyter_folders / "root" / "sub"
    folder.mkdir(parents=True)
    (folder / "leaf.png").write_bytes(base64.b64decode(PIXEL))
    (folder / "a.ipynb").write_text(json.dumps(notebook(text("![leaf](leaf.png)"))))
    (jupyter_folders / "outside.ipynb").write_text(json.dumps(notebook("secret = 1")))
    (folder / ".hidden.ipynb").write_text(json.dumps(notebook("secret = 1")))
    client = served().client
    reply = await client.get("/nbconvert/html/sub/a.ipynb")
    others = [
        await client.get(f"/nbconvert/html/{path}")
        for path in (
            "../outside.ipynb",
            "%2e%2e%2foutside.ipynb",
            "sub/.hidden.ipynb",
            "none.ipynb",
        )
    ]
    folder_itself = await client.get("/nbconvert/html/sub")
    assert f"data:image/png;base64,{PIXEL}" in reply.text
    assert [other.status for other in others] == [404] * 4
    assert folder_itself.status == 400

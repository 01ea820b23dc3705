"""What the lab's page is told about files, and what a start costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import plughost_contents
from plughost import Page, hookimpl
from plughost_contents.page_config import shown


class Lab:
    """The page whose configuration is asked for; its own app is of no interest here."""

    @hookimpl
    def plughost_pages(self):
        return [Page("lab", r"/lab", url="/lab", title="Lab")]


@pytest.mark.proves("preferredPath")
@pytest.mark.proves("serverRoot")
@pytest.mark.proves("delete_to_trash")
@pytest.mark.proves("allow_hidden_files")
@pytest.mark.proves("copyAbsolutePath")
async def test_the_page_knows_the_root_and_the_settings(start, root):
    settings = {"contents": {"allow_hidden_files": True, "preferred_path": "notes"}}
    async with start(plughost_contents, Lab(), extensions=settings) as (host, _):
        visit = None
        (config,) = host.offers["contents"].page_config
        values = config.values(visit)
    assert values == {
        "serverRoot": str(root),
        "preferredPath": "notes",
        "delete_to_trash": True,
        "allow_hidden_files": True,
        "copyAbsolutePath": False,
    }


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (Path.home(), "~"),
        (Path.home() / "work" / "a", "~/work/a"),
        (Path("/srv/data"), "/srv/data"),
    ],
)
def test_the_home_folder_is_shown_as_a_tilde(root, expected):
    assert shown(root) == expected


async def test_an_unknown_setting_is_refused_with_a_suggestion(start):
    settings = {"contents": {"strictroot": True}}
    async with start(plughost_contents, extensions=settings) as (host, _):
        record = host.records["contents"]
    assert record.state == "failed"
    assert "'strictroot'" in record.error


def test_starting_imports_neither_nbformat_nor_the_trash():
    program = """if True:
        import sys
        import plughost_contents
        print("nbformat" in sys.modules, "send2trash" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]

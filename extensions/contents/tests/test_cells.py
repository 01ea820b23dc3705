"""Reading and writing notebooks in steps: nbformat is the judge of every result."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.sign import NotebookNotary

from plughost_contents import cells

DEMO = sorted((Path(__file__).parent / "data").glob("*.json"))

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": 3,
            "id": "a-1",
            "metadata": {
                "collapsed": True,
                "scrolled": "auto",
                "tags": ["x", "y"],
                "jupyter": {"source_hidden": True},
                "execution": {"shell.execute_reply": "2026-01-01"},
                "name": "first",
            },
            "outputs": [
                {"name": "stdout", "output_type": "stream", "text": ["one\n", "two\u2028é\x7f"]},
                {
                    "data": {
                        "application/json": {"a": [1.5, 1e16, -0.0, True, None, {}, []]},
                        "application/vnd.x+json": ["as", "it", "is"],
                        "image/svg+xml": "<svg>\n</svg>",
                        "text/html": ["<b>\n", "</b>"],
                        "image/png": "iVBOR\n",
                    },
                    "metadata": {"image/png": {"width": 3}},
                    "output_type": "display_data",
                },
                {
                    "data": {"text/plain": "3"},
                    "execution_count": 3,
                    "metadata": {},
                    "output_type": "execute_result",
                },
                {
                    "ename": "E",
                    "evalue": "",
                    "output_type": "error",
                    "traceback": ["\x1b[31mE\x1b[0m"],
                },
            ],
            "source": "print(1)\r\nprint(2)\n",
        },
        {
            "attachments": {"a.png": {"image/png": "AA=="}},
            "cell_type": "markdown",
            "id": "b_2",
            "metadata": {},
            "source": ["# Title\n", "text"],
        },
        {"cell_type": "raw", "id": "c", "metadata": {"format": "rst"}, "source": ""},
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"codemirror_mode": {"name": "ipython"}, "name": "python"},
        "orig_nbformat": 4,
        "authors": [{"name": "somebody"}],
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def notary(tmp_path_factory):
    with NotebookNotary(data_dir=str(tmp_path_factory.mktemp("signatures"))) as notary:
        yield notary


def places(value, path=()):
    """Every place in a JSON value, as the keys that lead to it."""
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


@st.composite
def spoiled(draw):
    """A notebook in which something is replaced, added or missing."""
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["nbformat_minor"] = draw(st.sampled_from([5, 5, 5, 4, 2, 0, 6]))
    if notebook["nbformat_minor"] < 5:
        for cell in notebook["cells"]:
            del cell["id"]
    for _ in range(draw(st.integers(0, 2))):
        *way, last = draw(st.sampled_from([path for path in places(notebook) if path]))
        owner = notebook
        for key in way:
            owner = owner[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                owner[last] = draw(JUNK)
            case "remove":
                del owner[last]
            case "add" if isinstance(owner, dict):
                owner[draw(st.text(max_size=5) | st.sampled_from(["id", "name", "tags"]))] = draw(
                    JUNK
                )
    return notebook


def by_nbformat(data, notary):
    """What nbformat makes of a stored notebook: for clients, as it is stored, its signature."""
    notebook = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(notebook)
    signature = notary.compute_signature(notebook)
    stored = f"{nbformat.writes(notebook, version=nbformat.NO_CONVERT)}\n".encode()
    notary.mark_cells(notebook, notary.check_signature(notebook))
    return notebook, stored, signature


def judge(data, notary):
    """Compare what is made of `data` here with what nbformat makes of it."""
    expected, stored, signature = by_nbformat(data, notary)
    seen = json.loads(bytes(cells.read(data, notary)))
    assert seen == expected
    assert cells.write(json.dumps(seen).encode(), notary) == stored
    for cell in seen["cells"]:
        cell["metadata"].pop("trusted", None)
    trusting = copy.deepcopy(seen)
    for cell in trusting["cells"]:
        cell["metadata"]["trusted"] = True
    notary.store.remove_signature(signature, notary.algorithm)
    assert cells.write(json.dumps(trusting).encode(), notary) == stored
    assert notary.store.check_signature(signature, notary.algorithm)
    assert json.loads(bytes(cells.read(data, notary))) == by_nbformat(data, notary)[0]


@pytest.mark.parametrize("minor", range(6))
def test_each_minor_version_is_read_and_written_as_nbformat_does(notary, minor):
    notebook = {**copy.deepcopy(NOTEBOOK), "nbformat_minor": minor}
    if minor < 5:
        for cell in notebook["cells"]:
            del cell["id"]
    judge(json.dumps(notebook).encode(), notary)


def test_no_cells_are_a_notebook_too(notary):
    judge(json.dumps({**NOTEBOOK, "cells": []}).encode(), notary)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(spoiled())
def test_what_is_not_left_to_nbformat_is_as_nbformat_would_have_it(notary, notebook):
    data = json.dumps(notebook).encode()
    try:
        cells.read(data, notary)
    except cells.Unusual:
        return
    judge(data, notary)


@pytest.mark.parametrize(
    "change",
    [
        {"nbformat": 3},
        {"nbformat_minor": 6},
        {"more": 1},
        {"cells": [{"cell_type": "code"}]},
        {"cells": [NOTEBOOK["cells"][0], NOTEBOOK["cells"][0]]},
        {"metadata": {"kernelspec": 3}},
        {"metadata": []},
    ],
)
def test_what_is_unusual_is_left_to_nbformat(notary, change):
    with pytest.raises(cells.Unusual):
        cells.read(json.dumps({**NOTEBOOK, **change}).encode(), notary)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"cells": NaN}', b'"\\ud800"'])
def test_what_is_no_json_object_is_left_to_nbformat(notary, data):
    for step in (cells.read, cells.write):
        with pytest.raises(cells.Unusual):
            step(data, notary)


def test_a_plain_notebook_is_not_left_to_nbformat(notary):
    cells.read(json.dumps(NOTEBOOK).encode(), notary)

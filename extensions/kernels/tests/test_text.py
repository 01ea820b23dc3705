"""Text that is written piece by piece: what later readers get shows the same."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plughost_kernels.text import LONG, STATES, Text

TOKENS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|.", re.DOTALL)
PIECES = [
    *("a", "b", "cd", "efg", "hijkl", "\r", "\r", "\n", "\b"),
    *("\x1b[31m", "\x1b[1m", "\x1b[0m", "\x1b[K", "\x1b[2K", "\x1b[1A"),
]


def written(*pieces):
    text = Text(1, pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        text.add(number, piece)
    return text


def shown(text, *, erases):
    """What a terminal shows: each character with its colour, and where the cursor is.

    `erases`: it knows the sequences that erase; JupyterLab does not.
    """
    lines, column, colour = [[]], 0, "0"
    for token in TOKENS.findall(text):
        if token == "\n":
            lines.append([])
            column = 0
        elif token == "\r":
            column = 0
        elif token == "\b":
            column = max(0, column - 1)
        elif token.startswith("\x1b[") and token.endswith("m"):
            colour = token[2:-1]
        elif token.startswith("\x1b"):
            if erases and token.endswith("2K"):
                lines[-1] = [(" ", "0")] * len(lines[-1])
            elif erases and token.endswith("K"):
                del lines[-1][column:]
        else:
            lines[-1] += [(" ", "0")] * (column - len(lines[-1]))
            lines[-1][column : column + 1] = [(token, colour)]
            column += 1
    return ["".join(map("".join, line)).rstrip("0 ") for line in lines], column, colour


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=9),
)
def test_whenever_a_reader_comes_it_sees_what_everybody_sees(before, pieces):
    text = written(*pieces)
    for seen in range(len(pieces) + 1):
        got = before + "".join(pieces[:seen]) + text.since(seen + 1)
        for erases in (False, True):
            everything = before + "".join(pieces)
            assert shown(got, erases=erases) == shown(everything, erases=erases)


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["10%", "\r20%", "\r30%"], "\r30%"),
        (["10%\r", "20%\r", "30%\r"], "\r30%\r"),
        (["10%", "\r9%"], "10%\r9%"),
        (["10%", "\r2", "0", "%"], "\r20%"),
        (["10%\x1b[K", "\r20%\x1b[K"], "\r20%\x1b[K"),
        (["10%\x1b[K", "\r20%"], "10%\x1b[K\r20%"),
        (["a\x1b[0m", "\r\x1b[32m1\x1b[0m", "\r\x1b[32m2\x1b[0m"], "a\x1b[0m\r\x1b[32m2\x1b[0m"),
        (["\x1b[31m10%", "\r20%"], "\x1b[31m10%\r20%"),  # the colour goes on
        (["10%\b\b", "\r20%xx"], "10%\b\b\r20%xx"),
        (["10%\x1b[1A", "\r20%\x1b[1A"], "10%\x1b[1A\r20%\x1b[1A"),
    ],
)
def test_an_older_state_of_a_line_goes_only_if_nothing_of_it_shows(states, kept):
    assert written("\n", *states).value == "\n" + kept


def test_where_a_text_begins_in_the_middle_of_a_line_its_first_state_stays():
    assert written("loading\r", "done").value == "loading\rdone"


def test_what_nothing_covers_is_not_compared_for_ever():
    text = written("\n", *(f"\r\x1b[32mstep {i}" for i in range(1_000)))
    assert "step 999" in text.value
    assert len(text._states) <= STATES


def test_a_long_piece_is_kept_as_it_is():
    log = "".join(f"10%\r20%\r{i}\n" for i in range(1_000))
    text = written("\n", log, "\rstill", "\rabove")
    assert text.value == "\n" + log + "\rabove"
    line = "x" * LONG
    assert written(line, "yz", "\r" + line, "\r" + line).value.count("x") == 3 * LONG


@pytest.mark.parametrize("piece", ["{}\n", "\r{:6d} of 100000", "ä{}\n"])
def test_what_it_needs_is_known(piece):
    text = Text(1, "")
    for number in range(2, 5_000):
        text.add(number, piece.format(number))
    assert text.size >= len(text.value.encode())
    assert len(text) == len(text.value)

"""Ctrl-C on a terminal: what would end with the server, and whether it shall.

Extensions say what that is (`Status.work`). Asking happens in a thread of its own, so that
requests are answered meanwhile, and a loop that somebody holds cannot suppress the question.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
from collections.abc import Mapping
from typing import NamedTuple

import click

from plughost.host import Host
from plughost.terminal import counted

ANSWER_SECONDS = 5.0
"""Who has not answered by then goes on serving, as people know it from Jupyter."""

FACTS_SECONDS = 5.0
"""A loop that has not said by then what runs is held by somebody: there is no asking it. One on a
machine that is busy is only slow, and what runs must not be lost for that."""

Work = Mapping[str, tuple[int, bool]]
"""By what it is called, in the plural: how many run, and whether they can outlive the server."""


class Decision(NamedTuple):
    """What Ctrl-C was decided to mean, and what is said of it once the next one counts anew."""

    stop: bool
    keep: bool = False
    message: str = ""


def decide(host: Host, loop: asyncio.AbstractEventLoop) -> Decision:
    """What Ctrl-C means now: the person is asked when there is something to lose.

    For any thread but the loop's. Without a terminal to ask at it means to stop.
    """
    if not _in_foreground():
        return Decision(stop=True)
    try:
        work = asyncio.run_coroutine_threadsafe(_work(host), loop).result(FACTS_SECONDS)
        asked = question(work) if work else ""
    except Exception:  # held, closed, or nonsense: nothing may keep a person from stopping it
        return Decision(stop=True)
    return _ask(asked, work) if asked else Decision(stop=True)


def question(work: Work) -> str:
    """`2 kernels are running.`, and what can be answered, on a line of its own."""
    counts = [counted(number, name) for name, (number, _) in work.items()]
    several = sum(number for number, _ in work.values()) > 1
    them, are = ("them", "are") if several else ("it", "is")
    choices = [f"Shut {them} down [y]"]
    if keepable := _keepable(work):
        what = them if all(can for _, can in work.values()) else f"the {keepable}"
        choices.append(f"keep {what} [k]")
    return f"{_and(counts)} {are} running.\n{', '.join(choices)}, go on serving [n]? "


async def _work(host: Host) -> Work:
    return host.work()


def _ask(asked: str, work: Work) -> Decision:
    keepable = _keepable(work)
    # What was typed before, a late answer to the last question perhaps, answers nothing.
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    click.echo(f"\n{asked}", nl=False, err=True)
    readable, _, _ = select.select([sys.stdin], [], [], ANSWER_SECONDS)
    if not readable:
        return Decision(stop=False, message="\nNo answer: going on.")
    # Not `readline`, which would keep what comes after the line for the next time.
    answer = os.read(sys.stdin.fileno(), 1024).decode(errors="replace").strip().lower()[:1]
    if answer == "y":
        return Decision(stop=True)
    if answer == "k" and keepable:
        return Decision(True, True, f"Stopping, and leaving the {keepable} running.")
    return Decision(stop=False, message="Going on.")


def _keepable(work: Work) -> str:
    """What can outlive the server, without numbers: `kernels and job`."""
    return _and([counted(n, name).partition(" ")[2] for name, (n, can) in work.items() if can])


def _in_foreground() -> bool:
    """Whether we may read from the terminal: a job in the background would be halted for it."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

"""Try an installation in a process of its own, and survive whatever it does there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_data_dir

from plughost_observe.doctor.facts import HostFacts
from plughost_observe.doctor.findings import Finding, error

PATIENCE = 150.0
"""Seconds without news after which the process is ended: more than an import and a start may
take by default, so that only what stops the whole process is stopped here."""

RUNS = 8
"""So many times it is tried again when an extension has ended the process."""

# The same modules as ours, whatever `python -m` or the current folder would add.
CODE = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
from plughost_observe.doctor.trial_process import main
main()
"""


class Trial(msgspec.Struct, frozen=True):
    """How it went: what the host knew in the end, if it came that far."""

    facts: HostFacts | None
    findings: list[Finding]


def run_trial(*, start: bool, progress: Callable[[str], None] = lambda text: None) -> Trial:
    """Load what is installed and, with `start`, start its services, in throw-away processes.

    `progress` is told what happens right now. With `start` nothing of the user's is touched by
    the host itself: its runtime and data folders are temporary ones. Extensions that end the
    process are named, and it is tried again: the host leaves out whom the process before
    ended with. Where several were at work it has to find out first which of them it was, and
    one that was named ends a second process.
    """
    ends: list[Finding] = []
    with _folders(start) as environment:
        for _ in range(RUNS):
            facts, news = _run(start, environment, progress)
            if news is None or news.check != "process-ended":
                return Trial(facts, [*_culprits(ends), *filter(None, [news])])
            ends.append(news)
            if ends.count(news) > 2:  # it is not left out
                break
    return Trial(None, _culprits(ends))


def _culprits(ends: list[Finding]) -> list[Finding]:
    """Each culprit once, and ends with several suspects of whom none was named later."""
    different = [*dict.fromkeys(ends)]
    named = [end for end in different if end.subject]
    return named + [
        end
        for end in different
        if not end.subject and not any(repr(each.subject) in end.message for each in named)
    ]


@contextlib.contextmanager
def _folders(start: bool) -> Iterator[Mapping[str, str]]:
    """The environment for the process: with `start` its folders are not the user's.

    A host that starts would adopt the user's kernels, and end them with itself.
    """
    if not start:
        yield os.environ
        return
    with tempfile.TemporaryDirectory(prefix="plughost-doctor-") as folder:
        known = os.environ.get("JUPYTER_PATH", "")
        yield {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(Path(folder, "runtime")),
            "JUPYTER_DATA_DIR": str(Path(folder, "data")),
            # The user's own kernelspecs and the like are still found.
            "JUPYTER_PATH": os.pathsep.join(filter(None, (known, jupyter_data_dir()))),
        }


def _run(
    start: bool, environment: Mapping[str, str], progress: Callable[[str], None]
) -> tuple[HostFacts | None, Finding | None]:
    """One attempt: what was told in the end, and what came in between."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, json.dumps(sys.path), *(["--start"] if start else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
        busy: list[str] = []
        doing, facts, refused = "imported", None, None
        hung = threading.Event()
        with process:
            watch = _Watch(process, hung)
            for line in _lines(process):
                watch.again()
                told = _told(line)
                if "importing" in told:
                    busy, doing = told["importing"], "imported"
                    progress(f"importing {busy[-1]}")
                if "starting" in told:
                    busy, doing = told["starting"], "started"
                    progress(f"starting {', '.join(busy)}")
                refused = told.get("refused", refused)
                if "facts" in told:
                    facts = msgspec.convert(told["facts"], HostFacts)
            watch.stop()
            code = process.wait()
        printed.seek(0)
        words = printed.read().decode("utf-8", "replace")
    if facts is not None:
        return facts, None
    if refused is not None:
        return None, error("configuration", "plughost.toml", refused["message"], refused["hint"])
    return None, _ended(code, busy, doing, words, hung=hung.is_set())


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What a process says; when nobody wants to hear it any more, it ends."""
    assert process.stdout is not None, "a pipe was asked for"
    try:
        yield from process.stdout
    except BaseException:
        process.kill()
        raise


class _Watch:
    """Ends a process that has not said anything for long."""

    def __init__(self, process: subprocess.Popen[str], hung: threading.Event) -> None:
        self._process, self._hung = process, hung
        self._timer: threading.Timer | None = None
        self.again()

    def again(self) -> None:
        self.stop()
        self._timer = threading.Timer(PATIENCE, self._end)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self._hung.set()
        self._process.kill()


def _told(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _ended(code: int, busy: list[str], doing: str, words: str, *, hung: bool) -> Finding:
    """A finding on a process that ended before it had told everything."""
    if hung:
        how = f"did not answer for {PATIENCE:.0f} seconds and was stopped"
    elif code < 0:
        how = f"was ended by {_signal_name(-code)}"
    else:
        how = f"ended with exit code {code}"
    whom = " or ".join(map(repr, busy)) or "the configuration"
    name = busy[0] if len(busy) == 1 else ""
    last = _last_words(words)
    return error(
        "process-ended",
        name,
        f"The process {how} while {whom} was being {doing if busy else 'read'}."
        f"{f' Its last words: {last}' if last else ''}",
        f"A server ends likewise. Report it to the authors of {name!r}, and set enabled = false "
        f"in [extensions.{name}] of plughost.toml meanwhile."
        if name
        else "`plughost serve --safe` starts with first-party extensions only.",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(words: str) -> str:
    """The line that says most: an exception's or faulthandler's, else the last one."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(Fatal Python error|\w+(\.\w+)*Error\b)", line)]
    return (telling or lines or [""])[-1][:200]

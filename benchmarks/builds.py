"""What building costs: an extension with `jupyter-builder` and with us, and the whole lab.

Both builders get the same TypeScript; `workshops.py` lays it out.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from workshops import Bench, Watcher, Workshop

EDITS = 3
PATIENCE = 180.0

Figures = dict[str, float]


async def build_extension(workshop: Workshop) -> Figures:
    """The outsider of the tests: four modules, and one package of npm's."""
    return await asyncio.to_thread(_bench, "extension", workshop.extension)


async def build_medium(workshop: Workshop) -> Figures:
    """The same with 100 modules more."""
    return await asyncio.to_thread(_bench, "100 modules", workshop.medium)


async def build_lab(workshop: Workshop) -> Figures:
    """All of the lab; of JupyterLab's own there is no watching that would compare."""
    return await asyncio.to_thread(_lab, workshop)


def _bench(what: str, bench: Bench) -> Figures:
    bench.clean()
    cold = _run(bench)
    with _restored(bench.edited) as before:
        bench.edited.write_text(_with_line(before, "once more"))
        again = _run(bench)
    return {
        f"{what}: cold (s)": cold,
        f"{what}: after an edit (s)": again,
        f"{what}: watched, edit to bundle (ms)": _watched(bench) * 1000,
    }


def _lab(workshop: Workshop) -> Figures:
    workshop.lab.clean()
    figures = {"lab: cold (s)": _run(workshop.lab)}
    if workshop.lab.watch:
        figures["lab: watched, edit to bundle (ms)"] = _watched(workshop.lab) * 1000
    return figures


def _run(bench: Bench) -> float:
    """Seconds for the commands, one after the other. Raises ChildProcessError."""
    began = time.perf_counter()
    for command in bench.build:
        run = subprocess.run(
            command,
            cwd=bench.folder,
            env=bench.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if run.returncode != 0:
            raise ChildProcessError(
                f"{' '.join(map(str, command))} ended with {run.returncode}:\n"
                f"{run.stdout.decode(errors='replace')[-2000:]}"
            )
    took = time.perf_counter() - began
    if not any(bench.output.rglob("*.js")):
        raise ChildProcessError(f"There is nothing in {bench.output}.")
    return took


def _watched(bench: Bench) -> float:
    """Seconds from saving one more line to its being in the bundle on disk: the median."""
    times = []
    with _watching(bench.watch, bench), _restored(bench.edited) as before:
        for _ in range(EDITS):
            time.sleep(bench.pause)  # until the type check of the edit before is through
            output = _Output(bench.output)
            mark = uuid.uuid4().hex
            began = time.perf_counter()
            bench.edited.write_text(_with_line(before, mark))
            output.wait_for(mark)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _with_line(text: str, mark: str) -> str:
    return f"{text}\nconsole.log('{mark}');\n"


@contextmanager
def _restored(file: Path) -> Iterator[str]:
    """Its text, which it has again afterwards."""
    before = file.read_text()
    try:
        yield before
    finally:
        file.write_text(before)


class _Output:
    """A folder of scripts of which only those that have changed are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, int] = {}
        self._changed()

    def wait_for(self, text: str) -> None:
        """Raises TimeoutError."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE:
            for file in self._changed():
                try:
                    if text in file.read_text(errors="replace"):
                        return
                except OSError:
                    continue  # replaced by the next one already
            time.sleep(0.002)
        raise TimeoutError(f"{self._folder} has had no new bundle for {PATIENCE:g} s.")

    def _changed(self) -> list[Path]:
        found = []
        for file in self._folder.rglob("*.js"):
            try:
                written = file.stat().st_mtime_ns
            except OSError:
                continue
            if self._seen.get(file) != written:
                self._seen[file] = written
                found.append(file)
        return found


@contextmanager
def _watching(watchers: Sequence[Watcher], bench: Bench) -> Iterator[None]:
    """Run the watchers side by side; each has said that it is ready."""
    processes = []
    try:
        ready = []
        for watcher in watchers:
            process = subprocess.Popen(
                watcher.command,
                cwd=bench.folder,
                env=bench.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            processes.append(process)
            event = threading.Event()
            ready.append(event)
            threading.Thread(target=_read, args=(process, watcher.ready, event)).start()
        for watcher, event in zip(watchers, ready, strict=True):
            if not event.wait(PATIENCE):
                raise ChildProcessError(f"{watcher.command} never said {watcher.ready!r}.")
        yield
    finally:
        for process in processes:
            _end(process)


def _read(process: subprocess.Popen[str], text: str, seen: threading.Event) -> None:
    """To the end, so that nobody waits for a full pipe."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            seen.set()


def _end(process: subprocess.Popen[str]) -> None:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for each in alive:
        each.kill()
    process.wait()

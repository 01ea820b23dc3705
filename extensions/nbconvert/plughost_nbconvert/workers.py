"""The processes that convert: started when there is work, ended when there is none.

One conversion at a time in each, so that one that takes too long, or that nobody waits for
any more, can be ended without harm to another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from plughost import Unavailable, child_environment
from plughost_nbconvert.errors import ConverterDied, TooSlow

CONVERTER = Path(__file__).with_name("converter.py")
"""Runs in processes of its own; imported here it would only take memory."""

LONGEST_REPLY = 1024 * 1024
"""Bytes; replies are names and messages, never a notebook."""

LAST_WORDS = 2000
"""Bytes of what a converter printed before it ended."""


class Made(msgspec.Struct):
    """The file that a notebook has become, and whether it can only be downloaded."""

    name: str
    media_type: str
    attachment: bool


class Problem(msgspec.Struct):
    """Why there is none."""

    kind: str
    message: str
    hint: str
    traceback: str = ""


class Reply(msgspec.Struct):
    """What a converter answers: one of the three."""

    formats: dict[str, dict[str, str]] | None = None
    made: Made | None = None
    error: Problem | None = None


class Worker:
    """One process that converts, with a folder for it alone. It starts with its first work.

    `busy` says that it has work, or has had some that did not come to an end.
    """

    def __init__(self, root: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plughost-nbconvert-"))  # mode 0700
        self.busy = False
        self._root = root
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def ask(self, work: Mapping[str, Any], seconds: float) -> Reply:
        """Have a piece of work done. Raises TooSlow and ConverterDied; it is then to be ended."""
        self.busy = True
        try:
            line = await asyncio.wait_for(self._do(work), seconds)
        except asyncio.TimeoutError:
            raise TooSlow(seconds) from None
        self.busy = False
        return msgspec.json.decode(line, type=Reply)

    def kill(self) -> None:
        """End the process and whatever it has started."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """The same, and sweep up."""
        self.kill()
        async with self._starting:
            self.kill()
            if self._process is not None:
                assert self._process.stdin is not None, "a pipe was asked for"
                self._process.stdin.close()
                await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def _do(self, work: Mapping[str, Any]) -> bytes:
        async with self._starting:
            process = self._process
            # One that was idle may have been killed: that is no failure of this work.
            if process is None or not await self._answers(process):
                process = self._process = await self._start()
        return await self._exchange(process, work)

    async def _answers(self, process: asyncio.subprocess.Process) -> bool:
        try:
            await self._exchange(process, {"do": "nothing"})
        except ConverterDied:
            return False
        return True

    async def _start(self) -> asyncio.subprocess.Process:
        with (self.folder / "log").open("ab") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                CONVERTER,
                str(self._root),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                cwd=self.folder,
                env={**child_environment(), "TMPDIR": str(self.folder)},
                limit=LONGEST_REPLY,
                # So that a Ctrl-C is for the server alone, and LaTeX and the like end with it.
                start_new_session=True,
            )

    async def _exchange(
        self, process: asyncio.subprocess.Process, work: Mapping[str, Any]
    ) -> bytes:
        assert process.stdin is not None, "a pipe was asked for"
        assert process.stdout is not None, "a pipe was asked for"
        process.stdin.write(msgspec.json.encode(work) + b"\n")
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            code = await process.wait()
            raise ConverterDied(code, await asyncio.to_thread(self._last_words))
        return line

    def _last_words(self) -> str:
        try:
            said = (self.folder / "log").read_bytes()[-LAST_WORDS:]
        except OSError:  # it was ended, and swept up after
            return ""
        return said.decode("utf-8", "replace").strip()


class Workers:
    """At most `at_once` processes, each of which ends after `idle_seconds` without work."""

    def __init__(self, root: Path, *, at_once: int, idle_seconds: float) -> None:
        self._root = root
        self._idle_seconds = idle_seconds
        self._turns = asyncio.Semaphore(at_once)
        self._idle: dict[Worker, asyncio.TimerHandle] = {}
        self._working: set[Worker] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Worker]:
        """A worker for one conversion; it is ended when that has not come to an end."""
        async with self._turns:
            with self._using(self._take()) as worker:
                yield worker

    @contextlib.asynccontextmanager
    async def another(self) -> AsyncIterator[Worker]:
        """A worker for a question that waits for no conversion; it is ended afterwards."""
        with self._using(self._new(), again=False) as worker:
            yield worker

    async def close(self) -> None:
        """End all of them, whatever they are doing."""
        self._closed = True
        for timer in self._idle.values():
            timer.cancel()
        await asyncio.gather(
            *(worker.end() for worker in (*self._idle, *self._working)), *self._ending
        )

    def _take(self) -> Worker:
        if self._idle:
            worker, timer = self._idle.popitem()
            timer.cancel()
            self._working.add(worker)
            return worker
        return self._new()

    def _new(self) -> Worker:
        if self._closed:
            raise _stopping()
        worker = Worker(self._root)
        self._working.add(worker)
        return worker

    @contextlib.contextmanager
    def _using(self, worker: Worker, *, again: bool = True) -> Iterator[Worker]:
        try:
            yield worker
        except ConverterDied:
            if self._closed:
                raise _stopping() from None
            raise
        finally:
            if not self._closed:  # else `close` ends it
                self._working.discard(worker)
                if again and not worker.busy:
                    loop = asyncio.get_running_loop()
                    self._idle[worker] = loop.call_later(self._idle_seconds, self._retire, worker)
                else:
                    self._end(worker)

    def _retire(self, worker: Worker) -> None:
        del self._idle[worker]
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        worker.kill()
        task = asyncio.ensure_future(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _stopping() -> Unavailable:
    return Unavailable("The extension 'nbconvert' is stopping.", hint="Ask again later.")

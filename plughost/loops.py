"""An event loop that extensions cannot end, and an end that they cannot hold up."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any

from plughost.guard import culprit
from plughost.host import CLOSE_SECONDS, Host
from plughost.interrupts import Decision
from plughost.services import STOP_SECONDS

END_SECONDS = STOP_SECONDS + CLOSE_SECONDS + 3.0
"""After being asked to stop the process has this long, then it is ended by force.

Less than the ten seconds that a container is given."""

HANGUP = getattr(signal, "SIGHUP", None)
"""Windows has none."""

log = logging.getLogger("plughost")


Decide = Callable[[Host, asyncio.AbstractEventLoop], Decision]


def run(host: Host, main: Coroutine[Any, Any, None], *, decide: Decide | None = None) -> None:
    """Run a host's main coroutine to its end, as the process's main business.

    SIGINT stops the host and what it started, unless `decide`, which is called in a thread,
    decides otherwise; SIGTERM, and SIGHUP from a terminal that is closed, keep what can outlive
    it. A second one, while it stops or that is being decided, ends the process at once.
    `sys.exit()` in a callback or a background task of an extension is noted in its record and
    ends nothing. Once the host has been asked to stop, the process ends within END_SECONDS,
    whatever an extension holds on to.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(functools.partial(_on_error, host))
    task = loop.create_task(main)
    end = loop.create_task(_end_in_time(host))
    try:
        _heed_signals(host, loop, decide)
        while not task.done():
            _run_until(host, loop, task)
        task.result()
    finally:
        end.cancel()
        _close(loop)


def _run_until(host: Host, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(asyncio.wait([task]))
    except (SystemExit, KeyboardInterrupt) as error:
        if not host.blame(error, "background task"):
            log.error("Something tried to end the server: %r", error, exc_info=error)


def _on_error(host: Host, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error that nobody waits for: it is news of whoever's code raised it."""
    error = context.get("exception")
    if not isinstance(error, BaseException) or not host.blame(error, "background task"):
        loop.default_exception_handler(context)


def _heed_signals(host: Host, loop: asyncio.AbstractEventLoop, decide: Decide | None) -> None:
    """Let signals stop the host; for the rest of the process, which may take a while to end."""
    stopping = deciding = False

    # Not `loop.add_signal_handler`: its callback waits for a loop that somebody may hold.
    def heed(signum: int, frame: FrameType | None) -> None:
        nonlocal deciding
        if stopping and signum == HANGUP:
            return  # shells and the kernel both send it
        if stopping or (deciding and signum == signal.SIGINT):
            with contextlib.suppress(OSError):
                os.write(2, b"\n" if deciding else b"")  # ends the question's line
            os._exit(128 + signum)
        if signum == signal.SIGINT and decide is not None:
            deciding = True
            threading.Thread(target=interrupted, args=[decide], daemon=True).start()
        else:
            stop(keep=signum != signal.SIGINT)

    def interrupted(decide: Decide) -> None:
        nonlocal deciding
        try:
            decision = decide(host, loop)
        finally:
            deciding = False
        if decision.message:
            print(decision.message, file=sys.stderr, flush=True)
        if decision.stop and not stopping:
            stop(keep=decision.keep)

    def stop(*, keep: bool) -> None:
        nonlocal stopping
        stopping = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: all is over
            loop.call_soon_threadsafe(functools.partial(host.stop, keep=keep))
        end_by_force(host)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, heed)
    # `nohup` has it ignored, and so it stays.
    if HANGUP is not None and signal.getsignal(HANGUP) == signal.SIG_DFL:
        signal.signal(HANGUP, heed)


async def _end_in_time(host: Host) -> None:
    await host.until_stopping()
    end_by_force(host)


def end_by_force(host: Host, seconds: float = END_SECONDS) -> None:
    """End this process in `seconds` if it has not ended by then, and say who held it up."""
    main = threading.main_thread().ident

    def end() -> None:
        time.sleep(seconds)
        frame = sys._current_frames().get(main or 0)
        record = culprit(_outwards(frame), host.records.values())
        who = f"The extension {record.name!r}" if record else "Something"
        where = f" ({frame.f_code.co_filename}:{frame.f_lineno})" if frame else ""
        log.error("%s does not let the process end%s; it is ended by force.", who, where)
        logging.shutdown()
        os._exit(1)

    threading.Thread(target=end, name="end by force", daemon=True).start()


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on the loop, wait a moment for it, and close the loop."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_until_complete(asyncio.wait(left, timeout=CLOSE_SECONDS))
    loop.run_until_complete(loop.shutdown_asyncgens())
    asyncio.set_event_loop(None)
    loop.close()

"""Foreign code under guard: what an extension raises, hangs in or exits from ends in its record.

There are three ways to run a step of an extension: `guard()` runs it here and now,
`attempt()` awaits it on the event loop, `apart()` runs it in a thread of its own. The host's
other broad `except`s, each with its reason beside it, are where strangers' files are read
(metadata, Jupyter's configuration) and where a request owes a reply (`web.py`, `auth.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from types import FrameType
from typing import Any, TypeVar

from plughost.context import working_for
from plughost.errors import ExtensionError
from plughost.records import ExtensionRecord

T = TypeVar("T")

HELD_SECONDS = 5.0
"""What holds the event loop for longer while it starts or stops is broken off."""

_MAIN_THREAD = re.compile(r"main thread|no (?:current|running) event loop", re.IGNORECASE)


@contextlib.contextmanager
def guard(record: ExtensionRecord, phase: str, *, fatal: bool = True) -> Iterator[None]:
    """Run a synchronous step: note the time it took, and its failure if it failed.

    Unless `fatal`, the extension goes on after a failure. Swallows everything: `SystemExit`
    and `KeyboardInterrupt` raised by an extension's code are its failures like any other.
    """
    began = time.perf_counter()
    if fatal:
        record.phase = phase
    try:
        with working_for(record.name):
            yield
    except BaseException as error:
        (record.fail if fatal else record.note)(phase, error)
    finally:
        record.spent(phase, began)


async def attempt(
    record: ExtensionRecord, phase: str, work: Callable[[], Any], seconds: float
) -> None:
    """Call `work` and await what it returns, under guard, for at most `seconds`.

    A step that does not heed its cancellation is left behind. One that holds the event loop
    is broken off after HELD_SECONDS where `Interruption` can do that.
    """
    began = time.perf_counter()
    record.phase = phase
    with working_for(record.name):
        task = asyncio.ensure_future(_call(work, min(seconds, HELD_SECONDS)))
    report = f"Report this to the authors of {record.distribution or record.name!r}."
    error: BaseException | None = None
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            error = ExtensionError(
                f"It takes longer than {seconds:g} seconds to {phase}.", hint=report
            )
        elif task.cancelled():
            error = ExtensionError(
                f"It cancelled itself instead of completing its {phase}.", hint=report
            )
        else:
            error = task.exception()
    finally:
        record.spent(phase, began)
        if not task.done():
            task.cancel()
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
    if error is not None:
        record.fail(phase, error)


async def apart(
    record: ExtensionRecord, phase: str, work: Callable[[], T], seconds: float
) -> T | None:
    """Run a synchronous step in a daemon thread, under guard, waiting at most `seconds`.

    What insists on the main thread is run again there. Returns None after a failure, as the
    record says. A thread that hangs cannot be ended; it is left behind.
    """
    began = time.perf_counter()
    record.phase = phase
    try:
        try:
            with working_for(record.name):
                result = _in_thread(f"{phase} {record.name}", work)
            return await asyncio.wait_for(result, seconds)
        except (RuntimeError, ValueError) as error:
            if not _MAIN_THREAD.search(str(error)):
                raise
            record.main_thread = True
            with working_for(record.name), Interruption(seconds), no_exit():
                return work()
    except asyncio.TimeoutError:
        record.fail(
            phase,
            ExtensionError(
                f"It takes longer than {seconds:g} seconds to {phase}.",
                hint=f"Look at what {record.package or record.name!r} does then, or raise "
                "`import_timeout` in plughost.toml.",
            ),
        )
    except Exception as error:
        record.fail(phase, error)
    finally:
        record.spent(phase, began)
    return None


class no_exit:  # noqa: N801  # reads as what it does: `with no_exit():`
    """Turn an attempt to end the process into an error like any other."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: object,
    ) -> None:
        if isinstance(error, SystemExit):
            raise _harmless(error) from error


class Interruption:
    """Breaks off, with an ExtensionError, what holds the main thread longer than `seconds`.

    It needs SIGALRM, and does nothing on another thread, on Windows, or when the program has
    a use of its own for that signal. Code that does not return to the interpreter, such as a
    long computation in C, cannot be broken off.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._before: Any = None
        self._armed = False

    def __enter__(self) -> None:
        self._armed = (
            hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, signal.SIG_IGN)
        )
        if self._armed:
            self._before = signal.signal(signal.SIGALRM, self._break_off)
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: object,
    ) -> None:
        if self._armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def _break_off(self, signum: int, frame: FrameType | None) -> None:
        where = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
        raise ExtensionError(
            f"It held the whole server for {self._seconds:g} seconds{where}.",
            hint="Slow work belongs in a thread: `await asyncio.to_thread(…)`.",
        )


class _Steps:
    """An awaitable, each of whose steps on the event loop may be interrupted."""

    def __init__(self, work: Awaitable[T], seconds: float) -> None:
        self._work = work
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        step: Callable[[], Any] = functools.partial(next, steps)
        while True:
            try:
                with Interruption(self._seconds):
                    awaited = step()
            except StopIteration as end:
                return end.value
            try:
                sent = yield awaited
            except BaseException as error:
                step = functools.partial(steps.throw, error)
            else:
                step = functools.partial(_send, steps, sent)


def _send(steps: Any, value: Any) -> Any:
    return steps.send(value) if hasattr(steps, "send") else next(steps)


async def _call(work: Callable[[], Any], held: float) -> None:
    with no_exit():
        with Interruption(held):
            result = work()
        if inspect.isawaitable(result):
            await _Steps(result, held)


def _in_thread(name: str, work: Callable[[], T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def finish(result: Any, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits for it any more
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(_harmless(error))

    def run() -> None:
        result, failure = None, None
        try:
            result = context.run(work)
        except BaseException as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: the host has stopped
            loop.call_soon_threadsafe(finish, result, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


def culprit(
    frames: Iterable[FrameType], records: Iterable[ExtensionRecord]
) -> ExtensionRecord | None:
    """The extension whose code comes first among frames, if one's does."""
    packages = {record.package: record for record in records if record.package}
    for frame in frames:
        module = str(frame.f_globals.get("__name__", ""))
        for package, record in packages.items():
            if module == package or module.startswith(f"{package}."):
                return record
    return None


def frames_of(error: BaseException) -> list[FrameType]:
    """The frames of an error's traceback, the innermost first."""
    frames: list[FrameType] = []
    tb = error.__traceback__
    while tb is not None:
        frames.insert(0, tb.tb_frame)
        tb = tb.tb_next
    return frames


def _harmless(error: BaseException) -> Exception:
    """The error as one that neither ends the event loop nor cancels or stops what awaits it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    harmless = ExtensionError(
        f"It raised {type(error).__name__}{f'({error})' if str(error) else ''}, which would have "
        "ended more than itself.",
        hint="Raise an error that says what is wrong instead.",
    )
    harmless.__cause__ = error
    return harmless

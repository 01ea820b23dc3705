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
from plughost.records import ExtensionRecord, text_of

T = TypeVar("T")

HELD_SECONDS = 5.0
"""What holds the event loop for longer while it starts or stops is broken off."""

AGAIN_SECONDS = 0.1
"""What goes on all the same is broken off again this often."""

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
            error = _harmless(error) if error is not None else None
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
        with working_for(record.name):
            result = _in_thread(f"{phase} {record.name}", work)
            await asyncio.wait([result], timeout=seconds)
            if not result.done():
                result.cancel()
                raise ExtensionError(
                    f"It takes longer than {seconds:g} seconds to {phase}.",
                    hint=f"Look at what {record.package or record.name!r} does then, or raise "
                    "`import_timeout` in plughost.toml.",
                )
            error = result.exception()
            if error is None:
                return result.result()
            if not _wants_main_thread(error):
                raise error
            record.main_thread = True
            return _on_main_thread(record, work, min(seconds, HELD_SECONDS))
    except Exception as error:
        record.fail(phase, error)
    finally:
        record.spent(phase, began)
    return None


def _wants_main_thread(error: BaseException) -> bool:
    return isinstance(error, RuntimeError | ValueError) and bool(
        _MAIN_THREAD.search(text_of(error))
    )


def _on_main_thread(record: ExtensionRecord, work: Callable[[], T], seconds: float) -> T:
    """Run a step here, where it could also take the signals that stop the host."""
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Interruption(seconds), no_exit():
            return work()
    except BaseException as error:
        raise _harmless(error) from error
    finally:
        for signum, handler in before.items():
            if signal.getsignal(signum) is not handler:
                signal.signal(signum, handler)
                record.say(f"It took {signum.name}, which stops the server; it was put back.")


class no_exit:  # noqa: N801  # reads as what it does: `with no_exit():`
    """Turn what would end more than the step, `SystemExit` above all, into an ordinary error.

    Cancellation passes: it may be meant for the task.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: object,
    ) -> None:
        if error is not None and not isinstance(
            error, Exception | asyncio.CancelledError | GeneratorExit
        ):
            raise _harmless(error) from error


class Held(BaseException):
    """Raised inside what holds the main thread; no `except Exception` there can hold it up."""


class Interruption:
    """Breaks off, with `Held`, what holds the main thread longer than `seconds`.

    It needs SIGALRM, and does nothing on another thread, on Windows, or when the program has
    a use of its own for that signal. Code that does not return to the interpreter, such as a
    long computation in C, cannot be broken off.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = False
        self._over = False

    def __enter__(self) -> None:
        self._armed = (
            hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        )
        if self._armed:
            signal.signal(signal.SIGALRM, self._break_off)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, AGAIN_SECONDS)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: object,
    ) -> None:
        try:
            self._over = True
        finally:  # also when the alarm goes off between the last step and this one
            if self._armed:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _break_off(self, signum: int, frame: FrameType | None) -> None:
        if not self._over:
            where = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
            raise Held(f"It held the whole server for {self._seconds:g} seconds{where}.")


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
    packages = {record.home: record for record in records if record.package}
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
    if isinstance(error, Held):
        harmless = ExtensionError(
            text_of(error), hint="Slow work belongs in a thread: `await asyncio.to_thread(…)`."
        )
    else:
        said = f"({text})" if (text := text_of(error)) else ""
        harmless = ExtensionError(
            f"It raised {type(error).__name__}{said}, which would have ended more than itself.",
            hint="Raise an error that says what is wrong instead.",
        )
    harmless.__cause__ = error
    return harmless

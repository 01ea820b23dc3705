"""Providers: further places where kernelspecs come from, each asked with patience.

What a provider does is a stranger's code that reaches for a program, a disk or a network. It
runs in threads of its own, one ask of each provider at a time; whatever it raises, returns or
never returns becomes a problem of its own.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from plughost_kernels import kernel_json
from plughost_kernels.folders import Folders
from plughost_kernels.kernel_json import Found, KernelJSON

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

T = TypeVar("T")

log = logging.getLogger("plughost.kernels")


@dataclass(frozen=True)
class KernelProvider:
    """Offers kernelspecs as `name:spec`.

    `name` consists of `a-z`, `0-9`, `.`, `_` and `-`. `manager` is called once and returns a
    jupyter_client `KernelSpecManager`, or what has its methods `get_all_specs()` and
    `get_kernel_spec(name)`; either may be a coroutine function. All of them are called in
    threads.
    """

    name: str
    manager: Callable[[], Any]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a provider, and what a person can do about it."""

    message: str
    hint: str


class Late(Problem, frozen=True):
    """It has not answered yet."""


class Partial(Problem, frozen=True):
    """Some of its kernelspecs cannot be used."""


class _Answer(msgspec.Struct, frozen=True):
    found: Mapping[str, Found] = {}
    broken: Mapping[str, str] = {}
    problem: Problem | None = None
    when: float = msgspec.field(default_factory=time.monotonic)


class Provided:
    """What is known of one provider.

    `found` are its kernelspecs as it last told them, `broken` those that cannot be used, with
    the reason, `problem` what is wrong with it now; `answered` says that it once told them.
    `title` is how problems name it, `remedy` what they advise. `patience` and `keep` are in
    seconds: how long to wait for an answer, None for ever, and how long one counts.
    """

    def __init__(
        self,
        provider: KernelProvider,
        *,
        patience: float | None,
        keep: float,
        title: str = "",
        remedy: str = "See to what it needs, or remove it. Kernels of others can be used.",
    ) -> None:
        self.provider = provider
        self.found: Mapping[str, Found] = {}
        self.broken: Mapping[str, str] = {}
        self.problem: Problem | None = None
        self.answered = False
        self._title = title or f"The provider {provider.name!r}"
        self._remedy = remedy
        self._patience = patience
        self._keep = keep
        self._manager: Any = None
        self._ask: Future[_Answer] | None = None
        self._began = 0.0
        self._told: float | None = None
        self._slow = False
        self._asks_of_one: dict[str, Future[KernelSpec | Problem | None]] = {}

    async def look(self) -> None:
        """Bring what is known up to date; returns when it has answered, or had its time to.

        Nobody waits for one that was late the last time: its answer counts when it is there.
        """
        self._take()
        if self._ask is None:
            if self._told is not None and time.monotonic() - self._told < self._keep:
                return
            self._began = time.monotonic()
            self._ask = _in_thread(f"kernelspecs of {self.provider.name}", self._read)
        if self._patience is None:
            await asyncio.wait([asyncio.wrap_future(self._ask)])
        elif not self._slow and (left := self._began + self._patience - time.monotonic()) > 0:
            await asyncio.wait([asyncio.wrap_future(self._ask)], timeout=left)
        self._take()

    async def kernel_spec(self, name: str) -> KernelSpec | Problem | None:
        """One kernelspec as jupyter_client starts kernels of it; None when there is none."""
        ask = self._asks_of_one.get(name)
        if ask is None or ask.done():
            work = f"kernelspec {name} of {self.provider.name}"
            ask = self._asks_of_one[name] = _in_thread(work, lambda: self._read_one(name))
        await asyncio.wait([asyncio.wrap_future(ask)], timeout=self._patience)
        return ask.result() if ask.done() else self._lateness()

    def _take(self) -> None:
        """Take note of an answer, or of its absence."""
        if self._ask is None:
            return
        if not self._ask.done():
            # A hundredth of a second: timers may go off a little early.
            waited = time.monotonic() - self._began + 0.01
            if self._patience is not None and waited >= self._patience:
                self._slow = True
                self._have(self._lateness())
            return
        answer = self._ask.result()
        self._ask = None
        self._told = answer.when
        self._slow = self._patience is not None and answer.when - self._began > self._patience
        if answer.problem is None or isinstance(answer.problem, Partial):
            self.found, self.broken, self.answered = answer.found, answer.broken, True
        self._have(answer.problem)

    def _have(self, problem: Problem | None) -> None:
        if problem is None and self.problem is not None:
            log.info("%s answers again.", self._title)
        elif problem is not None and problem != self.problem:
            log.warning("%s %s", problem.message, problem.hint)
        self.problem = problem

    def _lateness(self) -> Late:
        return Late(
            f"{self._title} has not answered within {self._patience:g} s.",
            "It may still do so; what it said last is shown meanwhile. "
            "`provider_patience` in [extensions.kernels] sets how long to wait.",
        )

    # -- in threads

    def _read(self) -> _Answer:
        try:
            manager = self._managing()
            if isinstance(manager, Folders):
                return _Answer(manager.found())
            told = _awaited(manager.get_all_specs())
            if not isinstance(told, Mapping):
                raise TypeError(f"it returned {_kind(told)} instead of a dict of kernelspecs")
            return self._judged(dict(told))
        # Somebody else's program: whatever it raises, even to end more than itself, is news.
        except BaseException as error:
            return _Answer(problem=self._failure(error))

    def _judged(self, told: Mapping[Any, Any]) -> _Answer:
        """Each kernelspec for itself: one that cannot be used costs no other."""
        found: dict[str, Found] = {}
        broken: dict[str, str] = {}
        for name, entry in told.items():
            try:
                found[_name(name)] = _found(entry)
            except (TypeError, ValueError, OSError) as error:
                broken[str(name)] = str(error)
        if not broken:
            return _Answer(found)
        reasons = "; ".join(f"{name!r}: {why}" for name, why in broken.items())
        problem = Partial(
            f"{self._title} has kernelspecs that cannot be used. {reasons}",
            "Correct their kernel.json, or report this to the provider's authors.",
        )
        return _Answer(found, broken, problem)

    def _read_one(self, name: str) -> KernelSpec | Problem | None:
        from jupyter_client.kernelspec import KernelSpec, NoSuchKernel

        try:
            spec = _awaited(self._managing().get_kernel_spec(name))
            if isinstance(spec, KernelSpec):
                return spec
            return KernelSpec(resource_dir=spec.resource_dir, **spec.to_dict())
        except NoSuchKernel:
            return None
        except BaseException as error:  # the same
            return self._failure(error)

    def _managing(self) -> Any:
        if self._manager is None:
            self._manager = self.provider.manager()
        return self._manager

    def _failure(self, error: BaseException) -> Problem:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return Problem(f"{self._title} failed: {said}", self._remedy)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.isprintable() or not name or "/" in name:
        raise ValueError("its name is none: use letters, digits, '.', '_' and '-'")
    return name


def _found(entry: Any) -> Found:
    """One entry of `get_all_specs()`. Raises TypeError, ValueError and OSError."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("spec"), Mapping):
        raise TypeError(f"it is {_kind(entry)} instead of a dict with the key 'spec'")
    # A copy: it can be sent, and nobody changes it behind our back.
    said = msgspec.json.decode(msgspec.json.encode(dict(entry["spec"])))
    known = msgspec.structs.asdict(msgspec.convert(said, KernelJSON))
    folder = entry.get("resource_dir")
    if not folder:
        return Found(None, {**said, **known})
    return Found(Path(folder), {**said, **known}, kernel_json.files(Path(folder)))


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"


def _awaited(value: Any) -> Any:
    """What a coroutine comes to: some of Jupyter's managers have them."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    return asyncio.run(wait())


def _in_thread(name: str, work: Callable[[], T]) -> Future[T]:
    """Run something in a daemon thread, which a server that stops does not wait for."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # a future has either
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future

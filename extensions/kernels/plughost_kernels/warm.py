"""A kernel that is started before anybody wants it, so that the next one has it at once.

One of the default kernelspec, opt-in, and started only while nothing else goes on: no
kernel starting or busy, none wanted lately, memory to spare. It belongs to nobody before
`claim()`: no list has it, no client hears of it, and it ends with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plughost_kernels import claiming, memory
from plughost_kernels.errors import KernelFailed
from plughost_kernels.kernelspecs import Kernelspec, Kernelspecs
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from plughost_kernels.kernel import Kernel

LOOK_SECONDS = 1.0
"""How often it is asked whether there should be a warm kernel, and how it fares."""
SPECS_SECONDS = 60.0
"""How often a warm kernel's kernelspec is looked for: providers may take long to answer."""
LONGEST_PAUSE = 600.0
HEADROOM = 256 * 1024**2
"""Memory above the floor before one is started, which itself takes some of it."""

log = logging.getLogger("plughost.kernels")


@dataclass
class _Held:
    """The warm kernel, what it was started from, and the start, which says if it worked."""

    kernel: Kernel
    spec: Kernelspec
    since: float
    launch: asyncio.Task[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.launch = asyncio.ensure_future(self._launched())

    @property
    def dead(self) -> bool:
        return self.kernel.model().execution_state == "dead"

    @property
    def starting(self) -> bool:
        return self.kernel.model().execution_state == "starting"

    async def _launched(self) -> bool:
        try:
            await self.kernel.start()
        except KernelFailed:
            return False  # its model says why
        return True


class WarmKernel:
    """At most one kernel that waits to be claimed.

    `new` makes a kernel of a kernelspec; `others` are the kernels that people use. `clock`
    gives seconds that only go forward, `available` the bytes of memory that are left.
    """

    def __init__(
        self,
        settings: KernelSettings,
        specs: Kernelspecs,
        new: Callable[[str, Kernelspec], Awaitable[Kernel]],
        others: Iterable[Kernel],
    ) -> None:
        self.clock: Callable[[], float] = time.monotonic
        self.available: Callable[[], int] = memory.available
        self._settings = settings
        self._specs = specs
        self._new = new
        self._others = others
        self._held: _Held | None = None
        self._quiet_since = 0.0
        self._not_before = 0.0
        self._asked_specs = 0.0
        self._deaths = 0
        self._unfit: Kernelspec | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._quiet_since = self.clock()
        self._task = asyncio.ensure_future(self._look_on())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._end("the server stops")
        if self._ending:
            await asyncio.wait(self._ending)

    @property
    def ready(self) -> bool:
        """Whether there is one, and it is up."""
        return self._held is not None and not self._held.dead and not self._held.starting

    async def claim(self, spec: Kernelspec | None) -> Kernel | None:
        """The warm kernel, for somebody who wants one of `spec`; None where there is none.

        It may still be on its way up. One that is, and of no use, ends at once, so as not
        to get in the way of what was asked for. None stands for what no warm kernel can be.
        """
        self._quiet_since = self.clock()
        held = self._held
        if held is None or held.dead:
            return None
        if held.spec != spec:
            if held.starting:
                self._end("another kernel is wanted before it is up")
            return None
        self._held = None
        if not await held.launch:
            return None
        self._deaths = 0
        return held.kernel

    async def look(self) -> None:
        """End the warm kernel if it should not be there; start one if there should be one."""
        floor = self._settings.warm_memory_floor
        left = await asyncio.to_thread(self.available)
        if self._held is not None:
            self._look_after(self._held)
        if self._held is None:
            if self._is_quiet() and left >= floor + HEADROOM:
                await self._start()
        elif left < floor:
            self._end(f"{left} bytes of memory are available, warm_memory_floor is {floor}")
        elif self.clock() - self._asked_specs >= SPECS_SECONDS:
            held, wanted = self._held, await self._wanted()
            if held is self._held and held.spec != wanted:
                self._end("its kernelspec has changed, or is not the default any more")

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("Cannot look after the warm kernel; looking again later.")
                await asyncio.sleep(LONGEST_PAUSE)

    def _look_after(self, held: _Held) -> None:
        """Notice that it has died, or will never answer."""
        age = self.clock() - held.since
        if held.dead:
            why = str(held.kernel.model().reason)
        elif held.starting and age > self._settings.answer_timeout:
            why = f"it has not answered in {self._settings.answer_timeout:g} s"
        else:
            return
        self._deaths = 1 if age >= self._settings.stable_after else self._deaths + 1
        self._not_before = self.clock() + min(2.0**self._deaths, LONGEST_PAUSE)
        if self._deaths == 1:
            log.warning(
                "The warm kernel %r died: %s. Others are tried in its place, with growing "
                "pauses; of those that die, too, nothing more is said.",
                held.spec.name,
                why,
            )
        self._end(why)

    def _is_quiet(self) -> bool:
        """Whether nobody has wanted anything for long enough."""
        now = self.clock()
        if any(kernel.model().execution_state not in ("idle", "dead") for kernel in self._others):
            self._quiet_since = now
        return now >= max(self._quiet_since + self._settings.warm_after, self._not_before)

    async def _start(self) -> None:
        spec = await self._wanted()
        if spec is None:
            return
        kernel = await self._new(str(uuid.uuid4()), spec)
        kernel.warm = True
        # Somebody may have come while we looked around.
        if self._held is None and self._is_quiet():
            self._held = _Held(kernel, spec, self.clock())
            log.debug("Starting a warm kernel of %r.", spec.name)
            await asyncio.wait([self._held.launch])

    async def _wanted(self) -> Kernelspec | None:
        """The kernelspec to keep a kernel of; None when the default one is not fit for it."""
        self._asked_specs = self.clock()
        offer = await self._specs.look()
        spec = offer.kernelspecs.get(offer.default)
        why = _unfit(spec) if spec else None
        if why is not None and spec != self._unfit:
            log.warning("No kernel of %r is kept warm: %s.", spec.name if spec else "", why)
            self._unfit = spec
        return None if why else spec

    def _end(self, why: str) -> None:
        """Let go of the warm kernel, if there is one, and kill it: it is nobody's."""
        held, self._held = self._held, None
        if held is not None:
            log.debug("Ending the warm kernel of %r: %s.", held.spec.name, why)
            task = asyncio.ensure_future(self._kill(held))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _kill(self, held: _Held) -> None:
        if await held.launch:
            try:
                await held.kernel.shutdown(now=True)
            except (OSError, RuntimeError) as error:
                log.error("The warm kernel %s could not be ended: %s", held.kernel.id, error)


def _unfit(spec: Kernelspec) -> str | None:
    """Why kernels of a kernelspec cannot be told later where they are; None when they can."""
    facts = spec.spec
    if not claiming.knows(facts.get("language", "")):
        return f"its language is {facts.get('language', '')!r}, which plughost cannot speak"
    if "provisioner_name" in facts.get("metadata", {}).get("kernel_provisioner", {}):
        return "it has a provisioner of its own"
    if any("JPY_SESSION_NAME" in value for value in facts.get("env", {}).values()):
        return "its kernel.json refers to JPY_SESSION_NAME"
    return None

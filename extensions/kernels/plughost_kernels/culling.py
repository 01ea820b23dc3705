"""Ending kernels that nobody has used for long: culling, with Jupyter's settings.

Off unless a time is set, for all kernels (`cull_idle_timeout`) or in the metadata of a
kernelspec, which counts for its kernels. Source: jupyter_server's MappingKernelManager.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from plughost import HostError
from plughost_kernels.errors import KernelNotFound
from plughost_kernels.kernelspecs import Kernelspec, Kernelspecs
from plughost_kernels.models import KernelModel
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from plughost_kernels.kernel import Kernel
    from plughost_kernels.kernels import Kernels

OVERRIDE = "cull_idle_timeout"
"""The key in a kernelspec's metadata with a time of its own, in seconds; 0: never."""

log = logging.getLogger("plughost.kernels")


class _Rest(NamedTuple):
    """A kernel's last activity as its model says it, and since when, on our clock."""

    last_activity: datetime
    since: float


class Culling:
    """Looks at all kernels every `cull_interval` seconds, and ends those idle for too long.

    `clock` gives seconds that only go forward. Idle time is counted on it, because a
    system clock that is set right would age all kernels by hours.
    """

    def __init__(self, kernels: Kernels, specs: Kernelspecs, settings: KernelSettings) -> None:
        self.clock: Callable[[], float] = time.monotonic
        self._kernels = kernels
        self._specs = specs
        self._settings = settings
        self._looked = self.clock()
        self._rests: dict[str, _Rest] = {}
        self._complained: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._look_on())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """End every kernel that is idle for longer than it may be."""
        specs = await self._specs.all() if len(self._kernels) else {}
        rests = {kernel.id: self._rest(kernel.model()) for kernel in self._kernels}
        self._rests, self._looked = rests, self.clock()
        await asyncio.gather(*(self._cull(kernel, specs) for kernel in self._kernels))

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._settings.cull_interval)
            try:
                await self.look()
            except Exception:
                log.exception("Cannot tell which kernels are idle; looking again later.")

    async def _cull(self, kernel: Kernel, specs: dict[str, Kernelspec]) -> None:
        # No await up to the shutdown: a kernel that is given something to do meanwhile
        # is not idle any more.
        why = self._reason(kernel, self._timeout(specs.get(kernel.name), kernel.name))
        if why is None:
            return
        log.warning("Culling kernel %s (%s): %s.", kernel.id, kernel.name, why)
        try:
            await self._kernels.shutdown(kernel.id)
        except KernelNotFound:
            return  # somebody has ended it just now
        except (HostError, OSError, RuntimeError) as error:
            log.error("Kernel %s could not be culled: %s", kernel.id, error)

    def _reason(self, kernel: Kernel, timeout: float) -> str | None:
        """Why a kernel should end; None when it should not."""
        model = kernel.model()
        if not timeout > 0 or kernel.changing:  # so NaN is never, too
            return None
        if model.execution_state == "dead":
            return "it is dead"
        idle = self.clock() - self._rest(model).since
        connected = model.connections > 0 and not self._settings.cull_connected
        busy = at_work(model) and not self._settings.cull_busy
        if idle <= timeout or connected or busy:
            return None
        state = "busy" if at_work(model) else "idle"
        return f"{state} without activity for {idle:.0f} s, {model.connections} connections"

    def _rest(self, model: KernelModel) -> _Rest:
        known = self._rests.get(model.id)
        if known is not None and known.last_activity == model.last_activity:
            return known
        # It has come to rest since we last looked: earlier than that is not possible.
        ago = (datetime.now(timezone.utc) - model.last_activity).total_seconds()
        now = self.clock()
        return _Rest(model.last_activity, now - min(max(ago, 0.0), now - self._looked))

    def _timeout(self, spec: Kernelspec | None, name: str) -> float:
        """How many seconds a kernel may be idle; 0: as long as it likes."""
        usual = self._settings.cull_idle_timeout
        given = spec.spec.get("metadata", {}).get(OVERRIDE, usual) if spec else usual
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
        if name not in self._complained:
            self._complained.add(name)
            log.warning(
                "The kernelspec %r has %s %r in its metadata, which is no number of seconds; "
                "%g is used. Correct its kernel.json.",
                name,
                OVERRIDE,
                given,
                usual,
            )
        return usual


def at_work(model: KernelModel) -> bool:
    """Whether a kernel runs something, has been asked to, or waits for input."""
    busy = model.execution_state in ("busy", "restarting")
    return busy or bool(model.running or model.queued or model.input)

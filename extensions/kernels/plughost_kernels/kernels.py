"""All kernels of this server: started here, or adopted from one that is gone."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plughost import BadRequest
from plughost_kernels.arguments import (
    check_path,
    check_session_name,
    check_variables,
    working_folder,
)
from plughost_kernels.audit import audit
from plughost_kernels.culling import Culling
from plughost_kernels.errors import KernelExists, KernelFailed, KernelNotFound, ServerStops
from plughost_kernels.events import KernelEvents
from plughost_kernels.kernelspecs import Kernelspec, Kernelspecs
from plughost_kernels.registry import KernelRecord, Registry
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from plughost_kernels.kernel import Kernel
    from plughost_kernels.warm import WarmKernel

_ID = re.compile(r"(?=.{1,128}\Z)\w+(-\w+){4}", re.ASCII)  # it becomes the name of files

log = logging.getLogger("plughost.kernels")


class Kernels:
    """The kernels by id, in the order in which they were started.

    `keep` says, when the server stops, whether they go on; `on_activity` is called when
    one of them does something; `events` is told what is done to them. `warm` has one more
    than are listed, if there shall be; `culling` ends those that nobody uses. Once they are
    `stopping`, none is started any more, and who asks for one hears so.
    """

    def __init__(
        self,
        root: Path,
        specs: Kernelspecs,
        settings: KernelSettings,
        keep: Callable[[], bool],
        on_activity: Callable[[], None],
        events: KernelEvents,
    ) -> None:
        self.root = root.resolve()
        self.specs = specs
        self._settings = settings
        self._keep = keep
        self._on_activity = on_activity
        self._events = events
        self._registry = Registry(self.root)
        self._all: dict[str, Kernel] = {}
        self._ending: dict[str, asyncio.Event] = {}
        self._context: Any = None
        self.stopping = False
        self.culling = Culling(self, specs, settings)
        self.warm: WarmKernel | None = None
        if settings.warm_kernel:
            from plughost_kernels.warm import WarmKernel

            self.warm = WarmKernel(settings, specs, self._new_warm, self)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Kernel]:
        return iter([*self._all.values()])

    def __contains__(self, kernel_id: str) -> bool:
        return kernel_id in self._all

    @property
    def connections(self) -> int:
        """How many WebSockets there are, over all kernels."""
        return sum(len(kernel.clients) for kernel in self)

    async def start(self) -> None:
        """Adopt what an earlier server on the same root has left running."""
        if await asyncio.to_thread(self._registry.has_entries):
            await self._adopt_all()
        self.culling.start()
        if self.warm is not None:
            self.warm.start()

    async def _adopt_all(self) -> None:
        records = await asyncio.to_thread(self._registry.adopt)
        adopted = await asyncio.gather(*(self._adopt(record) for record in records))
        if any(adopted):
            log.info("Adopted %s.", _counted(sum(adopted), "running kernel"))

    async def stop(self) -> None:
        """Shut all kernels down, or leave them running if the host says so."""
        self.stopping = True
        await self.culling.stop()
        for kernel in self:
            kernel.clients.close()
        left = await self._leave() if self._keep() else []
        if left:
            log.info(
                "Left %s running, for the next server on %s to adopt.",
                _counted(len(left), "kernel"),
                self.root,
            )
        ending = [kernel for kernel in self if kernel not in left]
        self._all.clear()
        try:
            waiting = [self.warm.stop()] if self.warm is not None else []
            await asyncio.gather(*waiting, *(self._end(kernel) for kernel in ending))
        finally:
            for kernel in ending:
                await kernel.abandon()  # ZeroMQ waits for ever for whatever is still open
            if self._context is not None:
                self._context.destroy(linger=0)
            self._registry.close()

    async def _end(self, kernel: Kernel) -> None:
        """End one of several kernels, whatever becomes of it."""
        try:
            await kernel.shutdown()
        except Exception:
            log.exception("Kernel %s could not be ended.", kernel.id, extra={"kernel": kernel.id})

    async def _leave(self) -> list[Kernel]:
        """Let go of all kernels that another server can adopt; these are they."""
        kernels = [*self]
        are_left = await asyncio.gather(*(kernel.leave() for kernel in kernels))
        return [kernel for kernel, is_left in zip(kernels, are_left, strict=True) if is_left]

    def get(self, kernel_id: str) -> Kernel:
        """One kernel. Raises KernelNotFound, and ServerStops."""
        if kernel_id not in self._all:
            raise ServerStops if self.stopping else KernelNotFound(kernel_id, self._all)
        return self._all[kernel_id]

    async def launch(
        self,
        name: str | None = None,
        *,
        path: str = "",
        session_name: str = "",
        kernel_id: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Kernel:
        """Start a kernel of a kernelspec, or of the default one; it may not answer yet.

        It runs in the folder of `path`, a file or folder below the root that need not exist,
        and finds `env` in its environment.
        Raises KernelspecNotFound, KernelExists, KernelFailed, ServerStops, and BadRequest for
        an id or a path that is none, and for variables that cannot be set.
        """
        check_variables(env or {})
        check_path(path)
        check_session_name(session_name)
        ordinary = not (kernel_id or env)
        kernel_id = kernel_id or str(uuid.uuid4())
        if not _ID.fullmatch(kernel_id):
            raise BadRequest(
                f"{kernel_id!r} is no kernel id.",
                hint="An id is five groups of letters and digits with dashes between them, of "
                "128 characters at most.",
            )
        if kernel_id in self._all or (not ordinary and await self._registry.has(kernel_id)):
            raise KernelExists(kernel_id)  # here, or with another server
        spec = await self.specs.get(name)
        folder = await asyncio.to_thread(working_folder, self.root, path)
        warm = self.warm and await self.warm.claim(spec if ordinary else None)
        kernel = warm or await self._new(kernel_id, spec.name, folder)
        if self.stopping:
            if warm:
                await warm.shutdown(now=True)
            raise ServerStops
        kernel_id = kernel.id
        kernel.session_name = session_name
        kernel.environment = dict(env or {})
        if kernel_id in self._all:  # somebody was faster while we looked around
            raise KernelExists(kernel_id)
        self._all[kernel_id] = kernel
        try:
            with self._events.telling("start", kernel_id, spec.name):
                if warm is None:
                    await kernel.start()
                else:
                    kernel.claim(folder, session_name)
        except KernelFailed:
            self._forget(kernel)
            raise
        about = {"kernel": kernel_id}
        audit.debug("kernel_start", extra={**about, "path": path})
        log.info("Kernel %s (%s) started.", kernel_id, spec.name, extra=about)
        return kernel

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what a kernel is doing.

        Raises KernelNotFound, KernelNotRunning and ServerStops.
        """
        kernel = self.get(kernel_id)
        with self._events.telling("interrupt", kernel_id, kernel.name):
            await kernel.interrupt()

    async def restart(self, kernel_id: str) -> Kernel:
        """Restart a kernel; returns when it answers.

        Raises KernelNotFound, KernelFailed, KernelDied, KernelEnded when it is shut down
        meanwhile, and ServerStops.
        """
        kernel = self.get(kernel_id)
        with self._events.telling("restart", kernel_id, kernel.name):
            await kernel.restart()
        return kernel

    def is_ending(self, kernel_id: str) -> bool:
        """Whether a kernel is being shut down right now."""
        return kernel_id in self._ending

    async def shutdown(self, kernel_id: str) -> None:
        """End one kernel; who wants the same meanwhile waits for it.

        Raises KernelNotFound and ServerStops.
        """
        kernel = self.get(kernel_id)
        while (others := self._ending.get(kernel_id)) is not None:
            await others.wait()
        if self._all.get(kernel_id) is not kernel:
            return
        ended = self._ending[kernel_id] = asyncio.Event()
        try:
            with self._events.telling("shutdown", kernel_id, kernel.name):
                await kernel.shutdown()
            self._forget(kernel)
        finally:
            del self._ending[kernel_id]
            ended.set()
        log.info("Kernel %s shut down.", kernel_id, extra={"kernel": kernel_id})

    def _forget(self, kernel: Kernel) -> None:
        if self._all.get(kernel.id) is kernel:  # and not another one with its id
            del self._all[kernel.id]

    async def _adopt(self, record: KernelRecord) -> bool:
        kernel = None
        try:
            kernel = await self._new(record.kernel_id, record.name, Path(record.folder))
            await kernel.adopt(record)
        except KernelFailed as error:
            log.error("%s (id %s, pid %s)", error.message, record.kernel_id, record.pid)
        except Exception:
            # Anything can be on file, and one kernel must not cost the others.
            log.exception("Kernel %s (pid %s) cannot be adopted.", record.kernel_id, record.pid)
            if kernel is not None:
                await kernel.leave()
        else:
            self._all[record.kernel_id] = kernel
            return True
        return False

    async def _new(self, kernel_id: str, name: str, folder: Path) -> Kernel:
        await self._registry.ensure_open()
        # jupyter_client and ZeroMQ cost a tenth of a second and 20 MB: only once they are
        # needed, and not on the event loop.
        await asyncio.to_thread(importlib.import_module, "plughost_kernels.kernel")
        import zmq.asyncio

        from plughost_kernels.kernel import Kernel

        if self._context is None:
            self._context = zmq.asyncio.Context()
        return Kernel(
            kernel_id,
            name,
            folder,
            registry=self._registry,
            settings=self._settings,
            specs=self.specs,
            context=self._context,
            on_activity=lambda: self._note_activity(kernel_id),
        )

    async def _new_warm(self, kernel_id: str, spec: Kernelspec) -> Kernel:
        return await self._new(kernel_id, spec.name, self.root)

    def _note_activity(self, kernel_id: str) -> None:
        if kernel_id in self._all:  # a warm kernel is nobody's activity
            self._on_activity()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

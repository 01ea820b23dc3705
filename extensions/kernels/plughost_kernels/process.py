"""The process of one kernel: launched as its kernelspec says, or taken over from another server.

Here is everything that jupyter_client does for a kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir

from plughost_kernels import death
from plughost_kernels.connection import CHANNELS
from plughost_kernels.death import Death
from plughost_kernels.errors import KernelFailed, KernelspecNotFound
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.provisioner import LastingProvisioner, find_process
from plughost_kernels.registry import KernelRecord, Registry

if TYPE_CHECKING:
    from jupyter_client.session import Session


class KernelProcess:
    """A process and how to reach it; `launched` is when it was, on the monotonic clock."""

    def __init__(
        self,
        kernel_id: str,
        name: str,
        specs: Kernelspecs,
        registry: Registry,
        context: zmq.asyncio.Context,
        shutdown_wait: float,
    ) -> None:
        self.launched = 0.0
        self._name = name
        self._kernel_id = kernel_id
        self._specs = specs
        self._output_files = registry.output_files(kernel_id)
        self._oom_kills = 0
        self._manager = _KernelManager(
            kernel_id=kernel_id,
            kernel_name=name.partition(":")[2] or name,
            connection_file=str(Path(jupyter_runtime_dir(), f"kernel-{kernel_id}.json")),
            shutdown_wait_time=shutdown_wait,
            context=context,
        )

    @property
    def connection_file(self) -> str:
        return str(self._manager.connection_file)

    @property
    def session(self) -> Session:
        """What signs messages with the kernel's key."""
        session: Session = self._manager.session
        return session

    @property
    def language(self) -> str:
        """What its kernelspec says; empty where there is none."""
        spec = self._manager.kernel_spec
        return str(spec.language) if spec is not None else ""

    @property
    def lasting(self) -> LastingProvisioner | None:
        """What keeps it beyond the server; None where another package's provisioner has it."""
        provisioner = self._manager.provisioner
        return provisioner if isinstance(provisioner, LastingProvisioner) else None

    def urls(self) -> dict[str, str]:
        """A ZeroMQ address for each channel."""
        info: Any = self._manager.get_connection_info()
        separator = ":" if info["transport"] == "tcp" else "-"
        return {
            channel: f"{info['transport']}://{info['ip']}{separator}{info[f'{channel}_port']}"
            for channel in (*CHANNELS, "iopub")
        }

    async def choose(self) -> None:
        """Learn from its kernelspec how it is to be launched. Raises KernelFailed."""
        spec = await self._spec()
        # A kernelspec that names a provisioner gets that one, from jupyter_client.
        if "provisioner_name" not in spec.metadata.get("kernel_provisioner", {}):
            self._manager.provisioner = self._new_provisioner(spec)

    async def launch(self, folder: Path, env: dict[str, str]) -> None:
        """Start it for the first time, as chosen. A provisioner may raise anything."""
        await self._manager.start_kernel(cwd=str(folder), env=env)
        self._note_launch()

    async def prepare(self) -> None:
        """See to it that it can be started again. Raises KernelFailed."""
        if self._manager.stand_in:
            await self._spec()

    async def relaunch(self, folder: Path, env: dict[str, str], *, now: bool) -> None:
        """End it, at once or when it is ready to, and start another one in its place."""
        await self._manager.restart_kernel(now=now, cwd=str(folder), env=env)
        self._note_launch()

    async def adopt(self, record: KernelRecord) -> None:
        """Take over what another server has started. Raises KernelFailed when it is gone."""
        process = find_process(record.pid, record.started)
        self._manager.connection_file = record.connection_file
        try:
            await asyncio.to_thread(self._manager.load_connection_file)
        except (OSError, ValueError) as error:
            raise KernelFailed(self._name, f"its connection file is lost: {error}") from error
        if process is None:
            raise KernelFailed(self._name, "its process has ended")
        try:
            spec = await self._spec()
        except KernelFailed:  # its provider may come later, or come back
            spec = self._manager.use(KernelSpec(display_name=self._name), stand_in=True)
        provisioner = self._new_provisioner(spec)
        provisioner.adopt(process)
        provisioner.connection_info = self._manager.get_connection_info()
        self._manager.adopt(provisioner)
        self._note_launch()

    def answers(self) -> None:
        """It has been heard: its ports are its own."""
        if self.lasting is not None:
            self.lasting.listens()

    async def is_alive(self) -> bool:
        return bool(await self._manager.is_alive())

    async def shorten_output(self, limit: int) -> None:
        """Keep what it writes outside of cells to about `limit` bytes for each stream."""
        if self.lasting is not None:
            await asyncio.to_thread(self.lasting.shorten_output, limit)

    async def interrupt(self) -> None:
        """By signal or message, as its kernelspec says. Raises RuntimeError if it has ended."""
        await self._manager.interrupt_kernel()

    async def shutdown(self, *, now: bool) -> None:
        """Ask it to end, then terminate, then kill it; `now`: kill it."""
        await self._manager.shutdown_kernel(now=now)

    async def clear_away(self) -> None:
        """End what is left of a launch that has failed."""
        provisioner = self._manager.provisioner
        if provisioner is not None:
            with contextlib.suppress(Exception):
                if provisioner.has_process:
                    await provisioner.kill()
                    await provisioner.wait()
                await provisioner.cleanup()

    def why_dead(self) -> Death:
        """How it has ended."""
        lasting = self.lasting
        if lasting is None:
            return death.explain(None, None)
        return death.explain(
            lasting.exit_code,
            lasting.stderr_file,
            lasting.stderr_start,
            out_of_memory=death.oom_kills() > self._oom_kills,
        )

    def _note_launch(self) -> None:
        self.launched = time.monotonic()
        self._oom_kills = death.oom_kills()

    async def _spec(self) -> KernelSpec:
        """The kernelspec, to be used from now on. Raises KernelFailed."""
        try:
            return self._manager.use(await self._specs.kernel_spec(self._name))
        except KernelspecNotFound as error:
            why = "its kernelspec is not installed any more."
            raise KernelFailed(self._name, why) from error

    def _new_provisioner(self, spec: KernelSpec) -> LastingProvisioner:
        provisioner = LastingProvisioner(
            kernel_id=self._kernel_id, kernel_spec=spec, parent=self._manager
        )
        provisioner.stdout_file, provisioner.stderr_file = self._output_files
        return provisioner


class _KernelManager(AsyncKernelManager):
    """jupyter_client's manager, which leaves the connection file to a kernel that goes on.

    Its own removes the file even when it is merely forgotten, and with it the only way to
    a kernel that outlives us.
    """

    stand_in = False
    """Whether the real kernelspec of an adopted kernel was not to be had."""

    def use(self, spec: KernelSpec, *, stand_in: bool = False) -> KernelSpec:
        """Start kernels as a kernelspec says, whoever has it."""
        self._kernel_spec = spec
        self.stand_in = stand_in
        if self.provisioner is not None:
            self.provisioner.kernel_spec = spec
        return spec

    def adopt(self, provisioner: LastingProvisioner) -> None:
        """Go on with a kernel that is running already."""
        self.provisioner = provisioner
        self._attempted_start = True  # else a restart would settle `ready` twice

    def _connect_control_socket(self) -> None:
        super()._connect_control_socket()
        # One that has met a stranger on its port has no way to anybody any more, and to send
        # on it would block, and with it the server, for ever.
        self._control_socket.sndtimeo = 0

    async def _async_request_shutdown(self, restart: bool = False) -> None:
        try:
            await super()._async_request_shutdown(restart)
        except zmq.Again:
            self._close_control_socket()
            with contextlib.suppress(zmq.Again):  # who cannot be asked is ended by signals
                await super()._async_request_shutdown(restart)

    async def _async_interrupt_kernel(self) -> None:
        try:
            await super()._async_interrupt_kernel()
        except zmq.Again:
            self._close_control_socket()
            await super()._async_interrupt_kernel()

    interrupt_kernel = _async_interrupt_kernel

    def _close_control_socket(self) -> None:
        # With what a process has ended without having read, it would try the next one on the
        # same port for a while: a restarted kernel would be asked to shut down.
        if self._control_socket is not None and not self._control_socket.closed:
            self._control_socket.linger = 0
        super()._close_control_socket()

    def cleanup_connection_file(self) -> None:
        if self.shutting_down:
            Path(self.connection_file).unlink(missing_ok=True)

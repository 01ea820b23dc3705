"""One kernel: its process, its connection, its clients, and what becomes of it.

This module imports jupyter_client and ZeroMQ; `kernels.py` imports it when the first
kernel is wanted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import zmq
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir

from plughost_kernels import death, messages
from plughost_kernels.activity import Activity
from plughost_kernels.connection import CHANNELS, Connection
from plughost_kernels.delivery import Client, Delivery
from plughost_kernels.errors import KernelDied, KernelFailed, KernelNotRunning
from plughost_kernels.journal import Journal
from plughost_kernels.models import KernelModel
from plughost_kernels.provisioner import LastingProvisioner, find_process
from plughost_kernels.registry import KernelRecord, Registry, SessionFacts
from plughost_kernels.settings import KernelSettings

ADOPTION_PATIENCE = 1.0
"""Seconds after which an adopted kernel that does not answer counts as busy."""

LAUNCH_ERRORS = (NoSuchKernel, OSError, ValueError, RuntimeError, subprocess.SubprocessError)

log = logging.getLogger("plughost.kernels")
audit = logging.getLogger("plughost.audit")
"""Who did what to which kernel, for whoever keeps that: nothing of code or outputs."""

AUDITED = ("execute_request", "debug_request", "shutdown_request", "interrupt_request")
"""Messages from clients that an audit names."""


class Kernel:
    """A kernel from its first start, or adoption, to its end; restarts leave its id as it is.

    `sessions` and `session_name` (what the kernel finds in JPY_SESSION_NAME) are kept with
    it on disk; `save()` writes them.
    """

    def __init__(
        self,
        kernel_id: str,
        name: str,
        folder: Path,
        *,
        registry: Registry,
        settings: KernelSettings,
        specs: KernelSpecManager,
        context: zmq.asyncio.Context,
        on_activity: Callable[[], None],
    ) -> None:
        self.id = kernel_id
        self.name = name
        self.folder = folder
        self.session_name = ""
        self.sessions: list[SessionFacts] = []
        self.delivery = Delivery(Journal(settings.journal_bytes))
        self._reason: str | None = None
        self._activity = Activity(on_activity)
        self._connection = Connection(kernel_id, self.delivery.deliver, self._activity.note)
        self._settings = settings
        self._registry = registry
        self._context = zmq.Context(context)
        self._manager = _KernelManager(
            kernel_id=kernel_id,
            kernel_name=name,
            connection_file=str(Path(jupyter_runtime_dir(), f"kernel-{kernel_id}.json")),
            kernel_spec_manager=specs,
            shutdown_wait_time=settings.shutdown_wait,
            context=context,
        )
        self._changing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._urls: dict[str, str] = {}
        self._was_up = False
        self._deaths = 0
        self._launched = 0.0
        self._oom_kills = 0
        self._about = {"kernel": kernel_id}

    # -- its life

    async def start(self) -> None:
        """Launch the process; returns before it answers. Raises KernelFailed."""
        spec = await self._spec()
        # A kernelspec that names a provisioner gets that one, from jupyter_client.
        if not (spec and "provisioner_name" in spec.metadata.get("kernel_provisioner", {})):
            self._manager.provisioner = self._new_provisioner(spec)
        async with self._changing:
            try:
                await self._manager.start_kernel(**self._launch_arguments())
            except LAUNCH_ERRORS as error:
                failure = KernelFailed(self.name, str(error))
                await self._end(failure.message)
                raise failure from error
            await self._begin()

    async def adopt(self, record: KernelRecord) -> None:
        """Take over a process that another server has started, and learn how it fares.

        Raises KernelFailed when it cannot be reached any more.
        """
        process = find_process(record.pid, record.started)
        self._manager.connection_file = record.connection_file
        try:
            await asyncio.to_thread(self._manager.load_connection_file)
        except (OSError, ValueError) as error:
            raise KernelFailed(self.name, f"its connection file is lost: {error}") from error
        if process is None:
            raise KernelFailed(self.name, "its process has ended")
        spec = await self._spec()
        provisioner = self._new_provisioner(spec)
        provisioner.adopt(process)
        provisioner.connection_info = self._manager.get_connection_info()
        self._manager.adopt(provisioner, spec or KernelSpec(display_name=self.name))
        self.session_name = record.session_name
        self.sessions = record.sessions
        self._was_up = True
        self._connect()
        if not await self._connection.greet(ADOPTION_PATIENCE):
            # It lives, so it is at work on something that an earlier server has asked for.
            self._activity.assume_busy()
            self._go(self._await_answer())
        self._settled.set()
        self._go(self._watch())

    async def interrupt(self) -> None:
        """Interrupt what it is doing, by signal or message as its kernelspec says."""
        self._require_running()
        audit.debug("kernel_interrupt", extra=self._about)
        try:
            await self._manager.interrupt_kernel()
        except RuntimeError as error:
            raise KernelNotRunning(self.id, str(error)) from error

    async def restart(self) -> None:
        """End the process and launch another; returns when that answers.

        Works for a dead kernel, too. Raises KernelFailed and KernelDied.
        """
        audit.debug("kernel_restart", extra=self._about)
        async with self._changing:
            self._deaths = 0
            await self._relaunch(now=False)
        await self.reachable()

    async def shutdown(self) -> None:
        """End the process: ask it to, then terminate, then kill it."""
        audit.debug("kernel_stop", extra=self._about)
        async with self._changing:
            await self._cancel_tasks()
            await self._manager.shutdown_kernel()
            await self._end("it was shut down")

    async def leave(self) -> bool:
        """Let go of the process without ending it; False if nobody could adopt it."""
        provisioner = self._manager.provisioner
        if not isinstance(provisioner, LastingProvisioner) or self._activity.state == "dead":
            return False
        await self._cancel_tasks()
        self._connection.close()
        provisioner.leave()
        return True

    async def save(self) -> None:
        """Store on disk what a later server needs to adopt the kernel."""
        record = self._record()
        if record is None:
            return
        try:
            await self._registry.write(record)
        except OSError as error:
            log.error("No later server can adopt kernel %s: %s", self.id, error, extra=self._about)

    # -- its clients

    async def reachable(self) -> None:
        """Wait until it answers, or has had its time to. Raises KernelDied."""
        await self._settled.wait()
        if self._reason is not None:
            raise KernelDied(self.id, self._reason)

    def send(self, client: Client, channel: str, parts: Sequence[bytes]) -> None:
        """Pass a client's message on to the kernel. Raises BadMessage."""
        message = messages.read(channel, parts)
        if channel not in CHANNELS:
            log.warning(
                "Ignoring a message for the channel %r of %s.", channel, self.id, extra=self._about
            )
            return
        if message.header.msg_type in AUDITED:
            audit.debug(message.header.msg_type, extra=self._about)
        if channel != "stdin":
            self.delivery.asked(message.header.msg_id, client.session)
        self._connection.send(channel, parts)

    def model(self) -> KernelModel:
        """The kernel as clients see it."""
        return KernelModel(
            id=self.id,
            name=self.name,
            last_activity=self._activity.last,
            execution_state=self._activity.state,
            connections=len(self.delivery),
            reason=self._reason,
        )

    # -- how it goes on

    async def _begin(self) -> None:
        """A process was launched: connect, put it on file, greet and watch it."""
        self._launched = time.monotonic()
        self._oom_kills = death.oom_kills()
        self._activity.state = "starting"
        self._reason = None
        self._connect()
        await self.save()
        self._go(self._greet())
        self._go(self._watch())

    async def _greet(self) -> None:
        if await self._connection.greet(self._settings.answer_timeout):
            self._was_up = True
        else:
            log.warning(
                "Kernel %s (%s) has not answered in %g s.",
                self.id,
                self.name,
                self._settings.answer_timeout,
                extra=self._about,
            )
        self._settled.set()

    async def _await_answer(self) -> None:
        await self._connection.answered.wait()
        self._activity.note_answer()

    async def _watch(self) -> None:
        while await self._manager.is_alive():  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(self._settings.watch_interval)
        async with self._changing:
            await self._died()

    async def _died(self) -> None:
        """The process ended and nobody had asked for it."""
        why = self._why_dead()
        audit.debug("kernel_died", extra=self._about)
        log.warning("Kernel %s (%s) died: %s.", self.id, self.name, why, extra=self._about)
        stable = time.monotonic() - self._launched >= self._settings.stable_after
        self._deaths = 1 if stable else self._deaths + 1
        if self._deaths > self._settings.restart_limit:
            await self._end(why)
            self._tell("dead")
            return
        self._tell("restarting")
        try:
            # Another program may have taken a port before a kernel that never was up.
            await self._relaunch(now=True, newports=not self._was_up)
        except KernelFailed as error:
            await self._end(error.message)
            self._tell("dead")

    async def _relaunch(self, **how: bool) -> None:
        spec = self._manager.kernel_spec
        if spec is None or not spec.argv:
            raise KernelFailed(self.name, "its kernelspec is not installed any more.")
        await self._cancel_tasks()
        self._settled.clear()
        self._activity.state = "restarting"
        self.delivery.forget_requests()
        try:
            await self._manager.restart_kernel(**how, **self._launch_arguments())
        except LAUNCH_ERRORS as error:
            failure = KernelFailed(self.name, str(error))
            await self._end(failure.message)
            raise failure from error
        await self._begin()

    async def _end(self, reason: str) -> None:
        await self._cancel_tasks()
        self._connection.close()
        self._urls = {}
        self._activity.state = "dead"
        self._reason = reason
        self._settled.set()
        await self._registry.remove(self.id, self._manager.connection_file)

    # -- odds and ends

    def _connect(self) -> None:
        info: Mapping[str, Any] = self._manager.get_connection_info()
        separator = ":" if info["transport"] == "tcp" else "-"
        urls = {
            channel: f"{info['transport']}://{info['ip']}{separator}{info[f'{channel}_port']}"
            for channel in (*CHANNELS, "iopub")
        }
        if urls != self._urls:
            self._connection.close()
            self._connection.open(self._context, self._manager.session, urls)
            self._urls = urls

    async def _spec(self) -> KernelSpec | None:
        """The kernelspec; None when it is not installed any more."""
        try:
            return await asyncio.to_thread(lambda: self._manager.kernel_spec)
        except NoSuchKernel:
            return None

    def _new_provisioner(self, spec: KernelSpec | None) -> LastingProvisioner:
        provisioner = LastingProvisioner(kernel_id=self.id, kernel_spec=spec, parent=self._manager)
        provisioner.stdout_file, provisioner.stderr_file = self._registry.output_files(self.id)
        return provisioner

    def _launch_arguments(self) -> dict[str, Any]:
        env = {**os.environ, "JPY_SESSION_NAME": self.session_name}
        return {"cwd": str(self.folder), "env": env}

    def _record(self) -> KernelRecord | None:
        provisioner = self._manager.provisioner
        if not isinstance(provisioner, LastingProvisioner) or provisioner.pid is None:
            return None
        return KernelRecord(
            kernel_id=self.id,
            name=self.name,
            pid=provisioner.pid,
            started=provisioner.started,
            connection_file=self._manager.connection_file,
            folder=str(self.folder),
            root=self._registry.root,
            user=self._registry.user,
            machine=self._registry.machine,
            owner=self._registry.owner,
            session_name=self.session_name,
            sessions=self.sessions,
        )

    def _why_dead(self) -> str:
        provisioner = self._manager.provisioner
        if not isinstance(provisioner, LastingProvisioner):
            return death.explain(None, None)
        return death.explain(
            provisioner.exit_code,
            provisioner.stderr_file,
            provisioner.stderr_start,
            out_of_memory=death.oom_kills() > self._oom_kills,
        )

    def _tell(self, state: str) -> None:
        """Tell every client of a state that the kernel cannot tell itself.

        The header carries the client's own session: JupyterLab takes another one for a
        restarted kernel and drops what it was about to handle.
        """

        def status(session: str) -> list[bytes]:
            header = {
                "msg_id": secrets.token_hex(16),
                "msg_type": "status",
                "session": session,
                "username": "plughost",
                "date": datetime.now(timezone.utc),
                "version": "5.3",
            }
            content = {"execution_state": state}
            return [msgspec.json.encode(part) for part in (header, {}, {}, content)]

        self.delivery.tell_each(status)

    def _require_running(self) -> None:
        if self._activity.state == "dead":
            raise KernelNotRunning(self.id, self._reason or "")

    def _go(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "Kernel %s is not watched any more.",
                self.id,
                exc_info=task.exception(),
                extra=self._about,
            )

    async def _cancel_tasks(self) -> None:
        """End what runs for this kernel, except the caller."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class _KernelManager(AsyncKernelManager):
    """jupyter_client's manager, which leaves the connection file to a kernel that goes on.

    Its own removes the file even when it is merely forgotten, and with it the only way to
    a kernel that outlives us.
    """

    def adopt(self, provisioner: LastingProvisioner, spec: KernelSpec) -> None:
        """Go on with a kernel that is running already."""
        self.provisioner = provisioner
        self._kernel_spec = spec
        self._attempted_start = True  # else a restart would settle `ready` twice

    def cleanup_connection_file(self) -> None:
        if self.shutting_down:
            Path(self.connection_file).unlink(missing_ok=True)

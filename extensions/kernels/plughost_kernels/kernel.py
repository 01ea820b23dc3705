"""One kernel: its process, its connection, its clients, and what becomes of it.

This module imports jupyter_client and ZeroMQ; `kernels.py` imports it when the first
kernel is wanted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import zmq
import zmq.asyncio

from plughost import child_environment
from plughost_kernels import claiming
from plughost_kernels.activity import Activity
from plughost_kernels.arguments import folder_still_there
from plughost_kernels.audit import audit
from plughost_kernels.claiming import SilentRequest
from plughost_kernels.clients import Clients
from plughost_kernels.connection import CHANNELS, Connection
from plughost_kernels.death import Death
from plughost_kernels.delivery import Client
from plughost_kernels.errors import (
    BadMessage,
    KernelDied,
    KernelEnded,
    KernelFailed,
    KernelNotRunning,
    ServerStops,
)
from plughost_kernels.held import Held
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.messages import Message
from plughost_kernels.models import KernelModel
from plughost_kernels.process import KernelProcess
from plughost_kernels.registry import KernelRecord, Registry, SessionFacts
from plughost_kernels.settings import KernelSettings
from plughost_kernels.tasks import Tasks

ADOPTION_PATIENCE = 1.0
"""Seconds after which an adopted kernel that does not answer counts as busy."""
EARLIER_IDENTITIES = 8
"""Of so many servers before this one may requests still be under way."""
LATE_REPLIES = 1.0
"""Seconds in which replies to an earlier server arrive that were sent before one to us."""
INTRODUCTION_PATIENCE = 2.0
"""Seconds in which a claimed kernel has to learn its folder."""

log = logging.getLogger("plughost.kernels")


class Kernel:
    """A kernel from its first start, or adoption, to its end; restarts leave its id as it is.

    `sessions` and `session_name` (what the kernel finds in JPY_SESSION_NAME) are kept with
    it on disk; `save()` writes them. `environment`, what it finds besides, never gets there.
    A `warm` kernel is nobody's before `claim()`, and not restarted when it dies.
    """

    def __init__(
        self,
        kernel_id: str,
        name: str,
        folder: Path,
        *,
        registry: Registry,
        settings: KernelSettings,
        specs: Kernelspecs,
        context: zmq.asyncio.Context,
        on_activity: Callable[[], None],
    ) -> None:
        self.id = kernel_id
        self.name = name
        self.folder = folder
        self.session_name = ""
        self.sessions: list[SessionFacts] = []
        self.environment: dict[str, str] = {}
        self.warm = False
        self.clients = Clients(kernel_id, settings)
        self._death: Death | None = None
        self._activity = Activity(on_activity)
        self._connection = Connection(kernel_id, self._receive, self._observe, self.clients.pause)
        self._settings = settings
        self._registry = registry
        self._context = zmq.Context(context)
        self._process = KernelProcess(
            kernel_id, name, specs, registry, context, settings.shutdown_wait
        )
        self._changing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._speaker = ""
        self._held = Held()
        self._introduced = asyncio.Event()
        self._introduced.set()
        self._introduction: SilentRequest | None = None
        self._tasks = Tasks(kernel_id)
        self._connected: tuple[dict[str, str], list[str]] = ({}, [])
        self._identities = [f"plughost-{secrets.token_hex(8)}"]
        self._is_over = self._is_left = self._in_doubt = False
        self._deaths = 0
        self._about = {"kernel": kernel_id}

    # -- its life

    async def start(self) -> None:
        """Launch the process; returns before it answers. Raises KernelFailed."""
        async with self._changing:
            try:
                await self._process.choose()
                # A server that is killed in the middle must not leave what nobody knows of.
                await self.save()
                await self._process.launch(self.folder, self._env())
                await self._begin()
            except Exception as error:
                raise await self._failed(error) from error

    def claim(self, folder: Path, session_name: str) -> None:
        """Give a warm kernel away, to work in a folder and under a session's name.

        Nobody reaches it before it was told of them. One that cannot be told is replaced by
        a new process, which finds them when it starts.
        """
        self.warm = False
        self.folder, self.session_name = folder, session_name
        self._introduced.clear()
        self._activity.state = "starting"
        self._activity.last = datetime.now(timezone.utc)
        self._tasks.start(self._introduce())

    async def adopt(self, record: KernelRecord) -> None:
        """Take over a process that another server has started, and learn how it fares.

        Raises KernelFailed when it cannot be reached any more.
        """
        await self._process.adopt(record)
        self.session_name = record.session_name
        self.sessions = record.sessions
        self._identities = [*record.identities[-EARLIER_IDENTITIES:], *self._identities]
        self._connect()
        await self.save()
        if not await self._connection.greet(ADOPTION_PATIENCE):
            # It lives, so it is at work on something that an earlier server has asked for.
            self._activity.assume_busy()
            self.clients.requests.assume_question()
            # What it is asked to do waits for it anyway, and has its output lost unless that can
            # be heard. Answers and interrupts it needs now.
            self._held.begin("shell")
            self._tasks.start(self._await_output())
            self._tasks.start(self._await_answer())
        else:
            self._tasks.start(self._leave_earlier())
        self._settled.set()
        self._tasks.start(self._watch())

    async def interrupt(self) -> None:
        """Interrupt what it is doing, by signal or message as its kernelspec says.

        While it is being started it does nothing yet, and most programs would end: then only
        the code is given up that waits for it. Raises KernelNotRunning.
        """
        self._require_running()
        audit.debug("kernel_interrupt", extra=self._about)
        if not self._settled.is_set():
            self._held.drop(self.clients.aborts)
            return
        try:
            await self._process.interrupt()
        except RuntimeError as error:
            raise KernelNotRunning(self.id, str(error)) from error

    async def restart(self) -> None:
        """End the process and launch another; returns when that answers.

        Works for a dead kernel, too. Raises KernelFailed, KernelDied, KernelEnded when it was
        shut down meanwhile, and ServerStops.
        """
        audit.debug("kernel_restart", extra=self._about)
        self._activity.last = datetime.now(timezone.utc)  # somebody wants it
        self._held.drop()
        async with self._changing:
            self._require_ours()
            self._deaths = 0
            await self._relaunch(now=False)
            self._death = None
        await self.reachable()
        if not self._connection.answered.is_set():
            raise KernelDied(self.id, f"it has had {self._settings.answer_timeout:g} s to.")

    async def shutdown(self, *, now: bool = False) -> None:
        """End the process: ask it to, then terminate, then kill it; `now`: kill it."""
        if not self.warm:
            audit.debug("kernel_stop", extra=self._about)
        async with self._changing:
            if self._is_over or self._is_left:
                return  # somebody else has done it, or it is not ours any more
            await self._tasks.cancel()
            try:
                await self._process.shutdown(now=now)
            except Exception:
                # A provisioner of another package may raise anything, and its kernel go on.
                if await self._is_alive():
                    self._tasks.start(self._watch())
                    if self._held.begun or not self._settled.is_set():
                        self._tasks.start(self._greet())
                else:
                    await self._be_over()
                raise
            await self._be_over()

    async def _be_over(self) -> None:
        self._is_over = True
        await self._end(Death("it was shut down"))

    async def leave(self) -> bool:
        """Let go of the process without ending it; False if nobody could adopt it."""
        async with self._changing:  # not while it is being launched: it would be nobody's
            lasting = self._process.lasting
            if lasting is None or self._activity.state == "dead" or not self._introduced.is_set():
                return False
            await self._tasks.cancel()
            self._connection.close()
            lasting.leave()
            self._is_left = True
            self._settled.set()  # who waits for it hears that
        return True

    async def abandon(self) -> None:
        """Do no more for it, whatever has come of it."""
        await self._tasks.cancel()
        self._connection.close()

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
        """Wait until it answers, or has had its time to.

        Raises KernelDied, and KernelEnded when it was shut down meanwhile.
        """
        await self._introduced.wait()
        await self._settled.wait()
        self._require_ours()
        if self._activity.state == "dead":
            raise KernelDied(self.id, self._reason)

    def send(self, client: Client, channel: str, parts: Sequence[bytes]) -> None:
        """Pass a client's message on to the kernel. Raises BadMessage."""
        if self._activity.state == "dead":
            # Nobody will answer; a client that does not know it yet would wait.
            self.clients.tell("dead", self._death or Death(""), client)
        elif self._held.keeps(client, channel, parts):
            pass
        elif self.clients.sends(client, channel, parts):
            self._connection.send(channel, parts)

    @property
    def changing(self) -> bool:
        """Whether it is being started, restarted or shut down right now."""
        return self._changing.locked()

    def model(self) -> KernelModel:
        """The kernel as clients see it."""
        requests = self.clients.requests
        running = requests.running
        state = self._activity.state
        if state == "idle" and running is not None and running.msg_type == "execute_request":
            state = "busy"  # it says that it is idle also when it is done with something beside
        return KernelModel(
            id=self.id,
            name=self.name,
            last_activity=self._activity.last,
            execution_state=state,
            connections=len(self.clients),
            running=running,
            queued=requests.queued() + len(self._held),
            input=requests.input,
            reason=self._reason or msgspec.UNSET,
            traceback="\n".join(self._death.stderr if self._death else ()) or msgspec.UNSET,
        )

    # -- how it goes on

    async def _begin(self) -> None:
        """A process was launched: connect, put it on file, greet and watch it."""
        self._activity.state = "starting"
        # What has been asked of the process before, or too late, is asked of nobody.
        self.clients.forget_requests()
        self._drop_earlier()
        self._connect()
        await self.save()
        self._tasks.start(self._greet())
        self._tasks.start(self._watch())

    def _be_without(self) -> None:
        """From now on there is no process, until the next one answers."""
        self._held.begin(*CHANNELS)
        self._settled.clear()
        self._activity.state = "restarting"
        self.clients.forget_requests()

    def _let_go(self) -> None:
        """What came while no process could take it, or be heard, is for the one there is."""
        for client, channel, parts in self._held.end():
            try:
                self.send(client, channel, parts)
            except BadMessage as error:
                log.warning("Ignoring a message for kernel %s: %s", self.id, error.message)

    async def _greet(self) -> None:
        if await self._connection.greet(self._settings.answer_timeout):
            self._process.answers()
            self._activity.note_answer()
            if self._held.begun:
                # It has told that it is starting, and clients take answers to housekeeping for
                # no sign that it is done with that.
                self.clients.tell_idle(self._speaker)
        else:
            log.warning(
                "Kernel %s (%s) has not answered in %g s.",
                self.id,
                self.name,
                self._settings.answer_timeout,
                extra=self._about,
            )
        # Not before its output is heard.
        self._let_go()
        self._settled.set()

    async def _introduce(self) -> None:
        """Tell a claimed kernel its folder and its session."""
        try:
            await self._settled.wait()
            if await self._told():
                self._activity.state = "idle"
            else:
                log.warning(
                    "The warm kernel %s (%s) could not be told its folder; it is started anew.",
                    self.id,
                    self.name,
                    extra=self._about,
                )
                async with self._changing:
                    await self._relaunch(now=True)
        except KernelFailed:
            pass  # it is dead, and its model says why
        finally:
            self._introduced.set()
        await self.save()

    async def _told(self) -> bool:
        program = claiming.code(self._process.language, self.folder, self.session_name)
        request = self._introduction = claiming.SilentRequest(program)
        self._connection.send("shell", request.parts)
        try:
            return await asyncio.wait_for(request.succeeded, INTRODUCTION_PATIENCE)
        except asyncio.TimeoutError:
            return False

    async def _await_output(self) -> None:
        await self._connection.heard.wait()
        self._let_go()

    async def _await_answer(self) -> None:
        await self._connection.answered.wait()
        if not self._connection.heard.is_set():
            await self._connection.greet(self._settings.answer_timeout)
            self._let_go()
        self._activity.note_answer()
        await self._leave_earlier()

    async def _leave_earlier(self) -> None:
        """What earlier servers have asked is answered: it has answered us, who came later."""
        await asyncio.sleep(LATE_REPLIES)
        self._drop_earlier()
        await self.save()

    def _drop_earlier(self) -> None:
        # Not by connecting anew: many a kernel refuses an identity that it still knows.
        self._connection.leave_earlier()
        self._identities = self._identities[-1:]
        self._connected = (self._connected[0], self._identities)

    async def _watch(self) -> None:
        while await self._is_alive():
            await self._process.shorten_output(self._settings.output_bytes)
            await asyncio.sleep(self._settings.watch_interval)
        async with self._changing:
            await self._died()

    async def _is_alive(self) -> bool:
        """Whether its process lives, or nobody can tell: whoever asks far away may fail to."""
        try:
            alive = await self._process.is_alive()
        except Exception as error:
            if not self._in_doubt:
                log.warning(
                    "Whether kernel %s (%s) is alive cannot be told for now: %s",
                    self.id,
                    self.name,
                    error,
                    exc_info=error,
                    extra=self._about,
                )
            self._in_doubt = True
            return True
        self._in_doubt = False
        return alive

    async def _died(self) -> None:
        """The process ended and nobody had asked for it."""
        why = self._process.why_dead()
        if not self.warm:
            audit.debug("kernel_died", extra=self._about)
        log.log(
            logging.DEBUG if self.warm else logging.WARNING,
            "Kernel %s (%s) died: %s.%s",
            self.id,
            self.name,
            why.reason,
            "".join(f"\n  {line}" for line in why.stderr),
            extra=self._about,
        )
        why = self.clients.told(why)
        stable = time.monotonic() - self._process.launched >= self._settings.stable_after
        self._deaths = 1 if stable else self._deaths + 1
        if self.warm or self._deaths > self._settings.restart_limit:
            await self._end(why)
            self.clients.tell("dead", why)
            return
        self._death = why
        self._connection.renew()
        self._held.drop()
        self._be_without()  # whoever is told connects anew, and asks at once
        self.clients.tell("restarting", why)
        try:
            await self._relaunch(now=True)
        except KernelFailed as error:
            await self._end(Death(error.message))
            self.clients.tell("dead", Death(error.message))

    async def _relaunch(self, *, now: bool) -> None:
        await self._process.prepare()
        self._be_without()
        await self._tasks.cancel()
        try:
            folder = await asyncio.to_thread(folder_still_there, self.folder, self.session_name)
            await self._process.relaunch(folder, self._env(), now=now)
            await self._begin()
        except Exception as error:
            raise await self._failed(error) from error

    async def _failed(self, error: Exception) -> KernelFailed:
        """It could not be launched, whatever has come of that; what there is of it ends.

        A kernelspec may name a provisioner of another package, which may raise anything.
        """
        failure = error if isinstance(error, KernelFailed) else KernelFailed(self.name, str(error))
        await self._process.clear_away()
        await self._end(Death(failure.message))
        return failure

    async def _end(self, why: Death) -> None:
        await self._tasks.cancel()
        self._connection.close()
        self._connected = ({}, [])
        self._activity.state = "dead"
        self.clients.forget_requests()
        self._death = why
        self._let_go()
        self._settled.set()
        await self._registry.remove(self.id, self._process.connection_file)

    # -- odds and ends

    def _connect(self) -> None:
        wanted = (self._process.urls(), self._identities)
        if wanted != self._connected:
            self._connection.close()
            self._connection.open(self._context, self._process.session, *wanted)
            self._connected = wanted

    def _env(self) -> dict[str, str]:
        return {
            **child_environment(),
            **self.environment,
            "JPY_SESSION_NAME": self.session_name,
        }

    def _record(self) -> KernelRecord | None:
        lasting = self._process.lasting
        if lasting is None:
            return None
        return KernelRecord(
            kernel_id=self.id,
            name=self.name,
            pid=lasting.pid,
            started=lasting.started,
            connection_file=self._process.connection_file,
            folder=str(self.folder),
            root=self._registry.root,
            user=self._registry.user,
            machine=self._registry.machine,
            owner=self._registry.owner,
            session_name=self.session_name,
            sessions=self.sessions,
            identities=self._identities,
            # Until it is launched and knows its folder it is of no use to another server.
            warm=self.warm or not self._process.launched or not self._introduced.is_set(),
        )

    def _receive(self, message: Message) -> None:
        """Something has come that is not an answer to the connection's own questions."""
        if self._introduction is None or not self._introduction.caused(message):
            self.clients.receive(message)

    def _observe(self, message: Message) -> None:
        """The kernel has published something, for clients or because of us."""
        if self._introduction is None or not self._introduction.caused(message):
            self._activity.note(message)
        self._speaker = message.header.session

    @property
    def _reason(self) -> str:
        return self._death.reason if self._death else ""

    def _require_ours(self) -> None:
        if self._is_left:
            raise ServerStops
        if self._is_over:
            raise KernelEnded(self.id)

    def _require_running(self) -> None:
        if self._activity.state == "dead":
            raise KernelNotRunning(self.id, self._reason)

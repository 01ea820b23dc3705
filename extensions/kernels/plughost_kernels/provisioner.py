"""Kernel processes that outlive the server, and those of an earlier one, taken over.

Source: "Kernel provisioning" in jupyter_client's documentation, whose LocalProvisioner
this extends: without the `Popen` object of a child it takes a process for dead, and its
signals do nothing. Here an adopted process is watched by pid and start time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.connect import KernelConnectionInfo, port_names
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from plughost_kernels import ports
from plughost_kernels.output_files import appending, shorten

SAME_START_SECONDS = 2.0
"""Start times are counted from a boot time that moves when the clock is set; a number that
the system has given to another process belongs to a much later start."""
POLL_SECONDS = 0.05


def find_process(pid: int | None, started: float) -> psutil.Process | None:
    """The living process with this pid and start time (seconds since 1970), or None."""
    if pid is None:  # psutil takes that for this process
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < SAME_START_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def find_launched(connection_file: str, output_files: Sequence[Path]) -> psutil.Process | None:
    """The living process that was started with this connection file and writes to these files.

    For a server that was killed before it could note which one it is.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if (
                os.getsid(process.pid) == process.pid
                and any(connection_file in argument for argument in process.cmdline())
                and {file.path for file in process.open_files()} & {*map(str, output_files)}
            ):
                return process
    return None


class LastingProvisioner(LocalProvisioner):
    """Starts a kernel so that nothing ties it to the server, or adopts one.

    The process gets a session of its own, no parent pid to watch, and files to write its
    stdout and stderr to: a pipe would break with the server. `stderr_start` is the size of
    its stderr file when it was launched or adopted, `started` the time in seconds since 1970.
    """

    stdout_file: Path
    stderr_file: Path
    started: float = 0.0
    stderr_start: int = 0
    exit_code: int | None = None
    _adopted: psutil.Process | None = None
    _ports: Sequence[int] = ()

    @property
    def has_process(self) -> bool:
        return self._adopted is not None or super().has_process

    def adopt(self, process: psutil.Process) -> None:
        """Take over a process that another server has started.

        The manager has its connection file loaded.
        """
        manager: Any = self.parent
        self._ports = manager.ports if manager.transport == "tcp" else ()
        ports.note(self._ports)
        with contextlib.suppress(OSError):
            # What it has written so far was no last word.
            self.stderr_start = self.stderr_file.stat().st_size
        self._adopted = process
        self.pid = self.pgid = process.pid
        self.started = process.create_time()

    def leave(self) -> None:
        """Let go of the process without ending it."""
        if self.process is not None:
            self.process.returncode = 0  # else Popen complains when it is forgotten
        self.process = self._adopted = None
        self._return_ports()

    def shorten_output(self, limit: int) -> None:
        """Keep its stdout and stderr files from growing far beyond `limit` bytes each.

        Not for the event loop: it reads and writes files.
        """
        shorten(self.stdout_file, limit)
        if shorten(self.stderr_file, limit):
            self.stderr_start = 0

    def _finalize_env(self, env: dict[str, str]) -> None:
        super()._finalize_env(env)
        # Ours, if we were started by a Jupyter application ourselves.
        env.pop("JPY_PARENT_PID", None)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager: Any = self.parent
        self.ports_cached = True  # else jupyter_client would choose others
        with self._ports_back_on_failure():
            if manager.transport == "tcp":
                await asyncio.to_thread(self._choose_ports)
            return await super().pre_launch(**kwargs)

    def _choose_ports(self) -> None:
        """Ports that the kernel can have: those it had, unless somebody has them now.

        That may be a child of its own, which outlives it with all that it has inherited.
        """
        manager: Any = self.parent
        self._return_ports()
        if manager.shell_port:
            if ports.take(manager.ip, manager.ports):
                self._ports = manager.ports
                return
            Path(manager.connection_file).unlink(missing_ok=True)
        self._ports = ports.choose(manager.ip, len(port_names))
        for name, port in zip(port_names, self._ports, strict=True):
            setattr(manager, name, port)

    def listens(self) -> None:
        """The process listens on its ports."""
        ports.release(self._ports)

    def _return_ports(self) -> None:
        ports.back(self._ports)
        self._ports = ()

    @contextlib.contextmanager
    def _ports_back_on_failure(self) -> Iterator[None]:
        """jupyter_client cleans nothing up after a launch that fails."""
        try:
            yield
        except BaseException:
            self._return_ports()
            raise

    async def cleanup(self, restart: bool = False) -> None:
        if not restart:
            self._return_ports()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        self._adopted = None
        self.exit_code = None
        with self._ports_back_on_failure():
            with appending(self.stdout_file) as stdout, appending(self.stderr_file) as stderr:
                self.stderr_start = stderr.tell()
                info = await super().launch_kernel(
                    cmd,
                    **{
                        **kwargs,
                        "independent": True,
                        "stdin": subprocess.DEVNULL,
                        "stdout": stdout,
                        "stderr": stderr,
                    },
                )
            assert self.pid is not None, "it has just been launched"
            self.started = psutil.Process(self.pid).create_time()
        return info

    async def poll(self) -> int | None:
        """None while the process runs, else its exit code; -1 where nobody can know it."""
        if self._adopted is not None:
            alive = find_process(self._adopted.pid, self.started) is not None
            return None if alive else -1
        code = await super().poll()
        if self.process is not None:
            self.exit_code = code
        return code

    async def wait(self) -> int | None:
        if self._adopted is None:
            return await super().wait()
        while await self.poll() is None:  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(POLL_SECONDS)
        self._adopted = None
        return -1

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the process and what it has started."""
        if self._adopted is None:
            await super().send_signal(signum)
        elif find_process(self._adopted.pid, self.started) is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.killpg(self._adopted.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        if self._adopted is None:
            await super().kill(restart)
        else:
            await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        if self._adopted is None:
            await super().terminate(restart)
        else:
            await self.send_signal(signal.SIGTERM)

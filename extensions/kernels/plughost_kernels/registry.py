"""Kernels on disk: what a server must know to adopt those of one that is gone.

Each kernel has a file `<id>.json`, beside it what it wrote to stdout and stderr. A server
holds a lock on a file of its own while it lives, and each kernel names its owner's: a
kernel whose owner is alive is not up for adoption. Files are for their user only.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_dir_exists

FORMAT = 1
"""Layout of the files; a server leaves alone what it does not know."""
LOCKS = "server-*.lock"

log = logging.getLogger("plughost.kernels")


class SessionFacts(msgspec.Struct, frozen=True):
    """A session, so that it is adopted along with its kernel."""

    id: str
    path: str
    name: str
    type: str


class KernelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel as its file has it.

    `started` is the process's start in seconds since 1970, `user` a numeric user id,
    `root` the folder whose server started it, `owner` the lock file of the server that
    has it now. `machine` is a host name: home folders are often shared between machines,
    and a pid means nothing on another; there is none before the launch. A `warm` kernel
    is nobody's yet. `identities` are the ZeroMQ identities under which servers have connected
    to it, the last one's last.
    """

    format: int = FORMAT
    kernel_id: str
    name: str
    pid: int | None
    started: float
    connection_file: str
    folder: str
    root: str
    user: int
    machine: str
    owner: str
    session_name: str = ""
    sessions: list[SessionFacts] = []
    warm: bool = False
    identities: list[Annotated[str, msgspec.Meta(min_length=1, max_length=255)]] = []


class _Format(msgspec.Struct):
    format: int


class Registry:
    """The kernels of one root folder and user in the runtime folder."""

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        self.root = str(root.resolve())
        self.user = os.getuid()
        self.machine = socket.gethostname()
        self.folder = folder or Path(jupyter_runtime_dir(), "plughost", "kernels")
        self.owner = f"server-{secrets.token_hex(8)}.lock"
        self._lock: int | None = None
        self._writing = asyncio.Lock()

    def output_files(self, kernel_id: str) -> tuple[Path, Path]:
        """Where a kernel's stdout and stderr go."""
        return self.folder / f"{kernel_id}.out", self.folder / f"{kernel_id}.err"

    def open(self) -> None:
        """Make the folder, and hold this server's lock from now on."""
        if self._lock is None:
            for folder in (self.folder.parent.parent, self.folder.parent, self.folder):
                ensure_dir_exists(folder, mode=0o700)
            # Not while another server looks for locks that nobody holds any more.
            with self._adopting():
                self._lock = _locked(self.folder / self.owner)

    async def ensure_open(self) -> None:
        """`open()`, off the event loop."""
        await self._in_turn(self.open)

    def close(self) -> None:
        """Give up the lock: whatever is left is up for adoption."""
        if self._lock is not None:
            (self.folder / self.owner).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    async def write(self, record: KernelRecord) -> None:
        """Store a kernel, replacing what was known of it; all or nothing."""
        await self._in_turn(self._write, record)

    async def remove(self, kernel_id: str, connection_file: str) -> None:
        """Forget a kernel that has ended, its output and its connection file."""
        await self._in_turn(self._remove, kernel_id, connection_file)

    async def _in_turn(self, work: Callable[..., None], *arguments: object) -> None:
        """Change files off the event loop, one change after the other.

        A thread goes on when nobody waits for it any more: what is written late would bring
        back a kernel that was removed meanwhile.
        """
        async with self._writing:
            change = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
            try:
                await asyncio.shield(change)
            except asyncio.CancelledError:
                await asyncio.gather(change, return_exceptions=True)
                raise

    def has_entries(self) -> bool:
        """Whether an earlier server has left anything here; quick, for a start without."""
        return any(True for kind in ("*.json", LOCKS) for _ in self.folder.glob(kind))

    async def has(self, kernel_id: str) -> bool:
        """Whether a kernel with this id is on file, whosever it is."""
        return await asyncio.to_thread(self._path(kernel_id).exists)

    def adopt(self) -> list[KernelRecord]:
        """Claim the living kernels of this root and user that nobody owns any more.

        Entries of dead processes are removed, whoever left them, and warm kernels are
        ended. What cannot be read, or was written by a later version, is left alone and
        named in the log.
        """
        self.open()
        adopted = []
        with self._adopting():
            for record in self._read_all():
                try:
                    claimed = self._claim(record)
                except Exception:
                    # Anything can be on file, and one entry must not cost the others.
                    log.exception("Leaving alone kernel %s, which is on file.", record.kernel_id)
                else:
                    adopted += [claimed] if claimed else []
            self._remove_stale_locks()
        return adopted

    def _claim(self, record: KernelRecord) -> KernelRecord | None:
        """A kernel as ours; None when it is somebody else's, or there is nothing to adopt."""
        ours = record.user == self.user and record.machine == self.machine
        if not ours or self._is_owned(record):
            return None
        # Imported for those who have kernels: it takes jupyter_client along.
        from plughost_kernels.provisioner import find_launched, find_process

        process = find_process(record.pid, record.started) or find_launched(
            record.connection_file, self.output_files(record.kernel_id)
        )
        if process is None:
            log.info("Kernel %s has ended with its server.", record.kernel_id)
            self._remove(record.kernel_id, record.connection_file)
        elif record.warm:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            log.info("Ended the warm kernel %s of a server that is gone.", record.kernel_id)
            self._remove(record.kernel_id, record.connection_file)
        elif record.root == self.root:
            record = msgspec.structs.replace(
                record, owner=self.owner, pid=process.pid, started=process.create_time()
            )
            self._write(record)
            return record
        return None

    def _read_all(self) -> Iterator[KernelRecord]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                data = path.read_bytes()
                version = msgspec.json.decode(data, type=_Format).format
                if version != FORMAT:
                    log.warning(
                        "Leaving alone %s: it has format %d, this version knows %d.",
                        path,
                        version,
                        FORMAT,
                    )
                    continue
                yield msgspec.json.decode(data, type=KernelRecord)
            except (OSError, msgspec.DecodeError) as error:
                log.warning("Leaving alone %s, which cannot be read: %s", path, error)

    def _is_owned(self, record: KernelRecord) -> bool:
        path = self.folder / record.owner
        if record.owner == self.owner:
            return True
        try:
            descriptor = _locked(path, create=False)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            # Two servers with one kernel are worse than a kernel that waits for the next.
            log.warning(
                "Leaving alone kernel %s: whether its server is alive cannot be told: %s",
                record.kernel_id,
                error,
            )
            return True
        os.close(descriptor)
        return False

    def _remove_stale_locks(self) -> None:
        for path in self.folder.glob(LOCKS):
            if path.name != self.owner:
                with contextlib.suppress(OSError):
                    descriptor = _locked(path, create=False)
                    path.unlink()
                    os.close(descriptor)

    @contextlib.contextmanager
    def _adopting(self) -> Iterator[None]:
        """One server adopts at a time."""
        descriptor = os.open(self.folder / "adopting.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, record: KernelRecord) -> None:
        temporary = self.folder / f".{record.kernel_id}.{secrets.token_hex(4)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(record)))
            temporary.replace(self._path(record.kernel_id))
        except BaseException:
            temporary.unlink()  # the disk is full, perhaps
            raise

    def _remove(self, kernel_id: str, connection_file: str) -> None:
        # The entry last: while there is one, the next server removes the rest.
        for path in (
            *self.output_files(kernel_id),
            Path(connection_file),
            self._path(kernel_id),
        ):
            path.unlink(missing_ok=True)

    def _path(self, kernel_id: str) -> Path:
        return self.folder / f"{kernel_id}.json"


def _locked(path: Path, *, create: bool = True) -> int:
    """A descriptor that holds the lock on a file until it is closed.

    Raises BlockingIOError while somebody else holds it. `flock` and not `lockf`: the
    latter does not tell two servers in one process from each other.
    """
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

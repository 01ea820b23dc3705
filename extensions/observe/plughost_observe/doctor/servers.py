"""Servers of this user that are running, as Jupyter's runtime folder names them; asked politely."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_runtime_dir

from plughost import HostError, RunningServer
from plughost_observe.doctor.facts import Blocked, Record, read_records
from plughost_observe.doctor.findings import Finding, error, note, warning
from plughost_observe.doctor.startup import duration

ANSWER_SECONDS = 10.0
"""A server that does not answer within this is said not to answer; a busy one takes its time."""


class Held(msgspec.Struct, frozen=True):
    """A place that held the event loop, as the watchdog of a server tells it; milliseconds."""

    file: str = ""
    line: int = 0
    function: str = ""
    extension: str = ""
    distribution: str = ""
    count: int = 0
    worst: float = 0.0
    report_to: str = ""


class Server(msgspec.Struct, frozen=True):
    """A running server. `records` is None for one that does not answer or is no plughost."""

    pid: int
    url: str
    version: str
    root: str
    python: str
    """Its interpreter, as far as the system tells; empty where it does not."""
    records: list[Record] | None = None
    blocked: dict[str, Blocked] = {}
    held: list[Held] = []
    problem: str = ""

    @property
    def here(self) -> bool:
        """Whether it runs in the environment that is being looked at."""
        return not self.python or _environment_of(self.python) == _environment_of(sys.executable)

    def to_json(self) -> dict[str, Any]:
        states = {r.name: r.state for r in self.records} if self.records is not None else None
        return {
            "pid": self.pid,
            "url": self.url,
            "version": self.version,
            "root": self.root,
            "python": self.python,
            "here": self.here,
            "extensions": states,
            "problem": self.problem,
        }


def look() -> tuple[list[Server], list[Finding]]:
    """The servers that run, with what they say of their extensions."""
    servers: list[Server] = []
    findings: list[Finding] = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        try:
            file = msgspec.json.decode(path.read_bytes(), type=RunningServer)
        except (OSError, msgspec.DecodeError) as problem:
            findings.append(
                note(
                    "server-file-unreadable",
                    path.name,
                    f"The file {str(path)!r} cannot be read as that of a running server: {problem}",
                    "Delete it; a server that runs goes on without it.",
                )
            )
            continue
        if not _is_alive(file.pid):
            findings.append(
                note(
                    "server-file-stale",
                    path.name,
                    f"The server with process id {file.pid} has ended without removing its file "
                    f"{str(path)!r}.",
                    "`plughost servers` removes such files.",
                )
            )
            continue
        servers.append(_asked(file))
        findings += _visible_token(file)
    return servers, findings


def compare(server: Server, ours: list[Record]) -> Iterator[Finding]:
    """What a person may be surprised by: it runs something else than what is installed."""
    if server.problem:
        yield warning(
            "server-silent",
            server.url,
            f"The server at {server.url} (process {server.pid}) {server.problem}.",
            f"If pages do not load either, end it with `kill {server.pid}`, which keeps its "
            "kernels, and start it again.",
        )
    elif not server.here:
        yield note(
            "server-elsewhere",
            server.url,
            f"The server at {server.url} runs in another environment: "
            f"{str(_environment_of(server.python))!r}, and this is {sys.prefix!r}.",
            f"What is said here does not hold for it. Ask there: "
            f"`{server.python} -m plughost doctor`.",
        )
    elif server.records is not None:
        there = {record.name: record for record in server.records}
        for record in ours:
            yield from _differs(server, record, there.get(record.name))
        for name in sorted(set(there) - {record.name for record in ours}):
            yield warning(
                "server-differs",
                name,
                f"The server at {server.url} runs {name!r}, which is not installed any more.",
                "Start the server again to be rid of it.",
            )


HOW = {"failed": "has failed", "loading": "is late", "waiting": "waits in vain"}
"""What a browser half does, by its state in the page."""


def page_problems(server: Server) -> Iterator[Finding]:
    """What pages have told a server of browser halves that do not work in them."""
    for record in server.records or ():
        for told in record.page_problems:
            tell = error if told.state == "failed" else warning
            yield tell(
                "page-problem",
                record.name,
                f"{record.name!r} in the page {told.page!r} of {server.url}: its {told.kind} "
                f"{told.name!r} {HOW.get(told.state, 'has an error')}. {told.error}".rstrip(),
                told.hint or f"Report it to the authors of {record.distribution or record.name!r}.",
            )


def held_longest(server: Server) -> Iterator[Finding]:
    """A warning on the one place that held a server's event loop for longest at a time."""
    worst = max(server.held, key=lambda each: each.worst, default=None)
    if worst is None:
        return
    owner = worst.extension or worst.distribution or "plughost"
    whom = worst.report_to or f"the authors of {worst.distribution or owner!r}"
    yield warning(
        "loop-held",
        owner,
        f"{owner!r} held the event loop of the server at {server.url} for "
        f"{duration(worst.worst)}, in {worst.file}:{worst.line}; nobody is answered meanwhile.",
        f"Report it to {whom}. All such places: `GET /plughost/api/loop`.",
    )


def _differs(server: Server, here: Record, there: Record | None) -> Iterator[Finding]:
    where = f"the server at {server.url}"
    if there is None:
        yield warning(
            "server-differs",
            here.name,
            f"{here.name!r} was installed after {where} had started, and does not run there.",
            f"Start the server again, or `plughost extensions enable {here.name}`.",
        )
    elif there.stopped and not here.stopped:
        yield error(
            "server-differs",
            here.name,
            f"{here.name!r} does not run at {where}: {there.state} in {there.phase or 'find'}. "
            f"{there.error}",
            there.next_step or "The log of that server says more.",
        )
    elif there.state in ("disabled", "blocked") and here.state not in ("disabled", "blocked"):
        yield note(
            "server-differs",
            here.name,
            f"{here.name!r} is {there.state} at {where}, and would be loaded by a new one."
            f" {there.error or ' '.join(there.notes)}".rstrip(),
            f"`plughost extensions enable {here.name}` brings it back.",
        )
    elif there.version != here.version:
        yield warning(
            "server-differs",
            here.name,
            f"{here.name!r} is installed in version {here.version}, and {where} still runs "
            f"{there.version}.",
            "Start the server again to run what is installed.",
        )


def _asked(file: RunningServer) -> Server:
    url = f"unix socket {file.sock}" if file.sock else file.url
    server = Server(file.pid, url, file.version, file.root_dir, _python_of(file.pid))
    try:
        records = _get(file, "plughost/api/extensions")
        if records is None:
            return server
        loop = _get(file, "plughost/api/loop")
        return msgspec.structs.replace(
            server, records=read_records(records), blocked=_blocked(loop), held=_held(loop)
        )
    except (HostError, ValueError) as problem:
        text = str(problem) or type(problem).__name__
        return msgspec.structs.replace(server, problem=f"does not answer ({text})")


def _get(file: RunningServer, path: str) -> Any:
    """What a server replies to a GET; None when it has nothing there."""
    # No activity of a person: it must not keep a server alive that ends when idle.
    status, reply = file.ask("GET", f"/{path}?no_track_activity=1", seconds=ANSWER_SECONDS)
    if status == 404:
        return None
    if status != 200:
        raise ValueError(f"status {status} at {path}")
    return reply


def _blocked(reply: Any) -> dict[str, Blocked]:
    """What a watchdog says of each extension, where there is one."""
    found: dict[str, Blocked] = {}
    held = reply.get("extensions", {}) if isinstance(reply, dict) else {}
    for name, facts in held.items() if isinstance(held, dict) else ():
        try:
            found[name] = msgspec.convert(facts, Blocked)
        except msgspec.ValidationError:
            continue
    return found


def _held(reply: Any) -> list[Held]:
    """The places that a watchdog names, where there is one."""
    places = reply.get("places", []) if isinstance(reply, dict) else []
    try:
        return msgspec.convert(places, list[Held])
    except msgspec.ValidationError:
        return []


def _visible_token(file: RunningServer) -> Iterator[Finding]:
    """A token that whoever lists processes can read."""
    words = _command_line(file.pid)
    if file.token and any(file.token in word for word in words):
        yield warning(
            "token-visible",
            str(file.pid),
            f"The token of the server at {file.url} stands on its command line, where other users "
            "of this machine can read it.",
            "Put it into a file that only you can read, and name that with --token-file.",
        )


def _is_alive(pid: int) -> bool:
    import psutil  # takes its time; a server of ours never needs it

    return psutil.pid_exists(pid)


def _command_line(pid: int) -> list[str]:
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def _python_of(pid: int) -> str:
    """The interpreter as it was called: a link into an environment, not what it links to."""
    words = _command_line(pid)
    return words[0] if words and os.path.isabs(words[0]) else ""


def _environment_of(python: str) -> Path:
    folder = Path(python).parent
    return Path(os.path.realpath(folder.parent if folder.name in ("bin", "Scripts") else folder))

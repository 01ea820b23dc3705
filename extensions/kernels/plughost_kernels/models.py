"""What travels over REST: the kernels and sessions that clients see, and what they ask for."""

from __future__ import annotations

from datetime import datetime

import msgspec


class RequestModel(msgspec.Struct):
    """A request that a kernel was sent. `session` is the client's that asked.

    `cell_id` is the cell's whose code it has, if the client has said so; `since`: when the
    kernel has begun with it.
    """

    msg_id: str
    msg_type: str
    session: str
    cell_id: str | None = None
    since: datetime | None = None


class InputModel(msgspec.Struct, frozen=True):
    """A question of a kernel that nobody has answered yet; `msg_id` is the request's it is for."""

    msg_id: str
    prompt: str
    password: bool


class KernelModel(msgspec.Struct, frozen=True):
    """A kernel. `reason` says why it is dead, or why it had to be restarted.

    `traceback` has the last lines of its stderr then: JupyterLab looks for that name.
    `running` is what it is at work on, `queued` how many more requests wait, `input` what
    it has asked for.
    """

    id: str
    name: str
    last_activity: datetime
    execution_state: str
    connections: int
    running: RequestModel | None = None
    queued: int = 0
    input: InputModel | None = None
    reason: str | msgspec.UnsetType = msgspec.UNSET
    traceback: str | msgspec.UnsetType = msgspec.UNSET


class NotebookModel(msgspec.Struct, frozen=True):
    """Where clients from before sessions had paths look for a notebook's."""

    path: str
    name: str


class SessionModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session: a document, a console, and the kernel it uses."""

    id: str
    path: str
    name: str
    type: str
    kernel: KernelModel
    notebook: NotebookModel | None = None


class KernelRequest(msgspec.Struct, frozen=True):
    """The body of `POST /api/kernels`; `path` is a folder or file below the root.

    `env` are environment variables of its own, which restarts keep.
    """

    name: str | None = None
    path: str | None = None
    kernel_id: str | None = None
    env: dict[str, str] | None = None


class KernelChoice(msgspec.Struct, frozen=True):
    """A running kernel by id, or else a new one by the name of its kernelspec."""

    id: str | None = None
    name: str | None = None


class SessionRequest(msgspec.Struct, frozen=True):
    """The body of `POST /api/sessions`."""

    path: str
    type: str
    name: str | None = None
    kernel: KernelChoice | None = None


class SessionChange(msgspec.Struct, frozen=True):
    """The body of `PATCH /api/sessions/<id>`; what is not given stays as it is."""

    path: str | None = None
    name: str | None = None
    type: str | None = None
    kernel: KernelChoice | None = None

"""What travels over REST: the kernels and sessions that clients see, and what they ask for."""

from __future__ import annotations

from datetime import datetime

import msgspec


class KernelModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A kernel. `reason` says why it is dead."""

    id: str
    name: str
    last_activity: datetime
    execution_state: str
    connections: int
    reason: str | None = None


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
    """The body of `POST /api/kernels`; `path` is a folder or file below the root."""

    name: str | None = None
    path: str | None = None
    kernel_id: str | None = None


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

"""What can go wrong with kernels, each with the next step.

NotFound (404)
├── KernelspecNotFound   nobody has installed a kernel of that name
├── ProviderNotFound     no kernel provider was added by that name
├── KernelNotFound
├── KernelEnded          it was shut down while somebody wanted something else of it
└── SessionNotFound
Conflict (409)
├── ProviderExists       another kernel provider has that name
├── KernelExists         a kernel with that id is running, here or with another server
└── KernelNotRunning     it is dead; only a restart helps
Gone (410)
└── SessionKernelGone    the session's kernel has ended before it
Unavailable (503)
└── ServerStops          the next server has the kernels
HostError (500)
├── KernelFailed         its process could not be started
│   └── ProviderFailed   (502; 504 when it was too slow) who offers it does not do so now
└── KernelDied           nobody can connect to it any more
BadRequest (400)
├── BadProvider          what is no kernel provider, or has no name for one
└── BadMessage           a WebSocket message that cannot be read
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from plughost import BadRequest, Conflict, Gone, HostError, NotFound, Unavailable


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class KernelspecNotFound(NotFound):
    def __init__(self, name: str, known: Iterable[str], problem: str = "") -> None:
        self.name = name
        known = [*known]
        where = "`jupyter kernelspec list` shows where they are."
        more = problem or (where if known else "`pip install ipykernel` brings one for Python.")
        super().__init__(
            f"There is no kernel named {name!r}.", hint=f"Installed: {_listed(known)}. {more}"
        )


class ProviderNotFound(NotFound):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"No kernel provider was added by the name {name!r}.",
            hint=f"Added: {_listed(known)}. Those of extensions and settings go with them.",
        )


class ProviderExists(Conflict):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"A second kernel provider is called {name!r}; it is not used.",
            hint="Choose another name for it, or remove the other one.",
        )


class BadProvider(BadRequest):
    def __init__(self, name: object) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is no kernel provider, or not the name of one.",
            hint="Its name has a-z, 0-9, '.', '_' and '-', and is not 'local'; its manager can be "
            "called.",
        )


class KernelNotFound(NotFound):
    def __init__(self, kernel_id: str, known: Iterable[str]) -> None:
        self.kernel_id = kernel_id
        super().__init__(
            f"There is no running kernel {kernel_id!r}.", hint=f"Running: {_listed(known)}."
        )


class KernelEnded(NotFound):
    def __init__(self, kernel_id: str) -> None:
        self.kernel_id = kernel_id
        super().__init__(
            f"The kernel {kernel_id!r} has just been shut down.", hint="Start another one."
        )


class SessionNotFound(NotFound):
    def __init__(self, session_id: str, known: Iterable[str]) -> None:
        self.session_id = session_id
        super().__init__(
            f"There is no session {session_id!r}.", hint=f"Sessions: {_listed(known)}."
        )


class KernelExists(Conflict):
    def __init__(self, kernel_id: str) -> None:
        self.kernel_id = kernel_id
        super().__init__(
            f"A kernel {kernel_id!r} is running already.",
            hint="Use it, or leave the id away to get a new one.",
        )


class KernelNotRunning(Conflict):
    def __init__(self, kernel_id: str, reason: str) -> None:
        self.kernel_id = kernel_id
        super().__init__(
            f"The kernel {kernel_id!r} is dead: {reason}", hint="Restart it, or delete it."
        )


class SessionKernelGone(Gone):
    def __init__(self, session_id: str, kernel_id: str) -> None:
        self.session_id = session_id
        super().__init__(
            f"The kernel {kernel_id!r} of the session {session_id!r} has ended before it.",
            hint="The session is removed; there is nothing left to do.",
        )


class ServerStops(Unavailable):
    def __init__(self) -> None:
        super().__init__("The server is stopping.", hint="Ask again once it is back.")


class KernelFailed(HostError):
    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(
            f"The kernel {name!r} could not be started: {why}",
            hint="`jupyter kernelspec list` shows the folder whose kernel.json says how.",
            reason="kernel failed",
        )


class ProviderFailed(KernelFailed):
    def __init__(self, name: str, why: str, hint: str, *, late: bool) -> None:
        super(KernelFailed, self).__init__(
            f"The kernel {name!r} is not available now. {why}", hint=hint, reason="provider failed"
        )
        self.name = name
        self.status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY


class KernelDied(HostError):
    def __init__(self, kernel_id: str, why: str) -> None:
        self.kernel_id = kernel_id
        super().__init__(
            f"The kernel {kernel_id!r} does not answer: {why}",
            hint="Restart it, or delete it.",
            reason="kernel dead",
        )


class BadMessage(BadRequest):
    """A message on a kernel's WebSocket that is framed wrongly or lacks something."""

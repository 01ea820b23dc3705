"""Kernelspecs, kernels and sessions over REST."""

from __future__ import annotations

import asyncio
import mimetypes
from http import HTTPStatus
from urllib.parse import quote

from plughost import Handler, JSONHandler, NotFound
from plughost_kernels.errors import KernelspecNotFound
from plughost_kernels.kernels import Kernels
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.models import KernelRequest, SessionChange, SessionRequest
from plughost_kernels.sessions import Sessions

LOGO_SECONDS = 30 * 24 * 3600


class KernelspecsHandler(JSONHandler):
    """`GET /api/kernelspecs`: everything that can be started, the default, and problems."""

    def initialize(self, specs: Kernelspecs) -> None:
        self.specs = specs

    async def get(self) -> None:
        self.reply(await self.specs.look())


class KernelspecHandler(JSONHandler):
    """`GET /api/kernelspecs/<name>`: one of them."""

    def initialize(self, specs: Kernelspecs) -> None:
        self.specs = specs

    async def get(self, name: str) -> None:
        self.reply(await self.specs.get(name))


class KernelspecFileHandler(Handler):
    """`GET /kernelspecs/<name>/<file>`: a logo or script that comes with a kernelspec."""

    def initialize(self, specs: Kernelspecs) -> None:
        self.specs = specs

    async def get(self, name: str, file: str) -> None:
        path = await self.specs.file(name, file)
        if path is None:
            raise NotFound(
                f"The kernel {name!r} has no file {file!r}.",
                hint="`GET /api/kernelspecs` lists the files under `resources`.",
            )
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.set_header("Content-Type", kind)
        if kind == "image/png":
            self.set_header("Cache-Control", f"max-age={LOGO_SECONDS}")
        self.finish(await asyncio.to_thread(path.read_bytes))

    async def head(self, name: str, file: str) -> None:
        await self.get(name, file)  # Tornado leaves the body away


class KernelsHandler(JSONHandler):
    """`/api/kernels`: list what runs, start one."""

    def initialize(self, kernels: Kernels) -> None:
        self.kernels = kernels

    def get(self) -> None:
        self.reply([kernel.model() for kernel in self.kernels])

    async def post(self) -> None:
        wanted = self.body(KernelRequest, default=KernelRequest())
        kernel = await self.kernels.launch(
            wanted.name,
            path=wanted.path or "",
            kernel_id=wanted.kernel_id,
            env=wanted.env or {},
        )
        self.set_header("Location", f"{self.host.config.base_url}api/kernels/{quote(kernel.id)}")
        self.reply(kernel.model(), status=HTTPStatus.CREATED)


class KernelHandler(JSONHandler):
    """`/api/kernels/<id>`: one kernel: read it, shut it down."""

    def initialize(self, kernels: Kernels) -> None:
        self.kernels = kernels

    def get(self, kernel_id: str) -> None:
        self.reply(self.kernels.get(kernel_id).model())

    async def delete(self, kernel_id: str) -> None:
        await self.kernels.shutdown(kernel_id)
        self.reply(None, status=HTTPStatus.NO_CONTENT)


class KernelActionHandler(JSONHandler):
    """`POST /api/kernels/<id>/interrupt` and `/restart`; the latter waits for an answer."""

    def initialize(self, kernels: Kernels) -> None:
        self.kernels = kernels

    async def post(self, kernel_id: str, action: str) -> None:
        if action == "interrupt":
            await self.kernels.interrupt(kernel_id)
            self.reply(None, status=HTTPStatus.NO_CONTENT)
        else:
            self.reply((await self.kernels.restart(kernel_id)).model())


class _SessionEdge(JSONHandler):
    """What the two session handlers share."""

    def initialize(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def refuse(self, error: KernelspecNotFound) -> None:
        """Clients expect 501 here, and show `short_message` beside the list of kernels."""
        self.reply(
            {
                "message": f"{error.message} {error.hint}",
                "short_message": error.message,
                "reason": None,
                "hint": error.hint,
            },
            status=HTTPStatus.NOT_IMPLEMENTED,
        )


class SessionsHandler(_SessionEdge):
    """`/api/sessions`: list them, open one."""

    def get(self) -> None:
        self.reply(self.sessions.all())

    async def post(self) -> None:
        try:
            session = await self.sessions.open(self.body(SessionRequest))
        except KernelspecNotFound as error:
            self.refuse(error)
            return
        self.set_header("Location", f"{self.host.config.base_url}api/sessions/{quote(session.id)}")
        self.reply(session, status=HTTPStatus.CREATED)


class SessionHandler(_SessionEdge):
    """`/api/sessions/<id>`: one session: read, change, end it."""

    def get(self, session_id: str) -> None:
        self.reply(self.sessions.get(session_id))

    async def patch(self, session_id: str) -> None:
        try:
            self.reply(await self.sessions.change(session_id, self.body(SessionChange)))
        except KernelspecNotFound as error:
            self.refuse(error)

    async def delete(self, session_id: str) -> None:
        await self.sessions.close(session_id)
        self.reply(None, status=HTTPStatus.NO_CONTENT)

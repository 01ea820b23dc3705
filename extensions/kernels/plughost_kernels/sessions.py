"""Sessions: which document, or console, uses which kernel.

Their facts are kept on disk with their kernel, so that they are adopted along with it.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from plughost import BadRequest
from plughost_kernels.arguments import check_path, check_session_name
from plughost_kernels.errors import (
    KernelEnded,
    KernelNotFound,
    SessionKernelGone,
    SessionNotFound,
)
from plughost_kernels.kernels import Kernels
from plughost_kernels.models import (
    KernelChoice,
    NotebookModel,
    SessionChange,
    SessionModel,
    SessionRequest,
)
from plughost_kernels.registry import SessionFacts

if TYPE_CHECKING:
    from plughost_kernels.kernel import Kernel


class Sessions:
    """The sessions by id. One whose kernel has vanished vanishes when it is next looked at."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self._all: dict[str, tuple[SessionFacts, str]] = {}
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Take over the sessions of adopted kernels."""
        for kernel in self._kernels:
            for facts in kernel.sessions:
                self._all[facts.id] = (facts, kernel.id)

    def all(self) -> list[SessionModel]:
        """Every session whose kernel is there. Raises ServerStops."""
        for session_id, (_, kernel_id) in [*self._all.items()]:
            if kernel_id not in self._kernels and not self._kernels.stopping:
                del self._all[session_id]
        return [self._model(session_id) for session_id in self._all]

    def get(self, session_id: str) -> SessionModel:
        """One session. Raises SessionNotFound, also when its kernel has vanished."""
        self.all()
        self._require(session_id)
        return self._model(session_id)

    async def open(self, request: SessionRequest) -> SessionModel:
        """The session of a path: the one there is, or a new one with the kernel asked for.

        Raises BadRequest for a path that no kernel can be told, KernelNotFound, KernelEnded,
        KernelspecNotFound, KernelFailed, ServerStops; SessionNotFound when it was closed at once.
        """
        self._check(request.path)
        # One at a time for a path: of two requests the second gets the first one's.
        async with self._opening.setdefault(request.path, asyncio.Lock()):
            for model in self.all():
                if model.path == request.path:
                    return await self._revived(model, request.kernel or KernelChoice())
            return await self._open(request)

    async def _revived(self, model: SessionModel, choice: KernelChoice) -> SessionModel:
        """A session that there is, with another kernel where its own is dead."""
        if model.kernel.execution_state != "dead" or choice.id:
            return model
        name = choice.name or model.kernel.name
        return await self.change(model.id, SessionChange(kernel=KernelChoice(name=name)))

    async def _open(self, request: SessionRequest) -> SessionModel:
        facts = SessionFacts(
            id=str(uuid.uuid4()),
            path=request.path,
            name=request.name or "",
            type=request.type,
        )
        kernel = await self._kernel(request.kernel or KernelChoice(), facts.path)
        self._all[facts.id] = (facts, kernel.id)
        await self._save(kernel.id)
        return self.get(facts.id)

    async def change(self, session_id: str, change: SessionChange) -> SessionModel:
        """Change what is given; a kernel that no session uses any more is shut down.

        Raises SessionNotFound, also when it is closed meanwhile, BadRequest for a kernel id
        that is none and a path that no kernel can be told, KernelspecNotFound, KernelFailed.
        """
        path = self.get(session_id).path if change.path is None else change.path
        self._check(path)
        new_id = await self._other_kernel(session_id, change.kernel, path)
        # Only now: others may have changed the session while its kernel was started.
        facts, old_id = self._all[session_id]
        given = {"path": change.path, "name": change.name, "type": change.type}
        facts = msgspec.structs.replace(
            facts, **{name: value for name, value in given.items() if value is not None}
        )
        self._all[session_id] = (facts, new_id or old_id)
        await self._save(new_id or old_id)
        if new_id and new_id != old_id:
            await self._release(old_id)
        return self.get(session_id)

    async def close(self, session_id: str) -> None:
        """End a session and its kernel.

        Raises SessionNotFound, SessionKernelGone, and ServerStops.
        """
        self._require(session_id)
        _, kernel_id = self._all[session_id]
        if not self._kernels.stopping:
            del self._all[session_id]
        try:
            await self._kernels.shutdown(kernel_id)
        except KernelNotFound as error:
            raise SessionKernelGone(session_id, kernel_id) from error

    async def _other_kernel(
        self, session_id: str, choice: KernelChoice | None, path: str
    ) -> str | None:
        """The id of the kernel that a session shall use; None where it keeps its own.

        One that was started for a session that is closed by now is shut down.
        """
        self.get(session_id)
        if choice is None or not (choice.id or choice.name):
            return None
        try:
            kernel = await self._kernel(choice, path)
        except (KernelNotFound, KernelEnded) as error:
            raise BadRequest(error.message, hint=error.hint) from error
        try:
            self.get(session_id)
        except SessionNotFound:
            if not choice.id:
                await self._release(kernel.id)
            raise
        return kernel.id

    async def _kernel(self, choice: KernelChoice, path: str) -> Kernel:
        if choice.id:
            kernel = self._kernels.get(choice.id)
            if self._kernels.is_ending(choice.id):
                raise KernelEnded(choice.id)
            return kernel
        folder = path.rpartition("/")[0]
        return await self._kernels.launch(
            choice.name, path=folder, session_name=self._session_name(path)
        )

    async def _release(self, kernel_id: str) -> None:
        """End a kernel that a session uses no longer, unless others do."""
        if kernel_id not in self._kernels:
            return
        if any(used == kernel_id for _, used in self._all.values()):
            await self._save(kernel_id)
        else:
            await self._kernels.shutdown(kernel_id)

    async def _save(self, kernel_id: str) -> None:
        """Tell a kernel of its sessions; a restarted one finds the path in its environment."""
        if kernel_id not in self._kernels:
            return  # it was shut down meanwhile
        kernel = self._kernels.get(kernel_id)
        kernel.sessions = [facts for facts, used in self._all.values() if used == kernel_id]
        if kernel.sessions:
            kernel.session_name = self._session_name(kernel.sessions[0].path)
        await kernel.save()

    def _check(self, path: str) -> None:
        check_path(path)
        check_session_name(self._session_name(path))

    def _session_name(self, path: str) -> str:
        return str(self._kernels.root / path.strip("/"))

    def _require(self, session_id: str) -> None:
        if session_id not in self._all:
            raise SessionNotFound(session_id, self._all)

    def _model(self, session_id: str) -> SessionModel:
        facts, kernel_id = self._all[session_id]
        is_notebook = facts.type == "notebook"
        return SessionModel(
            id=facts.id,
            path=facts.path,
            name=facts.name,
            type=facts.type,
            kernel=self._kernels.get(kernel_id).model(),
            notebook=NotebookModel(facts.path, facts.name) if is_notebook else None,
        )

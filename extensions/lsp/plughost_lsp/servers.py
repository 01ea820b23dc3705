"""The language servers of a host, as a service that costs a start nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from plughost_lsp.places import ShadowFolder
from plughost_lsp.settings import Settings

if TYPE_CHECKING:
    from plughost_lsp.pool import Pool


class LanguageServers:
    """What it takes to find and run them is imported for whoever asks first."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root = root
        self._settings = settings
        self._pool: Pool | None = None
        self.shadows = ShadowFolder()

    def __len__(self) -> int:
        """How many processes there are."""
        return len(self._pool) if self._pool else 0

    async def pool(self) -> Pool:
        """All of them."""
        if self._pool is None:
            kind = await asyncio.to_thread(_import_pool)
            self._pool = self._pool or kind(self._root, self._settings, self.shadows)
        return self._pool

    async def stop(self) -> None:
        """End all processes, and remove what was written for them."""
        if self._pool is not None:
            await self._pool.stop()
        await asyncio.to_thread(self.shadows.remove)


def _import_pool() -> type[Pool]:
    from plughost_lsp.pool import Pool

    return Pool

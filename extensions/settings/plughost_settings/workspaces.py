"""Workspaces: the saved layouts of the workbench, in the files that JupyterLab uses."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import unicodedata
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from plughost import BadRequest, NotFound
from plughost_settings.files import NotWritable, keep_aside, write_whole

SUFFIX = ".jupyterlab-workspace"
LONGEST = 128 - len(SUFFIX)

log = logging.getLogger("plughost.settings")


class Metadata(msgspec.Struct, omit_defaults=True):
    """`id` is the workspace's name, mostly with a slash before it; the dates are ISO 8601."""

    id: str
    last_modified: str | None = None
    created: str | None = None


class Workspace(msgspec.Struct):
    """A layout: `data` belongs to the page, the server does not look into it."""

    data: dict[str, Any]
    metadata: Metadata


class WorkspaceNotFound(NotFound):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"There is no workspace named {name!r}.", hint="GET /lab/api/workspaces lists them."
        )


class Workspaces:
    """The workspaces in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def all(self) -> list[Workspace]:
        """Every workspace that can be read; the log names those that cannot."""
        return await asyncio.to_thread(self._all)

    async def listed(self) -> dict[str, Any]:
        """Every workspace as clients are told of them."""
        found = await self.all()
        ids = [workspace.metadata.id for workspace in found]
        return {"workspaces": {"ids": ids, "values": found}}

    async def get(self, name: str) -> Workspace:
        """One workspace; an empty one when nobody has saved it yet."""
        found = await asyncio.to_thread(_read, self._path(name))
        return found or Workspace({}, Metadata(f"/{name}"))

    async def save(self, name: str, workspace: Workspace) -> None:
        """Store a workspace. Raises BadRequest when it calls itself something else."""
        called = unquote(workspace.metadata.id).removeprefix("/")
        if called != name:
            raise BadRequest(
                f"The workspace calls itself {called!r} and is sent to {name!r}.",
                hint="Make `metadata.id` and the address agree.",
            )
        path, text = self._path(name), msgspec.json.encode(workspace).decode()
        await asyncio.to_thread(_write, path, text)

    async def delete(self, name: str) -> None:
        """Remove a workspace. Raises WorkspaceNotFound and NotWritable."""
        path = self._path(name)
        try:
            await asyncio.to_thread(path.unlink)
        except FileNotFoundError:
            raise WorkspaceNotFound(name) from None
        except OSError as error:
            raise NotWritable(path, error) from None

    def _all(self) -> list[Workspace]:
        found = map(_read, sorted(self._folder.glob(f"*{SUFFIX}")))
        return [workspace for workspace in found if workspace is not None]

    def _path(self, name: str) -> Path:
        return self._folder / file_name(name)


def file_name(name: str) -> str:
    """The file of a workspace: a readable part, and a hash because that part is ambiguous."""
    signature = "-" + hashlib.sha256(name.encode()).hexdigest()[:4]
    plain = unicodedata.normalize("NFKC", unquote(name.lower())).encode("ascii", "ignore").decode()
    slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip())
    return slug[: LONGEST - len(signature)] + signature + SUFFIX


def _read(path: Path) -> Workspace | None:
    try:
        stat = path.stat()
        workspace = msgspec.json.decode(path.read_bytes(), type=Workspace)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        log.warning("The workspace %r cannot be used: %s.", str(path), error)
        return None
    workspace.metadata.last_modified = _iso(stat.st_mtime)
    workspace.metadata.created = _iso(stat.st_ctime)
    return workspace


def _write(path: Path, text: str) -> None:
    if path.exists() and _read(path) is None:
        keep_aside(path)
    write_whole(path, text)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()

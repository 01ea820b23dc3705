"""Kernelspecs read from their folders as jupyter_client reads them, without importing it.

Every page asks for the kernelspecs, and jupyter_client, with what it takes along, is a sixth
of the memory of a server that runs no kernel. Only the ordinary is read here; whatever
jupyter_client would have to judge is left to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

NATIVE = "python3"
"""A kernel that jupyter_client offers even where nobody has installed its kernelspec."""

_NAME = re.compile(r"[a-z0-9._\-]+")


class KernelJSON(msgspec.Struct, frozen=True):
    """`kernel.json` as jupyter_client shows it, every key with its default."""

    argv: list[str] = []
    env: dict[str, str] = {}
    display_name: str = ""
    language: str = ""
    interrupt_mode: Literal["message", "signal"] = "signal"
    metadata: dict[str, Any] = {}
    kernel_protocol_version: str = ""


class _Whole(KernelJSON, frozen=True):
    """The keys that are not shown, but that jupyter_client refuses with a wrong type."""

    name: str = ""
    mimetype: str = ""
    resource_dir: msgspec.UnsetType = msgspec.UNSET


class Found(NamedTuple):
    """One kernelspec: its folder if it has one, what its kernel.json says, and its files."""

    folder: Path | None
    spec: dict[str, Any]
    files: Mapping[str, str] = {}
    """The names of logos and scripts by what clients call them, such as `logo-64x64`."""


def read(folders: Iterable[Path], *, native: bool = True) -> dict[str, Found] | None:
    """Every kernelspec by name, of two with the same name the first.

    None where jupyter_client has to judge: something is broken or names a provisioner, a
    folder has a name that is none, or the `native` kernel is wanted and has no kernelspec.
    """
    # The provisioner of all kernels that name none; it need not be installed.
    if os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME"):
        return None
    found: dict[str, Found] = {}
    try:
        for folder in folders:
            for name, path in _listed(folder).items():
                if name not in found:
                    found[name] = Found(path, _read(name, path), files(path))
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return found if NATIVE in found or not native else None


def files(folder: Path) -> dict[str, str]:
    """The logos and scripts in a kernelspec's folder, by what clients call them."""
    paths = [folder / "kernel.js", folder / "kernel.css", *sorted(folder.glob("logo-*"))]
    return {
        path.stem if path.name.startswith("logo-") else path.name: path.name
        for path in paths
        if path.is_file()
    }


def _listed(folder: Path) -> dict[str, Path]:
    """The folders with a kernel.json, by name in lower case, in the order of the disk."""
    if not folder.is_dir():
        return {}
    # The order shows in the reply where two names differ in case only: the last one counts.
    paths = [folder / name for name in os.listdir(folder)]
    return {path.name.lower(): path for path in paths if (path / "kernel.json").is_file()}


def _read(name: str, folder: Path) -> dict[str, Any]:
    """What a kernel.json says. Raises ValueError for what is not ours to judge."""
    whole = msgspec.json.decode((folder / "kernel.json").read_bytes(), type=_Whole)
    if not _NAME.fullmatch(name) or "kernel_provisioner" in whole.metadata:
        raise ValueError(f"{str(folder)!r} is for jupyter_client to judge.")
    return {key: getattr(whole, key) for key in KernelJSON.__struct_fields__}

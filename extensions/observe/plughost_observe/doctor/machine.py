"""The machine around a server: versions, folders, room, limits."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

from plughost_observe.doctor.findings import Finding, error, warning

PACKAGES = (
    *("plughost", "tornado", "pluggy", "msgspec", "click", "jinja2"),
    *("jupyter_core", "jupyter_client", "pyzmq", "ipykernel", "terminado"),
)

MEGABYTE = 1024 * 1024
FULL = 100 * MEGABYTE
NEARLY_FULL = 1024 * MEGABYTE
FEW_DESCRIPTORS = 1024

NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "afpfs", "9p", "glusterfs", "lustre"),
    *("ceph", "gpfs", "beegfs", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph"),
}
"""Types of file systems on which locks and sockets may not work."""


def look(root: str) -> tuple[dict[str, Any], list[Finding]]:
    """Facts about the machine, and what to do about those that are in the way."""
    folders = {
        "root": Path(root or os.getcwd()),
        "config": Path(jupyter_config_dir()),
        "data": Path(jupyter_data_dir()),
        "runtime": Path(jupyter_runtime_dir()),
    }
    descriptors = _descriptors()
    facts = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "encoding": sys.getfilesystemencoding(),
        "openFiles": descriptors,
        "packages": {name: _version(name) for name in PACKAGES},
        "folders": {
            name: {"path": str(path), "writable": _writable(path), "free": _free(path)}
            for name, path in folders.items()
        },
    }
    findings = [
        *(each for name, path in folders.items() for each in _of_folder(name, path)),
        *_of_descriptors(descriptors),
        *_of_network(folders["runtime"]),
    ]
    return facts, findings


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """The folder, or the nearest above it that exists: it will be made there."""
    return next((each for each in (path, *path.parents) if each.is_dir()), path)


def _writable(path: Path) -> bool:
    # Tried, not asked for: os.access knows neither quotas nor what a network drive thinks.
    try:
        with tempfile.TemporaryFile(dir=_existing(path)) as file:
            file.write(b" ")
    except OSError:
        return False
    return True


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(_existing(path)).free
    except OSError:
        return None


def _of_folder(name: str, path: Path) -> Iterator[Finding]:
    if not _writable(path):
        yield error(
            "folder-not-writable",
            name,
            f"The {name} folder {str(path)!r} cannot be written to.",
            "Give yourself the right to write there, make room, or choose another root folder "
            "with --root."
            if name == "root"
            else f"Give yourself the right to write there (`ls -ld {_existing(path)}` says whose "
            f"it is), make room, or name another folder in JUPYTER_{name.upper()}_DIR.",
        )
    free = _free(path)
    if free is not None and free < NEARLY_FULL:
        kind = error if free < FULL else warning
        yield kind(
            "disk-full",
            name,
            f"Only {free // MEGABYTE} MB are free where the {name} folder {str(path)!r} is.",
            "Make room: saving fails on a full disk.",
        )


def _descriptors() -> int | None:
    """How many files a process may have open; None where there is no such limit."""
    try:
        import resource  # POSIX only
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _of_descriptors(limit: int | None) -> Iterator[Finding]:
    if limit is not None and limit < FEW_DESCRIPTORS:
        yield warning(
            "few-descriptors",
            "ulimit",
            f"A process may have only {limit} files open at once; each kernel and each browser "
            "tab takes several.",
            f"`ulimit -n {4 * FEW_DESCRIPTORS}` before the server is started allows more.",
        )


def _of_network(runtime: Path) -> Iterator[Finding]:
    kind = _file_system(_existing(runtime))
    if kind in NETWORK:
        yield warning(
            "network-folder",
            "runtime",
            f"The runtime folder {str(runtime)!r} is on a network file system ({kind}), where "
            "locks may fail and other machines see files of kernels that are not theirs.",
            "Name a folder of this machine in JUPYTER_RUNTIME_DIR.",
        )


def _file_system(path: Path) -> str:
    """The type of the file system that a path is on; empty where the system does not tell."""
    import psutil

    real = Path(os.path.realpath(path))
    mounts = {
        part.mountpoint: part.fstype
        for part in psutil.disk_partitions(all=True)
        if real.is_relative_to(part.mountpoint)
    }
    return mounts[max(mounts, key=len)] if mounts else ""

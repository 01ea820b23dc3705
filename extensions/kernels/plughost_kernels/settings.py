"""Settings of the kernels extension: `[extensions.kernels]` in plughost.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _jupyter(*names: str) -> msgspec.Meta:
    """What Jupyter calls a setting; its files count where plughost.toml says nothing."""
    return msgspec.Meta(extra={"jupyter": names})


class KernelSettings(msgspec.Struct, frozen=True):
    """How kernels are started, watched and remembered; times in seconds, sizes in bytes."""

    default_kernel: Annotated[
        str,
        _jupyter(
            "AsyncMappingKernelManager.default_kernel_name",
            "MappingKernelManager.default_kernel_name",
            "MultiKernelManager.default_kernel_name",
        ),
    ] = "python3"
    """The kernelspec to use when nobody names one."""
    restart_limit: Annotated[int, _jupyter("KernelRestarter.restart_limit")] = 5
    """Restarts in a row after which a kernel that keeps dying is left dead; 0: never restart."""
    stable_after: float = 10.0
    """A kernel that has lived this long since its last death has recovered from it."""
    watch_interval: float = 0.5
    """How often a kernel's process is looked at."""
    shutdown_wait: float = 3.0
    """A kernel asked to shut down has half of this before SIGTERM, all of it before SIGKILL.

    The host gives all services together 5 seconds to stop."""
    answer_timeout: float = 60.0
    """A started kernel has this long to answer its first question."""
    journal_bytes: int = 64 * 1024 * 1024
    """What is kept of each kernel's messages for clients that are slow or away."""

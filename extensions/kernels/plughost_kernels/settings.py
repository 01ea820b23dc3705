"""Settings of the kernels extension: `[extensions.kernels]` in plughost.toml."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MIB = 1024**2


def _jupyter(*names: str) -> msgspec.Meta:
    """What Jupyter calls a setting; its files count where plughost.toml says nothing."""
    return msgspec.Meta(extra={"jupyter": names})


def _mapping(name: str) -> msgspec.Meta:
    """The same for a trait of the manager of a server's kernels, which has two names."""
    return _jupyter(f"AsyncMappingKernelManager.{name}", f"MappingKernelManager.{name}")


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
    restart_limit: Annotated[int, msgspec.Meta(ge=0), _jupyter("KernelRestarter.restart_limit")] = 5
    """Restarts in a row after which a kernel that keeps dying is left dead; 0: never restart."""
    stable_after: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """A kernel that has lived this long since its last start has recovered."""
    watch_interval: Annotated[float, msgspec.Meta(gt=0)] = 0.5
    """How often a kernel's process is looked at."""
    shutdown_wait: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    """A kernel asked to shut down has half of this before SIGTERM, all of it before SIGKILL.

    The host gives all services together 5 seconds to stop."""
    answer_timeout: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """A started kernel has this long to answer its first question."""
    journal_bytes: Annotated[int, msgspec.Meta(ge=MIB)] = 64 * MIB
    """What is kept of each kernel's messages for clients that are away.

    Four times as much for one that is slow, but reads."""
    output_bytes: Annotated[int, msgspec.Meta(ge=MIB)] = 32 * MIB
    """What is kept of all that a kernel writes to stdout outside of cells, and to stderr.

    Beyond that only the last lines stay."""
    cull_idle_timeout: Annotated[
        float,
        _mapping("cull_idle_timeout"),
    ] = 0.0
    """A kernel that was idle for longer is shut down; 0 or less: never, as in Jupyter.

    `cull_idle_timeout` in a kernelspec's metadata counts for its kernels instead."""
    cull_interval: Annotated[
        float,
        msgspec.Meta(gt=0),
        _mapping("cull_interval"),
    ] = 300.0
    """How often idle kernels are looked for."""
    cull_connected: Annotated[
        bool,
        _mapping("cull_connected"),
    ] = False
    """Whether an idle kernel is shut down although somebody is connected to it."""
    cull_busy: Annotated[
        bool,
        _mapping("cull_busy"),
    ] = False
    """Whether a kernel without activity is shut down although it runs something."""
    warm_kernel: bool = False
    """Whether a kernel of the default kernelspec is kept ready for the next who wants one."""
    warm_after: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    """No kernel has been wanted, none busy, for this long before one is made ready."""
    warm_memory_floor: Annotated[int, msgspec.Meta(ge=0)] = 2 * 1024**3
    """With less memory available there is no kernel ready."""
    kernel_spec_manager: Annotated[
        Any, _jupyter("ServerApp.kernel_spec_manager_class", "JupyterApp.kernel_spec_manager_class")
    ] = ""
    """Dotted path of another KernelSpecManager to ask for the kernelspecs of this machine."""
    kernel_spec_manager_options: dict[str, Any] = {}
    """What its traits are, over what Jupyter's files say."""
    allowed_kernelspecs: Annotated[
        set[str], _jupyter("KernelSpecManager.allowed_kernelspecs", "KernelSpecManager.whitelist")
    ] = set()
    """Of this machine's kernelspecs only these are offered; empty: all."""
    ensure_native_kernel: Annotated[bool, _jupyter("KernelSpecManager.ensure_native_kernel")] = True
    """Whether the Python kernel beside us is offered where no kernelspec says so."""
    providers: dict[str, str] = {}
    """Further kernelspecs by the name of their provider: a folder, or a KernelSpecManager's
    dotted path."""
    provider_patience: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """A provider has this long to answer before a page goes on without it."""
    provider_keep: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """How long a provider's answer counts before it is asked again."""
    allowed_message_types: Annotated[
        list[str],
        _mapping("allowed_message_types"),
    ] = []
    """Of what clients send only messages of these types reach a kernel; empty: all."""
    allow_tracebacks: Annotated[
        bool,
        _mapping("allow_tracebacks"),
    ] = True
    """Whether clients see the tracebacks of errors, and what the errors were."""
    traceback_replacement_message: Annotated[
        str,
        _mapping("traceback_replacement_message"),
    ] = "An exception occurred at runtime, which is not shown due to security reasons."
    """What they see instead."""
    notebook_starts_kernel: Annotated[bool, _jupyter("LabApp.notebook_starts_kernel")] = True
    """Whether JupyterLab starts a kernel for a notebook that is opened."""

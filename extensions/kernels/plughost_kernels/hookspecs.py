"""What other extensions can add to kernels."""

# A hook specification has no body on purpose.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import hookspec

if TYPE_CHECKING:
    from plughost import Host
    from plughost_kernels.providers import KernelProvider


@hookspec
def kernels_providers(host: Host) -> list[KernelProvider]:
    """Further places where kernels come from; theirs are called `provider:spec`.

    It is asked often: return what lives elsewhere, such as at the top of the module. A
    provider that is new each time is asked for its kernelspecs each time.

        CLUSTER = KernelProvider("cluster", ClusterKernelSpecManager)

        @hookimpl(optionalhook=True)
        def kernels_providers():
            return [CLUSTER]
    """

"""Kernels: what runs code, in any language, and how clients talk to it.

To read it in order: `kernelspecs.py` and `kernel_json.py` (what can be started),
`kernels.py` (all running kernels), `kernel.py` (one of them), `connection.py` and
`delivery.py` (the way of a message), `registry.py` and `provisioner.py` (how a kernel
outlives the server), `sessions.py` (which document uses which kernel), `handlers.py` and
`channels.py` (HTTP and WebSocket).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plughost import Route, Service, Status, hookimpl
from plughost_kernels import channels, handlers
from plughost_kernels.events import SCHEMA, KernelEvents
from plughost_kernels.kernels import Kernels
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.sessions import Sessions
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from plughost import Host

KERNEL = r"/api/kernels/(?P<kernel_id>[^/]+)"


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("kernels", KernelSettings)
    specs = Kernelspecs(host.config.base_url, settings)
    kernels = Kernels(
        host.config.root,
        specs,
        settings,
        keep=lambda: host.keep,
        on_activity=host.note_activity,
        events=KernelEvents(host),
    )
    return [Service(specs), Service(kernels), Service(Sessions(kernels))]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    specs, kernels = host.service(Kernelspecs), host.service(Kernels)
    sessions = host.service(Sessions)
    return [
        Route(r"/api/kernelspecs", handlers.KernelspecsHandler, specs=specs),
        Route(r"/api/kernelspecs/(?P<name>[^/]+)", handlers.KernelspecHandler, specs=specs),
        Route(
            r"/kernelspecs/(?P<name>[^/]+)/(?P<file>.+)",
            handlers.KernelspecFileHandler,
            specs=specs,
        ),
        Route(r"/api/kernels", handlers.KernelsHandler, kernels=kernels),
        Route(KERNEL, handlers.KernelHandler, kernels=kernels),
        Route(
            rf"{KERNEL}/(?P<action>interrupt|restart)",
            handlers.KernelActionHandler,
            kernels=kernels,
        ),
        Route(rf"{KERNEL}/channels", channels.ChannelsHandler, kernels=kernels),
        Route(r"/api/sessions", handlers.SessionsHandler, sessions=sessions),
        Route(r"/api/sessions/(?P<session_id>[^/]+)", handlers.SessionHandler, sessions=sessions),
    ]


@hookimpl
def plughost_status(host: Host) -> list[Status]:
    kernels = host.service(Kernels)
    return [
        Status(
            lambda: {"kernels": len(kernels), "connections": kernels.connections},
            work={"kernels": True},
        )
    ]


@hookimpl(optionalhook=True)
def events_schemas() -> list[dict[str, Any]]:
    return [SCHEMA]

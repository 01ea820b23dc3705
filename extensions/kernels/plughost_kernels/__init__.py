"""Kernels: what runs code, in any language, and how clients talk to it.

To read it in order:
- what can be started: `kernelspecs.py`, `folders.py`, `kernel_json.py`; who else says so:
  `providers.py`, `managers.py`
- `kernels.py` and `arguments.py` (all running kernels), `kernel.py`, `activity.py` and `tasks.py`
  (one of them), `process.py`, `provisioner.py`, `ports.py` and `output_files.py` (its process),
  `registry.py` (how it outlives the server), `death.py` and `cgroups.py` (how it ends)
- the way of a message: `channels.py` and `framing.py` (WebSockets), `clients.py`, `requests.py`,
  `held.py`, `connection.py` (ZeroMQ), `messages.py`, `adaptation.py`, `policy.py`
- what becomes of output: `journal.py`, `text.py`, `delivery.py`; `bounded.py` (what they forget)
- `sessions.py` (which document uses which kernel), `handlers.py` (HTTP), `models.py` and
  `errors.py` (what it answers), `events.py` and `audit.py` (who is told), `settings.py`
- `warm.py`, `claiming.py`, `memory.py` (a kernel before anybody wants one), `culling.py` (the
  end of idle ones)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plughost import HookSpecs, PageConfig, Route, Service, Status, hookimpl
from plughost_kernels import channels, handlers, hookspecs
from plughost_kernels.activity import UNTRACKED
from plughost_kernels.events import SCHEMA, KernelEvents
from plughost_kernels.kernels import Kernels
from plughost_kernels.kernelspecs import Kernelspecs
from plughost_kernels.sessions import Sessions
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from plughost import Host
    from plughost_kernels.models import KernelModel, SessionModel

KERNEL = r"/api/kernels/(?P<kernel_id>[^/]+)"


@hookimpl
def plughost_hookspecs() -> list[HookSpecs]:
    return [HookSpecs(hookspecs)]


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("kernels", KernelSettings)
    specs = Kernelspecs(
        host.config, settings, lambda: host.ask("kernels_providers", object, host=host)
    )
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
def plughost_page_config(host: Host) -> list[PageConfig]:
    settings = host.config.extension("kernels", KernelSettings)
    values = {
        "notebookStartsKernel": settings.notebook_starts_kernel,
        # The lab does not show a kernel as busy for their sake.
        "untracked_message_types": sorted(UNTRACKED),
    }
    return [PageConfig("lab", lambda visit: values)]


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
def settings_startup(host: Host) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    specs, kernels = host.service(Kernelspecs), host.service(Kernels)
    sessions = host.service(Sessions)

    async def running() -> list[KernelModel]:
        return [kernel.model() for kernel in kernels]

    async def opened() -> list[SessionModel]:
        return sessions.all()

    return [
        ("/api/kernelspecs", specs.look),
        ("/api/kernels", running),
        ("/api/sessions", opened),
    ]


@hookimpl(optionalhook=True)
def events_schemas() -> list[dict[str, Any]]:
    return [SCHEMA]

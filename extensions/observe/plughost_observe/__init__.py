"""Observe: what runs, what it costs, and what it says.

To read it in order: `redaction.py`, `lines.py`, `log_file.py` and `logs.py` (the log),
`kernel_output.py` and `audit.py` (what else is written down), `culprits.py` and
`watchdog.py` (who holds the event loop), `metrics.py` and `exposition.py` (numbers),
`path_templates.py`, `openapi.py` and `description.py` (every route described),
`handlers.py` (HTTP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import Answered, LogHandler, Observer, Route, Service, ServiceNotFound, hookimpl
from plughost_observe import handlers
from plughost_observe.description import Description
from plughost_observe.kernel_output import KernelOutput, kernel_ids
from plughost_observe.lines import Author
from plughost_observe.logs import Logs
from plughost_observe.metrics import Requests
from plughost_observe.places import audit_file, log_file
from plughost_observe.redaction import redactor_for
from plughost_observe.settings import Settings
from plughost_observe.watchdog import Watchdog

if TYPE_CHECKING:
    from plughost import Host

AUDIT = "plughost_observe.audit.Audit"
"""Imported where somebody wants it."""
AUDIT_LOGGER = "plughost.audit"


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    settings = host.config.extension("observe", Settings)
    author = Author(lambda: [*host.records.values()])
    file = log_file(host.config, settings)
    services = [
        Service(Logs(author, redactor_for(host), file, settings.log_memory)),
        Service(Requests()),
        Service(Watchdog(lambda: host.records, settings.loop_limit)),
        Service(KernelOutput(lambda: kernel_ids(host.service, ServiceNotFound))),
    ]
    if _audits(host):
        from plughost_observe.audit import Audit

        services.append(Service(Audit(audit_file(host.config, settings), host.config.base_url)))
    return services


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    settings = host.config.extension("observe", Settings)
    tail = host.service(Logs).tail
    watchdog = host.service(Watchdog)
    description = Description(host)
    return [
        Route(r"/plughost/api/logs", handlers.LogsHandler, tail=tail),
        Route(r"/plughost/api/logs/live", handlers.LiveLogs, tail=tail),
        Route(r"/plughost/api/loop", handlers.LoopHandler, watchdog=watchdog),
        Route(
            r"/metrics",
            handlers.MetricsHandler,
            public=settings.public_metrics,
            requests=host.service(Requests),
            watchdog=watchdog,
        ),
        Route(r"/plughost/api/openapi\.json", handlers.DescriptionHandler, description=description),
        Route(r"/api/spec\.yaml", handlers.SpecHandler, description=description),
    ]


@hookimpl
def plughost_observers(host: Host) -> list[Observer]:
    requests, watchdog = host.service(Requests), host.service(Watchdog)

    def answered(request: Answered) -> None:
        requests.answered(request)
        watchdog.stir()

    observers = [Observer(answered)]
    if _audits(host):
        observers.append(Observer(host.service(AUDIT).answered))
    return observers


@hookimpl
def plughost_log_handlers(host: Host) -> list[LogHandler]:
    log_handlers = [LogHandler(host.service(Logs).handler)]
    if _audits(host):
        log_handlers.append(LogHandler(host.service(AUDIT).handler, AUDIT_LOGGER))
    return log_handlers


def _audits(host: Host) -> bool:
    """Whether an audit is wanted, and may be written."""
    return host.config.extension("observe", Settings).audit and not host.config.safe

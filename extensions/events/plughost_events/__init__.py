"""Events: what happens on the server, told to whoever listens."""

from plughost import HookSpecs, Host, Route, Service, hookimpl
from plughost_events import hookspecs
from plughost_events.events import EventBus
from plughost_events.handlers import EventsHandler, EventsSocket


@hookimpl
def plughost_hookspecs() -> list[HookSpecs]:
    return [HookSpecs(hookspecs)]


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    def tell(listening: bool) -> None:
        host.ask("events_listening", type(None), host=host, listening=listening)

    return [Service(EventBus(lambda: host.ask("events_schemas", dict), tell))]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    bus = host.service(EventBus)
    return [
        Route(r"/api/events", EventsHandler, bus=bus),
        Route(r"/api/events/subscribe", EventsSocket, bus=bus),
    ]

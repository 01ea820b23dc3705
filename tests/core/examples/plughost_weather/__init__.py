"""Weather: a forecast for each place, with the warnings that other extensions give."""

from plughost import HookSpecs, Route, Service, Status, hookimpl
from plughost_weather import hookspecs
from plughost_weather.forecasts import Forecasts
from plughost_weather.handlers import ForecastHandler, HealthHandler
from plughost_weather.settings import Settings


@hookimpl
def plughost_hookspecs():
    return [HookSpecs(hookspecs)]


@hookimpl
def plughost_services(host):
    settings = host.config.extension("weather", Settings)
    return [Service(Forecasts(host.config.root / settings.file, settings.seconds))]


@hookimpl
def plughost_routes(host):
    forecasts = host.service(Forecasts)
    return [
        Route(r"/weather/api/forecasts/(?P<place>[^/]+)", ForecastHandler, forecasts=forecasts),
        Route(r"/weather/api/health", HealthHandler, public=True),
    ]


@hookimpl
def plughost_status(host):
    forecasts = host.service(Forecasts)
    return [Status(lambda: {"forecasts": len(forecasts)})]

"""Says what to wear, from the forecast of the extension `weather`."""

from plughost import JSONHandler, Route, Service, hookimpl

FORECASTS = "plughost_weather.forecasts.Forecasts"


class Advice:
    """What to wear, by place."""

    def __init__(self, forecasts):
        self.forecasts = forecasts

    def of(self, place):
        return "a coat" if "rain" in self.forecasts.of(place) else "a hat"


class AdviceHandler(JSONHandler):
    def initialize(self, advice):
        self.advice = advice

    def get(self, place):
        self.reply({"wear": self.advice.of(place)})


@hookimpl
def plughost_services(host):
    return [Service(Advice(host.service(FORECASTS)), requires=(FORECASTS,))]


@hookimpl
def plughost_routes(host):
    return [Route(r"/advice/api/(?P<place>[^/]+)", AdviceHandler, advice=host.service(Advice))]

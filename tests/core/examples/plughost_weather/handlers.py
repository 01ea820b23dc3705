"""What is answered below `/weather/api`."""

from __future__ import annotations

from plughost import JSONHandler
from plughost_weather.forecasts import Forecasts


class ForecastHandler(JSONHandler):
    """The forecast for one place, and what other extensions warn of."""

    def initialize(self, forecasts: Forecasts) -> None:
        self.forecasts = forecasts

    def get(self, place: str) -> None:
        forecast = self.forecasts.of(place)
        warnings = self.host.ask("weather_warnings", str, place=place)
        self.reply({"forecast": forecast, "warnings": warnings})


class HealthHandler(JSONHandler):
    """For monitoring, which has no token: it learns that we answer, and nothing else."""

    def get(self) -> None:
        self.reply({"answers": True})

"""Forecasts of one's own in the place of those of the extension `weather`."""

from plughost import Service, hookimpl


class Drizzle:
    """The same everywhere, every day; has what others use of the forecasts."""

    def __len__(self):
        return 1

    def of(self, place):
        return f"Some rain in {place}."


@hookimpl
def plughost_services():
    return [Service(Drizzle(), provides="plughost_weather.forecasts.Forecasts")]

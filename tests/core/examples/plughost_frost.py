"""Warns of frost, where there is an extension `weather` that asks."""

from plughost import hookimpl


@hookimpl(optionalhook=True)
def weather_warnings(place):
    return ["Black ice on the bridges."] if place == "Oslo" else []

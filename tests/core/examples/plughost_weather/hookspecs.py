"""What other extensions can add to a forecast."""

from plughost import hookspec


@hookspec
def weather_warnings(place: str) -> list[str]:
    """What to beware of in a place, each a sentence."""
